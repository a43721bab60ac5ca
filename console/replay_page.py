"""How replays are shown: one event in about twenty lines, many in a line each, and their sum.

Text of findings is shown as text, never as markup.
"""

import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from operator import itemgetter
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from console import page, tables
from console.differences import (
    changed,
    counted,
    is_policy,
    short_of,
    statements,
    unified,
    value_at,
)
from console.render import COLOURS, plain
from console.run import PlaybookOutcome, Run, resources
from console.tables import Column
from cordon.finding import Finding, ResourceRole
from cordon.memory.cases import Case
from cordon.reporting import texts

STATES = tuple(map(Column, ("before", "contained", "released")))
CHANGES = (Column("changed"), *STATES)
SUM = (Column("playbook", whole=True), Column("outcome", whole=True), Column("events", whole=True))
OUTCOME, PLAYBOOK = 22, 20  # characters of a line
MOST_LINES = 12  # of a difference that is shown without --full
NOBODY = "nobody"
Path = tuple[str, ...]


def show(runs: Iterable[Run], *, total: int | None, details: bool, full: bool, out: Console) -> int:
    """Show each run as it ends. Returns how many did not end as they should.

    ``total``: how many there will be, None where that is not known yet. ``details``: more than a
    line of each; ``full``: every property.
    """
    began, shown, failed, folder = time.monotonic(), 0, 0, ""
    ended: Counter[tuple[str, str]] = Counter()
    for run in progress(runs, total=total, out=out):
        shown += 1
        failed += bool(run.troubles)
        ended.update(led_to(run))
        if not details and str(run.event.path.parent) != folder:
            folder = str(run.event.path.parent)
            page.lines([folder], out, style="bold")
        short = run.event.short
        name = short if details else short.rpartition("/")[2]
        _print_line(run, out, name, whole=details)
        if not run.stopped and (details or run.troubles):
            _print_details(run, out, full=full)
    if not details:
        rows = [
            {"playbook": playbook, "outcome": outcome, "events": count}
            for (playbook, outcome), count in sorted(ended.items())
        ]
        out.print()
        tables.write(rows, SUM, tables.Output.TABLE, out)
    seconds = time.monotonic() - began
    said = f"{shown - failed} of {shown} events ended as they should, in {seconds:.1f} seconds"
    page.lines([said], out, style="bold")
    return failed


def progress(runs: Iterable[Run], *, total: int | None, out: Console) -> Iterator[Run]:
    """The runs; in a terminal a bar says how many have ended. ``total``: None: nobody knows."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as bar:
        task = bar.add_task("replay", total=total)
        for run in runs:
            yield run
            bar.advance(task)


def row(run: Run) -> dict[str, Any]:
    """What came of an event, for programs: one row, without plans and what the account was like."""
    led = led_to(run)
    return {
        "event": str(run.event),
        "playbooks": [playbook for playbook, _ in led],
        "outcomes": [outcome for _, outcome in led],
        "ok": not run.troubles,
        "seconds": round(run.seconds, 3),
        "cases": [case.id for case in run.cases],
        "statuses": [str(case.status) for case in run.cases],
        "kind": run.kind,
        "why": run.unreadable or run.undelivered,
        "note": run.event.note,
        "troubles": list(run.troubles),
    }


def led_to(run: Run) -> list[tuple[str, str]]:
    """Playbook and outcome, for the sum."""
    if run.handled_by:
        return [(one.playbook, one.outcome) for one in run.handled_by]
    if run.stopped or run.unreadable:
        return [(NOBODY, "not replayed" if run.stopped else "unreadable")]
    return [(NOBODY, "not delivered" if run.undelivered else "ignored")]


def _print_line(run: Run, out: Console, name: str, *, whole: bool) -> None:
    """In a terminal it is one line at every width: what does not fit is in the details."""
    line = _line(run, name, details=whole and not run.stopped)
    if out.is_terminal and not whole:
        line.truncate(out.width, overflow="ellipsis")
    out.print(line, soft_wrap=True)


def _line(run: Run, name: str, *, details: bool) -> Text:
    """One event in one line: how it ended, and back; by which playbook; which it is; why.

    ``details`` follow, and say by which playbook.
    """
    mark, style = _mark(run)
    line = Text(no_wrap=True)
    line.append(f"{mark} ", style=style)
    ended = [one.outcome for one in run.handled_by]
    after = sorted({str(case.status) for case in run.cases} - _said(run))
    said = ", ".join(dict.fromkeys(ended)) or led_to(run)[0][1]
    said += f" → {', '.join(after)}" if after else ""
    line.append(f"{said.ljust(OUTCOME)} ", style=COLOURS.get(ended[0] if ended else "", "dim"))
    if not details:
        names = ", ".join(one.playbook for one in run.handled_by) or "-"
        line.append(f"{names.ljust(PLAYBOOK)} ", style="bold")
    line.append(name)
    for why in filter(None, (run.unreadable, run.undelivered)):
        line.append(f"  {plain(why)}", style="dim")
    for trouble in run.troubles:
        if trouble not in (run.unreadable, run.undelivered):  # said already
            line.append(f"  {plain(trouble)}", style=style)
    if run.event.note:
        line.append(f"  ({run.event.note})", style="dim")
    return line


def _mark(run: Run) -> tuple[str, str]:
    """Ended as it should, or not; or nobody can know, since no parser reads it."""
    if not run.troubles:
        return "✔", "green"
    return ("?", "yellow") if run.only_unreadable else ("✘", "red")


def _said(run: Run) -> set[str]:
    return {outcome.outcome for outcome in run.handled_by}


def _print_details(run: Run, out: Console, *, full: bool) -> None:
    facts = [*_found(run, full=full), *_handled(run, full=full)]
    facts += [fact for case in run.cases for fact in _case(case, run, full=full)]
    page.facts(facts, out)
    paths = _paths(run)
    if paths:
        of = _shared(paths) if out.is_terminal and not full else ()  # in the heading, and once
        columns = (Column(" ".join(of) or "changed", of=itemgetter("changed")), *STATES)
        rows = [_row(run, path, len(of)) for path in paths]
        tables.write(rows, columns, tables.Output.TABLE, out)
        page.lines(_differences(run, paths, len(of), full=full), out, by_words=not full)
    if full:
        page.facts([("Security Hub", one) for one in _hub(run)], out)
    page.facts([("problem", trouble) for trouble in run.troubles], out, style="red")


def _found(run: Run, *, full: bool) -> list[tuple[str, str]]:
    """The findings, who, and what."""
    return [fact for finding in run.findings for fact in _facts(finding, full=full)]


def _facts(finding: Finding, *, full: bool) -> list[tuple[str, str]]:
    said = dict(texts.facts(finding))
    who, what, where = said["Actor"], said["Resource"], said["Where"]
    if not full:  # who it was is no resource once more
        names = [one for one in what.split(", ") if one.rpartition(" ")[2] not in who.split()]
        what = f"{', '.join(names) or what} ({where.removeprefix('account ')})"
    return [
        ("finding", f"{finding.severity.label}  {said['What happened']}"),
        ("who", who or "the finding names nobody"),
        ("what", what),
        *([("where", where)] if full else []),
    ]


def _handled(run: Run, *, full: bool) -> list[tuple[str, str]]:
    facts = [("envelope", run.event.note)] if run.event.note else []
    facts += [("staged", words) for words in run.staged] if full else []
    if full or not run.rules:
        facts.append(("rules", ", ".join(run.rules) or "none matches this event"))
    for one in run.outcomes:
        what = "handled by" if one in run.handled_by else "ignored by"
        outcome = f"{one.outcome}: " if what == "handled by" else ""
        facts.append((what, f"{one.playbook}: {outcome}{_reason(one, run, full=full)}"))
    if run.unreadable or run.undelivered:
        facts.append(("why", run.unreadable or run.undelivered))
    if not run.handled_by:
        facts.append(("handled by", "ignored: no playbook handles this event"))
    return facts


def _reason(one: PlaybookOutcome, run: Run, *, full: bool) -> str:
    """Why; the kind of the finding is above it."""
    its = {f"{one.playbook} does not handle {finding.kind}" for finding in run.findings}
    return "does not handle this kind" if one.reason in its and not full else one.reason


def _case(case: Case, run: Run, *, full: bool) -> list[tuple[str, str]]:
    by = f", by {case.decided_by}" if case.decided_by and full else ""  # replay's own operator
    proof = f"{run.evidence.get(case.id, 0)} entries of evidence"
    return [
        ("case", f"{case.id}  {case.status}{by}, {proof}"),
        *([("plan", case.plan_hash)] if full else []),
        *(("", line) for line in _change_lines(case, run, full=full)),
    ]


def _change_lines(case: Case, run: Run, *, full: bool) -> list[str]:
    """Where one resource is named above, changes of that one do not name it again."""
    named = {r.arn for one in run.findings for r in one.resources if r.role is ResourceRole.TARGET}
    lines = _alike_together(texts.change_lines(case))
    if full or len(named) != 1 or "" in named:  # an access key has no ARN
        return lines
    its = re.compile(rf" on {re.escape(next(iter(named)))}(?=:| \(|$)")
    return [its.sub("", line) for line in lines]


def _alike_together(lines: Iterable[str]) -> list[str]:
    """The changes of one resource that ended alike are one line: ``a, b on RESOURCE: how``."""
    changes: dict[str, list[str]] = {}
    for line in lines:
        change, on, how = line.partition(" on ")
        before = changes.setdefault(f"{on}{how}", [])
        before.append(change.rpartition(": ")[2] if before else change)  # "Planned: a, b"
    return [f"{', '.join(names)}{how}" for how, names in changes.items()]


# ---- what changed ----


def changes(run: Run) -> list[dict[str, Any]]:
    """Each property that was changed: how it was, contained, and after the release."""
    return [_row(run, path, 0) for path in _paths(run)]


def _paths(run: Run) -> list[Path]:
    """Each property that differs from before, when contained or after the release."""
    before = resources(run.before)
    states = [run.contained, *([run.released] if run.released is not None else [])]
    found = [path for state in states for path, *_ in changed(before, resources(state))]
    return sorted(dict.fromkeys(found))


def _shared(paths: Sequence[Path]) -> Path:
    """How each begins: mostly the resource."""
    begins = zip(*(one[:-1] for one in paths), strict=False)
    return tuple(at[0] for at in takewhile(lambda at: len({*at}) == 1, begins))


def _row(run: Run, path: Path, shared: int) -> dict[str, Any]:
    was, now = value_at(run.before, path), value_at(run.contained, path)
    back = "-" if run.released is None else _after(was, value_at(run.released, path))
    return {
        "changed": " ".join(path[shared:]),
        "before": short_of(was) or ("a policy" if is_policy(was) else "a list"),
        "contained": _after(was, now),
        "released": back,
    }


def _after(was: Any, now: Any) -> str:
    if was == now:
        return "as before"
    return short_of(now) or counted(was, now)


def _differences(run: Run, paths: Iterable[Path], shared: int, *, full: bool) -> list[str]:
    """What the containment made of each long property: a policy by its statements."""
    lines = []
    for path in paths:
        was, now = value_at(run.before, path), value_at(run.contained, path)
        if was == now or (short_of(was) and short_of(now) and not full):
            continue
        name = " ".join(path[shared:])
        lines += [name, *unified(was, now)] if full else _short_difference(was, now, path, name)
    return lines


def _short_difference(was: Any, now: Any, path: Path, name: str) -> list[str]:
    """Each line says of which property it is, where it can."""
    if is_policy(was) or is_policy(now):
        made = [f"{one[:2]}{name} {one[2:]}" for one in statements(was, now, path)]
    else:
        made = _only_lines(was, now, name)
    if len(made) > MOST_LINES:
        return [name, f"  {counted(was, now)}: --full shows them"]
    return made


def _only_lines(was: Any, now: Any, name: str) -> list[str]:
    """The lines that differ, without those around them; each pair once, with how often it is."""
    made = [line for line in unified(was, now, around=0) if not line.startswith("@@")]
    less, more = ([one[1:].strip() for one in made if one.startswith(sign)] for sign in "-+")
    if len(less) != len(more):
        return [name, *made]
    pairs = Counter(zip(less, more, strict=True))
    return [
        f"{name} {before.rstrip(',')} → {after.rstrip(',')}" + (f", {often} times" * (often > 1))
        for (before, after), often in pairs.items()
    ]


def _hub(run: Run) -> list[str]:
    state = run.released if run.released is not None else run.contained
    found = state.get("securityhub", {})
    return [f"{name}: {json.dumps(finding, default=str)}" for name, finding in found.items()]
