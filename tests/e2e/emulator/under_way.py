"""What is under way in the account: so that a test can wait until nothing is, and so that what is
tried again is tried when what it may have run into has ended."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

LONGEST = 600.0  # seconds: a function that runs longer never ends


class _Counts:
    """Of this process."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.now = 0
        self.begun = 0
        self.functions = 0  # of those that are under way now
        self.waiting = 0  # for them to end


_COUNTS = _Counts()


@contextmanager
def counted(functions: int = 0) -> Iterator[None]:
    """Something is under way while it lasts; ``functions`` is 1 where a function runs."""
    _begin(functions)
    try:
        yield
    finally:
        _end(functions)


def beside(work: Callable[..., Any], *inputs: Any) -> None:
    """Let it happen on a thread of its own, under way from now on: the server's own thread
    could not respond to its requests."""
    threading.Thread(target=from_now_on(work), args=inputs, daemon=True).start()


def from_now_on(work: Callable[..., Any]) -> Callable[..., None]:
    """The work, for a thread that begins later: under way from this moment until it has ended."""
    _begin()

    def run(*inputs: Any) -> None:
        try:
            work(*inputs)
        finally:
            _end()

    return run


def counts() -> dict[str, int]:
    """Of which process; how much is under way; how much ever began, so that nothing began between
    two looks that have the same; how many functions run; and what waits for them to end."""
    return {
        "process": os.getpid(),
        "invocations": _COUNTS.now,
        "begun": _COUNTS.begun,
        "functions": _COUNTS.functions,
        "waiting": _COUNTS.waiting,
    }


def until_functions_end() -> None:
    """AWS waits for a minute and longer before it tries again; by then a function that ran has
    mostly ended. Here its end is waited for, however slow the machine."""
    with _COUNTS.changed:
        _COUNTS.waiting += 1
        _COUNTS.changed.wait_for(lambda: not _COUNTS.functions, LONGEST)
        _COUNTS.waiting -= 1


def until_all_ends() -> None:
    """Nothing is under way any more."""
    with _COUNTS.changed:
        _COUNTS.changed.wait_for(lambda: not _COUNTS.now)


def _begin(functions: int = 0) -> None:
    with _COUNTS.changed:
        _COUNTS.now += 1
        _COUNTS.begun += 1
        _COUNTS.functions += functions


def _end(functions: int = 0) -> None:
    with _COUNTS.changed:
        _COUNTS.now -= 1
        _COUNTS.functions -= functions
        _COUNTS.changed.notify_all()
