"""The report for a terminal of 80 columns or a pipe. No colour says that anything is well."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from console import render
from console.coverage.page import controls, event, layer, listed, promised, risk, technique
from console.coverage.report import Report
from console.tables import Row

LIVE = "cordon coverage --live looks at an account."
HINT = (
    "A playbook is named for a risk only where a sample event of such a finding is handled by it. "
    "The mapping is expert judgement: a case supports evidence for a control, and proves no "
    "compliance. docs/coverage.md has the samples, --output json has all of it."
)


@dataclass(frozen=True)
class Part:
    """One table of the report."""

    title: str
    head: Sequence[str]
    rows: Iterable[Sequence[str]]


def show(found: Report, out: Console) -> None:
    """Every part of the report."""
    _say(out, f"Coverage, {found['place'] or 'no account was looked at'}", style="bold")
    _say(out, f"Modes: {found['modes']}" if found["place"] else LIVE)
    if found["place"] and found["attestations"]:
        _say(out, f"Attestations: {found['attestations']}")
    for part in parts(found):
        _table(out, part)
    _say(out, f"Nobody handles: {', '.join(found['nobody'])}")
    _say(out, HINT)


def rows(found: Report) -> Iterator[Row]:
    """The lines of the tables, for programs: the columns of a table differ, so they are a list."""
    for part in parts(found):
        for name, *says in part.rows:
            yield {
                "part": part.title,
                "name": _plain(name),
                "columns": list(part.head[1:]),
                "says": [_plain(one) for one in says],
            }


def parts(found: Report) -> Iterator[Part]:
    """The tables, in their order."""
    rows = ((one["name"], one["recommended_mode"], one["mode"]) for one in found["playbooks"])
    yield Part("Playbooks", ("playbook", "recommended", "mode here"), rows)
    needs = ((one["title"], _saw(one), ", ".join(one["for"])) for one in found["needs"])
    yield Part(
        "What must be switched on", ("what", "is it", "for findings that these handle"), needs
    )
    modes = {one["name"]: one["recommended_mode"] for one in found["playbooks"]}
    risks = ((name, who) for name, *_, who in (risk(one, modes) for one in listed(found)))
    yield Part("OWASP", ("risk", "playbooks, or none and why"), risks)
    yield Part("The seven layers", ("layer", "playbooks"), map(layer, found["layers"]))
    for matrix in found["matrices"]:
        yield from _matrix(matrix)
    techniques = (technique(one, modes) for one in found["techniques"])
    yield Part("Techniques", ("technique", "playbooks"), techniques)
    named = ((id, title, who) for id, title, _, who in controls(found))
    yield Part("Controls", ("control", "title", "supports evidence for it"), named)
    events = ((name, *said) for name, _, *said in map(event, found["events"]))
    yield Part("Events", ("event", "who handles one", "not built"), events)
    yield Part("Promised", ("playbook", "built", "what is not"), map(promised, found["promised"]))


def _matrix(matrix: Mapping[str, Any]) -> Iterator[Part]:
    scopes = ((one["scope"], one["seen"], _checks(one["in_use"], one)) for one in matrix["scopes"])
    yield Part(matrix["name"], ("scope", "in this Region", "seen by"), scopes)
    for scope in matrix["scopes"]:
        if scope["seen"] != "not seen" or any(cell["attested"] for cell in scope["cells"]):
            cells = ((cell["column"], _checks(cell["checks"], cell)) for cell in scope["cells"])
            yield Part(f"Scope {scope['scope']}: {scope['seen']}", ("", "what is there"), cells)


def _checks(checks: Sequence[Mapping[str, Any]], of: Mapping[str, Any]) -> str:
    """Each check with what it saw, and what a person must attest."""
    said = [f"{one['title']}: {_saw(one)}" for one in checks]
    attest = [f"a person must attest: {of['attest']}"] if of["attest"] else []
    return "\n".join((*said, *attest, *_attested(of["attested"])))


def _attested(said: Mapping[str, str]) -> list[str]:
    """A person's word, with who and until when: never as what a check saw."""
    if not said:
        return []
    until = {"attested": f"until {said['until']}", "ended": f"ended {said['until']}"}
    when = until.get(said["is"], f"withdrawn {said['at']}")
    says = f": {said['says']}" if said["says"] else ""
    return [f"attested by {said['by']}, {when}{says}"]


def _saw(row: Mapping[str, Any]) -> str:
    return f"{row['saw']} ({row['says']})" if row["says"] else str(row["saw"])


def _table(out: Console, part: Part) -> None:
    """In a pipe a line for each row, with the part's title in the first column."""
    if not out.is_terminal:
        for row in part.rows:
            cells = (part.title, *(_plain(cell).replace("\n", "; ") for cell in row))
            out.file.write("\t".join(cells) + "\n")
        return
    table = Table(*part.head, title=part.title, title_justify="left", expand=True)
    for row in part.rows:
        table.add_row(*(Text(_plain(cell), overflow="fold") for cell in row))
    out.print(table)


def _plain(cell: str) -> str:
    """Without Markdown, and each line as text that no terminal takes for a command."""
    lines = cell.replace("*none*", "none").replace("**", "").replace("`", "").splitlines()
    return "\n".join(render.plain(line) for line in lines)


def _say(out: Console, text: str, style: str = "") -> None:
    out.print(Text(render.plain(text), style=style), soft_wrap=not out.is_terminal)
