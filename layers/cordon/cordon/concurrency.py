"""Runs independent calls at the same time, because a call spends most of its time waiting."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
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
    """The caller's thread takes part: the first call, and whatever no thread of the pool has begun.

    So calls inside of calls never wait for a thread that waits for them.
    """
    futures = [_pool().submit(call) for call in calls[1:]]
    first: Future[Any] = Future()
    _run(first, calls[0])
    ended = [first, *map(_ended, futures, calls[1:])]
    return [future.result() for future in ended]


def _ended(future: Future[Any], call: Call) -> Future[Any]:
    """The call, when it has ended; run here if it has not begun."""
    if future.cancel():
        future = Future()
        _run(future, call)
    future.exception()
    return future


def _run(future: Future[Any], call: Call) -> None:
    try:
        future.set_result(call())
    except BaseException as error:  # noqa: BLE001 - kept, and raised when all have ended
        future.set_exception(error)


@cache
def _pool() -> ThreadPoolExecutor:
    """One for the life of the sandbox: to start threads takes longer than many a call."""
    return ThreadPoolExecutor(MAX_PARALLEL, thread_name_prefix="cordon")
