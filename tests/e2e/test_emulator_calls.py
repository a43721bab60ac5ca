"""What the emulator plays of calls and queues that reporting, deciding and reconciling need."""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.account import ACCOUNT, PYTHON, REGION, Account, emulator
from tests.e2e.small_stacks import allow, deploy, function, trust
from tests.e2e.waiting import until
from tests.examples import QUARANTINE

BUS = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"
PRODUCT = f"arn:aws:securityhub:{REGION}:{ACCOUNT}:product/{ACCOUNT}/default"
SENDER = """
import json, os, time
import boto3
def handler(event, context):
    print("GOT " + json.dumps([one["body"] for one in event.get("Records", [])]))
    if "Records" not in event:
        if event.get("do") == "raise":
            raise RuntimeError("as the event says")
        if event.get("do") == "die":
            os._exit(1)
        if event.get("do") == "wait":
            sqs = boto3.client("sqs")
            while not sqs.receive_message(QueueUrl=event["queue"]).get("Messages"):
                time.sleep(0.05)
            return
        made = boto3.client("events").put_events(Entries=event["entries"])
        return [one.get("ErrorCode") or "put" for one in made["Entries"]]
    failed = []
    for one in event["Records"]:
        first = one["attributes"]["ApproximateReceiveCount"] == "1"
        if one["body"] == "always" or one["body"] == "once" and first:
            failed.append({"itemIdentifier": one["messageId"]})
    return {"batchItemFailures": failed}
"""


def queue(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": properties}


def arn(name: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [name, "Arn"]}


STACK: dict[str, Any] = {
    **function(
        SENDER,
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "events:PutEvents",
                    "Resource": BUS,
                    "Condition": {"StringEquals": {"events:source": "cordon"}},
                }
            ],
        },
        allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], "*"),
        allow("sqs:SendMessage", "*"),
        name="Sender",
    ),
    "Heard": queue(),
    "Failed": queue(),
    "Dead": queue(),
    "Work": queue(
        VisibilityTimeout=120,
        RedrivePolicy={"deadLetterTargetArn": arn("Dead"), "maxReceiveCount": 3},
    ),
    "Policy": {
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {
            "Queues": [{"Ref": "Heard"}],
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": ["events.amazonaws.com", "sns.amazonaws.com"]},
                        "Action": "sqs:SendMessage",
                        "Resource": arn("Heard"),
                    }
                ],
            },
        },
    },
    "Rule": {
        "Type": "AWS::Events::Rule",
        "Properties": {
            "EventPattern": {"source": ["cordon"], "detail-type": ["Cordon Case Status Change"]},
            "Targets": [{"Id": "q", "Arn": arn("Heard")}],
        },
    },
    "Async": {
        "Type": "AWS::Lambda::EventInvokeConfig",
        "Properties": {
            "FunctionName": {"Ref": "Sender"},
            "Qualifier": "$LATEST",
            "MaximumRetryAttempts": 1,
            "DestinationConfig": {"OnFailure": {"Destination": arn("Failed")}},
        },
    },
    "Mapping": {
        "Type": "AWS::Lambda::EventSourceMapping",
        "Properties": {
            "FunctionName": {"Ref": "Sender"},
            "EventSourceArn": arn("Work"),
            "BatchSize": 10,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
        },
    },
}
WAITS = {
    "StartAt": "Wait",
    "States": {
        "Wait": {"Type": "Wait", "Seconds": 60, "Next": "Done"},
        "Done": {"Type": "Succeed"},
    },
}
STACK["Waits"] = {
    "Type": "AWS::StepFunctions::StateMachine",
    "Properties": {"RoleArn": arn("SenderRole"), "DefinitionString": json.dumps(WAITS)},
}
STACK |= function(
    "import time\ndef handler(event, context):\n    time.sleep(1.5)\n    return 'done'",
    name="Brief",
)
STACK["Brief"]["Properties"]["Timeout"] = 1
Deployed = tuple[Account, dict[str, str]]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    assert PYTHON.exists(), f"{PYTHON} is missing: use `make e2e`"
    with emulator(tmp_path_factory.mktemp("emulator") / "log") as account:
        account.client("securityhub").enable_security_hub()
        account.client("iam").create_role(
            RoleName="bound", AssumeRolePolicyDocument=json.dumps(trust(AWS=ACCOUNT))
        )
        names = deploy(account, "calls", STACK)
        account.checkpoint()
        yield account, names


@pytest.fixture
def deployed(running: Deployed) -> Deployed:
    running[0].restore()
    return running


def bound(account: Account, service: str, action: str, resource: str = "*") -> Any:
    """A client of a role that may do this and nothing else."""
    named = {"RoleName": "bound", "PolicyName": "only"}
    document = json.dumps(allow(action, resource))
    account.client("iam").put_role_policy(**named, PolicyDocument=document)
    return account.as_role(f"arn:aws:iam::{ACCOUNT}:role/bound", service)


def refuses(error: str) -> Any:
    return pytest.raises(ClientError, match=error)


def messages(account: Account, url: str) -> list[Any]:
    got = account.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return [one["Body"] for one in got.get("Messages", [])]


# ---- events ----


def change(source: str = "cordon", **more: Any) -> dict[str, Any]:
    detail = {"case": "7c98", "status": "contained"}
    kind = "Cordon Case Status Change"
    return {"Source": source, "DetailType": kind, "Detail": json.dumps(detail), **more}


def test_a_function_puts_events(deployed: Deployed) -> None:
    account, names = deployed
    entries = [change(Resources=["arn:aws:s3:::acme"])]
    said = invoke(account, names, {"entries": entries})
    assert said == ["put"]
    account.settle()
    (event,) = [json.loads(one) for one in messages(account, names["Heard"])]
    assert (event["source"], event["resources"]) == ("cordon", ["arn:aws:s3:::acme"])
    assert event["detail"] == {"case": "7c98", "status": "contained"}


@pytest.mark.parametrize("entries", [[change("guardduty")], [change(), change("guardduty")]])
def test_its_role_says_which_source(deployed: Deployed, entries: list[dict[str, Any]]) -> None:
    """Of each entry."""
    account, names = deployed
    assert "AccessDenied" in json.dumps(invoke(account, names, {"entries": entries}))
    account.settle()
    assert messages(account, names["Heard"]) == []


def invoke(account: Account, names: dict[str, str], event: dict[str, Any]) -> Any:
    client = account.client("lambda")
    said = client.invoke(FunctionName=names["Sender"], Payload=json.dumps(event))
    return json.loads(said["Payload"].read())


# ---- topics ----


def test_a_batch_of_messages(deployed: Deployed) -> None:
    account, names = deployed
    sns = account.client("sns")
    topic = sns.create_topic(Name="people")["TopicArn"]
    attributes = {"RawMessageDelivery": "true"}
    endpoint = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{names['Heard'].rpartition('/')[2]}"
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=endpoint, Attributes=attributes)
    entries = [{"Id": str(n), "Message": f"m{n}", "Subject": "s"} for n in range(11)]
    publisher = bound(account, "sns", "sns:Publish", topic)
    said = publisher.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries[:10])
    assert [one["Id"] for one in said["Successful"]] == [str(n) for n in range(10)]
    assert len({one["MessageId"] for one in said["Successful"]}) == 10
    assert sorted(messages(account, names["Heard"])) == [f"m{n}" for n in range(10)]
    with refuses("TooManyEntriesInBatchRequest"):
        publisher.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    with refuses("BatchEntryIdsNotDistinct"):
        publisher.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[entries[0]] * 2)
    with refuses("BatchRequestTooLong"):
        big = [{"Id": str(n), "Message": "x" * 200_000} for n in range(2)]
        publisher.publish_batch(TopicArn=topic, PublishBatchRequestEntries=big)
    with refuses("AuthorizationError|AccessDenied"):
        bound(account, "sns", "sns:Publish", topic + "-2").publish_batch(
            TopicArn=topic, PublishBatchRequestEntries=entries[:1]
        )


# ---- queues ----


def test_a_batch_for_a_queue(deployed: Deployed) -> None:
    account, _ = deployed
    url = account.client("sqs").create_queue(QueueName="reports")["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:reports"
    batch = {"QueueUrl": url, "Entries": [{"Id": "0", "MessageBody": "m"}]}
    sender = bound(account, "sqs", "sqs:SendMessage", arn)
    assert [one["Id"] for one in sender.send_message_batch(**batch)["Successful"]] == ["0"]
    with refuses("AccessDenied"):
        bound(account, "sqs", "sqs:SendMessage", arn + "-2").send_message_batch(**batch)
    with refuses("AccessDenied"):
        bound(account, "sqs", "sqs:ReceiveMessage", arn).send_message_batch(**batch)
    (message,) = account.client("sqs").receive_message(QueueUrl=url)["Messages"]
    taken = {"QueueUrl": url, "Entries": [{"Id": "0", "ReceiptHandle": message["ReceiptHandle"]}]}
    with refuses("AccessDenied"):
        sender.delete_message_batch(**taken)
    bound(account, "sqs", "sqs:DeleteMessage", arn).delete_message_batch(**taken)


def test_no_message_is_delayed(deployed: Deployed) -> None:
    account, _ = deployed
    sqs, attributes = account.client("sqs"), {"DelaySeconds": "900"}
    url = sqs.create_queue(QueueName="late", Attributes=attributes)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="one")
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "0", "MessageBody": "two"}])
    assert sorted(messages(account, url)) == ["one", "two"]


# ---- OpsItems ----


def test_ops_items_are_found_again(deployed: Deployed) -> None:
    account, _ = deployed
    ssm = bound(account, "ssm", "ssm:*OpsItem*")
    numbers = [
        ssm.create_ops_item(
            Source="cordon",
            Title=f"case {n}",
            Description="what happened",
            Severity="2",
            OperationalData={
                "cordon:case": {"Value": f"{QUARANTINE.name}/{n}", "Type": "SearchableString"},
                "/aws/dedup": {
                    "Value": json.dumps({"dedupString": f"case {n}"}),
                    "Type": "SearchableString",
                },
            },
        )["OpsItemId"]
        for n in range(3)
    ]
    ssm.update_ops_item(OpsItemId=numbers[0], Status="Resolved", Description="released")
    item = ssm.get_ops_item(OpsItemId=numbers[0])["OpsItem"]
    assert (item["Status"], item["Description"], item["Version"]) == ("Resolved", "released", "2")
    for filters, found in (
        ([("Status", "Resolved", "Equal")], [0]),
        ([("Status", "Open", "Equal"), ("Source", "cordon", "Contains")], [2, 1]),
        ([("OpsItemId", numbers[1], "Equal")], [1]),
        ([("Title", "case 2", "Contains")], [2]),
        ([("OperationalData", data(f"{QUARANTINE.name}/1"), "Equal")], [1]),
        ([("LastModifiedTime", "2020-01-01T00:00:00Z", "GreaterThan")], [2, 1, 0]),
    ):
        given = [{"Key": k, "Values": [v], "Operator": o} for k, v, o in filters]
        listed = ssm.describe_ops_items(OpsItemFilters=given)["OpsItemSummaries"]
        assert [one["OpsItemId"] for one in listed] == [numbers[n] for n in found], filters
    pages = ssm.get_paginator("describe_ops_items").paginate(PaginationConfig={"PageSize": 2})
    assert [len(page["OpsItemSummaries"]) for page in pages] == [2, 1]


def data(value: str) -> str:
    return json.dumps({"key": "cordon:case", "value": value})


@pytest.mark.parametrize("call", ["GetOpsItem", "DescribeOpsItems", "UpdateOpsItem"])
def test_each_call_on_ops_items_needs_its_right(deployed: Deployed, call: str) -> None:
    account, _ = deployed
    made = account.client("ssm").create_ops_item(Source="cordon", Title="t", Description="d")
    named = {} if call == "DescribeOpsItems" else {"OpsItemId": made["OpsItemId"]}
    method = re.sub(r"(?<!^)([A-Z])", r"_\1", call).lower()
    getattr(bound(account, "ssm", f"ssm:{call}"), method)(**named)
    with refuses("AccessDenied"):
        getattr(bound(account, "ssm", "ssm:CreateOpsItem"), method)(**named)


# ---- findings ----


def finding(number: int) -> dict[str, Any]:
    return {
        "SchemaVersion": "2018-10-08",
        "Id": f"cordon/{number}",
        "ProductArn": PRODUCT,
        "GeneratorId": "cordon",
        "AwsAccountId": ACCOUNT,
        "Types": ["Software and Configuration Checks"],
        "CreatedAt": "2026-11-01T00:00:00Z",
        "UpdatedAt": "2026-11-01T00:00:00Z",
        "Severity": {"Normalized": 70},
        "Title": "t",
        "Description": "d",
        "Resources": [{"Type": "AwsS3Bucket", "Id": f"arn:aws:s3:::b{number}"}],
    }


def test_one_update_of_several_findings(deployed: Deployed) -> None:
    account, _ = deployed
    hub = account.client("securityhub")
    hub.batch_import_findings(Findings=[finding(n) for n in range(25)])
    identifiers = [{"Id": f"cordon/{n}", "ProductArn": PRODUCT} for n in (*range(25), 99)]
    updater = bound(account, "securityhub", "securityhub:BatchUpdateFindings")
    said = updater.batch_update_findings(
        FindingIdentifiers=identifiers,
        Note={"Text": "contained", "UpdatedBy": "cordon"},
        Workflow={"Status": "NOTIFIED"},
        UserDefinedFields={"cordon": "handled"},
    )
    assert said["ProcessedFindings"] == identifiers[:25]
    (undone,) = said["UnprocessedFindings"]
    assert (undone["ErrorCode"], undone["FindingIdentifier"]["Id"]) == (
        "FindingNotFound",
        "cordon/99",
    )
    shown = hub.get_findings(Filters=ids(range(20)), MaxResults=100)["Findings"]
    assert {one["Id"] for one in shown} == {f"cordon/{n}" for n in range(20)}
    assert {one["Workflow"]["Status"] for one in shown} == {"NOTIFIED"}
    assert {one["Note"]["Text"] for one in shown} == {"contained"}
    assert [one["UserDefinedFields"] for one in shown] == [{"cordon": "handled"}] * 20
    with refuses("InvalidInputException"):
        hub.get_findings(Filters=ids(range(21)))
    with refuses("AccessDenied"):
        updater.get_findings(Filters=ids(range(1)))


def ids(numbers: range) -> dict[str, Any]:
    return {"Id": [{"Value": f"cordon/{n}", "Comparison": "EQUALS"} for n in numbers]}


# ---- queues and asynchronous invocations ----


def test_only_the_failed_messages_of_a_batch_come_again(deployed: Deployed) -> None:
    account, names = deployed
    entries = [{"Id": body, "MessageBody": body} for body in ("good", "once", "always")]
    account.client("sqs").send_message_batch(QueueUrl=names["Work"], Entries=entries)
    account.settle()
    assert messages(account, names["Dead"]) == ["always"]
    received = [body for batch in printed(account, names) for body in batch]
    assert [received.count(body) for body in ("good", "once", "always")] == [1, 2, 3]


def printed(account: Account, names: dict[str, str]) -> list[list[str]]:
    logs = account.client("logs")
    found = logs.filter_log_events(logGroupName=f"/aws/lambda/{names['Sender']}")["events"]
    texts = [re.search(r"GOT (\[.+\])", one["message"]) for one in found]
    return [json.loads(text[1]) for text in texts if text and text[1] != "[]"]


def test_a_failed_asynchronous_invocation_ends_at_its_destination(deployed: Deployed) -> None:
    account, names = deployed
    invoke(account, names, {"entries": []})
    before, caller = invocations(account, names), bound(account, "lambda", "lambda:InvokeFunction")
    event = json.dumps({"do": "raise"})
    said = caller.invoke(FunctionName=names["Sender"], InvocationType="Event", Payload=event)
    assert said["StatusCode"] == 202
    account.settle()
    (record,) = [json.loads(one) for one in messages(account, names["Failed"])]
    assert record["requestPayload"] == {"do": "raise"}
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert invocations(account, names) == before + 2


def invocations(account: Account, names: dict[str, str]) -> int:
    logs = account.client("logs")
    group = f"/aws/lambda/{names['Sender']}"
    return len(logs.filter_log_events(logGroupName=group, filterPattern="GOT")["events"])


def test_what_failed_is_tried_again_when_no_function_runs(deployed: Deployed) -> None:
    """And a workflow waits so long: on AWS what is tried again finds that what ran has ended."""
    account, names = deployed
    client, sqs = account.client("lambda"), account.client("sqs")
    enough = sqs.create_queue(QueueName="enough")["QueueUrl"]

    def happens(event: dict[str, Any]) -> None:
        payload = json.dumps(event)
        client.invoke(FunctionName=names["Sender"], InvocationType="Event", Payload=payload)

    def waits(number: int) -> bool:
        return bool(account._ask("still")["waiting"] == number)

    invoke(account, names, {"entries": []})  # so that there is a log
    happens({"do": "wait", "queue": enough})
    until(lambda: account._ask("still")["functions"] == 1, "it does not run")
    before = invocations(account, names)
    happens({"do": "raise"})
    until(lambda: waits(1), "a failed invocation does not wait")
    sqs.send_message(QueueUrl=names["Work"], MessageBody="always")
    until(lambda: waits(2), "a failed message does not wait")
    machines = account.client("stepfunctions")
    started = machines.start_execution(stateMachineArn=names["Waits"])["executionArn"]
    until(lambda: waits(3), "a workflow does not wait")
    assert invocations(account, names) == before + 2
    assert machines.describe_execution(executionArn=started)["status"] == "RUNNING"
    sqs.send_message(QueueUrl=enough, MessageBody="enough")
    account.settle()
    assert machines.describe_execution(executionArn=started)["status"] == "SUCCEEDED"
    assert len(messages(account, names["Failed"])) == 1
    assert messages(account, names["Dead"]) == ["always"]
    assert invocations(account, names) == before + 1 + 2 + 3  # what waited, raised and was always


def test_a_slow_machine_ends_no_function(deployed: Deployed) -> None:
    account, names = deployed
    said = account.client("lambda").invoke(FunctionName=names["Brief"])
    assert json.loads(said["Payload"].read()) == "done"


@pytest.mark.parametrize("does", ["raise", "die"])
def test_the_log_of_a_failure_is_whole(deployed: Deployed, does: str) -> None:
    """And whoever invokes does not wait for an end of it that never comes."""
    account, names = deployed
    said = account.client("lambda").invoke(
        FunctionName=names["Sender"], LogType="Tail", Payload=json.dumps({"do": does})
    )
    assert "FunctionError" in said
    assert "GOT []" in base64.b64decode(said["LogResult"]).decode()
