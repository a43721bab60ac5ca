"""Evidence: write-once, chained, and honest about a retry."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from cordon.evidence import ChainEnd, Evidence, chain_fault

BUCKET = "cordon-evidence"


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
        yield client


def a_chain(s3: Any, link: ChainEnd | None = None) -> Evidence:
    return Evidence(s3, BUCKET, "111122223333", "c0ffee", link or ChainEnd())


def read_all(s3: Any) -> list[bytes]:
    keys = sorted(o["Key"] for o in s3.list_objects_v2(Bucket=BUCKET)["Contents"])
    return [s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys]


def test_entries_are_chained(s3: Any) -> None:
    proof = a_chain(s3)
    for stage in ("decided", "captured", "applied"):
        proof.write(stage, {"what": stage})
    entries = read_all(s3)
    assert [json.loads(entry)["stage"] for entry in entries] == ["decided", "captured", "applied"]
    assert chain_fault(entries) == ""
    assert proof.link.seq == 3


def test_an_altered_missing_or_reordered_entry_shows(s3: Any) -> None:
    proof = a_chain(s3)
    for stage in ("decided", "captured", "applied"):
        proof.write(stage, {"what": stage})
    first, second, third = read_all(s3)
    assert chain_fault([first, second.replace(b"captured", b"imagined"), third]) == (
        "entry 3 does not follow the one before"
    )
    assert chain_fault([first, third]) == "entry 2 does not follow the one before"
    assert chain_fault([second, first, third]) == "entry 1 does not follow the one before"


def test_a_retry_that_forgot_the_end_of_the_chain_keeps_what_is_there(s3: Any) -> None:
    a_chain(s3).write("captured", {"policy": "as it really was"})
    again = a_chain(s3)  # the first try died before it could keep its link
    again.write("captured", {"policy": "as it is after we changed it"})
    entries = read_all(s3)
    assert len(entries) == 2
    assert json.loads(entries[0])["content"] == {"policy": "as it really was"}
    assert chain_fault(entries) == ""


def test_a_refused_write_rises(s3: Any) -> None:
    s3.delete_bucket(Bucket=BUCKET)
    with pytest.raises(s3.exceptions.NoSuchBucket):
        a_chain(s3).write("captured", {})
