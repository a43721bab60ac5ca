"""How replays are shown. Text of findings is shown as text, never as markup."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rich.console import Console, Group
from rich.markup import escape
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from console.render import COLOURS, plain
from console.run import Run
from cordon.memory.cases import Case


def show(runs: Iterable[Run], *, total: int | None, details: bool, out: Console) -> int:
    """Show each run as it ends. Returns how many did not end as they should.

    ``total``: how many there will be, None where that is not known yet.
    """
    shown = failed = 0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=out, transient=True) as progress:
        task = progress.add_task("replay", total=total)
        for run in runs:
            shown += 1
            failed += bool(run.troubles)
            progress.console.print(_line(run), soft_wrap=True)
            if not run.stopped and (details or run.troubles):
                progress.console.print(_whole(run))
            progress.advance(task)
    out.print(f"\n{shown - failed} of {shown} events ended as they should", style="bold")
    return failed


def write(runs: Iterable[Run], echo: Callable[[str], None]) -> int:
    """Write the runs as one JSON list, each as it ends. Returns how many did not end well."""
    failed, before = 0, "["
    try:
        for run in runs:
            failed += bool(run.troubles)
            echo(before + json.dumps(run.to_json(), indent=2))
            before = ","
    finally:
        echo("]" if before == "," else "[]")
    return failed


def _line(run: Run) -> Text:
    """One event in one line: what it is, which playbook handled it, how it ended, and back."""
    mark, style = _mark(run)
    line = Text(no_wrap=True)
    line.append(f"{mark} ", style=style)
    line.append(run.event.short.ljust(62))
    if not run.handled_by and not run.stopped:
        line.append(plain(run.unreadable or run.undelivered or "ignored"), style="dim")
    for number, outcome in enumerate(run.handled_by):
        line.append(", " if number else "")
        line.append(outcome.playbook.ljust(20), style="bold")
        line.append(outcome.outcome, style=COLOURS.get(outcome.outcome, ""))
    if any(str(case.status) not in _said(run) for case in run.cases):
        statuses = ", ".join(sorted({str(case.status) for case in run.cases}))
        line.append(f" → {statuses}", style="dim")
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


def _whole(run: Run) -> Panel:
    """Every step of one event."""
    parts: list[Any] = [Text(f"finding   {run.kind}"), _route(run)]
    for case in run.cases:
        parts.append(_case(case, run))
    changes = _changes(run)
    parts += [changes] if changes.row_count else []
    parts += [_hub(run)] if run.cases else []
    parts += [Text(f"problem   {plain(trouble)}", style="red") for trouble in run.troubles]
    title = escape(str(run.event))
    return Panel(Group(*parts), title=title, border_style="red" if run.troubles else "green")


def _route(run: Run) -> Text:
    lines = [f"envelope  {run.event.note}"] if run.event.note else []
    lines += [f"staged    {words}" for words in run.staged]
    lines.append(f"rules     {', '.join(run.rules) or 'none matches this event'}")
    for outcome in run.outcomes:
        lines.append(f"outcome   {outcome.playbook}: {outcome.outcome} ({outcome.reason})")
    if run.unreadable or run.undelivered:
        lines.append(plain(run.unreadable or run.undelivered))
    if not run.handled_by:
        lines.append("ignored: no playbook handles this event")
    return Text("\n".join(lines))


def _case(case: Case, run: Run) -> Tree:
    head = f"case {case.id}  {case.verdict}: {case.reason}"
    tree = Tree(Text(head, style="bold"))
    plan = tree.add(Text(f"plan {case.plan_hash[:16]}…"))
    for action in case.plan.actions:
        what = json.dumps(
            {k: v for k, v in action.to_json().items() if k not in ("action", "place")}
        )
        plan.add(Text(f"{action.name()} {what[:200]}"))
    changes = tree.add(
        Text(f"status {case.status}" + (f", by {case.decided_by}" if case.decided_by else ""))
    )
    for result in case.results:
        words = f"{result.action} {result.status}" + (f": {result.reason}" if result.reason else "")
        changes.add(Text(words, style=COLOURS.get(result.status, "")))
    entries = run.evidence.get(case.id, 0)
    tree.add(Text(f"evidence {entries} entries"))
    return tree


def _changes(run: Run) -> Table:
    """Before, contained and released, of each property that changed."""
    table = Table("resource", "before", "contained", "released", title="what changed", expand=True)
    before, contained = _flat(run.before), _flat(run.contained)
    released = _flat(run.released) if run.released is not None else {}
    for path in sorted(before.keys() | contained.keys() | released.keys()):
        if path.startswith("securityhub") or before.get(path) == contained.get(path):
            continue
        after = _short(released.get(path)) if run.released is not None else Text("-")
        table.add_row(Text(path), _short(before.get(path)), _short(contained.get(path)), after)
    return table


def _flat(state: Any, path: str = "") -> dict[str, Any]:
    """Nested state as one level: ``s3 training-data policy`` → value."""
    if not isinstance(state, Mapping):
        return {path: state}
    flat: dict[str, Any] = {}
    for key, value in state.items():
        flat.update(_flat(value, f"{path} {key}".strip()))
    return flat


def _short(value: Any) -> Text:
    words = "absent" if value is None else value if isinstance(value, str) else json.dumps(value)
    return Text(words if len(words) <= 240 else f"{words[:239]}…")


def _hub(run: Run) -> Text:
    state = run.released if run.released is not None else run.contained
    lines = []
    for identity, finding in state.get("securityhub", {}).items():
        lines.append(f"sec. hub  {identity}: {json.dumps(finding, default=str)[:400]}")
    return Text("\n".join(lines), style="dim")
