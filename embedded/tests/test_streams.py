"""How Lambda reads a table's stream for a function."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from embedded.account import EmbeddedAccount
from embedded.journal import DeadLettered, Dropped, Invoked, Retained
from embedded.stack import Unresolved
from embedded.tests.rows import START, Account, batches, delete, put, reading, records

PARTIAL = "FunctionResponseTypes: [ReportBatchItemFailures]"
TO_BUCKET = "DestinationConfig: {OnFailure: {Type: S3, Destination: !GetAtt Discarded.Arn}}"
TO_QUEUE = "DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Failed.Arn}}"


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return reading(tmp_path)


# ---- batches ----


def test_batch_is_at_most_its_size(account: Account) -> None:
    with account() as entered:
        put(entered, *"abcdef")
        entered.settle()
        assert batches(entered) == [["a", "b", "c", "d"], ["e", "f"]]
        assert entered.now == START


def test_window_gathers_records(account: Account) -> None:
    with account("MaximumBatchingWindowInSeconds: 20") as entered:
        put(entered, "a")
        entered.settle(patience=timedelta(0))
        entered.clock.sleep(5)
        put(entered, "b")
        entered.settle()
        assert batches(entered) == [["a", "b"]]
        assert entered.now == START + timedelta(seconds=20)


def test_full_batch_does_not_wait_for_the_window(account: Account) -> None:
    with account("MaximumBatchingWindowInSeconds: 20") as entered:
        put(entered, *"abcde")
        entered.settle(patience=timedelta(seconds=1))
        assert batches(entered) == [["a", "b", "c", "d"]]
        entered.settle()
        assert batches(entered)[1:] == [["e"]]


def test_filter_holds_the_whole_record(account: Account) -> None:
    wanted = json.dumps({"dynamodb": {"NewImage": {"id": {"S": [{"prefix": "case#"}]}}}})
    with account(f"FilterCriteria: {{Filters: [{{Pattern: '{wanted}'}}]}}") as entered:
        put(entered, "case#1", "hold#1", "case#2")
        delete(entered, "case#1")
        entered.settle()
        assert batches(entered) == [["case#1", "case#2"]]


def test_filter_on_the_event_name(account: Account) -> None:
    with account(
        """FilterCriteria: {Filters: [{Pattern: '{"eventName":["REMOVE"]}'}]}"""
    ) as entered:
        put(entered, "a")
        delete(entered, "a")
        entered.settle()
        assert [one["eventName"] for one in records(entered)] == ["REMOVE"]


# ---- failures ----


def test_first_reported_record_and_all_after_it_come_again(account: Account) -> None:
    with account(PARTIAL, "MaximumRetryAttempts: 2") as entered:
        put(entered, "a", "b!", "c", "d!", "e")
        entered.settle()
        assert batches(entered) == [["a", "b!", "c", "d!"], *2 * [["b!", "c", "d!"]], ["e"]]
        assert [one.attempt for one in entered.journal.of(Invoked)] == [1, 2, 3, 1]
        assert entered.now == START + timedelta(seconds=3)  # after 1 and 2 seconds


def test_retries_are_those_of_the_first_failed_record(account: Account) -> None:
    with account(PARTIAL, "MaximumRetryAttempts: 1") as entered:
        failing = iter([1, 1, 0])  # which record of each batch: b, then c twice

        def handler(event: Any, context: Any) -> dict[str, Any]:
            number = event["Records"][next(failing)]["dynamodb"]["SequenceNumber"]
            return {"batchItemFailures": [{"itemIdentifier": number}]}

        entered.runtime._handlers["Reader"] = handler
        put(entered, "a", "b", "c")
        entered.settle()
        assert batches(entered) == [["a", "b", "c"], ["b", "c"], ["c"]]
        assert len(entered.journal.of(Dropped)) == 1


def test_response_counts_only_with_its_type(account: Account) -> None:
    with account("MaximumRetryAttempts: 2") as entered:
        put(entered, "a!", "b")
        entered.settle()
        assert batches(entered) == [["a!", "b"]]


@pytest.mark.parametrize(
    "response",
    [
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"identifier": "1"}]},
        {"batchItemFailures": ["1"]},
        {"batchItemFailures": "1"},
        "text",
    ],
)
def test_malformed_response_fails_the_batch(account: Account, response: Any) -> None:
    with account(PARTIAL, "MaximumRetryAttempts: 1") as entered:
        entered.runtime._handlers["Reader"] = lambda event, context: response
        put(entered, "a", "b")
        entered.settle()
        assert batches(entered) == 2 * [["a", "b"]]


@pytest.mark.parametrize("response", [None, {}, {"batchItemFailures": None}])
def test_empty_response_is_success(account: Account, response: Any) -> None:
    with account(PARTIAL) as entered:
        entered.runtime._handlers["Reader"] = lambda event, context: response
        put(entered, "a")
        entered.settle()
        assert batches(entered) == [["a"]]


def test_failed_batch_is_halved(account: Account) -> None:
    with account(
        "BisectBatchOnFunctionError: true", "MaximumRetryAttempts: 1", How="raises"
    ) as entered:
        put(entered, "a", "b", "c!", "d", "e")
        entered.settle()
        assert batches(entered) == [
            ["a", "b", "c!", "d"],
            ["a", "b"],
            ["c!", "d"],
            *2 * [["c!"]],
            ["d"],
            ["e"],
        ]


def test_failed_batch_holds_back_its_own_lane_only(account: Account) -> None:
    keys = ["a", "b", "c", "d!", "e", "f", "g", "h"]
    with account("ParallelizationFactor: 4", "MaximumRetryAttempts: 1", How="raises") as entered:
        put(entered, *keys)
        entered.settle()
        seen = batches(entered)
        failing = [i for i, batch in enumerate(seen) if "d!" in batch]
        assert len(failing) == 2
        assert any("d!" not in batch for batch in seen[failing[0] : failing[1]])
        assert {key for batch in seen for key in batch} == set(keys)


def test_order_of_a_key_is_kept(account: Account) -> None:
    with account("ParallelizationFactor: 10", "MaximumRetryAttempts: 3", How="raises") as entered:
        for n in range(3):
            put(entered, "a!", "b", "c", x=str(n))
        entered.settle()
        for key in "bc":
            mine = [one["dynamodb"]["NewImage"] for one in records(entered)]
            first = list(dict.fromkeys(i["x"]["S"] for i in mine if i["id"]["S"] == key))
            assert first == ["0", "1", "2"]


def test_endless_retries_end_when_the_record_expires(account: Account) -> None:
    with account(TO_BUCKET, How="raises") as entered:
        put(entered, "a!")
        entered.settle(patience=timedelta(hours=1))
        assert entered.now <= START + timedelta(hours=1)
        assert not entered.journal.of(Dropped)
        entered.settle()
        (lost,) = entered.journal.of(Dropped)
        assert "expired" in lost.reason
        assert timedelta(hours=24) < entered.now - START < timedelta(hours=24, minutes=10)


def test_record_that_is_too_old_is_discarded(account: Account) -> None:
    with account(TO_BUCKET, "MaximumRecordAgeInSeconds: 60", How="raises") as entered:
        put(entered, "a!")
        entered.settle()
        (kept,) = entered.journal.of(Retained)
        assert kept.reason == "RecordAgeExceeded: ValueError: a bad row"
        assert entered.now - START == timedelta(seconds=63)
        assert len(batches(entered)) == 6


# ---- destinations ----


def test_bucket_gets_the_records(account: Account) -> None:
    with account(TO_BUCKET, PARTIAL, "MaximumRetryAttempts: 0", How="raises") as entered:
        put(entered, "a!", "b")
        entered.settle()
        (kept,) = entered.journal.of(Retained)
        assert kept.reason == "RetryAttemptsExhausted: ValueError: a bad row"
        bucket = entered.stack.resources["Discarded"].physical
        s3 = entered.client("s3")
        (one,) = s3.list_objects_v2(Bucket=bucket)["Contents"]
        mapping = entered.stack.resources["ReaderRows"].physical
        beginning = f"aws/lambda/{mapping}/shardId-00000001541626099285-f35f62ef/2026/11/24/"
        assert one["Key"].startswith(f"{beginning}2026-11-24T06.00.00-")
        assert kept.where == f"arn:aws:s3:::{bucket}/{one['Key']}"
        body = json.loads(s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read())
        assert json.loads(body.pop("payload")) == entered.journal.of(Invoked)[0].event
        numbers = [r["dynamodb"]["SequenceNumber"] for r in records(entered)]
        info = body["DDBStreamBatchInfo"]
        assert [info["startSequenceNumber"], info["endSequenceNumber"]] == numbers
        assert info["batchSize"] == 2
        assert info["approximateArrivalOfFirstRecord"] == "2026-11-24T06:00:00Z"
        assert body["requestContext"]["condition"] == "RetryAttemptsExhausted"
        assert body["requestContext"]["approximateInvokeCount"] == 1
        assert body["responseContext"]["functionError"] == "Unhandled"


def test_queue_gets_only_the_numbers(account: Account) -> None:
    with account(TO_QUEUE, PARTIAL, "MaximumRetryAttempts: 1") as entered:
        put(entered, "a", "b!")
        entered.settle()
        (body,) = entered.messages("Failed")
        sent = json.loads(body)
        assert "payload" not in sent
        assert "functionError" not in sent["responseContext"]
        assert sent["DDBStreamBatchInfo"]["batchSize"] == 1
        (dead,) = entered.journal.of(DeadLettered)
        assert dead.queue == entered.queues["Failed"].arn
        assert dead.reason == "RetryAttemptsExhausted: reported as failed"


def test_without_a_destination_the_batch_is_dropped(account: Account) -> None:
    with account("MaximumRetryAttempts: 0", How="raises") as entered:
        put(entered, "a!", "b")
        entered.settle()
        (lost,) = entered.journal.of(Dropped)
        assert json.loads(lost.body)["DDBStreamBatchInfo"]["batchSize"] == 2


@pytest.mark.parametrize("action", ["s3:PutObject", "s3:ListBucket", "kms:GenerateDataKey"])
def test_role_must_be_allowed_to_write_the_object(account: Account, action: str) -> None:
    with account(TO_BUCKET, "MaximumRetryAttempts: 0", How="raises") as entered:
        iam, role = entered.client("iam"), entered.stack.resources["ReaderRole"].physical
        held = iam.get_role_policy(RoleName=role, PolicyName="retains")["PolicyDocument"]
        held["Statement"] = [one for one in held["Statement"] if one["Action"] != action]
        iam.put_role_policy(RoleName=role, PolicyName="retains", PolicyDocument=json.dumps(held))
        put(entered, "a!")
        entered.settle()
        assert not entered.journal.of(Retained)
        (lost,) = entered.journal.of(Dropped)
        assert action in lost.reason


@pytest.mark.parametrize(
    "action", ["dynamodb:GetRecords, ", "dynamodb:GetShardIterator, ", "dynamodb:ListStreams"]
)
def test_role_must_be_allowed_to_read_the_stream(account: Account, action: str) -> None:
    wanted = action.removesuffix(", ")
    with pytest.raises(Unresolved, match=f"Reader: its role lacks {wanted}"):
        without = f'- {{Effect: Allow, Action: {action}, Resource: "*"}}'
        account(without=without if "List" in action else action).__enter__()


# ---- the mapping ----


def test_records_wait_while_the_mapping_is_off(account: Account) -> None:
    with account() as entered:
        entered.set_mapping("ReaderRows", enabled=False)
        put(entered, "a")
        entered.settle()
        entered.advance(timedelta(hours=23))
        put(entered, "b")
        assert batches(entered) == []
        entered.set_mapping("ReaderRows", enabled=True)
        entered.settle()
        assert batches(entered) == [["a", "b"]]


def test_records_expire_while_the_mapping_is_off(account: Account) -> None:
    with account() as entered:
        entered.set_mapping("ReaderRows", enabled=False)
        put(entered, "a")
        entered.advance(timedelta(hours=25))
        put(entered, "b")
        entered.set_mapping("ReaderRows", enabled=True)
        entered.settle()
        assert batches(entered) == [["b"]]
        (lost,) = entered.journal.of(Dropped)
        assert lost.reason == "1 records expired unread"


def test_mapping_can_begin_switched_off(account: Account) -> None:
    with account("Enabled: false") as entered:
        put(entered, "a")
        entered.settle()
        assert batches(entered) == []


def test_unknown_mapping_is_refused(account: Account) -> None:
    with account() as entered, pytest.raises(LookupError):
        entered.set_mapping("Nothing", enabled=False)


def test_queue_mapping_can_be_switched_off() -> None:
    path = Path(__file__).parent / "stack" / "template.yaml"
    with EmbeddedAccount(path, region="eu-central-1", start=START) as entered:
        entered.set_mapping("BulkQueue", enabled=False)
        entered.deliver({"id": "c", "source": "aws.config", "detail": {"id": "a"}})
        assert entered.journal.of(Invoked) == []
        entered.set_mapping("BulkQueue", enabled=True)
        entered.settle()
        assert len(entered.journal.of(Invoked)) == 1


def test_table_without_a_stream_is_refused(account: Account) -> None:
    with pytest.raises(Unresolved, match="Rows has no stream"):
        account(without="StreamSpecification: {StreamViewType: !Ref View}").__enter__()


def test_function_that_writes_is_followed(account: Account) -> None:
    """Each batch may cause the next one; settle ends when nothing changes any more."""
    with account() as entered:

        def handler(event: Any, context: Any) -> None:
            for one in event["Records"]:
                count = int(one["dynamodb"]["NewImage"].get("x", {"S": "0"})["S"])
                if count < 3:
                    put(entered, "a", x=str(count + 1))

        entered.runtime._handlers["Reader"] = handler
        put(entered, "a")
        entered.settle()
        assert len(batches(entered)) == 4


def test_restored_account_reads_from_its_own_entry(account: Account) -> None:
    first: list[list[str]] = []
    for _ in range(2):
        with account() as entered:
            put(entered, "a")
            entered.settle()
            put(entered, "left")
            first.extend(batches(entered))
    assert first == [["a"], ["a"]]


def test_deleted_table_is_no_longer_read(account: Account) -> None:
    with account() as entered:
        db, name = entered.client("dynamodb"), entered.stack.resources["Rows"].physical
        entered.advance(timedelta(seconds=1))
        db.delete_table(TableName=name)
        db.create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        put(entered, "a")
        entered.settle()
        assert batches(entered) == []
