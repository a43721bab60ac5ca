"""Who goes when: sides that stop before each of their calls, and go on only when let."""

import threading
from collections.abc import Callable
from typing import Any

_own = threading.local()
FOR_EVER = 1_000_000  # calls


class Died(BaseException):
    """The process of a side ended at this call. No ``except Exception`` of ours sees it."""


def pause() -> None:
    """Called by every stand-in before each call. Outside a side it does nothing."""
    side: Side | None = getattr(_own, "side", None)
    if side is not None:
        side.wait_for_turn()


class Side:
    """One process. ``step(n)`` lets it make n calls more; ``finish`` lets it go to its end."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.calls = 0
        self.over = False
        self.error: BaseException | None = None
        self._work = work
        self._left = 0  # calls until the baton goes back
        self._dies = False
        self._go, self._back = threading.Lock(), threading.Lock()
        self._go.acquire()
        self._back.acquire()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def step(self, calls: int = 1) -> "Side":
        """Let it go until it has made so many calls more, or is over."""
        if calls and not self.over:
            self._left = calls
            self._go.release()
            self._back.acquire()
        return self

    def finish(self) -> "Side":
        """Let it go to its end."""
        self.step(FOR_EVER)
        self._thread.join()
        return self

    def die(self) -> "Side":
        """It ends where it is; its next call is never made."""
        self._dies = True
        return self.finish()

    def wait_for_turn(self) -> None:
        """On the side's own thread, before a call: the baton goes back when its turn is used up."""
        if self._left == 0:
            self._back.release()
            self._go.acquire()
        if self._dies:
            raise Died
        self._left -= 1
        self.calls += 1

    def _run(self) -> None:
        _own.side = self
        self._go.acquire()
        try:
            if not self._dies:
                self._work()
        except BaseException as error:  # noqa: BLE001 - whoever drives the side looks at it
            self.error = error
        self.over = True
        self._back.release()


def in_turn(calls: Any, *, last_first: bool = False) -> list[Any]:
    """Instead of ``concurrency._make``: all calls, one after the other, on the side's thread.

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
