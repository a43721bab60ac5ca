"""Calls beside each other: in the embedded account they go in turn, so threads are tried here."""

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from cordon import clients, concurrency
from cordon.concurrency import MAX_PARALLEL, gather
from embedded.patches import _in_turn

PATIENCE = 5  # seconds; only a fault waits so long


def test_answers_come_in_the_order_of_the_calls() -> None:
    def late() -> str:
        time.sleep(0.05)
        return "late"

    assert gather(late, lambda: "soon") == ["late", "soon"]
    assert gather() == []


def test_calls_are_made_beside_each_other() -> None:
    meeting = threading.Barrier(3, timeout=PATIENCE)
    assert sorted(gather(meeting.wait, meeting.wait, meeting.wait)) == [0, 1, 2]


@pytest.mark.parametrize("make", [concurrency._make, _in_turn(concurrency._make)])
def test_the_first_of_the_errors_rises_when_all_have_ended(make: Any) -> None:
    ended = []

    def fails(what: str, seconds: float) -> None:
        time.sleep(seconds)
        ended.append(what)
        raise ValueError(what)

    with pytest.raises(ValueError, match="first"):
        make([lambda: fails("first", 0.05), lambda: fails("second", 0), lambda: ended.append("ok")])
    assert sorted(ended) == ["first", "ok", "second"]


def test_calls_within_calls_do_not_wait_for_each_other() -> None:
    def inner() -> list[int]:
        return gather(*(lambda n=n: n for n in range(MAX_PARALLEL)))

    answers: list[Any] = []
    outer = threading.Thread(
        target=lambda: answers.extend(gather(*[inner] * (2 * MAX_PARALLEL))), daemon=True
    )
    outer.start()
    outer.join(PATIENCE)
    assert answers == [list(range(MAX_PARALLEL))] * (2 * MAX_PARALLEL)


def test_a_client_is_made_once_for_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def client(service: str, **_: Any) -> object:
        time.sleep(0.02)
        made.append(service)
        return object()

    monkeypatch.setattr(clients, "_session", lambda: SimpleNamespace(client=client))
    aws = clients.AwsClients("us-east-1", {})
    found = gather(*[lambda: aws.client("s3")] * 4)
    assert made == ["s3"]
    assert len(set(map(id, found))) == 1
