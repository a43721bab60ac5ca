"""The policy for approvers in docs/operating.md: enough for the commands, and for nothing else."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from console.stack import Stack
from cordon.memory.cases import Case
from cordon.statuses import Status
from tests.promises.world import World, event

GUIDE = Path(__file__).parents[2] / "docs" / "operating.md"
NAME = "quarantine_bucket/guardduty_public_access"
pytestmark = pytest.mark.world("approve")


def policy(world: World) -> dict[str, Any]:
    """The guide's policy, with the names of this stack."""
    text = GUIDE.read_text().partition("<!-- approver: start -->")[2]
    text = text.partition("<!-- approver: end -->")[0].replace("```json", "").replace("```", "")
    stack, place = world.account.stack, world.account.place
    names = {"region": place.region, "account": place.account, "stack": stack.name}
    names |= {"table": stack.outputs["CasesTableName"], "bucket": stack.outputs["EvidenceBucket"]}
    for name, value in names.items():
        text = text.replace(f"<{name}>", value)
    return dict(json.loads(text))


@contextmanager
def approver(world: World, without: str = "") -> Iterator[Stack]:
    """The operator's commands under the guide's policy, without one of its statements."""
    iam, document = world.account.client("iam"), policy(world)
    document["Statement"] = [one for one in document["Statement"] if one["Sid"] != without]
    made = iam.create_role(RoleName="Approver", AssumeRolePolicyDocument="{}")
    iam.put_role_policy(
        RoleName="Approver", PolicyName="approver", PolicyDocument=json.dumps(document)
    )
    with world.account.acting(made["Role"]["Arn"]):
        yield replace(world.operator, client=boto3.client)


def waiting(world: World) -> Case:
    """A case that awaits approval."""
    world.stage(event(NAME))
    world.account.deliver(event(NAME))
    return world.case()


def test_approver_can_do_every_command(world: World) -> None:
    case = waiting(world)
    with approver(world) as operator:
        assert [one.id for one in operator.open_cases()] == [case.id]
        operator.decide(operator.case(case.id), "approve", case.plan_hash)
    world.account.settle()
    assert world.case().status is Status.CONTAINED
    with world.account.acting("arn:aws:iam::111122223333:role/Approver"):
        operator = replace(world.operator, client=boto3.client)
        assert operator.evidence(operator.case(case.id))[1] == ""
        operator.release(operator.case(case.id), "a test")
    world.account.settle()
    assert world.case().status is Status.REOPENED


@pytest.mark.parametrize(
    "sid", ["ReadCases", "ListOpenCases", "Decide", "WakeApproval", "ReadEvidence", "ListEvidence"]
)
def test_no_statement_can_be_left_out(world: World, sid: str) -> None:
    case = waiting(world)
    with approver(world, without=sid) as operator, pytest.raises(ClientError) as refused:
        list(operator.open_cases())
        operator.evidence(operator.case(case.id))
        operator.decide(operator.case(case.id), "approve", case.plan_hash)
    assert refused.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")


@pytest.mark.parametrize("key", ["case#quarantine_bucket#x", "hold#bucket#x", "plan#a#x#y"])
def test_approver_writes_decisions_only(world: World, key: str) -> None:
    waiting(world)
    table = world.account.stack.outputs["CasesTableName"]
    with approver(world), pytest.raises(ClientError, match="AccessDenied"):
        boto3.client("dynamodb").put_item(TableName=table, Item={"id": {"S": key}})
