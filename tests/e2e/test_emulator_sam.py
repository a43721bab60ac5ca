"""SAM's spelling of streams and schedules reaches the emulator whole."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from samcli.yamlhelper import yaml_parse

from embedded.template import load
from tests.e2e.account import BUILT, PYTHON, Account, emulator
from tests.e2e.small_stacks import deploy

CODE = """
def handler(event, context):
    print("GOT " + (event.get("source") or event["Records"][0]["eventName"]))
"""
PATTERN = '{"dynamodb":{"NewImage":{"id":{"S":[{"prefix":"case#"}]}}}}'
STACK: dict[str, Any] = {
    "Table": {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
        },
    },
    "Discarded": {"Type": "AWS::S3::Bucket"},
    "Reader": {
        "Type": "AWS::Serverless::Function",
        "Properties": {
            "InlineCode": CODE,
            "Handler": "index.handler",
            "Runtime": "python3.13",
            "Timeout": 20,
            "Events": {
                "Cases": {
                    "Type": "DynamoDB",
                    "Properties": {
                        "Stream": {"Fn::GetAtt": ["Table", "StreamArn"]},
                        "StartingPosition": "TRIM_HORIZON",
                        "BatchSize": 100,
                        "MaximumBatchingWindowInSeconds": 1,
                        "BisectBatchOnFunctionError": True,
                        "MaximumRetryAttempts": 3,
                        "MaximumRecordAgeInSeconds": 3600,
                        "ParallelizationFactor": 10,
                        "FunctionResponseTypes": ["ReportBatchItemFailures"],
                        "FilterCriteria": {"Filters": [{"Pattern": PATTERN}]},
                        "DestinationConfig": {
                            "OnFailure": {
                                "Type": "S3",
                                "Destination": {"Fn::GetAtt": ["Discarded", "Arn"]},
                            }
                        },
                    },
                },
                "Often": {"Type": "Schedule", "Properties": {"Schedule": "rate(5 minutes)"}},
            },
        },
    },
}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    assert PYTHON.exists(), f"{PYTHON} is missing: use `make e2e`"
    with emulator(tmp_path_factory.mktemp("emulator") / "log") as running:
        yield running


def test_a_stream_and_a_schedule(account: Account) -> None:
    names = deploy(account, "sam", STACK, Transform="AWS::Serverless-2016-10-31")
    (mapping,) = account.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    wanted = dict(STACK["Reader"]["Properties"]["Events"]["Cases"]["Properties"])
    del wanted["Stream"], wanted["DestinationConfig"]
    assert {name: mapping[name] for name in wanted} == wanted
    bucket = mapping["DestinationConfig"]["OnFailure"]["Destination"]
    assert bucket == f"arn:aws:s3:::{names['Discarded']}"
    for key in ("case#1", "hold#1"):
        account.client("dynamodb").put_item(TableName=names["Table"], Item={"id": {"S": key}})
    account.settle()
    account.tick_only(names["ReaderOften"])
    account.settle()
    group = f"/aws/lambda/{names['Reader']}"
    found = account.client("logs").filter_log_events(logGroupName=group, filterPattern="GOT")
    said = [one["message"].strip() for one in found["events"]]
    assert said == ["GOT INSERT", "GOT aws.events"]


def test_the_template_is_the_same_in_json() -> None:
    """The CLI is given it in JSON (deploying.py), and reads there what it would read in YAML."""
    built = BUILT.read_text()
    assert json.loads(json.dumps(load(built))) == yaml_parse(built)
