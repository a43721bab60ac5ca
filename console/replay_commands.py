"""The commands on recorded events. What plays an account for them is loaded when they run."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from console import preview, render, tables
from console.options import NO_EVENTS, REPORT, ROOT, Find, on_stack
from console.stack import NotPossible, Stack
from cordon.settings import Mode

if TYPE_CHECKING:
    from console.event_files import ReplayEvent
    from console.run import Run

out = Console()
errors = Console(stderr=True)

IS_NEW = "written"
WRITTEN = (tables.Column("plan"), tables.Column("is", whole=True))
FEW = 3  # events of which every step is shown
FILES = Annotated[
    list[Path], typer.Argument(help="Event files, folders of them, or - for standard input.")
]
MODE = Annotated[Mode, typer.Option(help="Mode of every playbook.")]
PLAN_MODE = Annotated[
    Mode | None,
    typer.Option(
        help="Mode of every playbook: `observe`, `approve` or `enforce`. Without it `enforce`; with"
        " --live, of each playbook that of the settings.",
        show_default=False,
    ),
]


def replay(
    files: FILES,
    mode: MODE = Mode.ENFORCE,
    approve: Annotated[bool, typer.Option(help="Approve every plan that awaits it.")] = False,
    release: Annotated[bool, typer.Option(help="Then release every case, and compare.")] = False,
    details: Annotated[bool, typer.Option("--details", help="Of many events too.")] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Every property, every line; in JSON all of each run.")
    ] = False,
    report: REPORT = None,
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """Replay events through the deployed template, offline, on an embedded account.

    A file is one event, a JSON array of events, JSON lines, or the output of `aws securityhub`,
    `guardduty` or `macie2 get-findings`. Without --approve, what awaits approval stays so.
    Of up to three events it shows what was found, who handled it, and what was changed; of more,
    a line each, unless --details.

    ✔ ended as it should · ✘ did not · ? no parser of Cordon reads it. Ends with 1 for ✘ and ?.
    """
    from console.event_files import events_in
    from console.replay import Replay
    from console.replay_page import show
    from console.report import page
    from console.report.replayed import Replayed

    _check_full(full, output)
    coming = events_in(files)
    first = list(islice(coming, FEW + 1))
    if not first:
        raise NotPossible(NO_EVENTS)
    wanted = report is not None
    replay = Replay(ROOT, mode=mode, release=release, approve=approve, keep_evidence=wanted)
    runs, replayed = replay.all(chain(first, coming)), Replayed()
    runs = replayed.through(runs) if wanted else runs
    if output is not tables.Output.TABLE:
        failed = _write(runs, _count(files), output, full=full)
    else:
        few = len(first) <= FEW
        failed = show(runs, total=_count(files), details=details or full or few, full=full, out=out)
    if report is not None:
        page.write(replayed.report(), report)
    raise typer.Exit(1 if failed else 0)


@on_stack
def plan(
    find: Find,
    files: FILES,
    mode: PLAN_MODE = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write each plan beside its event.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="All of it, as JSON.")] = False,
    live: Annotated[
        bool, typer.Option("--live", help="And what it would change in the account now.")
    ] = False,
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """Print what each event leads to in a mode: the rules, the playbook and its plan.

    In a pipe it is a line for each change. Changes nothing. Reads what `cordon replay` reads. Ends
    with 1 where an event cannot be read. With --live the plan is that of the deployed stack and its
    settings; what it would change is read from the account, and nothing is written.
    """
    from console.event_files import events_in

    _check_full(full, output)
    if write and (live or mode not in (None, Mode.ENFORCE)):
        raise NotPossible("the plan beside an event is that of enforce, and of no account")
    problems: list[bool] = []  # of each event
    if write:
        rows = _written(events_in(files), problems)
        if output is tables.Output.TABLE:  # of hundreds, people want to see the few
            rows = (row for row in rows if row["is"] == IS_NEW)
        tables.write(rows, WRITTEN, output, out)
    else:
        stack = find() if live else None
        _show(_plans(events_in(files), mode, stack, problems), output, full=full)
    if not problems:
        raise NotPossible(NO_EVENTS)
    raise typer.Exit(1 if any(problems) else 0)


def _plans(
    events: Iterable["ReplayEvent"], mode: Mode | None, stack: Stack | None, problems: list[bool]
) -> Iterator[Mapping[str, Any]]:
    """Where each finding leads; with a stack, by its settings and in the account as it is now."""
    from console import plans

    deployed = plans.as_deployed(stack, mode) if stack else None
    caller = preview.caller(stack) if stack else None
    for event in events:
        problem = ""
        try:
            led = plans.planned(event, mode, deployed)
            yield from (plans.with_differences(one, caller) if caller else one for one in led)
            problem = plans.unreadable(event, led)
        except plans.CannotPlan as why:
            problem = str(why)
        problems.append(_said(event, problem))


def _written(events: Iterable["ReplayEvent"], problems: list[bool]) -> Iterator[Mapping[str, Any]]:
    """Write the plan of each event beside it: a row for each file."""
    from console import plans

    for event in events:
        problem = ""
        try:
            path, is_new = plans.write(event)
            yield {
                "event": str(event),
                "plan": str(path),
                "is": IS_NEW if is_new else "as it was",
            }
        except plans.CannotPlan as why:
            problem = str(why)
        problems.append(_said(event, problem))


def _said(event: "ReplayEvent", problem: str) -> bool:
    """Is there a problem? Then it is said."""
    if problem:
        errors.print(render.plain(f"{event}: {problem}"), markup=False, soft_wrap=True)
    return bool(problem)


def _show(printed: Iterable[Mapping[str, Any]], output: tables.Output, *, full: bool) -> None:
    """In a terminal a page of each, else rows; with ``full`` all of it, as JSON."""
    from console import plan_page

    if output is not tables.Output.TABLE:
        rows = printed if full else (row for one in printed for row in plan_page.rows(one))
        tables.write(rows, (), output, out)
        return
    for one in printed:
        if full:
            out.print_json(data=one, ensure_ascii=True)
        elif out.is_terminal:
            plan_page.show(one, out)
        else:
            tables.write(plan_page.rows(one), plan_page.COLUMNS, output, out)


def _write(runs: Iterable["Run"], total: int | None, output: tables.Output, *, full: bool) -> int:
    """Write a row for each run as it ends. Returns how many did not end as they should."""
    from console import replay_page

    failed = 0

    def rows() -> Iterator[Mapping[str, Any]]:
        nonlocal failed
        for run in replay_page.progress(runs, total=total, out=errors):
            failed += bool(run.troubles)
            yield run.to_json() if full else replay_page.row(run)

    tables.write(rows(), (), output, out)
    return failed


def _check_full(full: bool, output: tables.Output) -> None:
    if full and output is tables.Output.CSV:
        raise NotPossible("--full is of many levels, and no table: --output json or jsonl has it")


def _count(files: Sequence[Path]) -> int | None:
    """How many events there are; None of standard input, which can be read only once."""
    from console.event_files import STANDARD_INPUT, events_in

    return None if STANDARD_INPUT in files else sum(1 for _ in events_in(files))


COMMANDS = {
    replay: "cordon replay event.json --mode approve --release",
    plan: "cordon plan event.json",
}
