"""DynamoDB streams hold one record for each item that a write changed.

moto writes two records for an UpdateItem that makes an item (the first has the key alone), one
for a write that changes nothing, and always the Region us-east-1. Here an upsert makes one
INSERT and a write without a change makes none; an entry of a transaction makes a record of its
own. A record is kept for 24 hours.

Source: "Change data capture for DynamoDB Streams" (Amazon DynamoDB developer guide) and
"StreamRecord" (DynamoDB Streams API reference).
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import import_module
from typing import Any

from moto.dynamodb.models.table import StreamShard
from moto.moto_api._internal import mock_random

KEPT = timedelta(hours=24)
NAME = "embedded"  # the last part of a stream's ARN, on AWS the moment it was made
NEW = ("NEW_IMAGE", "NEW_AND_OLD_IMAGES")
OLD = ("OLD_IMAGE", "NEW_AND_OLD_IMAGES")

Attributes = Mapping[str, Any]  # attribute name -> {"S": "text"}, as DynamoDB's API writes values


@dataclass(frozen=True)
class Change:
    """One record of a stream. ``old`` and ``new`` are whole items, None where there was none."""

    number: int
    at: datetime
    id: str
    keys: Attributes
    old: Attributes | None
    new: Attributes | None

    @property
    def name(self) -> str:
        """INSERT, MODIFY or REMOVE."""
        if self.old is None:
            return "INSERT"
        return "REMOVE" if self.new is None else "MODIFY"

    def record(self, view: str, region: str) -> dict[str, Any]:
        """The record as GetRecords returns it, for a stream of this view type."""
        images: dict[str, Any] = {"Keys": self.keys}
        if view in NEW and self.new is not None:
            images["NewImage"] = self.new
        if view in OLD and self.old is not None:
            images["OldImage"] = self.old
        return {
            "eventID": self.id,
            "eventName": self.name,
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": region,
            "dynamodb": {
                "ApproximateCreationDateTime": self.at,
                **images,
                "SequenceNumber": str(self.number),
                "SizeBytes": len(json.dumps(images)),
                "StreamViewType": view,
            },
        }


class Shard(StreamShard):
    """The one shard of a table's stream, in place of moto's."""

    items: list[Change]  # type: ignore[assignment]

    def __init__(self, account_id: str, table: Any) -> None:
        super().__init__(account_id, table)
        table.latest_stream_label = NAME

    def __deepcopy__(self, memo: dict[int, Any]) -> "Shard":
        """moto copies a table before each transaction. What is written in the stream stays."""
        copied: Shard = object.__new__(type(self))
        vars(copied).update(vars(self))
        copied.items = list(self.items)
        copied.table = memo[id(self.table)]
        return copied

    def add(self, old: Any, new: Any) -> None:
        """Write a record of a change. ``old`` and ``new`` are moto's items."""
        if old is not None and new is not None and old.attrs == new.attrs:
            return
        before, after = _attributes(old), _attributes(new)
        if before is None and self._completes_an_insert(after):
            self.items.pop()
        self._forget()
        number = self.starting_sequence_number + len(self.items)
        keys = self._keys(after if after is not None else before)
        identity = mock_random.uuid4().hex
        self.items.append(Change(number, datetime.now(UTC), identity, keys, before, after))

    def _completes_an_insert(self, new: Attributes | None) -> bool:
        """An item can only be inserted twice in a row where moto writes its key first."""
        if not self.items or new is None:
            return False
        last: Change = self.items[-1]
        return last.name == "INSERT" and last.keys == self._keys(new)

    def _keys(self, item: Attributes | None) -> Attributes:
        names = (self.table.hash_key_attr, self.table.range_key_attr)
        return {name: (item or {})[name] for name in names if name}

    def _forget(self) -> None:
        """Records older than 24 hours are deleted."""
        oldest = datetime.now(UTC) - KEPT
        expired = next((i for i, one in enumerate(self.items) if one.at >= oldest), len(self.items))
        if expired:
            del self.items[:expired]
            self.starting_sequence_number += expired

    def clear(self) -> None:
        """Delete every record. Numbers go on."""
        self.starting_sequence_number += len(self.items)
        self.items.clear()

    @property
    def next_number(self) -> int:
        """The sequence number of the next record."""
        return int(self.starting_sequence_number) + len(self.items)

    def since(self, number: int) -> list[Change]:
        """The records from a sequence number on, oldest first, as far as they are still there."""
        self._forget()
        return list(self.items[max(0, number - self.starting_sequence_number) :])

    def get(self, start: int, quantity: int) -> list[dict[str, Any]]:
        """As GetRecords of moto reads them."""
        view, region = self.view, str(self.table.region_name)
        return [one.record(view, region) for one in self.since(start)[:quantity]]

    @property
    def view(self) -> str:
        """KEYS_ONLY, NEW_IMAGE, OLD_IMAGE or NEW_AND_OLD_IMAGES."""
        specification: Mapping[str, Any] = self.table.stream_specification or {}
        return str(specification["StreamViewType"])


def _attributes(item: Any) -> Attributes | None:
    """A copy of moto's item: later writes change the item itself."""
    return None if item is None else {name: _plain(one) for name, one in item.attrs.items()}


def _plain(attribute: Any) -> dict[str, Any]:
    kind, value = attribute.type, attribute.value
    if kind == "M":
        return {kind: {name: _plain(one) for name, one in value.items()}}
    if kind == "L":
        return {kind: [_plain(one) for one in value]}
    if isinstance(value, bytes):
        return {kind: base64.b64encode(value).decode()}
    return {kind: list(value) if isinstance(value, list | set) else value}


def shard_of(account: str, region: str, table: str) -> Shard | None:
    """The shard of a table's stream. None without a stream, or without the table."""
    backends = import_module("moto.dynamodb.models").dynamodb_backends
    found = backends[account][region].tables.get(table)
    shard = found.stream_shard if found is not None else None
    return shard if isinstance(shard, Shard) else None


@cache
def install() -> None:
    """Change moto, once per process."""
    vars(import_module("moto.dynamodb.models.table"))["StreamShard"] = Shard
