"""Findings of one delivered batch that are only observed share one object of evidence."""

import json
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from console import evidence_folder
from console.evidence import verdict, verify
from cordon.memory.cases import Case
from cordon.statuses import Status
from embedded.journal import Called, Invoked
from tests.examples import TAG, event, function_of
from tests.promises.world import World

BULK = (
    "securityhub_sagemaker_1",
    "securityhub_sagemaker_2",
    "securityhub_sagemaker_5",
)
pytestmark = pytest.mark.world("observe")


def deliver(world: World) -> None:
    """All of them in one batch."""
    for name in BULK:
        world.stage(event(name))
    for name in BULK:
        world.account.event_delivery.put(event(name))
    world.account.settle()


def written(world: World) -> list[dict[str, Any]]:
    """The calls that wrote evidence."""
    calls = world.account.journal.of(Called)
    return [dict(c.params) for c in calls if world.writes_evidence(c) and c.allowed]


def verified(world: World, case: Case) -> str:
    """What ``cordon evidence`` says of the case."""
    copy = world.operator.evidence_copy(case)
    return verdict(copy, verify(copy))


def test_batch_writes_one_object(world: World) -> None:
    deliver(world)
    assert [case.status for case in world.cases] == [Status.OBSERVED] * 3
    (entry,) = written(world)
    assert entry["Key"].startswith(f"{TAG.name}/batches/2026-11-24/")
    said = json.loads(entry["Body"])
    for case in world.cases:
        assert case.observed is not None
        record = said["observed"][case.observed.position]
        assert record["case"] == case.id
        assert record["content"]["decision"]["verdict"] == "observe"
        assert record["content"]["plan_hash"] == case.plan_hash
        assert verified(world, case).startswith("evidence verified: 0 entries after the decision")
    assert world.troubles == []


def test_chain_begins_at_the_batch(world: World) -> None:
    deliver(world)
    world.set(f"modes.{TAG.name}", "enforce")
    world.account.deliver(event(BULK[0]))
    (case,) = [case for case in world.cases if case.status is Status.TAGGED]
    assert case.observed is not None
    assert world.evidence(case)[0]["previous"] == case.observed.sha256
    assert verified(world, case).startswith("evidence verified: 2 entries after the decision in")
    world.release(case)
    assert world.troubles == []


def test_missing_batch_is_a_fault(world: World) -> None:
    deliver(world)
    case = world.cases[0]
    assert case.observed is not None
    s3, bucket = world.account.client("s3"), world.account.stack.outputs["EvidenceBucket"]
    (version,) = s3.list_object_versions(Bucket=bucket, Prefix=case.observed.key)["Versions"]
    s3.delete_object(
        Bucket=bucket,
        Key=case.observed.key,
        VersionId=version["VersionId"],
        BypassGovernanceRetention=True,
    )
    assert "NOT verified" in verified(world, case)


@pytest.mark.parametrize(
    ("deleted", "said"), [(True, "was deleted: delete marker"), (False, "was written over")]
)
def test_hidden_batch_is_a_fault(world: World, tmp_path: Any, deleted: bool, said: str) -> None:
    """What was first written is still there; somebody has tried that it is not seen."""
    deliver(world)
    case = world.cases[0]
    assert case.observed is not None
    place = {"Bucket": world.account.stack.outputs["EvidenceBucket"], "Key": case.observed.key}
    s3 = world.account.client("s3")
    if deleted:
        s3.delete_object(**place)
    else:
        s3.put_object(**place, Body=b"{}")
    copy = world.operator.evidence_copy(case)
    (fault,) = verify(copy)
    assert said in str(fault)
    evidence_folder.write(copy, tmp_path / "copy")
    offline, faults, _ = evidence_folder.read(tmp_path / "copy")
    assert [*faults, *verify(offline)] == [fault]


def test_row_of_another_place_is_a_fault(world: World) -> None:
    deliver(world)
    first, second = world.cases[:2]
    assert first.observed is not None and second.observed is not None
    dynamodb = world.account.client("dynamodb")
    dynamodb.update_item(
        TableName=world.account.stack.outputs["CasesTableName"],
        Key={"id": {"S": f"case#{first.playbook}#{first.id}"}},
        UpdateExpression="SET observed.#position = :other",
        ExpressionAttributeNames={"#position": "position"},
        ExpressionAttributeValues={":other": {"N": str(second.observed.position)}},
    )
    assert "NOT verified" in verified(world, world.operator.case(first.id))


def test_copy_of_a_batch_is_verified_offline(world: World, tmp_path: Any) -> None:
    deliver(world)
    evidence_folder.write(world.operator.evidence_copy(world.cases[0]), tmp_path / "copy")
    copy, faults, _ = evidence_folder.read(tmp_path / "copy")
    assert [*faults, *verify(copy)] == []
    body = (tmp_path / "copy" / "batch.json").read_bytes()
    (tmp_path / "copy" / "batch.json").write_bytes(body.replace(b"observe", b"contain", 1))
    copy, faults, _ = evidence_folder.read(tmp_path / "copy")
    assert [*faults, *verify(copy)] != []


def batches(world: World) -> list[int]:
    """How many messages each invocation for a batch had."""
    made = world.account.journal.of(Invoked)
    events = [one.event for one in made if one.function == function_of(TAG)]
    return [len(event["Records"]) for event in events if "Records" in event]


def fail_once(world: World, operation: str, error: Exception) -> None:
    """The call is made, and its response is this error."""
    left = [error]

    def respond(call: Called) -> None:
        if call.operation == operation and left:
            raise left.pop()

    world.account.after_call(respond)


def all_observed(world: World) -> bool:
    """Each case, with evidence of its decision, and no message left."""
    assert [case.status for case in world.cases] == [Status.OBSERVED] * 3
    for case in world.cases:
        assert "NOT" not in verified(world, case)
    return world.account.messages("FailedBulkEvents") == []


def test_altered_batch_is_a_fault(world: World) -> None:
    """Also where it still has the case at its place."""
    deliver(world)
    copy = world.operator.evidence_copy(world.cases[0])
    assert copy.batch is not None
    altered = replace(copy, batch=copy.batch.replace(b'"observe"', b'"contain"', 1))
    assert altered.batch != copy.batch
    (fault,) = verify(altered)
    assert "its sha256 is another" in str(fault)


def test_failed_row_comes_again_alone(world: World) -> None:
    """The row of one case is not written: its message alone comes back."""
    throttled = {"Error": {"Code": "InternalServerError", "Message": "later"}}
    fail_once(world, "PutItem", ClientError(throttled, "PutItem"))
    deliver(world)
    assert batches(world) == [3, 1]
    assert all_observed(world)


def test_unexpected_error_brings_the_batch_again(world: World) -> None:
    fail_once(world, "PutItem", TimeoutError())
    deliver(world)
    assert batches(world) == [3, 3]
    assert all_observed(world)
