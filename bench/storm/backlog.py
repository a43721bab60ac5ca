"""``python -m bench sweep``: a sweep of many findings, and what comes meanwhile; simulated.

The sweep reads, then sends page by page while the queues have room, as ``sweep.asl.yaml`` says.
What it sends is only observed. Beside it a few live findings arrive, which are contained.
"""

from collections.abc import Iterable, Iterator, Sequence
from random import Random
from typing import Annotated

import typer

from bench import sections
from bench.storm.numbers import read
from bench.storm.quotas import QUOTAS
from bench.storm.reporter import OBSERVED, Case
from bench.storm.sandboxes import Steps
from bench.storm.scenarios import BUDGET, Spread, seconds, spread
from bench.storm.simulation import OBSERVE, Arrivals, Conditions, Simulation, Storm
from console.account import ROOT
from cordon.sweeping.reading import MOST_FINDINGS, PAGES, RESPONSES
from cordon.sweeping.sending import ENTRIES, MOST_WAITING
from embedded.template import load

FINDINGS = 100_000
LIVE = Arrivals(threats=100, threats_in=3_600, controls=1_000, controls_in=3_600)
PAGE = MOST_FINDINGS * RESPONSES
STATES = load((ROOT / "statemachines" / "sweep.asl.yaml").read_text())["States"]
PAUSE = float(STATES["Pause"]["Seconds"])
AT_ONCE = int(STATES["Send"]["MaxConcurrency"])
ROOM = float(STATES["Send"]["ItemProcessor"]["States"]["WaitForRoom"]["Seconds"])


class Swept(Simulation):
    """The live findings of ``arrivals``, and a sweep of so many others."""

    def __init__(self, arrivals: Arrivals, conditions: Conditions, findings: int) -> None:
        super().__init__(arrivals, conditions)
        self._findings = findings
        self._first = arrivals.threats + arrivals.controls  # number of the first of the backlog
        self._shares = arrivals.controls_of
        self._chance = Random(f"backlog/{conditions.seed}")

    def is_swept(self, case: Case) -> bool:
        """Is it of the backlog?"""
        return case.number >= self._first

    def _cases(self) -> Iterable[Case]:
        yield from super()._cases()
        names = self._chance.choices(
            list(self._shares), list(self._shares.values()), k=self._findings
        )
        for number, name in enumerate(names, self._first):
            yield Case(number, name, False, 0.0)

    def _bulk(self, controls: Sequence[Case]) -> Steps:
        self._env.process(self._sweep([one for one in controls if self.is_swept(one)]))
        yield from super()._bulk([one for one in controls if not self.is_swept(one)])

    def _sweep(self, cases: Sequence[Case]) -> Steps:
        """All is read, as fast as GetFindings allows; then some pages at once are sent."""
        requests = len(cases) / MOST_FINDINGS
        pauses = len(cases) / (PAGE * PAGES) * PAUSE
        yield self._env.timeout(requests / QUOTAS["securityhub:GetFindings"].rate + pauses)
        pages = iter([cases[start : start + PAGE] for start in range(0, len(cases), PAGE)])
        for _ in range(AT_ONCE):
            self._env.process(self._pages(pages))

    def _pages(self, pages: Iterator[Sequence[Case]]) -> Steps:
        for page in pages:
            while any(queue.waiting > MOST_WAITING for queue in self._queues.values()):
                yield self._env.timeout(ROOM)
            for start in range(0, len(page), ENTRIES):
                yield self._env.timeout(self._call())
                for case in page[start : start + ENTRIES]:
                    case.arrived = self._env.now
                    self._queues[case.playbook].put(case)

    def _controls(self, playbook: str, batch: Sequence[Case], cold: bool) -> Steps:
        """What is of the backlog is observed, with one object of evidence for the batch."""
        failed = yield from super()._controls(
            playbook, [one for one in batch if not self.is_swept(one)], cold
        )
        swept = [one for one in batch if self.is_swept(one)]
        for _ in swept:
            yield self._env.timeout(self._call() + self._work(playbook, OBSERVE))
        if swept:
            yield self._env.timeout(self._call())  # the evidence
        for case in swept:
            yield self._env.timeout(self._call())  # its row
            self._end(case, OBSERVED)
        return failed


def live(storm: Storm, *, threats: bool) -> Spread | None:
    """Seconds until live findings were decided."""
    first = LIVE.threats + LIVE.controls
    cases = [one for one in storm.cases if one.number < first and one.threat is threats]
    return spread([one.decided_at - one.arrived for one in cases if one.decided_at is not None])


def section(findings: int, storm: Storm, calm: Storm) -> str:
    """The section of docs/performance.md."""
    first = LIVE.threats + LIVE.controls
    swept = [one for one in storm.cases if one.number >= first]
    decided = max(one.decided_at or 0.0 for one in swept)
    reported = max(one.reported_at or 0.0 for one in swept)
    observed = sum(one.status == OBSERVED for one in swept)
    silent = sum(one.reported_at is None for one in swept)
    waits = [
        (
            what,
            *(seconds(live(one, threats=threats), part) for one in (storm, calm) for part in PARTS),
        )
        for what, threats in (("threats", True), ("controls", False))
    ]
    return "\n\n".join(
        (
            f"## Sweep\n`python -m bench sweep --write` ({sections.machine()}). Simulated as the "
            f"storms are: a sweep of {findings:,} findings, and beside it {LIVE.threats} threats "
            f"and {LIVE.controls:,} controls of an hour, in enforce. Each finding of the backlog "
            "becomes a case that is only observed.",
            f"All are observed after {decided / 60:,.0f} minutes ({observed:,}), and shown to "
            f"people after {reported / 60:,.0f} ({silent:,} never); the deepest queue held "
            f"{storm.deepest:,} messages; lost {storm.lost}, dead letters {storm.dead.total()}.",
            "Seconds until a live finding was decided, while it is swept and without:",
            sections.table(HEAD, waits),
        )
    )


PARTS = ("p50", "p99", "most")
HEAD = ("Live", "p50", "p99", "longest", "p50 without", "p99 without", "longest without")


def main(
    findings: Annotated[int, typer.Option(help="Of the backlog.")] = FINDINGS,
    write: Annotated[bool, typer.Option(help="Write to docs/performance.md.")] = False,
) -> None:
    """A sweep of the backlog, simulated with AWS's quotas. Ends with 1 where anything is lost."""
    conditions = Conditions(read(ROOT), BUDGET)
    storm = Swept(LIVE, conditions, findings).run()
    calm = Swept(LIVE, conditions, 0).run()
    text = section(findings, storm, calm)
    typer.echo(text)
    if write:
        sections.write("sweep", text)
    if storm.lost or storm.dead:
        raise typer.Exit(1)
