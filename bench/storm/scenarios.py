"""The storms, what must be true of each, and what would change if a number were another."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite
from typing import Any

from bench.storm.numbers import Numbers
from bench.storm.quotas import QUOTAS
from bench.storm.reporter import AWAITING, CONTAINED, Case
from bench.storm.simulation import Arrivals, Conditions, Storm, simulate
from tests.examples import QUARANTINE, REVOKE, function_of

BUDGET = 10_000
HOUR = Arrivals(threats=1_000, threats_in=3_600, controls=100_000, controls_in=3_600)
MINUTES = Arrivals(threats=167, threats_in=600, controls=16_667, controls_in=600)  # of that hour
SECONDS = Arrivals(threats=1_000, threats_in=5, controls=0, controls_in=1)
AN_HOUR, FIVE_SECONDS = "an hour", "five seconds"
STORMS = {AN_HOUR: HOUR, FIVE_SECONDS: SECONDS}
REPORTED_WITHIN = {AN_HOUR: 10.0, FIVE_SECONDS: 120.0}
BULK_WITHIN = 600.0
UNCHANGED = 1.1  # times the same threats without the bulk


@dataclass(frozen=True)
class Spread:
    """Seconds from arrival; inf where it never came."""

    p50: float
    p99: float
    most: float


def spread(seconds: Sequence[float]) -> Spread | None:
    """Of these; None of none."""
    if not seconds:
        return None
    ranked = sorted(seconds)
    half, nearly = (ranked[min(int(len(ranked) * part), len(ranked) - 1)] for part in (0.5, 0.99))
    return Spread(half, nearly, ranked[-1])


@dataclass(frozen=True)
class Result:
    """One storm with one budget."""

    name: str
    budget: int
    storm: Storm
    calm: Storm | None = None  # the same threats without the bulk

    @property
    def threats(self) -> list[Case]:
        """The cases of threats."""
        return [case for case in self.storm.cases if case.threat]

    @property
    def controls(self) -> list[Case]:
        """The cases of compliance findings."""
        return [case for case in self.storm.cases if not case.threat]

    @property
    def contained(self) -> Spread | None:
        """Of the threats that were contained."""
        return _contained(self.storm)

    @property
    def reported(self) -> Spread | None:
        """Of all threats, until every projection shows what was decided."""
        return _reported(self.threats)

    @property
    def done(self) -> Spread | None:
        """Of the bulk."""
        return spread([_after(case, case.decided_at) for case in self.controls])

    @property
    def bulk_reported(self) -> Spread | None:
        """Of the bulk."""
        return _reported(self.controls)

    def faults(self) -> list[str]:
        """Which targets it misses; [] where it meets all of them."""
        return [*self._lost(), *self._late()]

    def _lost(self) -> Iterator[str]:
        if self.storm.lost:
            yield f"{self.storm.lost} deliveries lost"
        if self.storm.dead:
            yield f"dead letters: {dict(self.storm.dead)}"
        if stray := [c for c in self.threats if c.status not in (CONTAINED, AWAITING)]:
            yield f"{len(stray)} threats neither contained nor put to a person"
        if silent := [case for case in self.storm.cases if case.reported_at is None]:
            yield f"{len(silent)} cases never reported"
        if len(self.threats) > QUOTAS["OpsItems a month"].rate:
            yield "more incidents than OpsCenter takes in a month"

    def _late(self) -> Iterator[str]:
        within = REPORTED_WITHIN[self.name]
        if self.reported and self.reported.p99 > within:
            yield f"threats reported after {self.reported.p99:.1f} s (p99), not {within:g}"
        if self.done and self.done.most > BULK_WITHIN:
            yield f"bulk done after {self.done.most:.0f} s, not {BULK_WITHIN:g}"
        calm = _contained(self.calm) if self.calm else None
        if calm and self.contained and self.contained.p99 > calm.p99 * UNCHANGED:
            before, now = f"{calm.p99:.1f}", f"{self.contained.p99:.1f}"
            yield f"threats contained after {now} s (p99), without the bulk after {before}"


def _contained(storm: Storm) -> Spread | None:
    return spread([_after(c, c.contained_at) for c in storm.cases if c.threat and c.contained_at])


def _reported(cases: Sequence[Case]) -> Spread | None:
    return spread([_after(case, case.reported_at) for case in cases])


def _after(case: Case, moment: float | None) -> float:
    return inf if moment is None else moment - case.arrived


def run(name: str, arrivals: Arrivals, conditions: Conditions) -> Result:
    """One storm, and where it has a bulk, the same threats without it."""
    calm = None
    if arrivals.controls:
        calm = simulate(replace(arrivals, controls=0), conditions)
    return Result(name, conditions.budget, simulate(arrivals, conditions), calm)


def all_results(numbers: Numbers) -> list[Result]:
    """Each storm with a large budget and with the template's default."""
    return [
        run(name, arrivals, Conditions(numbers, budget))
        for name, arrivals in STORMS.items()
        for budget in (BUDGET, numbers.budget)
    ]


def _reserved(numbers: Numbers, count: int) -> Numbers:
    functions = {
        name: replace(one, reserved=count)
        if name in (function_of(QUARANTINE), function_of(REVOKE), "ReportCases")
        else one
        for name, one in numbers.functions.items()
    }
    return replace(numbers, functions=functions)


def sensitivities(numbers: Numbers) -> Iterator[tuple[str, Result]]:
    """What would be, if: ten minutes of the hour, and the five seconds, with a large budget."""
    plain = Conditions(numbers, BUDGET)
    for what, names, changed in _changes(plain):
        for name in names:
            yield what, run(name, MINUTES if name == AN_HOUR else SECONDS, changed)
    quick = replace(MINUTES, controls=HOUR.controls)
    yield "the whole bulk in ten minutes", run(AN_HOUR, quick, plain)


def _changes(plain: Conditions) -> Iterator[tuple[str, Sequence[str], Conditions]]:
    """With the storms that it concerns."""
    both = (AN_HOUR, FIVE_SECONDS)
    yield "nothing else", both, plain
    yield "another seed", both, replace(plain, seed=2)
    yield "the stream has one shard", both, replace(plain, shards=1)
    stream = replace(plain.numbers.stream, lanes=10)
    yield "ParallelizationFactor 10", both, _with(plain, stream=stream)
    for limit in (10, 100):
        yield f"Lambda's limit is {limit}", both, _quota(plain, "lambda concurrency", limit)
    reserved = replace(plain, numbers=_reserved(plain.numbers, 20))
    yield "each function of threats and reports has 20 executions reserved", both, reserved
    for rate in (5, 10, 50):
        changed = _quota(plain, "ssm:OpsItem", rate)
        yield f"OpsCenter takes {rate} a second", (FIVE_SECONDS,), changed
    for rate in (5, 10, 100):
        changed = _quota(plain, "iam changes", rate)
        yield f"IAM takes {rate} changes a second", (FIVE_SECONDS,), changed


def _with(plain: Conditions, **changes: Any) -> Conditions:
    return replace(plain, numbers=replace(plain.numbers, **changes))


def _quota(plain: Conditions, name: str, rate: float) -> Conditions:
    quota = replace(QUOTAS[name], rate=rate, burst=rate if QUOTAS[name].burst else 0)
    return replace(plain, quotas={**plain.quotas, name: quota})


def seconds(value: Spread | None, part: str) -> str:
    """For a table."""
    if value is None:
        return "–"
    number = getattr(value, part)
    return f"{number:,.1f}" if isfinite(number) else "never"
