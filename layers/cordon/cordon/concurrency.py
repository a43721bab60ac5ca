"""Runs independent calls at the same time, because a call spends most of its time waiting."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

MAX_PARALLEL = 8  # a client keeps ten connections open

Call = Callable[[], Any]


def gather(*calls: Call) -> list[Any]:
    """Run the calls in parallel and return their results in order.

    All calls have ended when this returns. If calls raise, the first exception in order is raised.
    Catch inside the call if you need each result.
    """
    return _make(calls) if len(calls) > 1 else [call() for call in calls]


def _make(calls: Sequence[Call]) -> list[Any]:
    with ThreadPoolExecutor(min(len(calls), MAX_PARALLEL)) as pool:
        futures = [pool.submit(call) for call in calls]
    return [future.result() for future in futures]
