"""Two at a time, at every point where one can stop and the other go on (B24).

Of a pair, one side makes some calls, then the other makes some, then the first goes to its end, and
then the other: every cut, whichever begins. Then time passes, and what has not ended is taken up.
``faults`` says what a right end is.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import pytest

from cordon.actions import Action
from cordon.errors import (
    CaseConflict,
    ContainFailed,
    ContainInProgress,
    ReleaseFailed,
)
from tests.fencing.account import ORIGINAL, MemoryAccount, memory_account
from tests.fencing.resources import lock, tag
from tests.fencing.turns import Died, Side

Work = Callable[[MemoryAccount], Any]
Plans = dict[str, tuple[Action, ...]]
Cut = tuple[int, ...]
# Whoever raises one of these comes again: its delivery, or its workflow, is tried again.
COMES_AGAIN = (CaseConflict, ContainInProgress, ContainFailed, ReleaseFailed)


def deliver_a(account: MemoryAccount) -> Any:
    return account.deliver("a")


def deliver_b(account: MemoryAccount) -> Any:
    return account.deliver("b")


def release_a(account: MemoryAccount) -> Any:
    return account.release("a")


def release_b(account: MemoryAccount) -> Any:
    return account.release("b")


BOTH = (deliver_a, deliver_b)
PAIRS: dict[str, tuple[tuple[Work, ...], Work, Work]] = {  # what was before, and the two sides
    "a delivery and its duplicate": ((), deliver_a, deliver_a),
    "a contain and its release": ((), deliver_a, release_a),
    "two cases contain": ((), deliver_a, deliver_b),
    "one is released, another contains": ((deliver_a,), release_a, deliver_b),
    "one of two is released, and contains again": (BOTH, release_b, deliver_b),
    "two cases are released": (BOTH, release_a, release_b),
    "one of two is released twice": (BOTH, release_a, release_a),
}
ALIKE = ("two cases contain", "two cases are released")  # whichever begins: names differ, no more
PLANS: dict[str, Plans] = {
    "recognised by value": {"a": (lock("data", "x"),), "b": (lock("data", "x", "y"),)},
    "not recognised by value": {"a": (tag("mark", "a"),), "b": (tag("mark", "b"),)},
}


def finish(*sides: Side) -> None:
    """Each goes to its end; an error after which nobody tries again is a fault of the test."""
    for side in sides:
        error = side.finish().raised
        if error is not None and not isinstance(error, (*COMES_AGAIN, Died)):
            raise error


def every_cut(
    pair: tuple[Sequence[Work], Work, Work],
    end: Callable[[Side, Side], None],
    plans: Plans,
    **more: Any,
) -> Iterator[tuple[Cut, list[str]]]:
    """What is wrong at the end, for every number of calls of each side."""
    before, *two = pair
    with memory_account(plans, **more) as start:
        for work in before:
            work(start)
        began = start.clock.at
        first, longer = 0, True
        while longer:
            second, more_calls = 0, True
            while more_calls:
                account, start.clock.at = start.copy(), began
                one, other = (Side(partial(work, account)) for work in two)
                longer = not one.step(first).over
                more_calls = not other.step(second).over
                end(one, other)
                account.settle()
                yield (first, second), account.faults()
                second += 1
            first += 1


def wrong_ends(cuts: Iterator[tuple[Cut, list[str]]]) -> dict[Cut, list[str]]:
    """The cuts after which something is wrong. There are some that are tried at all."""
    tried = list(cuts)
    assert len(tried) > 10
    return {cut: faults for cut, faults in tried if faults}


def both_go_on(one: Side, other: Side) -> None:
    finish(one, other)


def the_first_dies(one: Side, other: Side) -> None:
    finish(one.die(), other)


def both_die(one: Side, other: Side) -> None:
    finish(one.die(), other.die())


@pytest.mark.drawn(1 / 12)
@pytest.mark.parametrize("look", PLANS)
@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("end", [both_go_on, the_first_dies, both_die])
def test_two_sides_end_right(name: str, look: str, end: Any) -> None:
    before, one, other = PAIRS[name]
    same = end is both_die or name in ALIKE
    ways = {(one, other)} if same else {(one, other), (other, one)}
    for two in ways:
        assert wrong_ends(every_cut((before, *two), end, PLANS[look])) == {}


@pytest.mark.drawn(1 / 12)
@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("end", [both_go_on, the_first_dies])
def test_what_goes_out_together_may_come_in_any_order(name: str, end: Any) -> None:
    """A hold names evidence that is still being written: a death may leave the one or the other.

    Where a value does not show who wrote it, only the evidence and the hold do.
    """
    plans = PLANS["not recognised by value"]
    assert wrong_ends(every_cut(PAIRS[name], end, plans, last_first=True)) == {}


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("releases", [(release_a, release_b), (release_b, release_a)])
def test_unnoted_tag_is_no_persons(releases: tuple[Work, Work]) -> None:
    """A contain that died wrote the tag for both cases; then one of them is released (A7)."""
    for calls in range(30):
        with memory_account(PLANS["not recognised by value"]) as account:
            deliver_a(account)
            Side(partial(deliver_b, account)).step(calls).die()
            account.clock.passes(minutes=5)
            for release in releases:
                release(account)
            assert account.resources.values == ORIGINAL
            assert account.faults() == []


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("look", PLANS)
def test_lost_capture_does_not_stop_a_release(look: str) -> None:
    """A contain died between its evidence and its hold; another case then captured the target."""
    for calls in range(30):
        with memory_account(PLANS[look]) as account:
            Side(partial(deliver_a, account)).step(calls).die()
            account.clock.passes(minutes=5)
            deliver_b(account)
            release_b(account)  # what the first case wants stays
            if account.case("a") is not None:
                release_a(account)
            assert account.resources.values == ORIGINAL
            assert account.faults() == []


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("look", PLANS)
def test_held_back_case_leaves_nothing(look: str) -> None:
    """The budget is used up while another case is released and leaves the target to this one."""
    for two in ((release_a, deliver_b), (deliver_b, release_a)):
        cuts = every_cut(((deliver_a,), *two), both_go_on, PLANS[look], budget=1)
        assert wrong_ends(cuts) == {}


@pytest.mark.drawn(1 / 5)
def test_third_case_is_not_overwritten() -> None:
    """One of two is released while a third comes: what was written for fewer is written again."""

    def deliver_c(account: MemoryAccount) -> Any:
        return account.deliver("c")

    plans: Plans = {**PLANS["recognised by value"], "c": (lock("data", "z"),)}
    for two in ((release_b, deliver_c), (deliver_c, release_b)):
        assert wrong_ends(every_cut((BOTH, *two), both_go_on, plans)) == {}


@pytest.mark.drawn(1 / 5)
def test_overslept_attempt_does_no_harm() -> None:
    """Beyond its lease nobody lives in Lambda. Were it so: what it wrote is taken back at once."""
    for successor in (deliver_a, release_a):
        wrong = {}
        for calls in range(1, 40):
            with memory_account(PLANS["recognised by value"]) as account:
                slow = Side(partial(deliver_a, account)).step(calls)
                account.clock.passes(minutes=5)
                finish(Side(partial(successor, account)))
                slow.finish()
                account.settle()
                if faults := [f for f in account.faults() if not f.startswith("evidence")]:
                    wrong[calls] = (faults, slow.raised)
        assert wrong == {}
