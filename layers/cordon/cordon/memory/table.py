"""The table: rows in plain Python, consistent reads, and transactions that are tried again.

A row maps attribute names to text, whole numbers, booleans, sets of text, or maps of these. What
is deeper than that is kept as JSON text by whoever owns the row.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from cordon import clock

Row = Mapping[str, Any]
CONDITION_FAILED = "ConditionalCheckFailedException"
CONFLICT = "TransactionConflictException"  # of one write that met a transaction on its row
MOST_WRITES = 100  # of one transaction (Amazon DynamoDB API Reference, "TransactWriteItems")
BATCH = 100  # keys of one BatchGetItem
TRIES = 8
FIRST_WAIT = 0.05  # seconds, doubled with each try: 8 tries wait 3 s on average, 6 s at most
# Reasons of a cancelled transaction that another try may not meet again (same page). botocore
# tries TransactionInProgressException again, and TransactionCanceledException never.
PASSING = frozenset(
    {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded", "None"}
)


@dataclass(frozen=True)
class Cancelled(Exception):
    """A transaction met a condition that does not hold. Nothing was written.

    ``rows`` has, for each write in order, the row whose condition failed ({} where there is no
    such row), or None where its own condition held.
    """

    rows: tuple[Row | None, ...]


def encode(value: Any) -> dict[str, Any]:
    """One value in DynamoDB's JSON."""
    match value:
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case str():
            return {"S": value}
        case set() | frozenset():
            return {"SS": sorted(value)}
        case Mapping():
            return {"M": {k: encode(v) for k, v in value.items()}}
    raise TypeError(f"no row holds a {type(value).__name__}")


def decode(value: Mapping[str, Any]) -> Any:
    """The value behind DynamoDB's JSON."""
    ((kind, given),) = value.items()
    match kind:
        case "N":
            return _number(given)
        case "SS":
            return frozenset(given)
        case "M":
            return {k: decode(v) for k, v in given.items()}
        case "NULL":
            return None
    return given


def _number(given: str) -> int | float:
    """We write whole numbers; a person may write others."""
    try:
        return int(given)
    except ValueError:
        return float(given)


def row_of(item: Mapping[str, Any]) -> Row:
    """The row of an item as DynamoDB returns it."""
    return {name: decode(value) for name, value in item.items()}


class Table:
    """One DynamoDB table with the string key ``id``."""

    def __init__(self, dynamodb: Any, name: str) -> None:
        self._dynamodb = dynamodb
        self._name = name

    def get(self, *keys: str) -> dict[str, Row]:
        """The rows of these keys that exist, by key; a call for 100, strongly consistent."""
        found: dict[str, Row] = {}
        unread = [{"id": {"S": key}} for key in dict.fromkeys(keys)]
        tries = 0
        while unread:
            request = {self._name: {"Keys": unread[:BATCH], "ConsistentRead": True}}
            response = self._dynamodb.batch_get_item(RequestItems=request)
            for item in response["Responses"].get(self._name, ()):
                row = row_of(item)
                found[row["id"]] = row
            skipped = response.get("UnprocessedKeys", {}).get(self._name, {}).get("Keys", [])
            unread = [*skipped, *unread[BATCH:]]
            if skipped:
                tries += 1
                if tries == TRIES:
                    raise TimeoutError(
                        f"{len(unread)} rows of {self._name} not read: {TRIES} tries"
                    )
                _wait(tries - 1)
        return found

    def query(
        self, index: str, attribute: str, value: str, *, after: Row | None, limit: int
    ) -> tuple[list[Row], Row | None]:
        """The next keys of an index with this value, and the key to go on from (None: no more).

        An index is eventually consistent.
        """
        start = {name: encode(part) for name, part in (after or {}).items()}
        response = self._dynamodb.query(
            TableName=self._name,
            IndexName=index,
            KeyConditionExpression="#key = :value",
            ExpressionAttributeNames={"#key": attribute},
            ExpressionAttributeValues={":value": encode(value)},
            Limit=limit,
            **({"ExclusiveStartKey": start} if start else {}),
        )
        last = response.get("LastEvaluatedKey")
        return [row_of(item) for item in response["Items"]], row_of(last) if last else None

    def put(self, row: Row, condition: str = "", **values: Any) -> None:
        """Write a whole row. Raises Cancelled with the row there where the condition fails."""
        self._put_item(self._put(row, condition, values))

    def update(self, key: str, expression: str, condition: str = "", **parts: Any) -> Row:
        """Change attributes of a row; the row as it is then. Raises Cancelled as ``put`` does."""
        request = self._update(key, expression, condition, parts)
        response = self._update_item({**request, "ReturnValues": "ALL_NEW"})
        return row_of(response["Attributes"])

    def delete(self, key: str, condition: str, **values: Any) -> None:
        """Delete a row. Raises Cancelled as ``put`` does."""
        named = {"TableName": self._name, "Key": {"id": {"S": key}}}
        request = {**named, **_condition(condition, values)}
        _tried(lambda: self._dynamodb.delete_item(**request))

    def write_put(self, row: Row, condition: str = "", **values: Any) -> Mapping[str, Any]:
        """A put for ``transact``."""
        return {"Put": self._put(row, condition, values)}

    def write_update(
        self, key: str, expression: str, condition: str = "", **parts: Any
    ) -> Mapping[str, Any]:
        """An update for ``transact``."""
        return {"Update": self._update(key, expression, condition, parts)}

    def transact(self, writes: Sequence[Mapping[str, Any]]) -> None:
        """All of the writes or none. Raises Cancelled where a condition does not hold.

        One alone is written without a transaction, which costs half. A conflict with another
        transaction, or a throttle, is tried again with full jitter.
        """
        if not 0 < len(writes) <= MOST_WRITES:
            raise ValueError(f"a transaction has 1 to {MOST_WRITES} writes, not {len(writes)}")
        match writes:
            case [{"Put": request}]:
                self._put_item(request)
            case [{"Update": request}]:
                self._update_item(request)
            case _:
                items = list(writes)
                _tried(lambda: self._dynamodb.transact_write_items(TransactItems=items))

    def _put_item(self, request: Mapping[str, Any]) -> None:
        _tried(lambda: self._dynamodb.put_item(**request))

    def _update_item(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        return _tried(lambda: self._dynamodb.update_item(**request))

    def _put(self, row: Row, condition: str, values: Mapping[str, Any]) -> dict[str, Any]:
        item = {name: encode(value) for name, value in row.items()}
        return {"TableName": self._name, "Item": item, **_condition(condition, values)}

    def _update(
        self, key: str, expression: str, condition: str, parts: Mapping[str, Any]
    ) -> dict[str, Any]:
        conditions = _condition(condition, parts)
        return {
            "TableName": self._name,
            "Key": {"id": {"S": key}},
            "UpdateExpression": expression,
            **conditions,
            **_parts(parts),
        }


def _tried(write: Callable[[], Any]) -> Mapping[str, Any]:
    """Write, again after what another try may not meet. Raises Cancelled or the ClientError."""
    for attempt in range(TRIES):
        try:
            response: Mapping[str, Any] = write()
        except ClientError as error:
            if not _passes(error) or attempt == TRIES - 1:
                raise_cancelled(error)
                raise
        else:
            return response
        _wait(attempt)
    raise AssertionError("the last try returns or raises")


def _condition(condition: str, parts: Mapping[str, Any]) -> dict[str, Any]:
    if not condition:
        return {}
    return {
        "ConditionExpression": condition,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        **_parts(parts),
    }


def _parts(parts: Mapping[str, Any]) -> dict[str, Any]:
    """``names`` maps #placeholders to attributes; all else are values of :placeholders."""
    names = parts.get("names", {})
    values = {f":{k}": encode(v) for k, v in parts.items() if k != "names"}
    return {
        **({"ExpressionAttributeNames": dict(names)} if names else {}),
        **({"ExpressionAttributeValues": values} if values else {}),
    }


def raise_cancelled(error: ClientError) -> None:
    """Raise Cancelled where the error says that a condition did not hold; else return."""
    response: Mapping[str, Any] = error.response
    if response["Error"]["Code"] == CONDITION_FAILED:
        raise Cancelled((row_of(response.get("Item", {})),)) from error
    if any(reason == "ConditionalCheckFailed" for reason in _reasons(error)):
        raise Cancelled(tuple(_failed_rows(response["CancellationReasons"]))) from error


def _failed_rows(reasons: Iterable[Mapping[str, Any]]) -> Iterable[Row | None]:
    for reason in reasons:
        failed = reason.get("Code") == "ConditionalCheckFailed"
        yield row_of(reason.get("Item", {})) if failed else None


def _reasons(error: ClientError) -> list[str]:
    response: Mapping[str, Any] = error.response
    return [str(reason.get("Code", "None")) for reason in response.get("CancellationReasons", ())]


def _passes(error: ClientError) -> bool:
    """May another try of a cancelled transaction, or of a write that met one, succeed?"""
    reasons = _reasons(error)
    if error.response["Error"]["Code"] == CONFLICT:
        return True
    return bool(reasons) and set(reasons) <= PASSING and set(reasons) != {"None"}


def _wait(attempt: int) -> None:
    """Full jitter, so that those who met once do not meet again."""
    clock.sleep(random.uniform(0, FIRST_WAIT * 2**attempt))
