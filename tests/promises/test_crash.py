"""Sandboxes that die in a workflow's steps, and twice in one delivery, change nothing in the end.

``test_faults`` has a death after each change of a delivery, of an approved plan and of a release.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from cordon.memory.cases import Case
from embedded.iam_guard import SandboxDied
from embedded.journal import Called
from tests.examples import QUARANTINE, event, function_of
from tests.promises.world import Anew, Refused, World, revoked, seen, without_dates

Seen = tuple[dict[str, Any], int]


def looked(world: World) -> Seen:
    """What is seen in the end, and how many messages were sent."""
    return seen(world), len(world.published)


def same(undisturbed: Seen, others: list[tuple[str, Seen]]) -> None:
    """Every death must have ended like the undisturbed run."""
    wanted, sent = undisturbed
    for where, (found, messages) in others:
        assert without_dates(found) == without_dates(wanted), where
        assert messages <= sent + 1, where
        for mine, theirs in zip(revoked(wanted["state"]), revoked(found["state"]), strict=True):
            assert theirs >= mine, where


@pytest.mark.drawn(1 / 5)
@pytest.mark.world("approve")
@pytest.mark.parametrize("calls", [1, 5, 22])
def test_the_workflows_try_again(anew: Anew, calls: int) -> None:
    """The same through the workflow itself: what was approved, and what is released.

    A desk that dies has decided or has not: the person tries again, and time takes up the rest.
    """
    one = event("guardduty_public_access")

    def run(world: World, *, dies: bool) -> tuple[Any, Seen, Seen]:
        world.stage(one)
        before = world.state
        world.account.deliver(one)
        shown = []
        for step in (world.approve, world.release):
            if dies:
                world.account.crash_after(calls)
            try:
                step(world.case())
            except Refused as refused:
                assert "status 500" in str(refused)
                _once_more(world, step)
            world.account.advance(timedelta(minutes=11))
            shown.append(looked(world))
        return before, shown[0], shown[1]

    with anew() as world:
        _, *undisturbed = run(world, dies=False)
    with anew() as world:
        before, *died = run(world, dies=True)
    for mine, theirs in zip(undisturbed, died, strict=True):
        same(mine, [(f"after {calls} calls", theirs)])
    assert died[1][0]["state"] == before


def _once_more(world: World, step: Callable[[Case], object]) -> None:
    """Whoever decides tries it again; refused where it was decided and is being carried out."""
    with suppress(Refused):
        step(world.case())


@pytest.mark.parametrize(("first", "second"), [(20, 12), (8, 18)])
def test_two_deaths_are_survived_too(anew: Anew, first: int, second: int) -> None:
    one = event("guardduty_ransomware_delete")

    def run(world: World, *deaths: int) -> Seen:
        world.stage(one)
        left = list(deaths)

        def hook(call: Called) -> None:
            if left and call.caller == function_of(QUARANTINE):
                left[0] -= 1
                if left[0] == 0:
                    left.pop(0)
                    raise SandboxDied

        world.account.after_call(hook)
        world.account.deliver(one)
        return looked(world)

    with anew() as world:
        wanted, _ = run(world)
    with anew() as world:
        found, messages = run(world, first, second)
    assert without_dates(found) == without_dates(wanted)
    assert messages <= 2
