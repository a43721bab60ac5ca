"""The emulator plays streams of tables as event sources: batches, retries, discarded records.

A stack of its own: a table, its reader, a bucket and a queue for what is discarded. The reader
prints each batch that it receives, and does with each record what the record says.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.account import PYTHON, Account, emulator
from tests.e2e.small_stacks import allow, deploy, function
from tests.e2e.waiting import HANGS, until

READER = """
import json, time
known = set()
def handler(event, context):
    records, failures = event["Records"], []
    seen = [[one["eventName"], one["dynamodb"]["Keys"]["id"]["S"]] for one in records]
    print("BATCH " + json.dumps(seen))
    for record in records:
        number = record["dynamodb"]["SequenceNumber"]
        does = record["dynamodb"].get("NewImage", {}).get("does", {}).get("S", "")
        if does == "raises":
            raise RuntimeError("as the record says")
        if does == "names nobody":
            return {"batchItemFailures": [{"itemIdentifier": ""}]}
        if does == "fails" or does == "fails once" and number not in known:
            failures.append({"itemIdentifier": number})
        known.add(number)
    return {"batchItemFailures": failures}
"""
TABLE = {"Fn::GetAtt": ["Table", "StreamArn"]}
READS = ["GetRecords", "GetShardIterator", "DescribeStream"]
WRITES = ["s3:PutObject", "s3:ListBucket", "sqs:SendMessage"]
LONG = (
    10 * HANGS
)  # a window, longer than AWS allows: here it lasts a tenth, and no test outlasts it
MAPPING: dict[str, Any] = {
    "BatchSize": 100,
    "MaximumBatchingWindowInSeconds": 0,
    "MaximumRetryAttempts": 2,
    "MaximumRecordAgeInSeconds": -1,
    "BisectBatchOnFunctionError": False,
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
    "FilterCriteria": {},
}
CASES = {"Filters": [{"Pattern": '{"dynamodb":{"NewImage":{"id":{"S":[{"prefix":"case#"}]}}}}'}]}
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
    "Queue": {"Type": "AWS::SQS::Queue"},
    **function(
        READER,
        allow([f"dynamodb:{name}" for name in READS], TABLE),
        allow("dynamodb:ListStreams", "*"),
        allow(WRITES, "*"),
    ),
    "Mapping": {
        "Type": "AWS::Lambda::EventSourceMapping",
        "Properties": {
            **MAPPING,
            "FunctionName": {"Ref": "Reader"},
            "EventSourceArn": TABLE,
            "StartingPosition": "TRIM_HORIZON",
            "ParallelizationFactor": 2,
            "FilterCriteria": CASES,
            "DestinationConfig": {
                "OnFailure": {"Destination": {"Fn::GetAtt": ["Discarded", "Arn"]}}
            },
        },
    },
}


class Stack:
    """The deployed stack, as the tests use it."""

    def __init__(self, account: Account) -> None:
        self.account, self.names = account, deploy(account, "streams", STACK)
        self.before = 0
        (self.mapping,) = account.client("lambda").list_event_source_mappings()[
            "EventSourceMappings"
        ]

    def set(self, **changes: Any) -> None:
        """Change the mapping: what is not named is as in MAPPING."""
        bucket = f"arn:aws:s3:::{self.names['Discarded']}"
        self.account.client("lambda").update_event_source_mapping(
            UUID=self.mapping["UUID"],
            **{
                **MAPPING,
                "ParallelizationFactor": 1,
                "Enabled": True,
                "DestinationConfig": {"OnFailure": {"Destination": bucket}},
                **changes,
            },
        )

    def put(self, key: str, does: str = "") -> None:
        item = {"id": {"S": key}, **({"does": {"S": does}} if does else {})}
        self.account.client("dynamodb").put_item(TableName=self.names["Table"], Item=item)

    def put_at_once(self, **records: str) -> None:
        """So that they are in one batch where it is large enough; wait until all is still."""
        self.put_together(**records)
        self.account.settle()

    def put_together(self, **records: str) -> None:
        """So that they are in one batch where it is large enough."""
        self.account.client("lambda").update_event_source_mapping(
            UUID=self.mapping["UUID"], Enabled=False
        )
        for key, does in records.items():
            self.put(key, does)
        self.account.client("lambda").update_event_source_mapping(
            UUID=self.mapping["UUID"], Enabled=True
        )

    def invocations(self) -> list[list[list[str]]]:
        """The batches that the function received in this test: of each record what and whose."""
        logs = self.account.client("logs")
        named = {"logGroupName": f"/aws/lambda/{self.names['Reader']}"}
        try:
            pages = logs.get_paginator("filter_log_events").paginate(**named)
            lines = [event["message"] for page in pages for event in page["events"]]
        except logs.exceptions.ResourceNotFoundException:
            lines = []
        found = [json.loads(m[1]) for line in lines for m in re.finditer(r"BATCH (.*)", line)]
        return found[self.before :]

    def batches(self) -> list[list[str]]:
        """The keys of each batch that the function received in this test."""
        return [[key for _, key in batch] for batch in self.invocations()]

    def distinct(self) -> frozenset[tuple[str, ...]]:
        """Those batches, each once however often it was tried."""
        return frozenset(tuple(batch) for batch in self.batches())

    def waiting(self) -> int:
        """The records that are not handled yet."""
        return int(self.account._ask("still")["records"])

    def throttles(self) -> float:
        """How often the function was throttled, in any test."""
        now = datetime.now(UTC)
        found = self.account.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName="Throttles",
            Dimensions=[{"Name": "FunctionName", "Value": self.names["Reader"]}],
            StartTime=now - timedelta(hours=2),
            EndTime=now + timedelta(minutes=1),
            Period=60,
            Statistics=["Sum"],
        )
        return float(sum(one["Sum"] for one in found["Datapoints"]))

    def discarded(self) -> list[dict[str, Any]]:
        """The invocation records in the bucket, by key of the object."""
        s3, bucket = self.account.client("s3"), self.names["Discarded"]
        keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        texts = [s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys]
        return [{**json.loads(text), "key": key} for key, text in zip(keys, texts, strict=True)]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    assert PYTHON.exists(), f"{PYTHON} is missing: use `make e2e`"
    with emulator(tmp_path_factory.mktemp("emulator") / "log") as account:
        stack = Stack(account)
        account.checkpoint()
        yield stack


@pytest.fixture
def stack(running: Stack) -> Stack:
    running.account.restore()
    running.set()
    running.before = 0
    running.before = len(running.batches())
    return running


def test_a_template_sets_all_properties(running: Stack) -> None:
    """Read before a test changed them."""
    wanted = STACK["Mapping"]["Properties"]
    same = [name for name in wanted if name not in ("FunctionName", "EventSourceArn")]
    same.remove("DestinationConfig")
    assert {name: running.mapping[name] for name in same} == {name: wanted[name] for name in same}
    bucket = running.mapping["DestinationConfig"]["OnFailure"]["Destination"]
    assert bucket == f"arn:aws:s3:::{running.names['Discarded']}"
    table = running.account.client("dynamodb").describe_table(TableName=running.names["Table"])
    assert running.mapping["EventSourceArn"] == table["Table"]["LatestStreamArn"]
    assert table["Table"]["StreamSpecification"] == {
        "StreamEnabled": True,
        "StreamViewType": "NEW_IMAGE",
    }


# ---- records ----


def test_each_change_is_one_record(stack: Stack) -> None:
    dynamodb, table = stack.account.client("dynamodb"), stack.names["Table"]
    key = {"TableName": table, "Key": {"id": {"S": "a"}}}
    change = {
        "UpdateExpression": "SET n = :n",
        "ExpressionAttributeValues": {":n": {"N": "1"}},
    }
    dynamodb.update_item(**key, **change)  # an upsert
    dynamodb.update_item(**key, **change)  # changes nothing
    dynamodb.put_item(TableName=table, Item={"id": {"S": "a"}, "n": {"N": "1"}})  # nor does this
    dynamodb.transact_write_items(
        TransactItems=[{"Update": {**key, **change}}, {"Put": {**of(table, "b"), **of(table, "b")}}]
    )
    dynamodb.put_item(**of(table, "a"))
    dynamodb.delete_item(**key)
    stack.account.settle()
    records = [record for batch in stack.invocations() for record in batch]
    assert records == [["INSERT", "a"], ["INSERT", "b"], ["MODIFY", "a"], ["REMOVE", "a"]]


def of(table: str, key: str) -> dict[str, Any]:
    return {"TableName": table, "Item": {"id": {"S": key}}}


def test_a_filter_on_the_new_image_lets_only_its_records_in(stack: Stack) -> None:
    stack.set(FilterCriteria=CASES)
    for key in ("hold#1", "case#1", "reported#1"):
        stack.put(key)
    stack.account.client("dynamodb").delete_item(
        TableName=stack.names["Table"], Key={"id": {"S": "case#1"}}
    )
    stack.account.settle()
    assert stack.invocations() == [[["INSERT", "case#1"]]]


# ---- batches ----


def test_a_batch_has_at_most_its_size(stack: Stack) -> None:
    stack.set(BatchSize=2)
    stack.put_at_once(a="", b="", c="", d="", e="")
    assert stack.batches() == [["a", "b"], ["c", "d"], ["e"]]


def test_a_window_gathers(stack: Stack) -> None:
    """What comes in it is one batch: here one that lasts until the mapping has none."""
    stack.set(MaximumBatchingWindowInSeconds=LONG)
    for key in "abc":
        stack.put(key)
        stack.account.client("dynamodb").list_tables()
    assert stack.waiting() == 3
    assert stack.batches() == []
    stack.set()
    stack.account.settle()
    assert stack.batches() == [["a", "b", "c"]]


def test_a_window_ends(stack: Stack) -> None:
    stack.set(MaximumBatchingWindowInSeconds=1)
    stack.put("a")
    stack.account.settle()
    assert stack.batches() == [["a"]]


def test_a_full_batch_does_not_wait_for_its_window(stack: Stack) -> None:
    """The function is warm, and the window twice as long as it is waited for."""
    stack.put_at_once(warm="")
    stack.set(MaximumBatchingWindowInSeconds=LONG, BatchSize=2)
    for key in "abc":
        stack.put(key)
    until(lambda: len(stack.batches()) > 1, stack.batches, HANGS / 2)
    assert stack.batches() == [["warm"], ["a", "b"]]
    until(lambda: stack.waiting() == 1, stack.waiting, HANGS / 2)


def test_a_factor_is_an_order_for_each_key(stack: Stack) -> None:
    """What holds up some keys does not hold up the others."""
    stack.set(ParallelizationFactor=2, MaximumRetryAttempts=-1)
    keys = {f"k{number}": "" for number in range(6)}
    stack.put_together(bad="raises", bad2="", **keys)
    until(lambda: len(stack.distinct()) > 1, stack.batches)
    tries = len(stack.batches())
    until(lambda: len(stack.batches()) > tries + 1, stack.batches)  # it goes on failing
    held, handled = sorted(stack.distinct(), key=lambda batch: "bad" not in batch)
    assert set(held) | set(handled) == {"bad", "bad2", *keys}
    assert "bad" not in handled
    assert list(handled) == sorted(handled)
    assert stack.batches().count(list(handled)) == 1


# ---- failures ----


def test_from_the_failed_record_on_it_is_tried_again(stack: Stack) -> None:
    stack.put_at_once(a="", b="fails once", c="fails once")
    assert stack.batches() == [["a", "b", "c"], ["b", "c"]]
    assert stack.discarded() == []


def test_the_retries_are_those_of_the_first_failed_record(stack: Stack) -> None:
    """And a batch that was reported is not split."""
    stack.set(MaximumRetryAttempts=1, BisectBatchOnFunctionError=True)
    stack.put_at_once(a="fails once", b="", c="fails")
    assert stack.batches() == [["a", "b", "c"], ["a", "b", "c"], ["c"]]
    (said,) = stack.discarded()
    assert said["requestContext"]["approximateInvokeCount"] == 2


def test_without_its_response_type_a_report_says_nothing(stack: Stack) -> None:
    stack.set(FunctionResponseTypes=[])
    stack.put_at_once(a="", b="fails")
    assert stack.batches() == [["a", "b"]]


@pytest.mark.parametrize("does", ["raises", "names nobody"])
def test_else_the_whole_batch_is_tried_again(stack: Stack, does: str) -> None:
    stack.put_at_once(a="", b=does)
    stack.put("c")
    stack.account.settle()
    assert stack.batches() == [["a", "b"]] * 3 + [["c"]]


def test_what_is_discarded_is_kept_whole_in_the_bucket(stack: Stack) -> None:
    stack.put_at_once(a="", b="fails", c="")
    assert stack.batches() == [["a", "b", "c"], ["b", "c"], ["b", "c"]]
    (said,) = stack.discarded()
    assert said["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert said["requestContext"]["approximateInvokeCount"] == 3
    assert said["DDBStreamBatchInfo"]["batchSize"] == 2
    assert said["DDBStreamBatchInfo"]["streamArn"] == stack.mapping["EventSourceArn"]
    records = json.loads(said["payload"])["Records"]
    assert [one["dynamodb"]["NewImage"]["id"]["S"] for one in records] == ["b", "c"]
    day, moment = r"\d{4}/\d\d/\d\d", r"\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d"
    named = rf"aws/lambda/{stack.mapping['UUID']}/shardId-\d+-\d+/{day}/{moment}-[0-9a-f-]{{36}}"
    assert re.fullmatch(named, said["key"])


def test_a_split_finds_the_bad_record(stack: Stack) -> None:
    stack.set(BisectBatchOnFunctionError=True, MaximumRetryAttempts=0)
    stack.put_at_once(a="", b="", c="raises", d="")
    assert stack.batches() == [["a", "b", "c", "d"], ["a", "b"], ["c", "d"], ["c"], ["d"]]
    (said,) = stack.discarded()
    assert said["DDBStreamBatchInfo"]["batchSize"] == 1


def test_a_queue_hears_only_where_the_records_are(stack: Stack) -> None:
    sqs = stack.account.client("sqs")
    arn = sqs.get_queue_attributes(QueueUrl=stack.names["Queue"], AttributeNames=["QueueArn"])
    stack.set(DestinationConfig={"OnFailure": {"Destination": arn["Attributes"]["QueueArn"]}})
    stack.put_at_once(a="raises")
    (message,) = sqs.receive_message(QueueUrl=stack.names["Queue"])["Messages"]
    said = json.loads(message["Body"])
    assert said["DDBStreamBatchInfo"]["batchSize"] == 1
    assert "payload" not in said


def test_old_records_are_discarded(stack: Stack) -> None:
    """However many retries there are."""
    stack.set(MaximumRetryAttempts=-1, MaximumRecordAgeInSeconds=1)
    stack.put_at_once(a="raises")
    (said,) = stack.discarded()
    assert said["requestContext"]["condition"] == "RecordAgeExceeded"


def test_a_throttled_invocation_is_no_retry(stack: Stack) -> None:
    client, name = stack.account.client("lambda"), stack.names["Reader"]
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    stack.set(MaximumRetryAttempts=0)
    stack.put("a")
    until(lambda: stack.throttles() > 1, "it is not throttled")
    assert stack.waiting() == 1
    client.delete_function_concurrency(FunctionName=name)
    stack.account.settle()
    assert stack.batches() == [["a"]]
    assert stack.discarded() == []


# ---- rights ----


def test_the_reader_may_read_the_stream(stack: Stack) -> None:
    """Else there is no mapping."""
    table, queue = stack.mapping["EventSourceArn"], "arn:aws:sqs:::none"
    for rights in ([], READS[:2], [*READS, "ListTables"]):
        policies = [allow([f"dynamodb:{name}" for name in rights], "*")] if rights else []
        resources = {
            **function(READER, *policies, allow("sqs:SendMessage", queue), name="Other"),
            "Mapping": {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Properties": {
                    "FunctionName": {"Ref": "Other"},
                    "EventSourceArn": table,
                    "StartingPosition": "LATEST",
                },
            },
        }
        with pytest.raises(AssertionError, match="Cannot access stream"):
            deploy(stack.account, f"blind{len(rights)}", resources)


def test_a_filter_must_be_a_pattern(stack: Stack) -> None:
    bad = {"Filters": [{"Pattern": '{"dynamodb":{"NewImage":{"id":{"S":[{"begins":"a"}]}}}}'}]}
    with pytest.raises(ClientError, match="Invalid filter pattern"):
        stack.account.client("lambda").create_event_source_mapping(
            FunctionName=stack.names["Reader"],
            EventSourceArn=stack.mapping["EventSourceArn"],
            StartingPosition="LATEST",
            FilterCriteria=bad,
        )


@pytest.mark.parametrize("missing", ["s3:PutObject", "s3:ListBucket"])
def test_the_bucket_is_written_with_the_rights_of_the_reader(stack: Stack, missing: str) -> None:
    since = len(stack.account.calls())
    role = stack.account.client("iam")
    rights = allow([one for one in WRITES if one != missing], "*")
    named = {"RoleName": stack.names["ReaderRole"], "PolicyName": "p2"}
    role.put_role_policy(**named, PolicyDocument=json.dumps(rights))
    stack.put_at_once(a="raises")
    refused = [one["action"] for one in stack.account.calls(since) if one["refused"]]
    assert refused == [missing]
    assert stack.discarded() == []


# ---- stillness and checkpoints ----


def test_it_is_not_still_while_a_record_waits(stack: Stack) -> None:
    stack.set(MaximumBatchingWindowInSeconds=LONG)
    stack.put("a")
    with pytest.raises(AssertionError, match="'records': 1"):
        stack.account.settle(0)


def test_a_mapping_that_is_switched_off_delivers_nothing(stack: Stack) -> None:
    """And all that came in between once it is on again."""
    stack.set(Enabled=False)
    stack.put("a")
    stack.account.settle()
    assert stack.batches() == []
    stack.set(Enabled=True)
    stack.account.settle()
    assert stack.batches() == [["a"]]


def test_what_came_after_the_checkpoint_is_delivered_no_more(stack: Stack) -> None:
    stack.set(MaximumBatchingWindowInSeconds=LONG)
    stack.put("waits")
    until(lambda: stack.waiting() == 1, "no record")
    stack.set(MaximumRetryAttempts=-1, BatchSize=1)
    stack.put("fails", "raises")
    until(lambda: len(stack.batches()) > 1, "not tried")
    stack.account.restore()
    seen = len(stack.batches())
    stack.set()
    stack.put("new")
    stack.account.settle()
    assert stack.batches()[seen:] == [["new"]]


def test_what_waited_at_the_checkpoint_is_delivered_after_it(stack: Stack) -> None:
    stack.set(Enabled=False)
    stack.put("a")
    stack.account.checkpoint()
    stack.set()
    stack.account.settle()
    stack.account.restore()
    stack.account.settle()
    assert stack.batches() == [["a"], ["a"]]
    table = {"TableName": stack.names["Table"], "Key": {"id": {"S": "a"}}}
    stack.account.client("dynamodb").delete_item(**table)
    stack.account.settle()
    stack.account.checkpoint()  # for whichever test is next
