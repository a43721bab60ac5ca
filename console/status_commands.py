"""The commands that say how the stack is, which playbooks there are, and where an event leads."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from console import explained_case, page, render, status, tables
from console.case_page import Section
from console.exits import Exit
from console.options import NO_EVENTS, Find, on_stack, playbooks_that_begin
from console.playbooks import header_of
from console.stack import NotPossible, headers, is_case
from console.tables import Column
from cordon.playbook import Playbook
from cordon.settings import Mode

out = Console()
errors = Console(stderr=True)
PLAYBOOKS = (Column("playbook", whole=True), Column("recommended", whole=True), Column("does"))
EXPLAINED = (
    Column("event"),
    Column("outcome", whole=True),
    Column("playbook", whole=True),
    Column("reason"),
)


@on_stack
def status_of(find: Find, output: tables.OUTPUT = tables.Output.TABLE) -> None:
    """Say how the stack is: settings, budgets, cases, dead letters, and what is not enabled.

    What your credentials may not read, or whose service cannot be reached, is called unknown. Ends
    with 1 where anything is wrong, with 3 where something is unknown, and nothing else is wrong.
    """
    stack = find()
    if stack.deleted:
        raise NotPossible("the stack is deleted: cordon cases shows what its cases hold")
    found = status.lines(stack)
    tables.write([line.row() for line in found], status.COLUMNS, output, out)
    if any(line.wrong for line in found):
        raise typer.Exit(1)
    raise typer.Exit(Exit.UNKNOWN if any(line.unknown for line in found) else 0)


def playbooks(
    name: Annotated[
        str,
        typer.Argument(help="Only this one, with all of it.", autocompletion=playbooks_that_begin),
    ] = "",
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """List the playbooks, or show one: when it handles a finding, what it does, what it leaves.

    They are those of this folder; the stack may have been deployed from an earlier one.
    """
    known = headers()
    if name and name not in known:
        raise NotPossible(f"there is no playbook {name}: {', '.join(known)}")
    if name and output is tables.Output.TABLE:
        page.show(header_of(known[name])["title"], _sections(known[name]), out)
        return
    rows = [_playbook(one) for one in known.values() if name in ("", one.name)]
    tables.write(rows, PLAYBOOKS, output, out)


def _playbook(playbook: Playbook) -> dict[str, Any]:
    header = header_of(playbook)
    return {
        "playbook": playbook.name,
        "recommended": str(playbook.recommended_mode),
        "does": header["Does"],
        "when": header["When"],
        "undo": header["Undo"],
        "leaves": header["Leaves"],
        "serves": str(playbook.serves),
        "handles": list(playbook.handles),
        "by_arn": list(playbook.by_arn),
        "changes": [action.name() for action in playbook.actions],
        "controls": list(playbook.controls),
    }


def _sections(playbook: Playbook) -> list[Section]:
    row = _playbook(playbook)
    texts = [(name.capitalize(), (row[name],)) for name in ("when", "does", "undo", "leaves")]
    lists = [
        ("Changes", row["changes"]),
        ("Handles", row["handles"]),
        ("Contains by its ARN", row["by_arn"]),
        ("Supports evidence for", row["controls"]),
        ("Recommended mode", [f"{row['recommended']}; every playbook starts in observe"]),
    ]
    return [Section(heading, tuple(lines)) for heading, lines in [*texts, *lists] if lines]


@on_stack
def explain(
    find: Find,
    events: Annotated[
        list[Path],
        typer.Argument(help="Event files, folders of them, - for standard input, or cases."),
    ],
    mode: Annotated[Mode, typer.Option(help="Mode of every playbook.")] = Mode.ENFORCE,
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """Say where each event leads: which rules deliver it, which playbook handles it, or why not.

    By the template, every parameter that lets more be heard set, and no case yet. Offline; nothing
    is replayed. Of a case of a deployed stack, by its id or how that begins: what was decided and
    why, what the mode is now, and which other playbooks its finding is for. Ends with 1 where an
    event cannot be read.
    """
    cases = [str(one) for one in events if is_case(str(one)) and not one.exists()]
    files = [one for one in events if str(one) not in cases]
    listed: list[dict[str, Any]] = []
    unreadable: list[str] = []
    if files:
        from console.event_files import events_in
        from console.explained import rows

        listed, unreadable = rows(events_in(files), mode)
    if cases:
        stack = find()
        listed += [row for one in cases for row in explained_case.rows(stack, stack.case(one))]
    if not listed:
        raise NotPossible(NO_EVENTS)
    tables.write(listed, EXPLAINED, output, out)
    for why in unreadable:
        errors.print(render.plain(why), markup=False, soft_wrap=True, highlight=False)
    raise typer.Exit(1 if unreadable else 0)


COMMANDS = {
    status_of: "cordon status",
    playbooks: "cordon playbooks",
    explain: "cordon explain event.json --mode approve",
}
