"""report_cases: batches of doorbells, and what people see of the cases.

As cordon.reporting does it: projections in turn, threats before controls, groups as large as the
services take them. What a service does not take goes to the queue ``Reports``.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import simpy

from bench.storm import times
from bench.storm.numbers import Numbers
from bench.storm.sandboxes import Bucket, Calls, Steps
from cordon.concurrency import MAX_PARALLEL
from cordon.memory.table import BATCH
from cordon.reporting import event, handle, message, original, security_hub
from cordon.reporting.projection import LONGEST_WAIT, PATIENT_TRIES
from tests.examples import ESCALATE, HEADERS

KEYS = 3  # rows read for a case: case, plan, what was reported
THREADS = MAX_PARALLEL + 1  # the caller's takes part
PROJECTIONS = ("finding", "original", "incident", "message", "event")
OBSERVED, AWAITING, CONTAINED = "observed", "awaiting_approval", "contained"


@dataclass(eq=False)
class Case:
    """A finding and its case. ``version`` counts what people should be shown."""

    number: int
    playbook: str
    threat: bool
    arrived: float
    status: str = ""
    version: int = 0
    held_back: bool = False
    live_until: float = 0.0
    paid: bool = False
    contained_at: float | None = None
    decided_at: float | None = None
    reported_at: float | None = None
    known_to_hub: bool = False  # Security Hub has the original, and an event said so
    absent: bool = False  # Security Hub had no copy of it yet
    shown: dict[str, int] = field(default_factory=dict)

    def due(self, projection: str) -> bool:
        """Does it show something else than it should?"""
        if projection == "original" and self.absent:
            return self.known_to_hub
        if self.shown.get(projection, 0) == self.version:
            return False
        match projection:
            case "original":
                return self.status != OBSERVED
            case "incident":
                return self.threat
            case "message":
                return self.threat and self.status in (AWAITING, CONTAINED)
        return True

    @property
    def decided(self) -> bool:
        """Has it come to the status that people wait for?"""
        return self.status in (OBSERVED, AWAITING, CONTAINED)


RESOLVES = {name for name, playbook in HEADERS.items() if playbook.resolves}
Failed = tuple[Case, str]  # a case and the projection that does not show it


@dataclass(frozen=True)
class Sending:
    """The calls of one invocation, as cordon.reporting.projection makes them."""

    env: simpy.Environment
    calls: Calls
    rng: Random
    until: float
    tries: int

    def call(self, quota: str, time: times.Time) -> Steps:
        """One call; True where the service took it."""
        for left in reversed(range(self.tries)):
            if self.env.now >= self.until:
                return False
            if (yield from self.calls.make(quota, time)):
                return True
            if left:
                yield self.env.timeout(self.rng.uniform(0, LONGEST_WAIT))
        return False


class Reporter:
    """``stream`` and ``queue`` are its two kinds of batches."""

    def __init__(
        self,
        env: simpy.Environment,
        numbers: Numbers,
        buckets: Mapping[str, Bucket],
        rng: Random,
        send: Callable[[Failed], None],
    ) -> None:
        self._env, self._buckets, self._rng, self._send = env, buckets, rng, send
        self._function = numbers.functions["ReportCases"]
        self.sent = 0

    def stream(self, batch: Sequence[Case], cold: bool) -> Steps:
        """A batch of the stream: it never fails as a whole."""
        wanted = [(case, name) for case in batch for name in PROJECTIONS]
        failed = yield from self._report(wanted, cold, patient=False)
        self.sent += len(failed)
        for one in failed:
            self._send(one)
        return True

    def queue(self, batch: Sequence[Failed], cold: bool) -> Steps:
        """A batch of the queue: what it gives back comes again."""
        return (yield from self._report(batch, cold, patient=True))

    def _report(self, wanted: Iterable[Failed], cold: bool, *, patient: bool) -> Steps:
        env, memory = self._env, self._function.memory
        began = env.now
        until = began + self._function.timeout - handle.KEPT.total_seconds()
        calls = Calls(env, self._buckets, self._rng)
        sending = Sending(env, calls, self._rng, until, PATIENT_TRIES if patient else 1)
        start = times.SANDBOX.seconds + times.at(memory, times.cold_cpu(ESCALATE.name))
        only: dict[Case, set[str]] = {}
        for case, projection in wanted:
            only.setdefault(case, set()).add(projection)
        reads = -(-len(only) * KEYS // BATCH)
        work = times.at(memory, times.SHOWN.seconds * len(only))
        yield env.timeout(start * cold + work + sum(times.taken(self._rng) for _ in range(reads)))
        failed: list[Failed] = []
        for threats in (True, False):
            wave = [case for case in only if case.threat is threats]
            for projection in PROJECTIONS if wave else ():
                due = [c for c in wave if projection in only[c] and c.due(projection)]
                if due:
                    failed += yield from self._show(projection, due, sending)
        saves = [times.taken(self._rng) for _ in only]  # of what was shown, several at a time
        yield env.timeout(sum(saves) / min(len(saves), THREADS))
        for case in only:
            self._reported(case)
        return failed

    def _reported(self, case: Case) -> None:
        shown = not any(case.due(projection) for projection in PROJECTIONS)
        if case.decided and case.reported_at is None and shown:
            case.reported_at = self._env.now

    def _show(self, projection: str, due: Sequence[Case], sending: Sending) -> Steps:
        """Each group is one call; what was written meanwhile rings again by itself."""
        versions = {case: case.version for case in due}
        if projection == "original":
            due = yield from self._known(due, sending)
        groups = list(self._groups(projection, due))
        shown: set[Case] = set()

        def one(group: Sequence[Case]) -> Steps:
            if (yield from sending.call(*CALLED[projection])):
                shown.update(group)

        if projection == "incident":
            parts = [_each(one, groups[n::THREADS]) for n in range(THREADS)]
            yield self._env.all_of([self._env.process(part) for part in parts])
        else:
            yield from _each(one, groups)
        for case in shown:
            case.shown[projection] = max(case.shown.get(projection, 0), versions[case])
            case.absent = case.absent if projection != "original" else not case.known_to_hub
        return [(case, projection) for case in versions if case not in shown]

    def _known(self, due: Sequence[Case], sending: Sending) -> Steps:
        """Those of which nothing more must be known, or of which Security Hub said it.

        It must say more of a copy that has come since, and of what is to be resolved.
        """
        unseen = [c for c in due if c.absent or (not c.threat and c.playbook in RESOLVES)]
        known = [case for case in due if case not in unseen]
        for part in _parts(unseen, original.MOST_LOOKED_UP):
            if (yield from sending.call("securityhub:GetFindings", times.CALL)):
                known += part
        return known

    def _groups(self, projection: str, due: Sequence[Case]) -> Iterable[Sequence[Case]]:
        if projection == "original":  # a call gives one note and one status
            bodies: dict[tuple[str, str], list[Case]] = {}
            for case in due:
                bodies.setdefault((case.playbook, case.status), []).append(case)
            for group in bodies.values():
                yield from _parts(group, original.MOST)
            return
        yield from _parts(due, MOST[projection])


MOST = {"finding": security_hub.MOST, "incident": 1, "message": message.MOST, "event": event.MOST}
CALLED = {
    "finding": ("securityhub:BatchImportFindings", times.IMPORTED),
    "original": ("securityhub:BatchUpdateFindings", times.IMPORTED),
    "incident": ("ssm:OpsItem", times.OPS_ITEM),
    "message": ("sns:PublishBatch", times.CALL),
    "event": ("events:PutEvents", times.CALL),
}


def _each(step: Callable[[Sequence[Case]], Steps], groups: Iterable[Sequence[Case]]) -> Steps:
    for group in groups:
        yield from step(group)


def _parts(cases: Sequence[Case], most: int) -> Iterable[Sequence[Case]]:
    for start in range(0, len(cases), most):
        yield cases[start : start + most]
