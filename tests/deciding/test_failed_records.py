"""Records that the reporter gave up are shown again, each object once; nothing is deleted."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from cordon.deciding.failed_records import KEPT, REDELIVERED
from cordon.deciding.redeliver import MOST_LETTERS, RECORDS, RESERVED_MS
from cordon.memory.settings_change import SettingsChange
from tests.deciding.stand_ins import ADA, Office
from tests.deciding.test_redeliver import sends
from tests.examples import QUARANTINE, TAG

FOLDER = f"{KEPT}mapping/shard/2026/11/24/"


@dataclass
class Bucket:
    """S3, and the queue ``Reports``, as far as this needs them."""

    objects: dict[str, bytes] = field(default_factory=dict)
    sent: list[Any] = field(default_factory=list)
    requests: int = 0
    refuses: bool = False

    def keep(self, name: str, *rows: str, **image: Any) -> None:
        records = [{"dynamodb": {"Keys": {"id": {"S": row}}, "NewImage": image}} for row in rows]
        event = json.dumps({"Records": records})
        self.objects[FOLDER + name] = json.dumps({"version": "1.0", "payload": event}).encode()

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        assert Bucket == "failed-records"
        return {"Body": io.BytesIO(self.objects[Key])}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:
        assert Key not in self.objects and Bucket == "failed-records"
        self.objects[Key] = Body

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:
        yield {}
        for key in sorted(self.objects):
            if key.startswith(Prefix):
                yield {"Contents": [{"Key": key}]}

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> Any:
        assert QueueUrl.endswith("/Reports") and len(Entries) <= 10
        self.requests += 1
        if self.refuses:
            return {"Failed": [{"Id": "0"}]}
        self.sent += [json.loads(one["MessageBody"]) for one in Entries]
        return {}

    @property
    def marked(self) -> dict[str, Any]:
        found = {key: body for key, body in self.objects.items() if key.startswith(REDELIVERED)}
        return {key.rpartition("/")[2]: json.loads(body) for key, body in found.items()}


@pytest.fixture
def bucket(office: Office) -> Bucket:
    kept = Bucket()
    office.deployed(failed_records="failed-records")
    services: dict[str, Any] = {"s3": kept, "sqs": kept}
    office.desk = replace(office.desk, client=services.__getitem__)
    return kept


def named(playbook: str, case: str) -> dict[str, str]:
    return {"playbook": playbook, "case": case, "projection": "all"}


def test_each_case_of_an_object_is_shown_once(office: Office, bucket: Bucket) -> None:
    rows = (f"case#{QUARANTINE.name}#a", f"case#{TAG.name}#b", f"case#{QUARANTINE.name}#a")
    bucket.keep("1", *rows, "case#self_test#heartbeat")
    done = sends(office, RECORDS)
    assert (done["redelivered"], done["left"], done["more"]) == (1, 0, False)
    assert bucket.sent == [named(QUARANTINE.name, "a"), named(TAG.name, "b")]
    assert bucket.marked["1"]["by"] == ADA and bucket.marked["1"]["messages"] == 2
    assert FOLDER + "1" in bucket.objects  # it expires


def test_what_was_redelivered_is_not_sent_again(office: Office, bucket: Bucket) -> None:
    bucket.keep("1", f"case#{TAG.name}#a")
    sends(office, RECORDS)
    bucket.keep("2", f"case#{TAG.name}#b")
    assert sends(office, RECORDS)["redelivered"] == 1
    assert bucket.sent == [named(TAG.name, "a"), named(TAG.name, "b")]
    assert sends(office, RECORDS)["redelivered"] == 0


def test_change_of_the_settings_is_looked_at(office: Office, bucket: Bucket) -> None:
    bucket.keep("1", "settings", changed_by={"S": "eve"})
    bucket.keep("2", "settings")  # deleted
    assert sends(office, RECORDS)["redelivered"] == 2
    changes = [SettingsChange.of_message(one["settings"]) for one in bucket.sent]
    assert [one.changed_by for one in changes] == ["eve", "deleted"]


def test_what_the_queue_refuses_is_not_marked(office: Office, bucket: Bucket) -> None:
    bucket.keep("1", f"case#{TAG.name}#a")
    bucket.refuses = True
    done = sends(office, RECORDS)
    assert (done["redelivered"], done["left"]) == (0, 1)
    assert done["why"] == ["the queue Reports did not take 1 messages of an object"]
    assert bucket.marked == {}


@pytest.mark.parametrize(
    "body",
    [
        b"no JSON",
        b"[]",
        b"{}",
        b'{"payload": "{}"}',
        b'{"payload": "{\\"Records\\": [1]}"}',
        b"[" * 100_000,
    ],
)
def test_object_without_records_is_left(office: Office, bucket: Bucket, body: bytes) -> None:
    bucket.objects[FOLDER + "1"] = body
    bucket.keep("2", f"case#{TAG.name}#a")
    done = sends(office, RECORDS)
    assert (done["redelivered"], done["left"], len(done["why"])) == (1, 1, 1)


@pytest.mark.parametrize("row", ["case#nobody#a", f"case#{TAG.name}#", "hold#bucket#x", ""])
def test_row_that_is_no_case_of_ours_is_left(office: Office, bucket: Bucket, row: str) -> None:
    bucket.keep("1", f"case#{TAG.name}#a", row)
    done = sends(office, RECORDS)
    assert (done["redelivered"], done["left"], bucket.sent) == (0, 1, [])


def test_request_is_bounded_and_the_next_one_goes_on(office: Office, bucket: Bucket) -> None:
    bucket.objects[FOLDER] = b"unusable"
    for number in range(MOST_LETTERS + 5):
        bucket.keep(f"{number:03}", f"case#{TAG.name}#{number:03}")
    done = sends(office, RECORDS)
    assert (done["redelivered"], done["left"], done["more"]) == (MOST_LETTERS, 1, True)
    assert sends(office, RECORDS, left=RESERVED_MS)["redelivered"] == 0
    assert sends(office, RECORDS)["redelivered"] == 5
    assert len(bucket.sent) == MOST_LETTERS + 5


def test_batch_of_many_cases_is_sent_in_parts(office: Office, bucket: Bucket) -> None:
    bucket.keep("1", *(f"case#{TAG.name}#{number}" for number in range(25)))
    assert sends(office, RECORDS)["redelivered"] == 1
    assert (bucket.requests, len(bucket.sent)) == (3, 25)
