"""Evidence: write-once, chained, honest about a retry, and read only as it was written."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from console.evidence import copied, verify
from cordon.errors import EvidenceFault
from cordon.evidence import Chain, ChainEnd, EntryRef, Evidence, read_entry, sha256
from embedded.emulation import bare_moto
from tests.examples import QUARANTINE, TAG

BUCKET = "cordon-evidence"
CHAIN = Chain(QUARANTINE.name, "111122223333", "c0ffee")


@pytest.fixture
def s3() -> Iterator[Any]:
    with bare_moto():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
        yield client


def a_chain(s3: Any, link: ChainEnd | None = None, chain: Chain = CHAIN) -> Evidence:
    return Evidence(s3, BUCKET, chain, link or ChainEnd())


def read_all(s3: Any) -> list[dict[str, Any]]:
    keys = sorted(o["Key"] for o in s3.list_objects_v2(Bucket=BUCKET)["Contents"])
    return [json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()) for key in keys]


def put(s3: Any, key: str, body: bytes) -> EntryRef:
    s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    return EntryRef(key, sha256(body))


# ---- writing ----


def test_entries_are_chained_and_say_whose_they_are(s3: Any) -> None:
    proof = a_chain(s3)
    for stage in ("decided", "captured", "applied"):
        proof.write(stage, {"what": stage})
    entries = read_all(s3)
    assert [entry["stage"] for entry in entries] == ["decided", "captured", "applied"]
    assert [entry["key"] for entry in entries] == [CHAIN.key(number) for number in (1, 2, 3)]
    owner = {"playbook": QUARANTINE.name, "account": "111122223333", "case": "c0ffee"}
    assert all(entry.items() >= owner.items() for entry in entries)
    assert proof.link.seq == 3
    assert verify(copied(s3, BUCKET, CHAIN, proof.link)) == []


def test_the_first_entry_names_the_batch_that_it_follows(s3: Any) -> None:
    proof = Evidence(s3, BUCKET, CHAIN, ChainEnd(0, "ab"), "x/batches/1.json")
    proof.write("captured", {})
    proof.write("contained", {})
    assert [entry.get("batch") for entry in read_all(s3)] == ["x/batches/1.json", None]


def test_the_playbook_comes_first_in_the_key() -> None:
    assert CHAIN.key(7) == f"{QUARANTINE.name}/111122223333/c0ffee/000007.json"
    assert CHAIN.key(7).startswith(CHAIN.folder)


def test_retry_without_chain_end_keeps_entries(s3: Any) -> None:
    a_chain(s3).write("captured", {"policy": "as it really was"})
    again = a_chain(s3)  # the first try died before it could keep its link
    again.write("captured", {"policy": "as it is after we changed it"})
    entries = read_all(s3)
    assert len(entries) == 2
    assert entries[0]["content"] == {"policy": "as it really was"}
    assert [entry["content"] for entry in again.orphaned] == [{"policy": "as it really was"}]
    assert verify(copied(s3, BUCKET, CHAIN, again.link)) == []


def test_put_with_lost_response_is_written_once(s3: Any) -> None:
    """botocore tries again, and S3 says that the key is there: by ourselves."""
    at = "2026-11-26T12:00:00Z"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("cordon.evidence.to_iso", lambda _: at)
        first = a_chain(s3).write("captured", {"policy": "x"})
        again = a_chain(s3)
        assert again.write("captured", {"policy": "x"}) == first
    assert again.orphaned == []
    assert len(read_all(s3)) == 1


def test_foreign_object_is_kept_and_chained_to(s3: Any) -> None:
    """It must not keep the case from being contained; ``cordon evidence`` names it."""
    put(s3, CHAIN.key(1), b"\xff no entry")
    proof = a_chain(s3)
    proof.write("captured", {})
    assert proof.orphaned == []
    assert proof.link.seq == 2
    assert [one.text for one in verify(copied(s3, BUCKET, CHAIN, proof.link))] == [
        "entry 1 is not UTF-8"
    ]


def test_a_refused_write_rises(s3: Any) -> None:
    s3.delete_bucket(Bucket=BUCKET)
    with pytest.raises(s3.exceptions.NoSuchBucket):
        a_chain(s3).write("captured", {})


# ---- reading what a hold names ----


def test_an_entry_is_read_by_its_ref(s3: Any) -> None:
    ref = a_chain(s3).write("captured", {"policy": "as it was"})
    assert ref.key == CHAIN.key(1)
    assert read_entry(s3, BUCKET, ref)["content"] == {"policy": "as it was"}
    another = a_chain(s3, chain=Chain(TAG.name, "444455556666", "decaf"))
    assert another.read(ref.key, ref.sha256) == read_entry(s3, BUCKET, ref)


def test_a_missing_entry_is_said(s3: Any) -> None:
    ref = EntryRef(CHAIN.key(1), "0" * 64)
    with pytest.raises(EvidenceFault, match=r"000001\.json is missing$"):
        read_entry(s3, BUCKET, ref)


def test_an_entry_with_other_bytes_is_refused(s3: Any) -> None:
    ref = a_chain(s3).write("captured", {"policy": "as it was"})
    there = s3.get_object(Bucket=BUCKET, Key=ref.key)["Body"].read()
    put(s3, ref.key, there.replace(b"as it was", b"public"))
    with pytest.raises(EvidenceFault, match=f"and {ref.sha256} was written"):
        read_entry(s3, BUCKET, ref)


def test_an_entry_that_lies_at_another_key_is_refused(s3: Any) -> None:
    """Its bytes are as named: but it is another case's, or another number's."""
    ref = a_chain(s3).write("captured", {})
    there = s3.get_object(Bucket=BUCKET, Key=ref.key)["Body"].read()
    for key in (CHAIN.key(2), Chain(QUARANTINE.name, "111122223333", "other").key(1)):
        with pytest.raises(EvidenceFault, match=f"says that its key is {ref.key}"):
            read_entry(s3, BUCKET, put(s3, key, there))


@pytest.mark.parametrize("name", ["playbook", "account", "case", "seq"])
def test_an_entry_that_contradicts_its_own_key_is_refused(s3: Any, name: str) -> None:
    ref = a_chain(s3).write("captured", {})
    entry = json.loads(s3.get_object(Bucket=BUCKET, Key=ref.key)["Body"].read())
    entry[name] = 2 if name == "seq" else "other"
    with pytest.raises(EvidenceFault, match="says that it is entry"):
        read_entry(s3, BUCKET, put(s3, ref.key, json.dumps(entry).encode()))


@pytest.mark.parametrize(
    ("code", "raised"),
    [
        ("AccessDenied", EvidenceFault),  # what S3 says of a missing object to who may not list
        ("SlowDown", ClientError),  # to be tried again, not to be believed
    ],
)
def test_unreadable_entry_raises(code: str, raised: type[Exception]) -> None:
    class Refusing:
        def get_object(self, **_: Any) -> Any:
            raise ClientError({"Error": {"Code": code}}, "GetObject")

    with pytest.raises(raised, match=code):
        read_entry(Refusing(), BUCKET, EntryRef(CHAIN.key(1), "0" * 64))
