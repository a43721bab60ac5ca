"""A change that needs time: the deployed workflow waits and goes on, and people see for what."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from cordon import clock
from cordon.actions import NotYet
from cordon.actions.s3 import BlockPublicAccess
from cordon.statuses import Status
from embedded.journal import Invoked
from tests.examples import QUARANTINE, event, function_of
from tests.promises.world import World

NAME = "guardduty_public_access"
SOON = timedelta(minutes=1)


@contextmanager
def slow(world: World, needs: timedelta) -> Iterator[None]:
    """The service needs so long before the block can be verified."""
    until = world.account.now + needs
    verify = BlockPublicAccess.verify

    def not_yet(action: BlockPublicAccess, *given: Any) -> None:
        if clock.now() < until:
            raise NotYet(until, "the bucket is being changed")
        verify(action, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BlockPublicAccess, "verify", not_yet)
        yield


def deliver(world: World) -> None:
    world.stage(event(NAME))
    world.account.deliver(event(NAME), patience=SOON)


@pytest.mark.parametrize("mode", ["enforce", "approve"])
def test_workflow_waits_and_goes_on(world: World, mode: str) -> None:
    world.set(f"modes.{QUARANTINE.name}", mode)
    with slow(world, timedelta(minutes=9)):
        deliver(world)
        if mode == "approve":
            case = world.case()
            world.approve(case, patience=SOON)
        case = world.case()
        assert case.status is Status.CONTAINING
        assert case.not_before is not None
        assert "the bucket is being changed" in world.finding(case)["Description"]
        deliver(world)  # it comes again meanwhile, and nothing changes
        assert world.case() == case
        world.account.advance(timedelta(minutes=10))
    case = world.case()
    assert (case.status, case.not_before) == (Status.CONTAINED, None)
    assert world.finding(case)["Title"].startswith("Cordon contained")
    assert world.troubles == []
    assert world.release(case).status is Status.REOPENED
    assert world.holds == {}


def test_long_wait_is_in_the_row(world: World) -> None:
    """No workflow waits for hours: time takes it up again, or the next delivery."""
    with slow(world, timedelta(hours=3)):
        world.send(event(NAME))
        world.account.advance(timedelta(hours=2), schedules="last")
        assert world.case().status is Status.CONTAINING
        world.account.advance(timedelta(hours=1, minutes=10))
    assert world.case().status is Status.CONTAINED


def test_switch_is_looked_at_again_before_it_goes_on(world: World) -> None:
    with slow(world, timedelta(minutes=9)):
        deliver(world)
        world.set("master_switch", "observe")
        world.account.advance(timedelta(minutes=10))
    case = world.case()
    assert case.status is Status.CONTAINING
    assert "master switch is at observe" in case.reason
    woken = [i for i in world.account.journal.of(Invoked) if "cordon" in i.event]
    assert len(woken) < 5  # a moment that has passed is not waited for again and again


def test_what_failed_beside_it_is_taken_up_with_it(world: World) -> None:
    """The delivery that failed comes again before it may go on, and changes nothing."""
    attacked = event("guardduty_ransomware_delete")
    world.stage(attacked)
    with slow(world, timedelta(minutes=9)):
        with world.denied(function_of(QUARANTINE), "s3:PutBucketPolicy"):
            world.account.deliver(attacked, patience=timedelta(minutes=5))
            assert world.case().status is Status.CONTAINING
        world.account.advance(timedelta(minutes=10))
    assert world.case().status is Status.CONTAINED
