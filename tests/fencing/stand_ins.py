"""A table, an evidence bucket and a clock in memory. tests/memory/test_contract.py compares them.

The table knows the expressions that ``cordon.memory`` uses, word by word, and no others.
"""

import io
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cordon import clock
from cordon.memory.table import MOST_WRITES, Cancelled, Row, Table, decode, encode
from tests.fencing.turns import pause

Values = Mapping[str, Any]
Condition = Callable[[Row, Values], bool]
Change = Callable[[dict[str, Any], Values], None]


def _is_member(row: Row, given: Values) -> bool:
    member = row.get(given["names"]["#member"])
    return member is not None and member.get("attempt") == given["attempt"]


def _join(row: dict[str, Any], given: Values) -> None:
    row["cases"] = row.get("cases", frozenset()) | given["case"]
    _change(row, given)


def _change(row: dict[str, Any], given: Values) -> None:
    row["changes"] = row.get("changes", 0) + given["one"]
    row[given["names"]["#member"]] = given["member"]


def _leave(row: dict[str, Any], given: Values) -> None:
    row["cases"] = row.get("cases", frozenset()) - given["case"]
    row.pop(given["names"]["#member"], None)
    if not row["cases"]:  # DynamoDB keeps no empty set
        del row["cases"]


def _spend(row: dict[str, Any], given: Values) -> None:
    row["spent"] = row.get("spent", 0) + given["one"]
    row["expires"] = given["expires"]


def _capture(row: dict[str, Any], given: Values) -> None:
    row["captured"], row["generation"] = given["captured"], given["generation"]
    row["captured_in"], row["captured_sha256"] = given["entry"], given["sha256"]


def _forget_capture(row: dict[str, Any], _: Values) -> None:
    for name in ("captured", "captured_in", "captured_sha256", "generation"):
        del row[name]


CONDITIONS: Mapping[str, Condition] = {
    "": lambda row, given: True,
    "attribute_exists(#member)": lambda row, given: given["names"]["#member"] in row,
    "attribute_not_exists(cases) OR cases = :case": lambda row, given: (
        row.get("cases", given["case"]) == given["case"]
    ),
    "contains(cases, :one) AND cases <> :case": lambda row, given: (
        given["one"] in row.get("cases", ()) and row["cases"] != given["case"]
    ),
    "attribute_not_exists(id) OR expires < :now": lambda row, given: (
        "id" not in row or row.get("expires", given["now"]) < given["now"]
    ),
    "attribute_not_exists(id) OR passed_at < :at": lambda row, given: (
        "id" not in row or row.get("passed_at", "~") < given["at"]
    ),
    "attribute_not_exists(spent) OR spent < :budget": lambda row, given: (
        row.get("spent", -1) < given["budget"]
    ),
    "version = :version": lambda row, given: row.get("version") == given["version"],
    "#member.#attempt = :attempt": _is_member,
    "#member.#attempt = :attempt AND changes = :changes": lambda row, given: (
        _is_member(row, given) and row.get("changes") == given["changes"]
    ),
    "#member.#attempt = :attempt AND generation = :old AND attribute_not_exists(written)": (
        lambda row, given: (
            _is_member(row, given)
            and row.get("generation") == given["old"]
            and "written" not in row
        )
    ),
    "attribute_not_exists(captured) AND #member.#attempt = :attempt": lambda row, given: (
        "captured" not in row and _is_member(row, given)
    ),
}
CHANGES: Mapping[str, Change] = {
    "ADD cases :case, changes :one SET #member = :member": _join,
    "DELETE cases :case REMOVE #member": _leave,
    "ADD changes :one SET #member = :member": _change,
    "ADD spent :one SET expires = :expires": _spend,
    "SET expires = :expires": lambda row, given: row.update(expires=given["expires"]),
    "REMOVE expires": lambda row, given: row.pop("expires", None),
    "SET written = :written": lambda row, given: row.update(written=given["written"]),
    "SET captured = :captured, captured_in = :entry, captured_sha256 = :sha256,"
    " generation = :generation": _capture,
    "REMOVE captured, captured_in, captured_sha256, generation": _forget_capture,
}


def _stored(row: Mapping[str, Any]) -> dict[str, Any]:
    """What DynamoDB would give back: the table's own coding, both ways."""
    return {name: decode(encode(value)) for name, value in row.items()}


class MemoryTable(Table):
    """The same calls as ``Table``, over a dict. Each call is one turn."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}

    def get(self, *keys: str) -> dict[str, Row]:
        pause()
        return {key: self.rows[key] for key in keys if key in self.rows}

    def put(self, row: Row, condition: str = "", **values: Any) -> None:
        self._carry_out([self.write_put(row, condition, **values)])

    def update(self, key: str, expression: str, condition: str = "", **parts: Any) -> Row:
        self._carry_out([self.write_update(key, expression, condition, **parts)])
        return self.rows[key]

    def delete(self, key: str, condition: str, **parts: Any) -> None:
        self._carry_out([{"key": key, "if": CONDITIONS[condition], "given": parts, "do": None}])

    def write_put(self, row: Row, condition: str = "", **values: Any) -> Mapping[str, Any]:
        def replace(there: dict[str, Any], _: Values) -> None:
            there.clear()
            there.update(row)

        return {"key": row["id"], "if": CONDITIONS[condition], "given": values, "do": replace}

    def write_update(
        self, key: str, expression: str, condition: str = "", **parts: Any
    ) -> Mapping[str, Any]:
        change = CHANGES[expression]
        return {"key": key, "if": CONDITIONS[condition], "given": parts, "do": change}

    def transact(self, writes: Sequence[Mapping[str, Any]]) -> None:
        if not 0 < len(writes) <= MOST_WRITES:
            raise ValueError(f"a transaction has 1 to {MOST_WRITES} writes, not {len(writes)}")
        if len({write["key"] for write in writes}) < len(writes):
            raise ValueError("a transaction writes each row once")
        self._carry_out(writes)

    def _carry_out(self, writes: Sequence[Mapping[str, Any]]) -> None:
        pause()
        there = [self.rows.get(write["key"], {}) for write in writes]
        held = [w["if"](row, w["given"]) for w, row in zip(writes, there, strict=True)]
        if not all(held):
            pairs = zip(held, there, strict=True)
            raise Cancelled(tuple(None if ok else row for ok, row in pairs))
        for write, row in zip(writes, there, strict=True):
            self._write(write, dict(row))

    def _write(self, write: Mapping[str, Any], row: dict[str, Any]) -> None:
        if write["do"] is None:
            self.rows.pop(write["key"], None)
            return
        write["do"](row, write["given"])
        self.rows[write["key"]] = {**_stored(row), "id": write["key"]}


class MemoryBucket:
    """An S3 client for one write-once bucket. Each call is one turn."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, *, Key: str, Body: bytes, IfNoneMatch: str, **_: Any) -> None:
        pause()
        if IfNoneMatch != "*":
            raise ValueError("evidence is written once")
        if Key in self.objects:
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "PutObject")
        self.objects[Key] = Body

    def get_object(self, *, Key: str, **_: Any) -> dict[str, Any]:
        pause()
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Key])}

    def chain(self, case: str) -> list[bytes]:
        """The entries of one case, in order."""
        return [body for key, body in sorted(self.objects.items()) if f"/{case}/" in key]


class Clock:
    """The time, which only the test moves; a sleep moves it too."""

    def __init__(self, at: datetime = datetime(2026, 11, 24, 12, tzinfo=UTC)) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at.replace(microsecond=0)

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    def passes(self, **time: float) -> None:
        """``passes(minutes=5)``"""
        self.at += timedelta(**time)

    @contextmanager
    def installed(self) -> Iterator["Clock"]:
        """Every module of ours reads this clock."""
        with pytest.MonkeyPatch.context() as patch:
            for name, module in list(sys.modules.items()):
                if name == "cordon" or name.startswith("cordon."):
                    for kind in ("now", "sleep"):
                        if getattr(module, kind, None) is _REAL[kind]:
                            patch.setattr(module, kind, getattr(self, kind))
            yield self


_REAL = {"now": clock.now, "sleep": clock.sleep}
