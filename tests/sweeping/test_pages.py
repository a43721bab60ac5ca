"""Findings are read into pages, and each page is sent: none twice at once, none behind too many."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from cordon.backlog import MEMBER, of_sweep, sweep_of
from cordon.errors import Malformed, RunIncomplete
from cordon.sources import read as read_event
from cordon.sweeping import reading, sending
from cordon.sweeping.pages import Pages
from cordon.sweeping.sending import Sender
from cordon.sweeping.wanted import At
from tests.examples import ESCALATE, HEADERS, QUARANTINE, TAG, event
from tests.make import DEPLOYMENT

SWEEP = "20261127T220000Z"
HERE = replace(DEPLOYMENT, region="us-east-1")
QUERIES: Any = ({"Title": [{"Value": "a"}]}, {"Title": [{"Value": "b"}]})


class Bucket:
    """S3, as far as pages need it."""

    def __init__(self) -> None:
        self.objects: dict[str, Any] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:
        self.objects[Key] = json.loads(Body)

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(json.dumps(self.objects[Key]).encode())}

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:
        yield {}
        yield {"Contents": [{"Key": key} for key in self.objects if key.startswith(Prefix)]}


class Hub:
    """GetFindings: so many responses to each query."""

    def __init__(self, responses: int) -> None:
        self.responses = responses
        self.calls = 0

    def get_findings(
        self, *, Filters: Any, MaxResults: int, NextToken: str = "0"
    ) -> dict[str, Any]:
        self.calls += 1
        number = int(NextToken)
        more = {"NextToken": str(number + 1)} if number + 1 < self.responses else {}
        name = Filters["Title"][0]["Value"]
        return {"Findings": [{"Id": f"{name}{number}"}] if MaxResults == 100 else [], **more}


def test_pages_have_every_finding_once() -> None:
    bucket, hub, at = Bucket(), Hub(33), At()
    pages, calls = Pages(bucket, "b", SWEEP), 0
    while at.query < len(QUERIES):
        at = reading.read(QUERIES, at, pages, hub)
        calls += 1
    ids = [one["Id"] for page in bucket.objects.values() for one in page]
    assert ids == [f"{name}{number}" for name in "ab" for number in range(33)]
    assert (at.findings, at.pages, calls) == (66, len(bucket.objects), 4)
    assert hub.calls == 66
    assert next(iter(bucket.objects)) == f"sweeps/{SWEEP}/pages/00000001.json"


def test_a_try_that_comes_twice_writes_the_same_pages() -> None:
    bucket, start = Bucket(), At(token="3")
    pages = Pages(bucket, "b", SWEEP)
    first = reading.read(QUERIES, start, pages, Hub(33))
    before = dict(bucket.objects)
    assert reading.read(QUERIES, start, pages, Hub(33)) == first
    assert bucket.objects == before


def test_where_nothing_is_there_is_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    hub, bucket = Hub(1), Bucket()
    monkeypatch.setattr(hub, "get_findings", lambda **_: {"Findings": []})
    at = reading.read(QUERIES, At(), Pages(bucket, "b", SWEEP), hub)
    assert (at, bucket.objects) == (At(query=2), {})


def test_page_is_no_larger_than_a_function_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_BYTES", 1)
    bucket = Bucket()
    reading.read(QUERIES, At(), Pages(bucket, "b", SWEEP), Hub(33))
    assert [len(page) for page in bucket.objects.values()] == [1] * reading.PAGES


@pytest.mark.parametrize("key", [None, 1, "", "a", f"sweeps/{SWEEP}/sent/00000001.json"])
def test_only_pages_of_this_sweep_are_sent(key: Any) -> None:
    pages = Pages(None, "b", SWEEP)
    for wrong in (key, "sweeps/other/pages/00000001.json", f"sweeps/{SWEEP}/pages/../x.json"):
        with pytest.raises(Malformed):
            pages.page_of(wrong)
    assert pages.page_of(f"sweeps/{SWEEP}/pages/00000012.json") == "00000012"


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a" * 81])
def test_sweep_has_the_name_of_an_execution(name: str) -> None:
    with pytest.raises(Malformed):
        Pages(None, "b", name)


# ---- sending ----


@dataclass
class Queues:
    """SQS: what each queue holds already, and what it was sent."""

    waiting: dict[str, int] = field(default_factory=dict)
    refuses: bool = False
    sent: dict[str, list[str]] = field(default_factory=dict)
    requests: list[int] = field(default_factory=list)

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: list[str]) -> Any:
        (name,) = AttributeNames
        return {"Attributes": {name: str(self.waiting.get(QueueUrl, 0))}}

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> Any:
        self.requests.append(len(Entries))
        if self.refuses:
            return {"Failed": [{"Id": "0", "Code": "InternalError"}]}
        self.sent.setdefault(QueueUrl, []).extend(one["MessageBody"] for one in Entries)
        return {}


def sender(queues: Queues) -> Sender:
    names = (QUARANTINE.name, TAG.name, ESCALATE.name)
    return Sender(HERE, HEADERS, {name: name for name in names}, queues)


def finding(sample: str, **changes: Any) -> dict[str, Any]:
    (one,) = event(sample)["detail"]["findings"]
    return {**one, **changes}


def many(count: int) -> list[dict[str, Any]]:
    """Failed controls of so many endpoints."""
    (resource,) = finding("securityhub_sagemaker_1")["Resources"]
    return [
        finding(
            "securityhub_sagemaker_1",
            Id=f"{number}",
            Resources=[{**resource, "Id": f"{resource['Id']}-{number}"}],
        )
        for number in range(count)
    ]


def test_finding_is_the_event_that_a_rule_would_bring_marked() -> None:
    queues = Queues()
    sender(queues).send([finding("securityhub_s3_8_per_standard")], SWEEP)
    (body,) = queues.sent[QUARANTINE.name]
    sent, brought = json.loads(body), event("securityhub_s3_8_per_standard")
    assert sweep_of(sent) == SWEEP
    assert sent.keys() - {MEMBER} == brought.keys()
    assert sent["detail"] == brought["detail"]
    one, other = (replace(read_event(e, HERE), detail_sha256="") for e in (sent, brought))
    assert one == other


def test_what_is_sent_and_why_the_rest_is_not_is_counted() -> None:
    queues = Queues()
    passed = {"Status": "PASSED", "SecurityControlId": "S3.8"}
    counts = sender(queues).send(
        [
            *many(12),
            finding("securityhub_s3_8_per_standard"),
            finding("securityhub_s3_8_per_standard", Id="of another standard"),
            finding("securityhub_s3_2", Compliance=passed),
            finding("securityhub_guardduty_console_login"),
            finding("securityhub_s3_5"),
            {"Id": "nonsense"},
            "nonsense",
        ],
        SWEEP,
    )
    assert counts == {
        "findings": 19,
        TAG.name: 12,
        QUARANTINE.name: 1,
        sending.SAME_CASE: 1,
        sending.NOT_ACTIVE: 1,
        sending.THREAT: 1,
        sending.NOBODY: 1,
        sending.UNREADABLE: 2,
    }
    assert queues.requests == [10, 2, 1]


def test_full_queue_gets_nothing_nor_do_the_others() -> None:
    queues = Queues(waiting={TAG.name: sending.MOST_WAITING + 1})
    some = [*many(1), finding("securityhub_s3_8_per_standard")]
    assert sender(queues).send(some, SWEEP) is None
    assert queues.sent == {}
    queues.waiting[TAG.name] = sending.MOST_WAITING
    assert sender(queues).send(some, SWEEP)
    assert queues.sent.keys() == {TAG.name, QUARANTINE.name}


def test_what_a_queue_refuses_fails_the_page() -> None:
    with pytest.raises(RunIncomplete, match=r"1 messages to .* InternalError"):
        sender(Queues(refuses=True)).send(many(1), SWEEP)


def test_requests_are_as_large_as_sqs_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    queues, some = Queues(), many(3)
    size = len(json.dumps(of_sweep({"detail": {"findings": [some[0]]}}, SWEEP)))
    monkeypatch.setattr(sending, "MOST_BYTES", 3 * size)
    sender(queues).send(some, SWEEP)
    assert sum(queues.requests) == 3 and len(queues.requests) > 1


# ---- the mark ----


@pytest.mark.parametrize("one", [{}, {"detail": {MEMBER: "a"}}, None, [], "x"])
def test_no_finding_can_say_that_it_is_of_the_backlog(one: object) -> None:
    assert sweep_of(one) == ""


@pytest.mark.parametrize("name", ["", None, 1, True, {}, "a\n", "a" * 81])
def test_mark_that_names_no_sweep_is_refused(name: Any) -> None:
    """It is neither: to take it for a live one would respond to it."""
    with pytest.raises(Malformed):
        sweep_of({MEMBER: name})
