"""What the stand-in table and DynamoDB have in common: every write that ``cordon.memory`` makes.

The stand-in raises KeyError on any expression that it was not taught, so a new one shows here.
"""

from typing import Any

import pytest

from cordon.memory.table import Cancelled, Table
from tests.fencing.stand_ins import CHANGES, CONDITIONS, MemoryTable
from tests.memory.table import dynamodb_table

MEMBER = {"names": {"#member": "m#a"}}
ATTEMPT = {"names": {"#member": "m#a", "#attempt": "attempt"}, "attempt": 2}
HELD = {"cases": frozenset({"a"}), "m#a": {"attempt": 2, "want": "w"}}
TWO = {**HELD, "cases": frozenset({"a", "b"}), "m#b": {"attempt": 1, "want": "w"}}
ROWS: dict[str, dict[str, Any]] = {
    "none": {},
    "bare": {"version": 3},
    "old": {"expires": 5, "version": 4, "passed_at": "2026-01-01", "spent": 1},
    "new": {"expires": 15, "passed_at": "2026-03-01", "spent": 2},
    "held": HELD,
    "shared": TWO,
    "captured": {**TWO, "captured": "c", "written": "w"},
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
}
CHANGED: dict[str, dict[str, Any]] = {
    "ADD cases :case SET #member = :member": {
        **MEMBER,
        "case": {"a"},
        "member": {"attempt": 4, "want": "z"},
    },
    "DELETE cases :case REMOVE #member": {**MEMBER, "case": {"a"}},
    "SET #member = :member": {**MEMBER, "member": {"attempt": 4}},
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
# A condition and a change that go together use each placeholder, as DynamoDB asks.
CONDITION_OF: dict[str, str] = {
    "DELETE cases :case REMOVE #member": "contains(cases, :one) AND cases <> :case",
    "SET #member = :member": "attribute_exists(#member)",
    "ADD spent :one SET expires = :expires": "attribute_not_exists(spent) OR spent < :budget",
    "SET written = :written": "#member.#attempt = :attempt",
    "SET captured = :captured, captured_in = :entry, captured_sha256 = :sha256,"
    " generation = :generation": "attribute_not_exists(captured) AND #member.#attempt = :attempt",
}


def outcome(call: Any, table: Table) -> Any:
    """What a call did: the row after it, and the rows of failed conditions."""
    failed = None
    try:
        call(table)
    except Cancelled as cancelled:
        failed = cancelled.rows
    return failed, table.get("x")


def start(table: Table, row: dict[str, Any]) -> None:
    if row:
        table.put({"id": "x", **row})


def agree(row: dict[str, Any], call: Any) -> None:
    """Both tables do the same."""
    memory = MemoryTable()
    with dynamodb_table() as (dynamodb, _):
        for table in (memory, dynamodb):
            start(table, row)
        assert outcome(call, memory) == outcome(call, dynamodb)


def test_every_expression_is_compared() -> None:
    assert GIVEN.keys() == CONDITIONS.keys()
    assert CHANGED.keys() == CHANGES.keys()


@pytest.mark.parametrize("row", ROWS)
def test_conditions_mean_the_same(row: str) -> None:
    for condition, given in GIVEN.items():
        if "#" not in condition and ":one" not in condition:
            agree(ROWS[row], lambda table: table.put({"id": "x"}, condition, **given))  # noqa: B023


@pytest.mark.parametrize("row", ROWS)
def test_changes_do_the_same(row: str) -> None:
    for change, given in CHANGED.items():
        condition = CONDITION_OF.get(change, "")
        parts = {**GIVEN[condition], **given}
        names = {**GIVEN[condition].get("names", {}), **given.get("names", {})}
        parts |= {"names": names} if names else {}
        agree(ROWS[row], lambda table: table.update("x", change, condition, **parts))  # noqa: B023
        agree(
            ROWS[row],
            lambda t: t.transact([t.write_update("x", change, condition, **parts)]),  # noqa: B023
        )


@pytest.mark.parametrize("row", ROWS)
def test_deletion_does_the_same(row: str) -> None:
    condition = "attribute_not_exists(cases) OR cases = :case"
    agree(ROWS[row], lambda table: table.delete("x", condition, case={"a"}))


def test_transaction_is_all_or_nothing(table: Table) -> None:
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


def test_stand_in_refuses_other_expressions() -> None:
    table = MemoryTable()
    with pytest.raises(KeyError):
        table.update("x", "SET anything = :a", a=1)
    with pytest.raises(KeyError):
        table.put({"id": "x"}, "attribute_exists(anything)")
