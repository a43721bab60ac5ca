"""The `cordon` command. Never deployed; everything a person does with Cordon starts here."""

from collections.abc import Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from console import (
    access_log,
    decision_commands,
    evidence_folder,
    generated,
    lineage,
    new_playbook,
    plans,
    render,
    settings_commands,
)
from console.event_files import STANDARD_INPUT, ReplayEvent, events_in
from console.evidence import verify
from console.options import STACK
from console.replay import Replay
from console.settings import StackSettings
from console.stack import NotPossible, Stack
from cordon.memory.settings import KEY as SETTINGS
from cordon.settings import Mode

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
out = Console()
errors = Console(stderr=True)

ROOT = Path(__file__).parent.parent
FEW = 3  # events of which every step is shown
DELETED = (
    "The stack {stack} is deleted. What its cases above hold stays as it is until you put it back "
    "manually: cordon evidence CASE shows what was captured."
)
FILES = Annotated[
    list[Path], typer.Argument(help="Event files, folders of them, or - for standard input.")
]
MODE = Annotated[Mode, typer.Option(help="Mode of every playbook.")]


@app.command()
def replay(
    files: FILES,
    mode: MODE = Mode.ENFORCE,
    approve: Annotated[bool, typer.Option(help="Approve every plan that awaits it.")] = False,
    release: Annotated[bool, typer.Option(help="Then release every case, and compare.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    details: Annotated[bool, typer.Option(help="Show every step of every event.")] = False,
) -> None:
    """Replay events through the deployed template, offline, on an embedded account.

    A file is one event, a JSON array of events, JSON lines, or the output of `aws securityhub`,
    `guardduty` or `macie2 get-findings`. Without --approve, what awaits approval stays so.

    ✔ ended as it should · ✘ did not · ? no parser of Cordon reads it. Ends with 1 for ✘ and ?.
    """
    coming = events_in(files)
    first = list(islice(coming, FEW + 1))
    if not first:
        errors.print("no events there")
        raise typer.Exit(2)
    runs = Replay(ROOT, mode=mode, release=release, approve=approve).all(chain(first, coming))
    if as_json:
        failed = render.write(runs, typer.echo)
    else:
        few = len(first) <= FEW
        failed = render.show(runs, total=_count(files), details=details or few, out=out)
    raise typer.Exit(1 if failed else 0)


@app.command()
def plan(
    files: FILES,
    mode: MODE = Mode.ENFORCE,
    write: Annotated[bool, typer.Option(help="Write each plan beside its event.")] = False,
) -> None:
    """Print what each event leads to in a mode: the rules, the playbook and its plan.

    Changes nothing. Reads what `cordon replay` reads. Ends with 1 where an event cannot be read.
    """
    if write and mode is not Mode.ENFORCE:
        raise NotPossible("the plan beside an event is that of enforce")
    problems = [_planned(event, mode, write=write) for event in events_in(files)]
    if not problems:
        errors.print("no events there")
        raise typer.Exit(2)
    raise typer.Exit(1 if any(problems) else 0)


def _planned(event: ReplayEvent, mode: Mode, *, write: bool) -> bool:
    """Print or write one event's plan; True where there is a problem, which is said."""
    try:
        if write:
            plans.write(event)
            return False
        printed = plans.planned(event, mode)
        for one in printed:
            out.print_json(data=one, ensure_ascii=True)
        problem = plans.unreadable(event, printed)
    except plans.CannotPlan as why:
        problem = str(why)
    if problem:
        errors.print(render.plain(f"{event}: {problem}"), markup=False, soft_wrap=True)
    return bool(problem)


def _count(files: Sequence[Path]) -> int | None:
    """How many events there are; None of standard input, which can be read only once."""
    return None if STANDARD_INPUT in files else sum(1 for _ in events_in(files))


@app.command()
def review(
    sequence: Annotated[
        str, typer.Option(help="Only of this GuardDuty attack sequence: its finding's id or ARN.")
    ] = "",
    stack: STACK = "cordon",
) -> None:
    """The cases that await approval, hold something, or failed; also those of a deleted stack."""
    found = Stack.named(stack)
    cases = found.open_cases()
    if sequence:
        cases = (case for case in cases if case.finding.is_of_sequence(sequence))
    render.show_cases(cases, out)
    if found.deleted:
        out.print(DELETED.format(stack=stack), markup=False)


@app.command()
def evidence(
    case: Annotated[str, typer.Argument(help="The case, `settings`, or `verify` and a folder.")],
    folder: Annotated[
        Path | None, typer.Argument(help="After `verify`: what --to has written, checked offline.")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="Empty folder to write the entries to.")] = None,
    live: Annotated[
        bool, typer.Option(help="Compare who decided with the access log of the desk's API.")
    ] = False,
    stack: STACK = "cordon",
) -> None:
    """Read the evidence of a case or of the settings, and verify that it is what was written.

    Ends with 0 where it is verified, with 1 where anything is wrong, and with 3 where the only
    thing to say is that an attempt may not have ended.
    """
    if (case == "verify") is (folder is None) or (folder and (to or live)):
        raise NotPossible("either `cordon evidence CASE`, or `cordon evidence verify FOLDER`")
    raise typer.Exit(_verify_folder(folder) if folder else _verify_case(case, to, stack, live))


@app.command()
def docs(
    check: Annotated[bool, typer.Option(help="Fail where a page is out of date.")] = False,
) -> None:
    """Write the generated parts of the documentation; fail where a role has a fault."""
    stale, faults = generated.write(ROOT, only_check=check)
    for path in stale:
        errors.print(f"{path} {'is out of date: make playbooks' if check else 'written'}")
    for fault in faults:
        errors.print(fault, markup=False)
    raise typer.Exit(1 if faults or (check and stale) else 0)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Of the playbook, like close_database.")],
    kind: Annotated[
        str, typer.Option(help="What it handles first, as SOURCE:TYPE, like securityhub:RDS.2.")
    ],
) -> None:
    """Make a new playbook: its folder, its first event and its block of template.yaml."""
    for said in new_playbook.make(ROOT, name, kind):
        out.print(said, markup=False, highlight=False, soft_wrap=True)


for command in (lineage.lineage, *decision_commands.COMMANDS, *settings_commands.COMMANDS):
    app.command()(command)


def _verify_case(case: str, to: Path | None, stack: str, live: bool) -> int:
    deployed = Stack.named(stack)
    if case == SETTINGS:
        copy, found = StackSettings.of(deployed).evidence()
    else:
        copy = deployed.evidence_copy(deployed.case(case))
        found = verify(copy)
    if to is None:
        render.show_entries(copy, out, errors)
    else:
        try:
            evidence_folder.write(copy, to)
        except OSError as error:
            raise NotPossible(f"nothing can be written there: {error}") from None
    if live:
        found = [*found, *access_log.compared(copy, deployed)]
    return render.show_verdict(copy, found, errors)


def _verify_folder(folder: Path) -> int:
    try:
        copy, faults, limits = evidence_folder.read(folder)
    except evidence_folder.NotACopy as why:
        raise NotPossible(f"{folder} cannot be verified: {why}") from None
    ended = render.show_verdict(copy, [*faults, *verify(copy)], errors)
    errors.print(render.plain(limits), markup=False, soft_wrap=True)
    return ended


def main() -> None:
    """Run the command; what an operator may not do is said in one line."""
    try:
        app()
    except NotPossible as refusal:
        errors.print(render.plain(str(refusal)), markup=False, soft_wrap=True)
        raise SystemExit(2) from None
