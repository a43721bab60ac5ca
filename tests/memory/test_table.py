"""The table: plain rows there and back, and transactions that are tried again."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from cordon import clock
from cordon.memory.table import (
    FIRST_WAIT,
    MOST_WRITES,
    TRIES,
    Cancelled,
    Table,
    decode,
    encode,
    row_of,
)
from tests.memory.table import NAME, dynamodb_table

VALUES = st.recursive(
    st.text() | st.integers() | st.booleans() | st.frozensets(st.text(min_size=1), min_size=1),
    lambda inner: st.dictionaries(st.text(min_size=1), inner, max_size=3),
    max_leaves=6,
)


class Scripted:
    """A client whose responses are given: an error code, the codes of a cancelled one, or ""."""

    def __init__(self, *responses: Any) -> None:
        self.responses = list(responses)
        self.calls = 0

    def write_one(self, **_: Any) -> dict[str, Any]:
        self.transact_write_items()
        return {"Attributes": {}}

    def transact_write_items(self, **_: Any) -> None:
        self.calls += 1
        response = self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]
        if isinstance(response, str):
            if response:
                raise ClientError({"Error": {"Code": response}}, "TransactWriteItems")
            return
        error: Any = {
            "Error": {"Code": "TransactionCanceledException"},
            "CancellationReasons": [{"Code": code} for code in response],
        }
        raise ClientError(error, "TransactWriteItems")


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were waited; nobody waits in truth."""
    waited: list[float] = []
    monkeypatch.setattr(clock, "sleep", waited.append)
    return waited


@pytest.fixture
def dynamodb() -> Iterator[tuple[Table, Any]]:
    with dynamodb_table() as both:
        yield both


def one_write(client: Any) -> None:
    table = Table(client, NAME)
    table.transact([table.write_put({"id": "x"}), table.write_put({"id": "y"})])


@given(VALUES)
def test_value_survives_coding(value: Any) -> None:
    assert decode(encode(value)) == value


@pytest.mark.parametrize("value", [None, 1.5, ["list"], b"bytes"])
def test_row_refuses_other_types(value: Any) -> None:
    with pytest.raises(TypeError):
        encode(value)


def test_row_comes_back_whole(dynamodb: tuple[Table, Any]) -> None:
    row = {
        "id": "x",
        "n": -3,
        "on": True,
        "who": frozenset({"b", "a"}),
        "m": {"want": "w", "at": 1},
    }
    table, client = dynamodb
    table.put(row)
    assert table.get("x", "absent", "x") == {"x": row}
    assert row_of(client.get_item(TableName=NAME, Key={"id": {"S": "x"}})["Item"]) == row


@pytest.mark.parametrize(
    "code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]
)
def test_passing_error_is_tried_again(code: str, waits: list[float]) -> None:
    client = Scripted(["None", code], [code, "None"], "")
    one_write(client)
    assert client.calls == 3
    assert all(0 <= wait <= FIRST_WAIT * 2**n for n, wait in enumerate(waits))


def test_jitter_differs_between_tries(waits: list[float]) -> None:
    for _ in range(5):
        one_write(Scripted(["TransactionConflict", "None"], ""))
    assert len(set(waits)) == 5


def test_conflict_is_given_up(waits: list[float]) -> None:
    client = Scripted(["TransactionConflict", "None"])
    with pytest.raises(ClientError, match="TransactionCanceled"):
        one_write(client)
    assert (client.calls, len(waits)) == (TRIES, TRIES - 1) == (8, 7)


def test_failed_condition_beats_a_conflict(waits: list[float]) -> None:
    with pytest.raises(Cancelled) as cancelled:
        one_write(Scripted(["ConditionalCheckFailed", "TransactionConflict"]))
    assert cancelled.value.rows == ({}, None)
    assert waits == []


@pytest.mark.parametrize(
    "response", ["AccessDeniedException", ["ValidationError", "None"], ["None"]]
)
def test_other_error_rises_at_once(response: Any, waits: list[float]) -> None:
    client = Scripted(response)
    with pytest.raises(ClientError):
        one_write(client)
    assert (client.calls, waits) == (1, [])


def test_unprocessed_keys_are_read_again(
    dynamodb: tuple[Table, Any], waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    table, client = dynamodb
    for key in "abc":
        table.put({"id": key})
    batch_get_item = client.batch_get_item
    sizes: list[int] = []

    def one_at_a_time(RequestItems: Any) -> Any:
        first, *others = RequestItems[NAME]["Keys"]
        sizes.append(1 + len(others))
        assert RequestItems[NAME]["ConsistentRead"]
        response = batch_get_item(RequestItems={NAME: {"Keys": [first]}})
        return {**response, "UnprocessedKeys": {NAME: {"Keys": others}} if others else {}}

    monkeypatch.setattr(client, "batch_get_item", one_at_a_time)
    assert set(table.get("a", "b", "c")) == {"a", "b", "c"}
    assert (sizes, len(waits)) == ([3, 2, 1], 2)


def test_unread_rows_raise_in_the_end(
    dynamodb: tuple[Table, Any], waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    table, client = dynamodb

    def nothing(RequestItems: Any) -> Any:
        return {"Responses": {}, "UnprocessedKeys": RequestItems}

    monkeypatch.setattr(client, "batch_get_item", nothing)
    with pytest.raises(TimeoutError):
        table.get("a")


@pytest.mark.parametrize("many", [100, 101, 250])
def test_many_keys_are_all_read(dynamodb: tuple[Table, Any], many: int) -> None:
    table, _ = dynamodb
    keys = [f"row{n}" for n in range(many)]
    for at in range(0, many, MOST_WRITES):
        table.transact([table.write_put({"id": key}) for key in keys[at : at + MOST_WRITES]])
    assert set(table.get(*keys)) == set(keys)


@pytest.mark.parametrize("many", [0, MOST_WRITES + 1])
def test_transaction_has_a_limit(dynamodb: tuple[Table, Any], many: int) -> None:
    table, _ = dynamodb
    with pytest.raises(ValueError, match="1 to 100"):
        table.transact([table.write_put({"id": str(n)}) for n in range(many)])


@pytest.mark.parametrize("call", ["put_item", "update_item", "delete_item"])
def test_one_write_that_meets_a_transaction_is_tried_again(call: str, waits: list[float]) -> None:
    """botocore tries a conflict again only where a whole transaction met it."""
    client = Scripted("TransactionConflictException", "TransactionConflictException", "")
    setattr(client, call, client.write_one)
    table = Table(client, NAME)
    if call == "put_item":
        table.put({"id": "x"})
    elif call == "update_item":
        table.update("x", "SET a = :a", a=1)
    else:
        table.delete("x", "a = :a", a=1)
    assert (client.calls, len(waits)) == (3, 2)


@pytest.mark.parametrize("kind", ["put", "update"])
def test_one_write_alone_is_no_transaction(dynamodb: tuple[Table, Any], kind: str) -> None:
    table, client = dynamodb
    calls: list[str] = []
    for call in ("PutItem", "UpdateItem", "TransactWriteItems"):
        event = f"before-call.dynamodb.{call}"
        client.meta.events.register(event, lambda model, **_: calls.append(model.name))
    writes = {
        "put": table.write_put({"id": "x"}),
        "update": table.write_update("x", "SET a = :a", a=1),
    }
    table.transact([writes[kind]])
    assert calls == [{"put": "PutItem", "update": "UpdateItem"}[kind]]
