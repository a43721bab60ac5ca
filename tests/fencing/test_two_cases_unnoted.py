"""Two cases on one resource, and a write of one of them that nobody noted: its response was lost,
or its process died.

It goes when that case is released, whoever is released first, and passes for nobody's change. Real
actions on moto, at every write of every scenario.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

import pytest

from cordon.actions import Action
from cordon.errors import ReleaseFailed
from embedded.iam_guard import SandboxDied
from tests.actions.scenario import Scenario, account
from tests.actions.test_contract import every_scenario
from tests.faults import DIED_AFTER, LOST, Breakage, nothing
from tests.fencing.account import memory_account
from tests.fencing.test_faults_of_actions import Start, broken
from tests.fencing.test_not_found_once import NOT_RESTORED, ScenarioAccount, untrue
from tests.promises.world import READS


@contextmanager
def contained_by_a(scenario: Scenario) -> Iterator[ScenarioAccount]:
    """Case a has contained the resource; b wants the same target, maybe in another way."""
    plans: dict[str, tuple[Action, ...]] = {"a": (scenario.action,), "b": (scenario.other_case,)}
    with account() as aws, memory_account(plans) as start:
        scenario.prepare(aws)
        made = ScenarioAccount(start.clock, start.plans)
        made.scenario, made.breakage = scenario, nothing()
        made.resources, made.known = aws, 0  # type: ignore[assignment]
        made.original = made.state()
        made.deliver("a")
        made.clock.passes(minutes=5)
        yield made


def tried(account: ScenarioAccount, breakage: Breakage) -> list[str]:
    """The calls of a delivery of b, or of those until it failed."""
    account.breakage = breakage
    with broken(breakage):
        try:
            with breakage.process():
                account.deliver("b")
        except (Exception, SandboxDied):  # noqa: BLE001 - the case's row says what became of it
            account.clock.passes(minutes=5)
    breakage.mend()
    return breakage.seen


def released(account: ScenarioAccount, breakage: Breakage, order: str) -> list[str]:
    """What is wrong when both are released in this order."""
    tried(account, breakage)
    for name in order * 2:  # where an undo has to wait, or b's want alone has no room, again
        if account.case(name) is not None:
            with suppress(ReleaseFailed):
                account.release(name)
            account.clock.passes(days=2)
    found = [f"{name} is releasing" for name in order if account.status(name) == "releasing"]
    found += [*untrue(account, "a"), *untrue(account, "b"), *account.left()]
    if account.state() != account.original:
        found.append("it is not as it was")
    return found


@every_scenario
@pytest.mark.parametrize("order", ["ab", "ba"])
def test_what_nobody_noted_goes_with_its_case(scenario: Scenario, order: str) -> None:
    if scenario.name.endswith(NOT_RESTORED) or scenario.action.kept_because:
        pytest.skip("moto cannot be restored, or nothing is undone")
    found = {}
    with contained_by_a(scenario) as account:
        start = Start(account)
        for number, name in enumerate(start.then(partial(tried, account, nothing()))):
            if READS.match(name.partition(":")[2]):
                continue
            for fault in (LOST, DIED_AFTER):
                once = Breakage(fault, number)
                if faults := start.then(partial(released, account, once, order)):
                    found[once.where] = faults
    assert found == {}
