"""Whatever the order, and whatever dies or happens in between: no two stacks serve at a time."""

import os
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cordon.errors import RunIncomplete
from embedded.iam_guard import SandboxDied
from tests.drawn import SEED
from tests.setting_up.account import ENTRIES, NAMES, Region, Stack, a_region

STACKS = st.sampled_from(NAMES)
CALLS = st.integers(0, 12)  # at which call of an invocation something happens; often at none
OUTCOMES = (ClientError, RunIncomplete, SandboxDied, TimeoutError)
LOOKS = 60  # minutes


class Stacks(RuleBasedStateMachine):
    """Deployments, deletions and looks of three stacks, and a person who moves home.

    A stack that is there looks at least once an hour, as its schedule has it; that look works.
    """

    def __init__(self) -> None:
        super().__init__()
        self.leave = ExitStack()
        self.region: Region = self.leave.enter_context(a_region())
        self.due = dict.fromkeys(NAMES, 0)  # minutes until the schedule's next look
        self.ended: set[str] = set()

    def teardown(self) -> None:
        self.leave.close()

    # ---- one invocation, in which something may happen ----

    def invoked(
        self, stack: Stack, at: int, then: Callable[[], Any], do: Callable[[], Any]
    ) -> bool:
        """Carry it out; before its call number ``at`` something else happens. Did it end well?"""
        calls = [0]

        def hook(_: str) -> None:
            calls[0] += 1
            if calls[0] == at:
                then()

        stack.hook = hook
        try:
            do()
        except OUTCOMES:
            return False
        finally:
            stack.hook = lambda _: None
        return True

    def dies(self) -> None:
        raise SandboxDied

    def look(self, stack: Stack, at: int = 0, then: Callable[[], Any] = lambda: None) -> None:
        if stack.status.startswith(("CREATE_C", "DELETE_I", "DELETE_F")):
            self.invoked(stack, at, then, stack.setup.look)

    # ---- what may happen ----

    @initialize(names=st.permutations(NAMES), count=st.integers(0, 3))
    def there_are_some(self, names: list[str], count: int) -> None:
        for name in names[:count]:
            self.deployed(name, 0, name)

    @rule(name=STACKS, at=CALLS, other=STACKS)
    def deployed(self, name: str, at: int, other: str) -> None:
        """While ``other`` looks. One that fails is retried by nobody here: see ``rolled_back``."""
        stack = self.region[name]
        if stack.status:
            return
        stack.make()
        self.due[name] = LOOKS
        self.invoked(stack, at, lambda: self.looks_beside(name, other), self.creates(stack))
        stack.is_at("CREATE_COMPLETE")

    @rule(name=STACKS, at=CALLS)
    def rolled_back(self, name: str, at: int) -> None:
        """A first deployment that dies on the way, and is deleted again."""
        stack = self.region[name]
        if stack.status:
            return
        stack.make()
        self.invoked(stack, at, self.dies, self.creates(stack))
        self.delete(stack, 0, self.dies)

    def creates(self, stack: Stack) -> Callable[[], Any]:
        return lambda: stack.setup.create(ENTRIES)

    def looks_beside(self, name: str, other: str) -> None:
        if other != name:
            self.look(self.region[other])

    @rule(name=STACKS, at=CALLS, other=STACKS)
    def looked(self, name: str, at: int, other: str) -> None:
        """An event comes, while another stack looks too."""
        self.look(self.region[name], at, lambda: self.looks_beside(name, other))

    @rule(name=STACKS, at=CALLS)
    def look_died(self, name: str, at: int) -> None:
        self.look(self.region[name], at, self.dies)

    @rule(name=STACKS, at=CALLS, dies=st.booleans())
    def begins_to_be_deleted(self, name: str, at: int, dies: bool) -> None:
        """Its functions are there for some time yet; what died is left as it is."""
        stack = self.region[name]
        if stack.status == "CREATE_COMPLETE":
            stack.is_at("DELETE_IN_PROGRESS")
            then = self.dies if dies else lambda: self.look(stack)
            done = self.invoked(stack, at, then, stack.setup.delete)
            stack.is_at("DELETE_IN_PROGRESS" if done else "DELETE_FAILED")

    @rule(name=STACKS, at=CALLS)
    def deleted_while_it_looks(self, name: str, at: int) -> None:
        stack = self.region[name]
        if stack.status == "CREATE_COMPLETE":
            self.look(stack, at, lambda: self.delete(stack, 0, self.dies))

    @rule(name=STACKS)
    def is_deleted(self, name: str) -> None:
        if self.region[name].status.startswith("DELETE_"):
            self.region[name].is_at("DELETE_COMPLETE")

    def delete(self, stack: Stack, at: int, then: Callable[[], Any]) -> None:
        hook = stack.hook
        stack.is_at("DELETE_IN_PROGRESS")
        self.invoked(stack, at, then, stack.setup.delete)
        stack.hook = hook

    @rule(name=STACKS)
    def a_person_moves_home(self, name: str) -> None:
        if self.region[name].status == "CREATE_COMPLETE" and self.region.claim:
            self.region.claims(self.region[name].id)

    @rule(minutes=st.integers(1, 90))
    def time_passes(self, minutes: int) -> None:
        """Every stack looks when its hour is over."""
        while minutes > 0:
            alive = [n for n in NAMES if self.region[n].is_there]
            step = min([minutes, *(self.due[n] for n in alive)])
            self.region.passes(minutes=step)
            minutes -= step
            for name in alive:
                self.due[name] -= step
                if self.due[name] == 0:
                    self.due[name] = LOOKS
                    self.look(self.region[name])
                    self.at_most_one_serves()

    # ---- what must be so ----

    @invariant()
    def at_most_one_serves(self) -> None:
        serving = [stack.name for stack in self.region.stacks.values() if stack.serves]
        assert len(serving) <= 1, serving

    @precondition(lambda self: any(s.status == "CREATE_COMPLETE" for s in self.stacks))
    @rule()
    def one_serves_in_the_end(self) -> None:
        """Nothing happens for some hours, and what was being deleted is: then one serves."""
        for stack in self.stacks:
            if stack.status.startswith("DELETE_"):
                stack.is_at("DELETE_COMPLETE")
        with suppress(ValueError):
            self.time_passes(300)
        rows = [s for s in self.stacks if s.status == "CREATE_COMPLETE" and s.row]
        assert not rows or [s for s in rows if s.serves] or self.claim_of_one_without_a_row()

    def claim_of_one_without_a_row(self) -> bool:
        """A deployment died after it claimed: CloudFormation deletes that stack, here nobody."""
        return any(s.id == self.region.claim and not s.row for s in self.stacks if s.is_there)

    @property
    def stacks(self) -> list[Stack]:
        return list(self.region.stacks.values())


TestStacks = pytest.mark.drawn(1)(pytest.mark.timeout(600)(Stacks.TestCase))
TestStacks.settings = settings(
    max_examples=5 if os.environ.get(SEED) else 25,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
