"""What DynamoDB bills for a call: capacity units, by the sizes of the rows.

A write unit is 1 KB written, a read unit 4 KB read consistently; a transaction takes two of each; a
key without a row takes one read unit. An update is billed by the larger of the row before and
after. Source: DynamoDB Developer Guide, "DynamoDB item sizes and formats" and "Read and write
operations".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any

Item = Mapping[str, Mapping[str, Any]]


def size(item: Item) -> int:
    """Bytes of a row: its names and its values."""
    return sum(len(name.encode()) + value_size(value) for name, value in item.items())


def value_size(value: Mapping[str, Any]) -> int:
    """Bytes of one value."""
    ((kind, given),) = value.items()
    match kind:
        case "S":
            return len(given.encode())
        case "N":
            return ceil(len(given.lstrip("-0")) / 2) + 1
        case "SS":
            return sum(len(one.encode()) for one in given)
        case "M":
            return 3 + sum(len(name.encode()) + value_size(v) + 1 for name, v in given.items())
    return 1


@dataclass
class Units:
    """The units of the calls of one account. ``rows`` are those at its end, by key."""

    rows: Mapping[str, Item]
    written: float = 0
    read: float = 0
    _indexed: dict[str, Any] = field(default_factory=dict)

    def count(self, operation: str, params: Mapping[str, Any]) -> None:
        """Count one call."""
        if operation == "BatchGetItem":
            ((_, request),) = params["RequestItems"].items()
            self.read += sum(self._read(key["id"]["S"]) for key in request["Keys"])
        elif operation == "TransactWriteItems":
            for write in params["TransactItems"]:
                ((_, request),) = write.items()
                self.written += 2 * self._written(request)
                self.written += self._index(request)
        elif operation == "Query":
            self.read += 0.5  # of the index of open cases: not consistent, and 4 KB of keys at most
        elif operation in ("PutItem", "UpdateItem", "DeleteItem"):
            self.written += self._written(params) + self._index(params)

    def _read(self, key: str) -> int:
        return max(1, ceil(size(self.rows.get(key, {})) / 4096))

    def _written(self, request: Mapping[str, Any]) -> int:
        row = request.get("Item") or self.rows.get(request["Key"]["id"]["S"], {})
        return max(1, ceil(size(row) / 1024))

    def _index(self, request: Mapping[str, Any]) -> int:
        """The index of open cases has keys only: it is written where a case opens or closes."""
        row = request.get("Item", {})
        key = row.get("id", {}).get("S", "")
        if not key.startswith("case#"):
            return 0
        before, after = self._indexed.get(key), row.get("open")
        self._indexed[key] = after
        return int(before != after)


def rows_of(dynamodb: Any, table: str) -> Iterator[tuple[str, Item]]:
    """All rows of a table, by key."""
    for row in dynamodb.scan(TableName=table)["Items"]:
        yield row["id"]["S"], row
