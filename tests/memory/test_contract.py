"""What the stand-in table and DynamoDB have in common: every write that ``cordon.memory`` makes.

The stand-in raises KeyError on any expression that it was not taught, so a new one shows here.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cordon.memory.table import Cancelled, Table
from tests.fencing.stand_ins import CHANGES, CONDITIONS, MemoryTable
from tests.memory.table import dynamodb_table

MEMBER = {"names": {"#member": "m#a"}}
ATTEMPT = {"names": {"#member": "m#a", "#attempt": "attempt"}, "attempt": 2}
HELD = {"cases": frozenset({"a"}), "m#a": {"attempt": 2, "want": "w"}}
TWO = {**HELD, "cases": frozenset({"a", "b"}), "m#b": {"attempt": 1, "want": "w"}}
NAMED = {"captured_in": "e", "captured_sha256": "s", "generation": "g"}
ROWS: dict[str, dict[str, Any]] = {
    "none": {},
    "bare": {"version": 3},
    "old": {"expires": 5, "version": 4, "passed_at": "2026-01-01", "spent": 1},
    "new": {"expires": 15, "passed_at": "2026-03-01", "spent": 2},
    "held": HELD,
    "shared": {**TWO, "changes": 2},
    "captured": {**TWO, "captured": "c", "written": "w", "changes": 3},
    "captured only": {**TWO, "captured": "c", **NAMED, "changes": 2},
    "by another": {"cases": frozenset({"b"}), "m#b": {"attempt": 2}},
    "by a newer attempt": {**HELD, "m#a": {"attempt": 3}},
}
GIVEN: dict[str, dict[str, Any]] = {
    "": {},
    "attribute_exists(#member)": MEMBER,
    "attribute_not_exists(cases) OR cases = :case": {"case": {"a"}},
    "contains(cases, :one) AND cases <> :case": {"one": "a", "case": {"a"}},
    "attribute_not_exists(id) OR expires < :now": {"now": 10},
    "attribute_not_exists(id) OR passed_at < :at": {"at": "2026-02-01"},
    "attribute_not_exists(spent) OR spent < :budget": {"budget": 2},
    "version = :version": {"version": 3},
    "#member.#attempt = :attempt": ATTEMPT,
    "attribute_not_exists(captured) AND #member.#attempt = :attempt": ATTEMPT,
    "#member.#attempt = :attempt AND changes = :changes": {**ATTEMPT, "changes": 2},
    "#member.#attempt = :attempt AND generation = :old AND attribute_not_exists(written)": {
        **ATTEMPT,
        "old": "g",
    },
}
CHANGED: dict[str, dict[str, Any]] = {
    "ADD cases :case, changes :one SET #member = :member": {
        **MEMBER,
        "case": {"a"},
        "one": 1,
        "member": {"attempt": 4, "want": "z"},
    },
    "DELETE cases :case REMOVE #member": {**MEMBER, "case": {"a"}},
    "ADD changes :one SET #member = :member": {**MEMBER, "one": 1, "member": {"attempt": 4}},
    "REMOVE captured, captured_in, captured_sha256, generation": {},
    "ADD spent :one SET expires = :expires": {"one": 1, "expires": 20},
    "SET expires = :expires": {"expires": 20},
    "REMOVE expires": {},
    "SET written = :written": {"written": "w2"},
    "SET captured = :captured, captured_in = :entry, captured_sha256 = :sha256,"
    " generation = :generation": {
        "captured": "c",
        "entry": "e",
        "sha256": "s",
        "generation": "g",
    },
}
# A condition and a change that go together use each placeholder, as DynamoDB requires.
CONDITIONS_OF: dict[str, tuple[str, ...]] = {
    "DELETE cases :case REMOVE #member": ("contains(cases, :one) AND cases <> :case",),
    "ADD changes :one SET #member = :member": ("attribute_exists(#member)",),
    "ADD spent :one SET expires = :expires": ("attribute_not_exists(spent) OR spent < :budget",),
    "SET written = :written": (
        "#member.#attempt = :attempt",
        "#member.#attempt = :attempt AND changes = :changes",
    ),
    "SET captured = :captured, captured_in = :entry, captured_sha256 = :sha256,"
    " generation = :generation": (
        "attribute_not_exists(captured) AND #member.#attempt = :attempt",
    ),
    "REMOVE captured, captured_in, captured_sha256, generation": (
        "#member.#attempt = :attempt AND generation = :old AND attribute_not_exists(written)",
    ),
}
PAIRS = [(change, one) for change in CHANGED for one in CONDITIONS_OF.get(change, ("",))]


class Both:
    """The same call on a row of both tables."""

    def __init__(self, dynamodb: Table) -> None:
        self.tables = (MemoryTable(), dynamodb)
        self._keys = (f"row{n}" for n in itertools.count())

    def agree(self, row: dict[str, Any], call: Callable[[Table, str], Any]) -> None:
        """Both rows are the same after it, and the rows of failed conditions too."""
        key = next(self._keys)
        one, other = (self._outcome(table, key, row, call) for table in self.tables)
        assert one == other

    def _outcome(self, table: Table, key: str, row: dict[str, Any], call: Any) -> Any:
        if row:
            table.put({"id": key, **row})
        failed = None
        try:
            call(table, key)
        except Cancelled as cancelled:
            failed = cancelled.rows
        return failed, table.get(key)


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    with dynamodb_table() as (dynamodb, _):
        yield Both(dynamodb)


def test_every_expression_is_compared() -> None:
    assert GIVEN.keys() == CONDITIONS.keys()
    assert CHANGED.keys() == CHANGES.keys()


@pytest.mark.parametrize("condition", [c for c in GIVEN if "#" not in c and ":one" not in c])
@pytest.mark.parametrize("row", ROWS)
def test_conditions_mean_the_same(both: Both, row: str, condition: str) -> None:
    given = GIVEN[condition]
    both.agree(ROWS[row], lambda table, key: table.put({"id": key}, condition, **given))


@pytest.mark.parametrize(("change", "condition"), PAIRS)
@pytest.mark.parametrize("row", ROWS)
def test_changes_do_the_same(both: Both, row: str, change: str, condition: str) -> None:
    given = CHANGED[change]
    parts = {**GIVEN[condition], **given}
    names = {**GIVEN[condition].get("names", {}), **given.get("names", {})}
    parts |= {"names": names} if names else {}
    both.agree(ROWS[row], lambda table, key: table.update(key, change, condition, **parts))
    both.agree(
        ROWS[row],
        lambda table, key: table.transact([table.write_update(key, change, condition, **parts)]),
    )


@pytest.mark.parametrize("row", ROWS)
def test_deletion_does_the_same(both: Both, row: str) -> None:
    condition = "attribute_not_exists(cases) OR cases = :case"
    both.agree(ROWS[row], lambda table, key: table.delete(key, condition, case={"a"}))


def test_transaction_is_all_or_nothing(both: Both) -> None:
    for table in both.tables:
        table.put({"id": "x", "version": 3})
        writes = [
            table.write_put({"id": "y"}),
            table.write_put({"id": "x"}, "version = :version", version=2),
            table.write_put({"id": "z"}, "version = :version", version=2),
        ]
        with pytest.raises(Cancelled) as cancelled:
            table.transact(writes)
        assert cancelled.value.rows == (None, {"id": "x", "version": 3}, {})
        assert table.get("x", "y", "z") == {"x": {"id": "x", "version": 3}}


def test_memory_table_refuses_other_expressions() -> None:
    table = MemoryTable()
    with pytest.raises(KeyError):
        table.update("x", "SET anything = :a", a=1)
    with pytest.raises(KeyError):
        table.put({"id": "x"}, "attribute_exists(anything)")
