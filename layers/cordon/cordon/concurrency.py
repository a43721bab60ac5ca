"""Calls that do not need each other's answers go out at once: most of a call is waiting."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

AT_ONCE = 8  # a client keeps ten connections open

Call = Callable[[], Any]


def gather(*calls: Call) -> list[Any]:
    """Make the calls beside each other; returns their answers in order.

    All have ended when this returns. Where some raise, the first of them in order rises: who
    wants to know each one's fate catches it inside the call.
    """
    return _make(calls) if len(calls) > 1 else [call() for call in calls]


def _make(calls: Sequence[Call]) -> list[Any]:
    with ThreadPoolExecutor(min(len(calls), AT_ONCE)) as pool:
        made = [pool.submit(call) for call in calls]
    return [one.result() for one in made]
