"""Two at a time, at every point where one can stop and the other go on (B24).

One side makes ``first`` calls, then the other makes ``second`` calls, then the first goes to its
end, then the other: all cuts, whichever begins. Where one died instead, its successor comes.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cordon.errors import (
    CaseConflict,
    ContainFailed,
    ContainInProgress,
    HoldReleased,
    ReleaseFailed,
)
from tests.fencing.account import MemoryAccount, count_calls, memory_account
from tests.fencing.turns import Died, Side

Work = Callable[[MemoryAccount], Any]
Pair = tuple[tuple[Work, ...], Work, Work]  # what was before, and the two sides

LATER = (CaseConflict, ContainInProgress, ContainFailed, ReleaseFailed)  # the delivery comes again


def deliver_a(account: MemoryAccount) -> Any:
    return account.deliver("a")


def deliver_b(account: MemoryAccount) -> Any:
    return account.deliver("b")


def release_a(account: MemoryAccount) -> Any:
    return account.release("a")


def release_b(account: MemoryAccount) -> Any:
    return account.release("b")


PAIRS: dict[str, Pair] = {
    "duplicate delivery": ((), deliver_a, deliver_a),
    "release during contain": ((), deliver_a, release_a),
    "two cases contain": ((), deliver_a, deliver_b),
    "a case comes while one is released": ((deliver_a,), release_a, deliver_b),
    "a case comes while one of two is released": ((deliver_a, deliver_b), release_a, release_b),
    "a released case comes again": ((deliver_a, deliver_b), release_b, deliver_a),
    "a release twice": ((deliver_a,), release_a, release_a),
}


def cuts(before: tuple[Work, ...], one: Work, other: Work) -> Iterator[tuple[int, int]]:
    """Every number of calls for each side."""
    with memory_account() as account:
        for work in before:
            work(account)
        longest = [count_calls(lambda: one(account)) + 8]
        longest.append(longest[0])
    yield from ((first, second) for first in range(longest[0]) for second in range(longest[1]))


def require_known_error(side: Side) -> None:
    """A side ends well, or with an error after which it is tried again."""
    if side.error is not None and not isinstance(side.error, (*LATER, Died)):
        raise side.error


@pytest.mark.parametrize("name", PAIRS)
def test_two_sides_end_right(name: str) -> None:
    before, *sides = PAIRS[name]
    for one, other in (sides, reversed(sides)):
        assert interleave(before, one, other) == {}


def interleave(before: tuple[Work, ...], one: Work, other: Work) -> dict[tuple[int, int], Any]:
    """The wrong ends, by cut."""
    wrong = {}
    first = 0
    while True:
        second, more = 0, True
        while more:
            with memory_account() as account:
                for work in before:
                    work(account)
                a, b = Side(lambda: one(account)), Side(lambda: other(account))
                a.step(first + 1)
                b.step(second + 1)
                done, more = a.over, not b.over
                for side in (a, b):
                    require_known_error(side.finish())
                account.settle()
                if faults := account.faults():
                    wrong[first, second] = faults
            second += 1
        if done:
            return wrong
        first += 1
