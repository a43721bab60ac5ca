"""A storm: findings arrive, playbooks handle them, people see the cases; the same for a seed.

Every delivery ends in exactly one of ``outcomes``, every case in one status. ``lost`` are those
without an end, ``dead`` is what lies in dead-letter queues. Not in it: reconcile_cases, people.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random

import simpy

from bench.storm import times
from bench.storm.numbers import Numbers
from bench.storm.quotas import QUOTAS, Quota
from bench.storm.reporter import AWAITING, CONTAINED, OBSERVED, Case, Failed, Reporter
from bench.storm.sandboxes import Bucket, Calls, Sandboxes, Steps, deployable
from bench.storm.sources import Queue, Stream, asynchronous
from console.playbook_blocks.block import logical_name
from cordon.memory import budget
from cordon.memory.table import FIRST_WAIT, TRIES
from tests.examples import QUARANTINE, REVOKE, TAG

# The calls of one effect that the resource's service counts: reads before, changes, reads after.
EFFECTS = {
    QUARANTINE.name: (("bucket reads", 2), ("bucket changes", 2), ("bucket reads", 2)),
    REVOKE.name: (("iam reads", 4), ("iam changes", 1), ("iam reads", 1)),
    TAG.name: (("tag reads", 1), ("tag changes", 1), ("tag reads", 1)),
}
FUNCTIONS = {name: logical_name(name) for name in EFFECTS}
WRITES = 12  # units of a contained case's transaction, its captures and its holds
OBSERVE, CONTAIN = "observe", "enforce"  # modes in the section Cost
CONTAINING = "containing"


@dataclass(frozen=True)
class Arrivals:
    """Threats and controls, each spread over so many seconds."""

    threats: int
    threats_in: float
    controls: int
    controls_in: float
    copies: int = 3  # a threat comes by its service, and twice more by Security Hub
    controls_of: Mapping[str, float] = field(
        default_factory=lambda: {TAG.name: 0.8, QUARANTINE.name: 0.2}
    )


@dataclass(frozen=True)
class Conditions:
    """What the storm happens in."""

    numbers: Numbers
    budget: int
    quotas: Mapping[str, Quota] = field(default_factory=lambda: QUOTAS)
    shards: int = times.SHARDS
    seed: int = 1


@dataclass
class Storm:
    """How it ended."""

    cases: list[Case]
    deliveries: int
    outcomes: Counter[str]
    dead: Counter[str]
    calls: Mapping[str, tuple[int, int]]  # by quota: taken, and throttled
    deepest: int
    reports_sent: int
    batches: int
    most: Mapping[str, int]

    @property
    def lost(self) -> int:
        """Deliveries that ended nowhere."""
        return self.deliveries - self.outcomes.total()


class Simulation:
    """One storm. ``run()`` until nothing is left to do."""

    def __init__(self, arrivals: Arrivals, conditions: Conditions) -> None:
        self._arrivals, self._conditions = arrivals, conditions
        numbers = conditions.numbers
        self._env = env = simpy.Environment()
        self._rng = Random(f"services/{conditions.seed}")
        quotas = conditions.quotas
        self._buckets = {q.name: Bucket(env, q) for q in quotas.values() if q.burst}
        limit = int(quotas["lambda concurrency"].rate)
        functions = deployable(numbers.functions, limit)
        self._sandboxes = Sandboxes(env, functions, limit, quotas["lambda scaling"])
        self._memory = numbers.functions[FUNCTIONS[QUARANTINE.name]].memory
        self._outcomes: Counter[str] = Counter()
        self._dead: Counter[str] = Counter()
        self._spent: Counter[str] = Counter()
        self._busy_rows: Counter[int] = Counter()
        self._reporter = Reporter(env, numbers, self._buckets, self._rng, self._send)
        self._reports: Queue[Failed] = Queue(
            env,
            "ReportCases",
            numbers.reports,
            self._sandboxes,
            self._reporter.queue,
            lambda _: self._die("FailedReports"),
        )
        self._stream: Stream[Case] = Stream(
            env,
            "ReportCases",
            numbers.stream,
            conditions.shards,
            self._sandboxes,
            self._reporter.stream,
            lambda _: self._die("FailedRecords"),
        )
        self._queues: dict[str, Queue[Case]] = {
            name: Queue(
                env,
                FUNCTIONS[name],
                numbers.queues[FUNCTIONS[name]],
                self._sandboxes,
                partial(self._controls, name),
                self._dead_control,
            )
            for name in arrivals.controls_of
        }

    def run(self) -> Storm:
        """Everything arrives, and comes to rest."""
        cases = list(self._cases())
        for case in cases:
            if case.threat:
                self._env.process(self._threat(case))
        self._env.process(self._bulk([case for case in cases if not case.threat]))
        self._env.run()
        threats = sum(case.threat for case in cases)
        return Storm(
            cases,
            threats * self._arrivals.copies + len(cases) - threats,
            self._outcomes,
            self._dead,
            {name: (b.taken, b.refused) for name, b in self._buckets.items() if b.taken},
            max((queue.deepest for queue in self._queues.values()), default=0),
            self._reporter.sent,
            self._stream.batches,
            self._sandboxes.most,
        )

    def _cases(self) -> Iterable[Case]:
        """Threats are the same with the bulk and without it: they have their own chance."""
        given, seed = self._arrivals, self._conditions.seed
        rng = Random(f"threats/{seed}")
        for number in range(given.threats):
            playbook = QUARANTINE.name if number % 2 else REVOKE.name
            yield Case(number, playbook, True, rng.uniform(0, given.threats_in))
        rng = Random(f"controls/{seed}")
        shares = given.controls_of
        names = rng.choices(list(shares), list(shares.values()), k=given.controls)
        moments = sorted(rng.uniform(0, given.controls_in) for _ in names)
        for number, (name, at) in enumerate(zip(names, moments, strict=True), given.threats):
            yield Case(number, name, False, at)

    # ---- arriving ----

    def _threat(self, case: Case) -> Steps:
        rng = Random(f"copies/{self._conditions.seed}/{case.number}")
        yield self._env.timeout(case.arrived)
        for copy in range(self._arrivals.copies):
            late = rng.uniform(0, times.COPY.seconds) if copy else 0.0
            self._env.process(self._delivered(case, copy, late))

    def _delivered(self, case: Case, copy: int, late: float) -> Steps:
        yield self._env.timeout(
            late + times.BUS.seconds + self._buckets["rule invocations"].delay()
        )
        function = FUNCTIONS[case.playbook]
        yield from asynchronous(
            self._env,
            function,
            self._conditions.numbers.functions[function],
            self._sandboxes,
            partial(self._handle, case, copy),
            partial(self._die, "FailedInvocations", "dead letter"),
        )

    def _bulk(self, controls: Sequence[Case]) -> Steps:
        for case in controls:
            yield self._env.timeout(max(case.arrived + times.BUS.seconds - self._env.now, 0))
            self._queues[case.playbook].put(case)

    # ---- handling ----

    def _handle(self, case: Case, copy: int, cold: bool) -> Steps:
        """One invocation for one threat; True where it succeeded."""
        yield self._env.timeout(self._start(case.playbook) * cold + self._call())
        if case.status == CONTAINING and self._env.now < case.live_until:
            return False  # ContainInProgress
        if case.decided:
            if copy and not case.known_to_hub:
                case.known_to_hub = True
                yield self._env.timeout(self._call())
                self._stream.ring(case.number, case)
            self._outcomes["unchanged"] += 1
            return True
        case.known_to_hub = case.known_to_hub or copy > 0
        return (yield from self._respond(case))

    def _controls(self, playbook: str, batch: Sequence[Case], cold: bool) -> Steps:
        """One invocation for a batch of controls; what failed."""
        yield self._env.timeout(self._start(playbook) * cold)
        failed = []
        for case in batch:
            case.known_to_hub = True
            yield self._env.timeout(self._call())
            if not (yield from self._respond(case)):
                failed.append(case)
        return failed

    def _respond(self, case: Case) -> Steps:
        """What policy allows: contain, ask, or hold back."""
        if not case.paid and self._spent[case.playbook] >= self._limit(case):
            return (yield from self._over_budget(case))
        if not (yield from self._transaction(case)) or self._taken(case):
            return False  # CaseConflict: somebody was faster
        function = self._conditions.numbers.functions[FUNCTIONS[case.playbook]]
        case.status, case.live_until = CONTAINING, self._env.now + function.timeout
        self._show(case)
        if not case.paid:
            case.paid = self._spent[case.playbook] < self._limit(case)
            self._spent[case.playbook] += case.paid
            yield self._env.timeout(self._call())
        if not case.paid:
            case.live_until = 0
            return (yield from self._over_budget(case))
        return (yield from self._contain(case))

    def _taken(self, case: Case) -> bool:
        """Has another delivery decided the case, or is it at it?"""
        return case.decided or (case.status == CONTAINING and self._env.now < case.live_until)

    def _contain(self, case: Case) -> Steps:
        calls = Calls(self._env, self._buckets, self._rng)
        before, change, after = EFFECTS[case.playbook]
        yield self._env.timeout(self._work(case.playbook, CONTAIN))
        done = yield from self._all(calls, *before)
        if done:
            yield self._env.timeout(self._call())  # the captures
            done = yield from self._all(calls, "s3:PutObject", 1)  # as evidence
        if done:
            done = yield from self._all(calls, *change)
        if done:
            case.contained_at = case.contained_at or self._env.now
            done = yield from self._all(calls, *after)
        if not done:
            case.live_until = 0  # it gives its lease up
            return False
        yield self._env.timeout(3 * self._call())  # what was written, evidence, the case
        self._end(case, CONTAINED)
        return True

    def _all(self, calls: Calls, quota: str, count: int) -> Steps:
        """So many calls at the same time; True where each succeeded."""
        made = [self._env.process(calls.make(quota)) for _ in range(count)]
        yield self._env.all_of(made)
        return all(one.value for one in made)

    def _over_budget(self, case: Case) -> Steps:
        """A threat awaits approval; a control is held back. False: somebody was faster."""
        yield self._env.timeout(self._work(case.playbook, OBSERVE) + 2 * self._call())
        if self._taken(case):
            return False
        case.held_back = not case.threat
        self._end(case, AWAITING if case.threat else OBSERVED)
        return True

    def _transaction(self, case: Case) -> Steps:
        """One that meets another on the same rows is tried again with jitter."""
        for attempt in range(TRIES):
            met = self._busy_rows[case.number] > 0
            self._busy_rows[case.number] += 1
            yield self._env.timeout(self._call())
            self._busy_rows[case.number] -= 1
            if not met and self._buckets["table writes"].take(WRITES):
                return True
            yield self._env.timeout(self._rng.uniform(0, FIRST_WAIT * 2**attempt))
        return False

    # ---- ending ----

    def _end(self, case: Case, status: str) -> None:
        case.status, case.live_until = status, 0
        case.decided_at = self._env.now
        self._outcomes["held back" if case.held_back else status] += 1
        self._show(case)

    def _show(self, case: Case) -> None:
        case.version += 1
        self._stream.ring(case.number, case)

    def _send(self, failed: Failed) -> None:
        self._reports.put(failed)

    def _die(self, queue: str, outcome: str = "") -> None:
        self._dead[queue] += 1
        if outcome:
            self._outcomes[outcome] += 1

    def _dead_control(self, _: Case) -> None:
        self._die("FailedBulkEvents", "dead letter")

    # ---- times ----

    def _call(self) -> float:
        return times.taken(self._rng)

    def _work(self, playbook: str, mode: str) -> float:
        return times.at(self._memory, CPU[playbook, mode])

    def _start(self, playbook: str) -> float:
        return times.SANDBOX.seconds + times.at(self._memory, COLD[playbook])

    def _limit(self, case: Case) -> int:
        return budget.limit(self._conditions.budget, urgent=case.threat)


CPU = {(name, mode): times.cpu(name, mode) for name in FUNCTIONS for mode in (OBSERVE, CONTAIN)}
COLD = {name: times.cold_cpu(name) for name in FUNCTIONS}


def simulate(arrivals: Arrivals, conditions: Conditions) -> Storm:
    """One storm, to its end."""
    return Simulation(arrivals, conditions).run()
