"""Parallel calls. The embedded account runs them in sequence, so threads are tested here."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from cordon import clients, concurrency
from cordon.concurrency import MAX_PARALLEL, gather
from embedded.patches import one_by_one

TIMEOUT = 60  # seconds; only a failure waits so long


def test_results_are_in_the_order_of_the_calls() -> None:
    def late() -> str:
        time.sleep(0.05)
        return "late"

    assert gather(late, lambda: "soon") == ["late", "soon"]
    assert gather() == []


def test_calls_run_in_parallel() -> None:
    meeting = threading.Barrier(3, timeout=TIMEOUT)
    assert sorted(gather(meeting.wait, meeting.wait, meeting.wait)) == [0, 1, 2]


@pytest.mark.parametrize("make", [concurrency._make, one_by_one(concurrency._make)])
def test_first_error_is_raised_after_all_calls(make: Any) -> None:
    ended = []

    def fail(name: str, seconds: float) -> None:
        time.sleep(seconds)
        ended.append(name)
        raise ValueError(name)

    with pytest.raises(ValueError, match="first"):
        make([lambda: fail("first", 0.05), lambda: fail("second", 0), lambda: ended.append("ok")])
    assert sorted(ended) == ["first", "ok", "second"]


def test_nested_calls_do_not_block() -> None:
    def inner() -> list[int]:
        return gather(*(lambda n=n: n for n in range(MAX_PARALLEL)))

    results: list[Any] = []
    outer = threading.Thread(
        target=lambda: results.extend(gather(*[inner] * (2 * MAX_PARALLEL))), daemon=True
    )
    outer.start()
    outer.join(TIMEOUT)
    assert results == [list(range(MAX_PARALLEL))] * (2 * MAX_PARALLEL)


def test_threads_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    real = ThreadPoolExecutor

    def pool(size: int, **more: Any) -> Any:
        made.append(size)
        return real(size, **more)

    monkeypatch.setattr(concurrency, "ThreadPoolExecutor", pool)
    concurrency._pool.cache_clear()
    for _ in range(3):
        gather(*[lambda: 1] * 3)
    assert made == [MAX_PARALLEL]
    concurrency._pool.cache_clear()


def test_client_is_created_once_for_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    created: list[str] = []

    def client(service: str, **_: Any) -> object:
        time.sleep(0.02)
        created.append(service)
        return object()

    monkeypatch.setattr(clients, "_session", lambda: SimpleNamespace(client=client))
    aws = clients.AwsClients("us-east-1", {})
    same = gather(*[lambda: aws.client("s3")] * 4)
    assert created == ["s3"]
    assert len(set(map(id, same))) == 1
