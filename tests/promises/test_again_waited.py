"""Activity waits for a person, and a later one is contained before anybody decides."""

import pytest

from cordon.statuses import Status
from tests.examples import REVOKE, event, function_of
from tests.promises.test_again import USER, at, later, seen
from tests.promises.world import World, revoked


@pytest.mark.world("approve")
def test_activity_that_waited_is_over_when_a_later_one_was_reached(world: World) -> None:
    """Three days later all that began since would be revoked, for activity before the last one."""
    world.send(seen(event(USER), "11:55"))
    with world.denied(function_of(REVOKE), "iam:UpdateAccessKey"):
        world.approve(world.case())
        at(world, 1, seen(event(USER), "12:50"))
        assert world.case().newer_activity is not None
        world.set(f"modes.{REVOKE.name}", "enforce")
        at(world, 0, seen(event(USER), "12:55"))
    at(world, 0, seen(event(USER), "12:55"))
    case, before = world.case(), revoked(world.state)
    assert case.status is Status.CONTAINED
    later(world, hours=72)
    assert revoked(world.state) == before
    assert world.case().last_activity == case.last_activity


@pytest.mark.world("approve")
@pytest.mark.parametrize(
    ("activity", "waits"), [("11:59", False), ("12:01", False), ("12:50", True)]
)
def test_activity_before_a_failed_attempt_is_no_later_one(
    world: World, activity: str, waits: bool
) -> None:
    """GuardDuty publishes hours later: of what the attempt reached nobody must decide (B4)."""
    world.send(seen(event(USER), "11:55"))
    with world.denied(function_of(REVOKE), "iam:UpdateAccessKey"):
        world.approve(world.case())
        assert world.case().status is Status.PARTLY_CONTAINED
        at(world, 1, seen(event(USER), activity, published="12:55"))
    assert (world.case().newer_activity is not None) is waits
