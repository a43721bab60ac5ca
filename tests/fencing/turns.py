"""Who goes when: sides that stop before each of their calls, and go on only when told."""

import threading
from collections.abc import Callable
from typing import Any

_own = threading.local()


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
        self._dies = False
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def step(self, calls: int = 1) -> None:
        """Let it go until it has made so many calls more, or is over."""
        for _ in range(calls):
            if self.over:
                return
            self._go.release()
            self._back.acquire()

    def finish(self) -> "Side":
        """Let it go to its end."""
        while not self.over:
            self.step()
        self._thread.join()
        return self

    def die(self) -> "Side":
        """It ends where it is; its next call is never made."""
        self._dies = True
        return self.finish()

    def wait_for_turn(self) -> None:
        """On the side's own thread: the baton goes back until the next turn."""
        self._back.release()
        self._go.acquire()
        if self._dies:
            raise Died
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


def in_turn(calls: Any) -> list[Any]:
    """Instead of ``concurrency._make``: all calls, one after the other, on the side's thread."""
    answers, errors = [], []
    for call in calls:
        try:
            answers.append(call())
        except Exception as error:  # noqa: BLE001 - as the pool does: all end, the first rises
            errors.append(error)
    if errors:
        raise errors[0]
    return answers
