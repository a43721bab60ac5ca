"""Transactions, batches and a sparse index on a table that the builder made."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from embedded.account import EmbeddedAccount

TEMPLATE = Path(__file__).parent / "stack" / "template.yaml"
START = datetime(2026, 11, 24, 6, tzinfo=UTC)
Item = dict[str, dict[str, str]]


@pytest.fixture
def account() -> Iterator[EmbeddedAccount]:
    with EmbeddedAccount(TEMPLATE, region="eu-central-1", start=START) as entered:
        yield entered


@pytest.fixture
def table(account: EmbeddedAccount) -> "Table":
    return Table(account)


class Table:
    """The table of cases."""

    def __init__(self, account: EmbeddedAccount) -> None:
        self.client = account.client("dynamodb")
        self.name = account.stack.resources["Cases"].physical

    def get(self, key: str) -> Item | None:
        response = self.client.get_item(TableName=self.name, Key={"id": {"S": key}})
        found: Item | None = response.get("Item")
        return found

    def put(self, key: str, **attributes: str) -> Item:
        item = {"id": {"S": key}} | {name: {"S": value} for name, value in attributes.items()}
        self.client.put_item(TableName=self.name, Item=item)
        return item

    def add(self, key: str, by: int = 1, **more: Any) -> dict[str, Any]:
        """An entry of a transaction: ``n`` grows."""
        values = {":by": {"N": str(by)}}
        update = {"UpdateExpression": "ADD n :by", "ExpressionAttributeValues": values}
        return {"Update": {"TableName": self.name, "Key": {"id": {"S": key}}, **update, **more}}

    def transact(self, *entries: dict[str, Any], **more: Any) -> None:
        self.client.transact_write_items(TransactItems=list(entries), **more)

    def refusal(self, *entries: dict[str, Any], **more: Any) -> dict[str, Any]:
        with pytest.raises(ClientError) as refused:
            self.transact(*entries, **more)
        return dict(refused.value.response)

    def open(self, partition: str) -> list[Item]:
        response = self.client.query(
            TableName=self.name,
            IndexName="open",
            KeyConditionExpression="#open = :partition",
            ExpressionAttributeNames={"#open": "open"},
            ExpressionAttributeValues={":partition": {"S": partition}},
        )
        return list(response["Items"])


# ---- the token ----


def test_the_same_request_has_one_effect(table: Table) -> None:
    for _ in range(2):
        table.transact(table.add("a"), ClientRequestToken="once")
    assert table.get("a") == {"id": {"S": "a"}, "n": {"N": "1"}}


def test_a_token_refuses_another_request(table: Table) -> None:
    table.transact(table.add("a"), ClientRequestToken="once")
    refused = table.refusal(table.add("a", by=2), ClientRequestToken="once")
    assert refused["Error"]["Code"] == "IdempotentParameterMismatchException"
    assert table.get("a") == {"id": {"S": "a"}, "n": {"N": "1"}}


def test_a_token_is_valid_for_ten_minutes(account: EmbeddedAccount, table: Table) -> None:
    table.transact(table.add("a"), ClientRequestToken="once")
    account.advance(timedelta(minutes=10, seconds=-1))
    table.transact(table.add("a"), ClientRequestToken="once")
    assert (table.get("a") or {})["n"] == {"N": "1"}
    account.advance(timedelta(seconds=1))
    table.transact(table.add("a", by=2), ClientRequestToken="once")
    assert (table.get("a") or {})["n"] == {"N": "3"}


def test_a_failed_request_leaves_its_token_free(table: Table) -> None:
    must_exist = table.add("a", ConditionExpression="attribute_exists(id)")
    table.refusal(must_exist, ClientRequestToken="once")
    table.put("a")
    table.transact(must_exist, ClientRequestToken="once")
    assert (table.get("a") or {})["n"] == {"N": "1"}


def test_requests_without_a_token_each_have_an_effect(table: Table) -> None:
    for _ in range(2):
        table.transact(table.add("a"))
    assert (table.get("a") or {})["n"] == {"N": "2"}


def test_a_new_account_knows_no_token(table: Table, account: EmbeddedAccount) -> None:
    table.transact(table.add("a"), ClientRequestToken="once")
    account.__exit__(None, None, None)
    with EmbeddedAccount(TEMPLATE, region="eu-central-1", start=START) as second:
        again = Table(second)
        again.transact(again.add("a"), ClientRequestToken="once")
        assert (again.get("a") or {})["n"] == {"N": "1"}


# ---- conditions ----


def test_reasons_are_in_order_with_items(table: Table) -> None:
    held = table.put("held", by="x")
    unless_there: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(id)"}
    named = {"TableName": table.name, "Key": {"id": {"S": "held2"}}}
    table.put("held2")
    refused = table.refusal(
        table.add("free"),
        table.add("held", **unless_there, ReturnValuesOnConditionCheckFailure="ALL_OLD"),
        {"ConditionCheck": {**named, **unless_there}},
        table.add("absent", ConditionExpression="attribute_exists(id)"),
    )
    assert refused["Error"]["Code"] == "TransactionCanceledException"
    failed = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
    assert refused["CancellationReasons"] == [
        {"Code": "None"},
        {**failed, "Item": held},
        failed,
        failed,
    ]


def test_a_cancelled_transaction_changes_nothing(table: Table) -> None:
    table.put("a")
    table.transact(table.add("a"))
    table.refusal(table.add("a"), table.add("b"), table.add("c", ConditionExpression="n = :by"))
    assert table.get("a") == {"id": {"S": "a"}, "n": {"N": "1"}}
    assert table.get("b") is None


@pytest.mark.parametrize("entries", [2, 101])
def test_a_malformed_transaction_is_refused(table: Table, entries: int) -> None:
    """One item twice; more than a hundred entries."""
    keys = ["a", "a"] if entries == 2 else [str(number) for number in range(entries)]
    refused = table.refusal(*(table.add(key) for key in keys))
    assert refused["Error"]["Code"] == "ValidationException"
    assert table.get(keys[0]) is None


def test_an_empty_transaction_is_refused(table: Table) -> None:
    with pytest.raises(ParamValidationError):
        table.transact()


# ---- index and batch ----


def test_the_index_is_sparse_and_holds_keys_alone(table: Table) -> None:
    table.put("later", open="quarantine", changed="2", secret="x")
    table.put("sooner", open="quarantine", changed="1")
    table.put("closed", secret="x")
    table.put("unsorted", open="quarantine")
    keys = [("sooner", "1"), ("later", "2")]
    assert table.open("quarantine") == [
        {"id": {"S": key}, "open": {"S": "quarantine"}, "changed": {"S": at}} for key, at in keys
    ]


def test_a_closed_case_leaves_the_index(table: Table) -> None:
    table.put("a", open="quarantine", changed="1")
    change = {"TableName": table.name, "Key": {"id": {"S": "a"}}}
    named = {"ExpressionAttributeNames": {"#open": "open"}}
    table.transact({"Update": {**change, **named, "UpdateExpression": "REMOVE #open"}})
    assert table.open("quarantine") == []


def test_batch_reads_existing_items(table: Table) -> None:
    held = table.put("a", by="x")
    keys = [{"id": {"S": key}} for key in ("a", "absent")]
    requested = {table.name: {"Keys": keys, "ConsistentRead": True}}
    response = table.client.batch_get_item(RequestItems=requested)
    assert response["Responses"] == {table.name: [held]}
    assert response["UnprocessedKeys"] == {}
