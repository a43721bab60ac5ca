"""Waiting for what must come: a test waits for a condition, and never for a time."""

import time
from collections.abc import Callable

# Seconds after which what has not ended never will, on a machine that is ten times slower, too.
# Only a fault is waited for so long.
HANGS = 600


def until(
    done: Callable[[], object], complaint: str | Callable[[], object], seconds: float = HANGS
) -> None:
    """Look again and again; AssertionError when it takes too long."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise AssertionError(complaint() if callable(complaint) else complaint)
        time.sleep(0.05)
