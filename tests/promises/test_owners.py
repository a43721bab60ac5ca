"""A playbook's role reaches its own rows, holds and workflows, and nobody else's (C1)."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from console.playbooks import playbooks
from cordon.statuses import Status
from embedded.journal import ExecutionEnded
from tests.examples import REVOKE, TAG, event, function_of
from tests.promises.test_holds_on_one_bucket import BLOCK
from tests.promises.world import PLAYBOOKS, ROOT, World, changed, checked

PUBLIC = "guardduty_public_access"
HELD = {  # how the holds begin that a playbook may write: of targets that it may change anyway
    playbook.name: sorted({action.held() for action in playbook.actions})
    for playbook in playbooks(ROOT)
}
OWNED = ("case", "plan", "passed", "reported", "budget")
Call = Callable[[Any, str, str], Any]


def put(dynamodb: Any, table: str, key: str) -> Any:
    return dynamodb.put_item(TableName=table, Item={"id": {"S": key}})


def update(dynamodb: Any, table: str, key: str) -> Any:
    return dynamodb.update_item(
        TableName=table, Key={"id": {"S": key}}, UpdateExpression="REMOVE nothing"
    )


def delete(dynamodb: Any, table: str, key: str) -> Any:
    return dynamodb.delete_item(TableName=table, Key={"id": {"S": key}})


def read(dynamodb: Any, table: str, key: str) -> Any:
    return dynamodb.batch_get_item(RequestItems={table: {"Keys": [{"id": {"S": key}}]}})


def transact(dynamodb: Any, table: str, key: str) -> Any:
    row = {"TableName": table, "Item": {"id": {"S": key}}}
    return dynamodb.transact_write_items(TransactItems=[{"Put": row}])


def index(dynamodb: Any, table: str, key: str) -> Any:
    return dynamodb.query(
        TableName=table,
        IndexName="open",
        KeyConditionExpression="#open = :playbook",
        ExpressionAttributeNames={"#open": "open"},
        ExpressionAttributeValues={":playbook": {"S": key.split("#")[1]}},
    )


def scan(dynamodb: Any, table: str, _: str) -> Any:
    return dynamodb.scan(TableName=table)


def partiql(dynamodb: Any, table: str, key: str) -> Any:
    return dynamodb.execute_statement(Statement=f"SELECT * FROM \"{table}\" WHERE id='{key}'")


WRITES: tuple[Call, ...] = (put, update, delete, transact)
OTHER_WAYS: tuple[Call, ...] = (index, scan, partiql)


def is_refused(world: World, playbook: str, call: Call, key: str) -> bool:
    """Does IAM refuse the call to the playbook's role?"""
    return refuses(world, world.account.functions[PLAYBOOKS[playbook]].role, call, key)


def refuses(world: World, role: str, call: Call, key: str) -> bool:
    """Does IAM refuse the call to this role?"""
    try:
        with world.account.acting(role):
            call(checked("dynamodb"), world.account.stack.outputs["CasesTableName"], key)
    except ClientError as error:
        return bool(error.response["Error"]["Code"] == "AccessDeniedException")
    return False


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_role_reaches_no_rows_of_others(world: World, playbook: str) -> None:
    others = [other for other in PLAYBOOKS if other != playbook]
    keys = [f"{kind}#{other}#0a1b" for other in others for kind in OWNED]
    theirs = {begin for other in others for begin in HELD[other]}
    own = tuple(HELD[playbook])
    keys += [f"hold#{begin}target" for begin in sorted(theirs) if not begin.startswith(own)]
    for key in keys:
        for call in (*WRITES, read):
            assert is_refused(world, playbook, call, key), (call.__name__, key)


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_role_reads_the_settings_and_writes_none(world: World, playbook: str) -> None:
    before = world.settings
    for call in WRITES:
        assert is_refused(world, playbook, call, "settings"), call.__name__
    assert not is_refused(world, playbook, read, "settings")
    assert world.settings == before


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_role_writes_no_decision_and_no_report(world: World, playbook: str) -> None:
    for owner in PLAYBOOKS:
        for call in WRITES:
            for kind in ("decision", "reported"):
                assert is_refused(world, playbook, call, f"{kind}#{owner}#0a1b"), call.__name__
    for kind in ("decision", "reported"):
        assert not is_refused(world, playbook, read, f"{kind}#{playbook}#0a1b")


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_no_other_way_leads_to_the_rows(world: World, playbook: str) -> None:
    """Neither a call that names no key, nor the index that people review."""
    for call in OTHER_WAYS:
        assert is_refused(world, playbook, call, f"case#{playbook}#0a1b"), call.__name__


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_role_writes_its_own_rows(world: World, playbook: str) -> None:
    """The refusals above are those of the key, not of the call."""
    assert not is_refused(world, playbook, put, f"case#{playbook}#0a1b")
    assert not is_refused(world, playbook, transact, f"case#{playbook}#0a1b")
    assert not is_refused(world, playbook, read, f"case#{playbook}#0a1b")
    for begin in HELD[playbook]:
        assert not is_refused(world, playbook, update, f"hold#{begin}target")
        assert not is_refused(world, playbook, delete, f"hold#{begin}target")


def start(world: World, playbook: str, given: dict[str, str], name: str) -> None:
    """Start a workflow under a playbook's role."""
    states = checked("stepfunctions")
    with world.account.acting(world.account.functions[PLAYBOOKS[playbook]].role):
        states.start_execution(
            stateMachineArn=world.account.machines["Workflow"].arn,
            name=name,
            input=json.dumps(given),
        )
    world.account.settle()


def test_foreign_release_releases_nothing(world: World) -> None:
    """A workflow started for another's case does only what the case's row says already."""
    world.send(event(PUBLIC))
    case, contained = world.case(), world.state
    given = {"case": case.id, "playbook": case.playbook, "function": case.function_arn}
    given |= {"by": "the boss", "why": "I say so"}
    start(world, REVOKE.name, given, "forged")
    assert world.case() == case
    assert world.state == contained


def test_foreign_function_is_given_no_case(world: World) -> None:
    """The case's own playbook finds it among its rows; no other does."""
    world.send(event(PUBLIC))
    case, contained = world.case(), world.state
    function = world.account.functions[function_of(TAG)].arn
    given = {"case": case.id, "playbook": case.playbook, "function": function}
    start(world, TAG.name, given, "forged")
    assert [ended.status for ended in world.account.journal.of(ExecutionEnded)] == ["FAILED"]
    assert world.case() == case
    assert world.state == contained


@pytest.mark.world("approve")
def test_foreign_workflow_approves_nothing(world: World) -> None:
    world.stage(event(PUBLIC))
    before = world.state
    world.account.deliver(event(PUBLIC))
    case = world.case()
    given = {"case": case.id, "playbook": case.playbook, "function": case.function_arn}
    start(world, REVOKE.name, given | {"by": "the boss"}, "forged")
    assert world.case().status is Status.AWAITING_APPROVAL
    assert world.state == before
    world.approve(world.case())
    assert world.case().status is Status.CONTAINED


def test_changed_capture_is_not_restored(world: World) -> None:
    """Whoever can write the table, and not the evidence, makes us restore nothing else."""
    one = event("guardduty_ransomware_delete")
    world.send(one)
    case, contained = world.case(), world.state
    dynamodb, table = (
        world.account.client("dynamodb"),
        world.account.stack.outputs["CasesTableName"],
    )
    (target,) = [t for t in world.holds if t.startswith("bucket-policy")]
    allow = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
    forged = json.dumps({"policy": json.dumps({"Version": "2012-10-17", "Statement": [allow]})})
    dynamodb.update_item(
        TableName=table,
        Key={"id": {"S": f"hold#bucket#{target}"}},
        UpdateExpression="SET captured = :forged",
        ExpressionAttributeValues={":forged": {"S": forged}},
    )
    released = world.release(case)
    assert released.status is Status.RELEASING
    (failed,) = released.failed
    assert failed.action == "deny_bucket_access"
    assert "CaptureMismatch" in failed.reason
    assert "restore manually" in failed.reason
    bucket = case.plan.resources[0].rpartition(":")[2]
    assert world.state["s3"][bucket]["policy"] == contained["s3"][bucket]["policy"]
    assert world.holds[target].cases == {case.id}


def test_earlier_capture_is_not_restored(world: World) -> None:
    """It is in evidence, with a generation of its own; the case's chain names the later one."""
    one = event(PUBLIC)
    world.send(one)
    (target,) = [t for t in world.holds if t.startswith("bucket-public-access-block")]
    dynamodb, table = (
        world.account.client("dynamodb"),
        world.account.stack.outputs["CasesTableName"],
    )
    key = {"id": {"S": f"hold#bucket#{target}"}}
    names = ("captured", "captured_in", "captured_sha256", "generation")
    open_to_all = dynamodb.get_item(TableName=table, Key=key)["Item"]
    world.release(world.case())
    bucket = world.case().plan.resources[0].rpartition(":")[2]
    world.account.client("s3").put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration=dict.fromkeys(BLOCK, True),
    )
    world.account.advance(timedelta(hours=1), schedules="last")
    later = changed(one, "detail.updatedAt", "2026-11-24T13:00:00.000Z")
    world.account.deliver(
        changed(later, "detail.service.eventLastSeen", "2026-11-24T13:00:00.000Z")
    )
    world.approve(world.case())
    assert world.case().status is Status.CONTAINED
    dynamodb.update_item(
        TableName=table,
        Key=key,
        UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in names),
        ExpressionAttributeValues={f":{name}": open_to_all[name] for name in names},
    )
    released = world.release(world.case())
    assert released.status is Status.RELEASING
    (failed,) = released.failed
    assert "CaptureMismatch" in failed.reason
    shown = world.state["s3"][bucket]["public_access_block"]
    assert shown == dict.fromkeys(BLOCK, True)
