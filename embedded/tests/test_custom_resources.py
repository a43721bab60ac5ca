"""Custom resources are made by their functions when a stack is deployed."""

import json
from pathlib import Path
from typing import Any

import pytest
import urllib3

from embedded.account import EmbeddedAccount
from embedded.custom_resources import HOST, Failed, as_text, serving
from embedded.stack import Unresolved

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  How: {Type: String, Default: well}
Resources:
  Rows:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      BillingMode: PAY_PER_REQUEST
  Maker:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: maker
      Handler: maker.handler
      Runtime: python3.13
      Environment: {Variables: {TABLE: !Ref Rows}}
      Policies:
        - Version: "2012-10-17"
          Statement: [{Effect: Allow, Action: "dynamodb:PutItem", Resource: !GetAtt Rows.Arn}]
  Row:
    Type: Custom::Row
    Properties:
      ServiceToken: !GetAtt Maker.Arn
      How: !Ref How
      Number: 3
      Flag: true
      List: [1, {A: 2}]
"""
CODE = """
import json, os, boto3, urllib3

def handler(event, context):
    how = event["ResourceProperties"]["How"]
    if how == "raises":
        raise RuntimeError("no luck")
    boto3.client("dynamodb").put_item(
        TableName=os.environ["TABLE"],
        Item={"id": {"S": event["RequestType"]}, "sent": {"S": json.dumps(event)}},
    )
    if how == "silent":
        return
    same = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    said = {**same, "Status": "SUCCESS", "PhysicalResourceId": "row-1"}
    said |= json.loads(how) if how.startswith("{") else {}
    body = "?" if how == "no JSON" else json.dumps(said)
    urllib3.PoolManager().request("PUT", event["ResponseURL"], body=body)
"""


def account(tmp_path: Path, how: str = "well") -> EmbeddedAccount:
    (tmp_path / "maker").mkdir(exist_ok=True)
    (tmp_path / "maker" / "maker.py").write_text(CODE)
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    return EmbeddedAccount(tmp_path / "template.yaml", parameters={"How": how})


def sent(account: EmbeddedAccount, kind: str) -> dict[str, Any]:
    table = account.stack.resources["Rows"].physical
    found = account.client("dynamodb").get_item(TableName=table, Key={"id": {"S": kind}})
    return dict(json.loads(found["Item"]["sent"]["S"]))


def test_create_is_sent_as_text(tmp_path: Path) -> None:
    with account(tmp_path) as entered:
        event = sent(entered, "Create")
        properties = event["ResourceProperties"]
        assert properties.pop("ServiceToken") == entered.functions["Maker"].arn
        flag = {"Flag": "true", "List": ["1", {"A": "2"}]}
        assert properties == {"How": "well", "Number": "3", **flag}
        assert event["ResourceType"] == "Custom::Row"
        assert "PhysicalResourceId" not in event
        assert "OldResourceProperties" not in event
        assert len(entered.journal) == 0


def test_restored_stack_has_what_was_made(tmp_path: Path) -> None:
    for _ in range(2):
        with account(tmp_path) as entered:
            assert sent(entered, "Create")["LogicalResourceId"] == "Row"
            assert len(entered.journal) == 0


SECOND = """
  Another:
    Type: AWS::CloudFormation::CustomResource
    Properties: {ServiceToken: !GetAtt Maker.Arn, How: !Ref How, After: !Ref Row}
"""


def test_several_resources_of_one_function_are_made(tmp_path: Path) -> None:
    account(tmp_path)
    (tmp_path / "template.yaml").write_text(TEMPLATE + SECOND)
    (tmp_path / "maker" / "maker.py").write_text(
        CODE.replace('{"S": event["RequestType"]}', '{"S": event["LogicalResourceId"]}')
    )
    for _ in range(2):
        with EmbeddedAccount(tmp_path / "template.yaml") as entered:
            assert sent(entered, "Row")["ResourceType"] == "Custom::Row"
            kind = sent(entered, "Another")["ResourceType"]
            assert kind == "AWS::CloudFormation::CustomResource"
            entered.custom_resource("Another", "Update", properties={"More": 1}, physical="p")
            assert sent(entered, "Another")["RequestType"] == "Update"
            assert sent(entered, "Row")["RequestType"] == "Create"


def test_rows_of_a_deployment_are_not_left_in_a_stream(tmp_path: Path) -> None:
    account(tmp_path)
    (tmp_path / "template.yaml").write_text(
        TEMPLATE.replace(
            "BillingMode: PAY_PER_REQUEST\n",
            "BillingMode: PAY_PER_REQUEST\n"
            "      StreamSpecification: {StreamViewType: NEW_IMAGE}\n",
        ).replace(
            "Runtime: python3.13\n",
            "Runtime: python3.13\n"
            "      Events: {Rows: {Type: DynamoDB, Properties:"
            " {Stream: !GetAtt Rows.StreamArn, StartingPosition: TRIM_HORIZON}}}\n",
        )
    )
    for _ in range(2):
        with EmbeddedAccount(tmp_path / "template.yaml") as entered:
            entered.settle()
            assert len(entered.journal) == 0
            streams = entered.client("dynamodbstreams")
            arn = streams.list_streams()["Streams"][0]["StreamArn"]
            (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
            at = streams.get_shard_iterator(
                StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            assert streams.get_records(ShardIterator=at)["Records"] == []


def test_update_and_delete_name_the_physical_id(tmp_path: Path) -> None:
    with account(tmp_path) as entered:
        changed = {"Number": 4}
        assert entered.custom_resource("Row", "Update", properties=changed, physical="p") == "row-1"
        event = sent(entered, "Update")
        assert event["PhysicalResourceId"] == "p"
        assert event["ResourceProperties"]["Number"] == "4"
        assert event["OldResourceProperties"]["Number"] == "3"
        entered.custom_resource("Row", "Delete", physical="p")
        assert sent(entered, "Delete")["PhysicalResourceId"] == "p"


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ('{"Status": "FAILED", "Reason": "it rains"}', "Row: it rains"),
        ('{"Status": "FAILED"}', "without a reason"),
        ('{"Status": "DONE"}', "without a reason"),
        ('{"RequestId": "another"}', "for another request"),
        ('{"PhysicalResourceId": ""}', "no physical id"),
        (json.dumps({"PhysicalResourceId": "p" * 1025}), "no physical id"),
        (json.dumps({"Data": "d" * 4060}), "bytes"),
        ("no JSON", "no JSON"),
        ("silent", "did not respond"),
        ("raises", "RuntimeError: no luck"),
    ],
)
def test_failed_response_fails_the_deployment(tmp_path: Path, how: str, why: str) -> None:
    with pytest.raises(Failed, match=why), account(tmp_path, how):
        raise AssertionError("it was deployed")


def test_unknown_type_is_still_refused(tmp_path: Path) -> None:
    entered = account(tmp_path)
    (tmp_path / "template.yaml").write_text(TEMPLATE.replace("Custom::Row", "AWS::Nothing::Known"))
    with pytest.raises(Unresolved, match="AWS::Nothing::Known"):
        entered = EmbeddedAccount(tmp_path / "template.yaml")
        entered.__enter__()


def test_host_is_served_only_meanwhile() -> None:
    with serving() as responses:
        urllib3.PoolManager().request("PUT", f"http://{HOST}/", body="x")
    assert responses.bodies == [b"x"]
    with pytest.raises(urllib3.exceptions.HTTPError):
        urllib3.PoolManager(retries=False, timeout=1).request("PUT", f"http://{HOST}/")


def test_only_scalars_become_text() -> None:
    assert as_text({"a": [True, 1, "x", {}]}) == {"a": ["true", "1", "x", {}]}
