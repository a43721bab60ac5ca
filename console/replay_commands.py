"""The commands on recorded events. What plays an account for them is loaded when they run."""

from collections.abc import Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from console import preview, render
from console.options import REPORT, ROOT, Find, on_stack
from console.stack import NotPossible
from cordon.settings import Mode

if TYPE_CHECKING:
    from console.event_files import ReplayEvent
    from console.expected import Deployed

out = Console()
errors = Console(stderr=True)

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
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    details: Annotated[bool, typer.Option("--details", help="Of many events too.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Every property, every line.")] = False,
    report: REPORT = None,
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
    from console.replay_page import show, write
    from console.report import page
    from console.report.replayed import Replayed

    coming = events_in(files)
    first = list(islice(coming, FEW + 1))
    if not first:
        errors.print("no events there")
        raise typer.Exit(2)
    wanted = report is not None
    replay = Replay(ROOT, mode=mode, release=release, approve=approve, keep_evidence=wanted)
    runs, replayed = replay.all(chain(first, coming)), Replayed()
    runs = replayed.through(runs) if wanted else runs
    if as_json:
        failed = write(runs, typer.echo)
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
) -> None:
    """Print what each event leads to in a mode: the rules, the playbook and its plan.

    In a pipe it is JSON, as with --full. Changes nothing. Reads what `cordon replay` reads. Ends
    with 1 where an event cannot be read. With --live the plan is that of the deployed stack and its
    settings; what it would change is read from the account, and nothing is written.
    """
    from console.event_files import events_in

    if write and (live or mode not in (None, Mode.ENFORCE)):
        raise NotPossible("the plan beside an event is that of enforce, and of no account")
    planned = _planned
    if live:
        from console.plans import as_deployed

        stack = find()
        planned = partial(_planned, stack=as_deployed(stack, mode), caller=preview.caller(stack))
    problems = [planned(event, mode, write=write, full=full) for event in events_in(files)]
    if not problems:
        errors.print("no events there")
        raise typer.Exit(2)
    raise typer.Exit(1 if any(problems) else 0)


def _planned(
    event: "ReplayEvent",
    mode: Mode | None,
    *,
    write: bool,
    full: bool,
    stack: "Deployed | None" = None,
    caller: preview.Caller | None = None,
) -> bool:
    """Print or write one event's plan; True where there is a problem, which is said."""
    from console import plan_page, plans

    try:
        if write:
            plans.write(event)
            return False
        printed = plans.planned(event, mode, stack)
        for one in printed:
            one = plans.with_differences(one, caller) if caller else one
            if full or not out.is_terminal:
                out.print_json(data=one, ensure_ascii=True)
            else:
                plan_page.show(one, out)
        problem = plans.unreadable(event, printed)
    except plans.CannotPlan as why:
        problem = str(why)
    if problem:
        errors.print(render.plain(f"{event}: {problem}"), markup=False, soft_wrap=True)
    return bool(problem)


def _count(files: Sequence[Path]) -> int | None:
    """How many events there are; None of standard input, which can be read only once."""
    from console.event_files import STANDARD_INPUT, events_in

    return None if STANDARD_INPUT in files else sum(1 for _ in events_in(files))


COMMANDS = {
    replay: "cordon replay event.json --mode approve --release",
    plan: "cordon plan event.json",
}
