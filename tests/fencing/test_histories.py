"""Longer histories, drawn by hypothesis: whatever came before, everything ends right."""

from functools import partial
from typing import Any

from botocore.exceptions import EndpointConnectionError
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cordon.actions import Action
from tests.fencing.account import memory_account
from tests.fencing.resources import lock, tag
from tests.fencing.test_pairs import COMES_AGAIN
from tests.fencing.turns import Died, Side

PLANS: dict[str, tuple[Action, ...]] = {
    "a": (lock("data", "x"), tag("mark", "a")),
    "b": (lock("data", "x", "y"), tag("mark", "b")),
    "c": (lock("data", "z"),),
}
VERBS = ("deliver", "release", "passes")
CASES = st.sampled_from(sorted(PLANS))
CALLS = st.integers(0, 24)


def require_ended_well(side: Side) -> None:
    """An error after which nobody comes again would lose the case."""
    if side.raised is not None and not isinstance(side.raised, (*COMES_AGAIN, Died)):
        raise side.raised


class History(RuleBasedStateMachine):
    """Three cases on two targets; at most two sides at a time, and each may die."""

    def __init__(self) -> None:
        super().__init__()
        self.context = memory_account(PLANS)
        self.account = self.context.__enter__()
        self.sides: list[Side] = []

    def teardown(self) -> None:
        for side in self.sides:
            require_ended_well(side.finish())
        self.account.resources.errors = {}
        self.account.settle()
        faults = self.account.faults()
        self.context.__exit__(None, None, None)
        assert faults == []

    @rule(verb=st.sampled_from(VERBS), case=CASES, calls=CALLS)
    def begins(self, verb: str, case: str, calls: int) -> None:
        """A delivery or a release begins, and stops after some calls."""
        work: Any = getattr(self.account, verb)
        self.sides.append(Side(partial(work, case)).step(calls))

    @rule(which=st.integers(0, 3), calls=CALLS)
    def goes_on(self, which: int, calls: int) -> None:
        if self.sides:
            self.sides[which % len(self.sides)].step(calls)

    @rule(which=st.integers(0, 3))
    def dies(self, which: int) -> None:
        if self.sides:
            require_ended_well(self.sides.pop(which % len(self.sides)).die())

    @rule(refused=st.booleans())
    def service_fails(self, refused: bool) -> None:
        """From now on, or no longer, the bucket refuses every change."""
        errors = {"data": EndpointConnectionError(endpoint_url="s3")} if refused else {}
        self.account.resources.errors = errors

    @rule()
    def time_passes(self) -> None:
        """Beyond every lease: whoever has not ended by then was ended by Lambda."""
        for side in self.sides:
            require_ended_well(side.die())
        self.sides.clear()
        self.account.clock.passes(minutes=5)

    @invariant()
    def who_waits_is_few(self) -> None:
        for side in [side for side in self.sides if side.over]:
            require_ended_well(side)
            self.sides.remove(side)


TestHistories = History.TestCase
TestHistories.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
