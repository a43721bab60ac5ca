"""One account in memory: what is delivered to Cordon, what people release, and what must be true.

The verbs are those of the product. ``faults`` says what is wrong once everybody has ended.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from console.evidence import Copy, Version, verify
from cordon import concurrency
from cordon.actions import Action
from cordon.attempt import begin
from cordon.contain import contain
from cordon.errors import ContainFailed, ContainInProgress, ReleaseFailed
from cordon.evidence import Chain, ChainEnd, Evidence
from cordon.memory.cases import ActionResult, ActionStatus, Case, Cases
from cordon.memory.holds import Hold, Holds
from cordon.playbook import Plan
from cordon.release import FINDING_SOURCE, release
from cordon.statuses import CONTAIN_ENDED, Event, Status
from tests.fencing.resources import OURS, MemoryResources, MemoryTag, known_to_holds, lock, tag
from tests.fencing.stand_ins import Clock, MemoryBucket, MemoryTable
from tests.fencing.turns import Side, in_turn
from tests.make import ACCOUNT, a_finding

LEASE = timedelta(seconds=60)
ORIGINAL = {"data": ["owner"], "side": [], "mark": "before"}
PERSON = "arn:aws:iam::111122223333:user/ada"
# AWAITING_APPROVAL: the budget was used up while it was claimed, and it is a threat.
AGAIN = (Status.RELEASED, Status.REOPENED, Status.AWAITING_APPROVAL)
ENDS = (*CONTAIN_ENDED, Status.AWAITING_APPROVAL, Status.RELEASED, Status.REOPENED)


@dataclass(frozen=True)
class MemoryServices:
    """``attempt.Services`` of one invocation."""

    cases: Cases
    holds: Holds
    lease_end: datetime
    account: "MemoryAccount"

    def evidence(self, case: Case) -> Evidence:
        chain = Chain(case.playbook, ACCOUNT, case.id)
        return Evidence(self.account.bucket, "evidence", chain, case.evidence_end)

    def aws(self, action: Action, case: Case) -> Any:
        return self.account.resources


@dataclass
class MemoryAccount:
    """Table, evidence, resources and clock, and the plan of each case."""

    clock: Clock
    plans: dict[str, tuple[Action, ...]]
    budget: int | None = None
    table: MemoryTable = field(default_factory=MemoryTable)
    bucket: MemoryBucket = field(default_factory=MemoryBucket)
    resources: MemoryResources = field(default_factory=lambda: MemoryResources(**ORIGINAL))

    def copy(self) -> "MemoryAccount":
        """An account that is as this one is now, and goes its own way at this same moment."""
        again = MemoryAccount(self.clock, self.plans, self.budget)
        again.table.rows.update(self.table.rows)
        again.bucket.objects.update(self.bucket.objects)
        again.resources = MemoryResources(**self.resources.values)
        return again

    def services(self) -> MemoryServices:
        cases = Cases(self.table, "memory")
        lease_end = self.clock.now() + LEASE
        return MemoryServices(cases, Holds(self.table), lease_end, self)

    def case(self, name: str) -> Case | None:
        return self.services().cases.get(name)

    def status(self, name: str) -> str:
        case = self.case(name)
        return str(case.status) if case else ""

    def hold(self, action: Action) -> Hold | None:
        return Holds(self.table).get(action).get(action.target)

    def deliver(self, name: str) -> Case:
        """As ``respond`` does with a finding whose decision is to contain."""
        services = self.services()
        known = services.cases.get(name)
        if known is None or known.status in AGAIN:
            claimed = begin(self._new(name, known), known, Event.CLAIM, services)
            return contain(claimed, services, decided={}, budget=self.budget)
        if known.live and known.lease_until is not None:
            raise ContainInProgress(name, known.lease_until)
        if known.status is Status.CONTAINING or (known.status in CONTAIN_ENDED and known.failed):
            return contain(begin(known, known, Event.CLAIM, services), services)
        return known

    def again(self, name: str) -> Case:
        """As ``respond`` does with activity after it was contained."""
        services, known = self.services(), self.services().cases.get(name)
        if known is None:
            raise KeyError(name)
        claimed = begin(known, known, Event.CLAIM, services)
        return contain(claimed, services, decided={}, again=self.clock.now())

    def release(self, name: str, by: str = PERSON) -> Case | None:
        """A person releases a case, or its control passes."""
        services = self.services()
        case = services.cases.get(name)
        if case is None or case.status not in (*CONTAIN_ENDED, "containing", "releasing"):
            return case
        return release(case, services, by=by, why="a test")

    def passes(self, name: str) -> Case | None:
        return self.release(name, by=FINDING_SOURCE)

    def _new(self, name: str, known: Case | None) -> Case:
        plan, now = Plan(self.plans[name]), self.clock.now()
        return Case(
            id=name,
            playbook="memory",
            finding=a_finding(),
            plan=plan,
            plan_hash=plan.hash,
            status=Status.CONTAINING,
            mode="enforce",
            verdict="contain",
            reason="a test",
            opened_at=now,
            last_activity=now,
            version=known.version if known else 0,
            round=known.round + 1 if known else 1,
            attempt=known.attempt if known else 0,
            changed_at=known.changed_at if known else None,
            evidence_end=known.evidence_end if known else ChainEnd(),
        )

    def settle(self) -> None:
        """Time passes, and whatever has not ended is delivered, or released, again."""
        for _ in range(6):
            self.clock.passes(minutes=5)
            if not any([self._take_up(name) for name in self.plans]):
                return

    def _take_up(self, name: str) -> bool:
        """Was there anything to take up?"""
        case = self.case(name)
        if case is None:
            return False
        interrupted = case.status is Status.CONTAINING or bool(case.failed)
        if not interrupted and case.status is not Status.RELEASING:
            return False
        try:
            if case.status is Status.RELEASING:
                self.release(name, by=case.decided_by)
            else:
                self.deliver(name)
        except (ContainFailed, ReleaseFailed):
            pass  # the row says so; the next time it is tried again
        return True

    def faults(self) -> list[str]:
        """What is not as it must be once everything has ended."""
        cases = [case for name in self.plans if (case := self.case(name)) is not None]
        targets = {a.target: a for plan in self.plans.values() for a in plan}
        return [
            *(f"{case.id} is {case.status}" for case in cases if case.status not in ENDS),
            *(fault for action in targets.values() for fault in self._target_faults(action, cases)),
            *(fault for case in cases for fault in self._evidence_faults(case)),
            *(f"{case.id} says {r.status}" for case in cases for r in case.results if _false(r)),
        ]

    def _target_faults(self, action: Action, cases: list[Case]) -> Iterator[str]:
        """The resource is what the contained cases want, no more and no less; so is the hold."""
        wanted = [
            (case, one)
            for case in cases
            for one in case.plan.actions
            if one.target == action.target and case.status in CONTAIN_ENDED
        ]
        wants = sorted({want for _, one in wanted for want in one.wants})  # type: ignore[attr-defined]
        thing, hold = action.thing, self.hold(action)  # type: ignore[attr-defined]
        shown, right = self.resources.values.get(thing), _value(action, wants)
        if shown is not None and shown != right:
            yield f"{thing} is {shown}, not {right}"
        held = hold.cases if hold is not None else frozenset()
        if shown is not None and held != {case.id for case, _ in wanted}:
            yield f"{thing} is held by {sorted(held)}, wanted by {[c.id for c, _ in wanted]}"
        if hold is not None:
            yield from self._hold_faults(hold, ORIGINAL[thing])

    def _hold_faults(self, hold: Hold, original: Any) -> Iterator[str]:
        """What was captured is how it was before any of us, and evidence says the same."""
        if hold.capture is None:
            yield f"{hold.target} is held and was not captured"
            return
        if not hold.capture.says({"value": original}):
            yield f"{hold.target}: captured {hold.capture.state}"
        proof = Evidence(self.bucket, "evidence", Chain("", ACCOUNT, ""), ChainEnd())
        entry = proof.read(hold.capture.key, hold.capture.sha256)
        said = [c for c in entry["content"]["changes"] if c["target"] == hold.target]
        if not said or said[0]["generation"] != hold.capture.generation:
            yield f"{hold.target}: evidence says another capture"

    def _evidence_faults(self, case: Case) -> Iterator[str]:
        named = Chain(case.playbook, ACCOUNT, case.id)
        chain = self.bucket.chain(case.id)
        versions = tuple(Version(named.key(n), "1", body) for n, body in enumerate(chain, 1))
        for fault in verify(Copy(named, case.evidence_end, versions)):
            yield f"evidence of {case.id}: {fault}"
        last = json.loads(chain[-1])["stage"]
        if case.status not in (last, Status.AWAITING_APPROVAL):
            yield f"evidence of {case.id} ends with {last}, the row with {case.status}"


def _false(result: ActionResult) -> bool:
    """No person changes anything here: nothing may be called a person's change."""
    return result.status is ActionStatus.DRIFTED


def _value(action: Action, wants: list[str]) -> Any:
    """How a target must be: as it was, and with what the cases that hold it want."""
    original = ORIGINAL[action.thing]  # type: ignore[attr-defined]
    if isinstance(action, MemoryTag):
        return " ".join(wants) if wants else original
    return [*original, *(OURS + want for want in wants)]


PLANS: dict[str, tuple[Action, ...]] = {
    "a": (lock("data", "x"), tag("mark", "a")),
    "b": (lock("data", "x", "y"), tag("mark", "b")),
}


@contextmanager
def memory_account(
    plans: dict[str, tuple[Action, ...]] = PLANS, *, last_first: bool = False, **more: Any
) -> Iterator[MemoryAccount]:
    """An account with two cases that hold the same targets; calls go out one after the other."""
    with Clock().installed() as clock, known_to_holds(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(concurrency, "_make", partial(in_turn, last_first=last_first))
        yield MemoryAccount(clock, plans, **more)


def count_calls(work: Callable[[], Any]) -> int:
    """How many calls a piece of work makes where nobody disturbs it."""
    return Side(work).finish().calls
