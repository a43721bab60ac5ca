"""Who goes when: sides that stop before each of their calls, and go on only when let.

A side is a greenlet: to switch between threads took much of a pair's time, and on a busy machine
minutes.
"""

from collections.abc import Callable
from typing import Any

from greenlet import getcurrent, greenlet

FOR_EVER = 1_000_000  # calls


class Died(BaseException):
    """The process of a side ended at this call. No ``except Exception`` of ours sees it."""


def pause() -> None:
    """Called by every stand-in before each call. Outside a side it does nothing."""
    side = getcurrent()
    if isinstance(side, Side):
        side.wait_for_turn()


class Side(greenlet):
    """One process. ``step(n)`` lets it make n calls more; ``finish`` lets it go to its end."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__()
        self.calls = 0
        self.over = False
        self.raised: BaseException | None = None
        self._work = work
        self._left = 0  # calls until whoever drives it goes on
        self._dies = False

    def step(self, calls: int = 1) -> "Side":
        """Let it go until it has made so many calls more, or is over."""
        if calls and not self.over:
            self._left = calls
            self.switch()
        return self

    def finish(self) -> "Side":
        """Let it go to its end."""
        return self.step(FOR_EVER)

    def die(self) -> "Side":
        """It ends where it is; its next call is never made."""
        self._dies = True
        return self.finish()

    def wait_for_turn(self) -> None:
        """In the side, before a call: whoever drives it goes on when the turn is used up."""
        if self._left == 0:
            assert self.parent is not None
            self.parent.switch()
        if self._dies:
            raise Died
        self._left -= 1
        self.calls += 1

    def run(self) -> None:
        try:
            if not self._dies:
                self._work()
        except BaseException as error:  # noqa: BLE001 - whoever drives the side looks at it
            self.raised = error
        self.over = True


def in_turn(calls: Any, *, last_first: bool = False) -> list[Any]:
    """Instead of ``concurrency._make``: all calls, one after the other, in the side.

    What goes out at the same time may arrive in any order: ``last_first`` is the other one.
    """
    results: dict[int, Any] = {}
    errors: dict[int, Exception] = {}
    for number, call in sorted(enumerate(calls), key=lambda pair: pair[0], reverse=last_first):
        try:
            results[number] = call()
        except Exception as error:  # noqa: BLE001 - as the pool does: all end, the first rises
            errors[number] = error
    if errors:
        raise errors[min(errors)]
    return [results[number] for number in range(len(calls))]
