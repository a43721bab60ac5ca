"""What is in a table's stream."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedded.account import EmbeddedAccount
from embedded.tests.rows import STACK, START, Account, delete, put, reading, records, update


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return reading(tmp_path)


def test_upsert_makes_one_insert(account: Account) -> None:
    with account() as entered:
        update(entered, "a", "SET x = :x", values={":x": {"M": {"y": {"L": [{"N": "1"}]}}}})
        entered.settle()
        (record,) = records(entered)
        assert record["eventName"] == "INSERT"
        assert record["eventSource"] == "aws:dynamodb"
        assert record["awsRegion"] == "eu-central-1"
        stream = entered.client("dynamodbstreams").list_streams()["Streams"][0]["StreamArn"]
        assert record["eventSourceARN"] == stream
        image = {"id": {"S": "a"}, "x": {"M": {"y": {"L": [{"N": "1"}]}}}}
        assert record["dynamodb"]["NewImage"] == image
        assert "OldImage" not in record["dynamodb"]
        assert record["dynamodb"]["ApproximateCreationDateTime"] == int(START.timestamp())


def test_write_without_a_change_makes_none(account: Account) -> None:
    with account() as entered:
        put(entered, "a", x="1")
        put(entered, "a", x="1")
        update(entered, "a", "SET x = :x", values={":x": {"S": "1"}})
        update(entered, "a", "REMOVE y")
        delete(entered, "b")
        entered.settle()
        assert [one["eventName"] for one in records(entered)] == ["INSERT"]


def test_record_has_the_images_of_its_moment(account: Account) -> None:
    with account() as entered:
        put(entered, "a", x="1")
        update(entered, "a", "SET x = :x", values={":x": {"S": "2"}})
        update(entered, "a", "SET x = :x", values={":x": {"S": "3"}})
        delete(entered, "a")
        put(entered, "a", x="4")
        entered.settle()
        seen = [
            (
                one["eventName"],
                one["dynamodb"].get("OldImage", {}).get("x", {}).get("S"),
                one["dynamodb"].get("NewImage", {}).get("x", {}).get("S"),
            )
            for one in records(entered)
        ]
        assert seen == [
            ("INSERT", None, "1"),
            ("MODIFY", "1", "2"),
            ("MODIFY", "2", "3"),
            ("REMOVE", "3", None),
            ("INSERT", None, "4"),
        ]


@pytest.mark.parametrize(
    ("view", "images"),
    [
        ("KEYS_ONLY", set()),
        ("NEW_IMAGE", {"NewImage"}),
        ("OLD_IMAGE", {"OldImage"}),
        ("NEW_AND_OLD_IMAGES", {"NewImage", "OldImage"}),
    ],
)
def test_view_type_says_which_images(account: Account, view: str, images: set[str]) -> None:
    with account(View=view) as entered:
        put(entered, "a", x="1")
        put(entered, "a", x="2")
        entered.settle()
        changed = records(entered)[1]["dynamodb"]
        assert changed.keys() & {"NewImage", "OldImage"} == images
        assert changed["Keys"] == {"id": {"S": "a"}}
        assert changed["StreamViewType"] == view


def test_transaction_makes_a_record_an_item(account: Account) -> None:
    with account() as entered:
        db, table = entered.client("dynamodb"), entered.stack.resources["Rows"].physical
        put(entered, "a", x="1")
        put(entered, "same")

        def entries(*keys: str) -> list[dict[str, Any]]:
            return [
                {"Delete": {"TableName": table, "Key": {"id": {"S": "a"}}}},
                *({"Put": {"TableName": table, "Item": {"id": {"S": k}}}} for k in keys),
            ]

        db.transact_write_items(TransactItems=entries("b", "same"))
        refused = {"ConditionExpression": "attribute_not_exists(id)"}
        failing = entries("c", "b")
        failing[-1]["Put"] |= refused
        with pytest.raises(db.exceptions.TransactionCanceledException):
            db.transact_write_items(TransactItems=failing)
        entered.settle()
        names = [(one["eventName"], one["dynamodb"]["Keys"]["id"]["S"]) for one in records(entered)]
        assert names == [("INSERT", "a"), ("INSERT", "same"), ("REMOVE", "a"), ("INSERT", "b")]


def test_stream_is_read_through_the_api_too(account: Account) -> None:
    with account() as entered:
        update(entered, "a", "SET x = :x", values={":x": {"M": {"y": {"S": "1"}}}})
        client = entered.client("dynamodbstreams")
        arn = client.list_streams()["Streams"][0]["StreamArn"]
        shard = client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
        at = client.get_shard_iterator(
            StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        (record,) = client.get_records(ShardIterator=at)["Records"]
        assert record["dynamodb"]["NewImage"]["x"] == {"M": {"y": {"S": "1"}}}
        assert record["dynamodb"]["ApproximateCreationDateTime"] == START


WRITES = st.lists(
    st.tuples(
        st.sampled_from(["put", "update", "delete"]), st.sampled_from("ab"), st.integers(0, 1)
    )
)


@settings(max_examples=25, deadline=None)
@given(WRITES)
def test_stream_replays_to_the_table(writes: list[tuple[str, str, int]]) -> None:
    """The records, applied in their order, give what is in the table."""
    with EmbeddedAccount(STACK / "template.yaml", region="eu-central-1", start=START) as entered:
        for kind, key, value in writes:
            if kind == "put":
                put(entered, key, x=str(value))
            elif kind == "delete":
                delete(entered, key)
            else:
                update(entered, key, "SET x = :x", values={":x": {"S": str(value)}})
        entered.settle()
        table = entered.stack.resources["Rows"].physical
        items = entered.client("dynamodb").scan(TableName=table)["Items"]
        assert replayed(records(entered)) == {one["id"]["S"]: one for one in items}


def replayed(changes: list[dict[str, Any]]) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for one in changes:
        key, images = one["dynamodb"]["Keys"]["id"]["S"], one["dynamodb"]
        assert rows.get(key) == images.get("OldImage")
        assert images.get("OldImage") != images.get("NewImage")
        rows[key] = images.get("NewImage")
    return {key: row for key, row in rows.items() if row is not None}
