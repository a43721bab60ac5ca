"""The emulated CloudFormation rolls back, keeps and names as AWS does."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.account import PYTHON, Account, emulator
from tests.e2e.small_stacks import deploy, function
from tests.e2e.waiting import until

CODE = """
import json, urllib3
def handler(event, context):
    print("GOT " + json.dumps([event["RequestType"], event.get("PhysicalResourceId")]))
    refused = event["ResourceProperties"].get("Refuse") == event["RequestType"]
    same = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    said = {"Status": "FAILED" if refused else "SUCCESS", "PhysicalResourceId": "made"}
    body = json.dumps({**same, **said, "Reason": "no"})
    urllib3.PoolManager().request("PUT", event["ResponseURL"], body=body)
"""
HEARS = """
def handler(event, context):
    print("GOT " + event["detail"]["status-details"]["status"] + " " + event["resources"][0])
"""
TABLE: dict[str, Any] = {
    "Type": "AWS::DynamoDB::Table",
    "DeletionPolicy": "RetainExceptOnCreate",
    "Properties": {
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    },
}
BUCKET = {"Type": "AWS::S3::Bucket", "DeletionPolicy": "RetainExceptOnCreate"}
LOG = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/taken"}}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    assert PYTHON.exists(), f"{PYTHON} is missing: use `make e2e`"
    with emulator(tmp_path_factory.mktemp("emulator") / "log") as running:
        yield running


def custom(refuse: str = "") -> dict[str, Any]:
    properties = {"ServiceToken": {"Fn::GetAtt": ["Reader", "Arn"]}, "Refuse": refuse}
    return {**function(CODE), "Made": {"Type": "Custom::Made", "Properties": properties}}


def ended(account: Account, stack: str) -> str:
    """The status at which a stack rests."""
    cloudformation = account.client("cloudformation")

    def status() -> str:
        stacks = cloudformation.list_stacks()["StackSummaries"]
        return str(next(s["StackStatus"] for s in stacks if s["StackName"] == stack))

    until(lambda: not status().endswith("IN_PROGRESS"), f"{stack} does not rest")
    return status()


def delete(account: Account, stack: str) -> str:
    account.client("cloudformation").delete_stack(StackName=stack)
    return ended(account, stack)


def printed(account: Account, function: str) -> list[str]:
    named = {"logGroupName": f"/aws/lambda/{function}", "filterPattern": "GOT"}
    found = account.client("logs").filter_log_events(**named)["events"]
    return [one["message"].strip().removeprefix("GOT ") for one in found]


def test_a_create_that_fails_leaves_what_is_kept_at_a_delete_only(account: Account) -> None:
    with pytest.raises(AssertionError, match="ROLLBACK"):
        deploy(account, "one", {"Table": TABLE, "Bucket": BUCKET, **custom("Create")})
    assert ended(account, "one") == "ROLLBACK_COMPLETE"
    assert account.client("dynamodb").list_tables()["TableNames"] == []
    assert account.client("s3").list_buckets()["Buckets"] == []
    assert account.client("lambda").list_functions()["Functions"] == []


def test_a_custom_resource_that_failed_is_deleted_by_its_own_id(account: Account) -> None:
    with pytest.raises(AssertionError, match="no"):
        deploy(account, "two", custom("Create"))
    ended(account, "two")
    (group,) = account.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/two")[
        "logGroups"
    ]
    said = printed(account, group["logGroupName"].rpartition("/")[2])
    assert [json.loads(one) for one in said] == [["Create", None], ["Delete", "made"]]


def test_a_new_stack_of_the_same_name_has_names_of_its_own(account: Account) -> None:
    first = deploy(account, "three", {"Table": TABLE})["Table"]
    assert deploy(account, "three", {"Table": TABLE, "More": BUCKET})["Table"] == first
    assert delete(account, "three") == "DELETE_COMPLETE"
    assert deploy(account, "three", {"Table": TABLE})["Table"] != first
    assert first in account.client("dynamodb").list_tables()["TableNames"]


def test_what_is_protected_or_full_is_not_deleted(account: Account) -> None:
    plain = {key: value for key, value in TABLE.items() if key != "DeletionPolicy"}
    names = deploy(account, "four", {"Table": plain, "Bucket": {"Type": "AWS::S3::Bucket"}})
    table = {"TableName": names["Table"]}
    account.client("dynamodb").update_table(**table, DeletionProtectionEnabled=True)
    account.client("s3").put_object(Bucket=names["Bucket"], Key="key")
    assert delete(account, "four") == "DELETE_FAILED"
    found = account.client("cloudformation").describe_stack_events(StackName="four")["StackEvents"]
    reasons = {e["LogicalResourceId"]: e.get("ResourceStatusReason", "") for e in found[::-1]}
    assert "protected against deletion" in reasons["Table"]
    assert "not empty" in reasons["Bucket"]
    account.client("dynamodb").update_table(**table, DeletionProtectionEnabled=False)
    account.client("s3").delete_object(Bucket=names["Bucket"], Key="key")
    assert delete(account, "four") == "DELETE_COMPLETE"


def test_a_log_group_that_is_there_fails_the_stack(account: Account) -> None:
    account.client("logs").create_log_group(logGroupName="/taken")
    with pytest.raises(AssertionError, match="already exists"):
        deploy(account, "five", {"Log": LOG})
    assert ended(account, "five") == "ROLLBACK_COMPLETE"
    groups = account.client("logs").describe_log_groups(logGroupNamePrefix="/taken")["logGroups"]
    assert len(groups) == 1


def test_the_bus_hears_of_each_status_of_a_stack(account: Account) -> None:
    pattern = {
        "source": ["aws.cloudformation"],
        "detail-type": ["CloudFormation Stack Status Change"],
        "detail": {"status-details": {"status": ["CREATE_COMPLETE", "UPDATE_COMPLETE"]}},
    }
    target = {"Id": "t", "Arn": {"Fn::GetAtt": ["Reader", "Arn"]}}
    permission = {
        "FunctionName": {"Ref": "Reader"},
        "Action": "lambda:InvokeFunction",
        "Principal": "events.amazonaws.com",
    }
    rule = {"EventPattern": pattern, "Targets": [target]}
    resources = {
        **function(HEARS),
        "Rule": {"Type": "AWS::Events::Rule", "Properties": rule},
        "Permission": {"Type": "AWS::Lambda::Permission", "Properties": permission},
    }
    names = deploy(account, "six", resources)
    account.settle()
    deploy(account, "six", {**resources, "More": BUCKET})
    account.settle()
    found = account.client("cloudformation").describe_stacks(StackName="six")["Stacks"][0]
    statuses = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    assert printed(account, names["Reader"]) == [f"{one} {found['StackId']}" for one in statuses]
