"""The settings row: written once by the stack, then entry by entry, and never over somebody."""

from collections.abc import Iterator
from typing import Any

import pytest

from cordon.evidence import ChainEnd
from cordon.memory import settings as row
from cordon.memory.table import Cancelled, Row, Table
from cordon.settings import MasterSwitch
from tests.fencing.stand_ins import Clock
from tests.memory.table import NAME, dynamodb_table

ENTRIES = {"master_switch": "on", "modes": {"a": "observe"}, "protected": frozenset({"arn:*"})}

FIRST = ChainEnd(1, "ab" * 32)


@pytest.fixture
def made() -> Iterator[tuple[Table, Any]]:
    """The table with the first row, and the client behind it."""
    with Clock().installed(), dynamodb_table() as (table, client):
        assert row.create(table, ENTRIES, "the stack", FIRST)
        yield table, client


def there(table: Table) -> Row:
    found = row.read(table)
    assert found is not None
    return found


def by_a_person(client: Any, expression: str, **values: Any) -> None:
    """A plain command, which leaves the version as it is."""
    client.update_item(
        TableName=NAME,
        Key={"id": {"S": row.KEY}},
        UpdateExpression=expression,
        **({"ExpressionAttributeValues": {":v": values["v"]}} if values else {}),
    )


def test_row_is_written_once(made: tuple[Table, Any]) -> None:
    table, _ = made
    before = there(table)
    assert before["version"] == 1
    assert not row.create(table, {**ENTRIES, "master_switch": "off"}, "another stack", FIRST)
    assert there(table) == before


WRITES: dict[str, Any] = {
    "set": lambda t, known: row.set_entry(t, known, ("modes", "a"), "enforce", "Ada"),
    "set anew": lambda t, known: row.set_entry(t, known, ("modes", "b"), "enforce", "Ada"),
    "set a text": lambda t, known: row.set_entry(t, known, ("master_switch",), "off", "Ada"),
    "set without a map": lambda t, known: row.set_entry(t, known, ("budgets", "a"), 5, "Ada"),
    "remove": lambda t, known: row.remove_entry(t, known, ("modes", "a"), "Ada"),
    "protect": lambda t, known: row.protect(t, known, ["arn:aws:s3:::x"], "Ada"),
    "unprotect": lambda t, known: row.unprotect(t, known, "arn:*", "Ada"),
}
AFTER: dict[str, dict[str, Any]] = {
    "set": {"modes": {"a": "enforce"}},
    "set anew": {"modes": {"a": "observe", "b": "enforce"}},
    "set a text": {"master_switch": "off"},
    "set without a map": {"budgets": {"a": 5}},
    "remove": {"modes": {}},
    "protect": {"protected": frozenset({"arn:*", "arn:aws:s3:::x"})},
    "unprotect": {"protected": None},
}


@pytest.mark.parametrize("write", WRITES)
def test_write_changes_its_entry_alone(made: tuple[Table, Any], write: str) -> None:
    table, _ = made
    before = there(table)
    WRITES[write](table, before)
    changed = {"version": 2, "changed_by": "Ada", **AFTER[write]}
    assert there(table) == {k: v for k, v in {**before, **changed}.items() if v is not None}


LEFT: dict[str, Any] = {
    "set": lambda known: row.with_entry(known, ("modes", "a"), "enforce"),
    "set anew": lambda known: row.with_entry(known, ("modes", "b"), "enforce"),
    "set a text": lambda known: row.with_entry(known, ("master_switch",), "off"),
    "set without a map": lambda known: row.with_entry(known, ("budgets", "a"), 5),
    "remove": lambda known: row.without_entry(known, ("modes", "a")),
    "protect": lambda known: row.with_entry(
        known, ("protected",), known["protected"] | {"arn:aws:s3:::x"}
    ),
    "unprotect": lambda known: row.without_entry(known, ("protected",)),
}


@pytest.mark.parametrize("write", WRITES)
def test_what_a_write_leaves_is_known_before(made: tuple[Table, Any], write: str) -> None:
    """Evidence names it first: were it another, every change of the desk would ring."""
    table, _ = made
    before = there(table)
    left = row.entries_hash(LEFT[write](before))
    assert left != row.entries_hash(before)
    WRITES[write](table, before)
    assert row.entries_hash(there(table)) == left


def test_bookkeeping_decides_nothing(made: tuple[Table, Any]) -> None:
    table, client = made
    before = row.entries_hash(there(table))
    by_a_person(client, "SET other_home = :v, version = :v, changed_by = :v", v={"S": "x"})
    assert row.entries_hash(there(table)) == before
    by_a_person(client, "SET anything_else = :v", v={"S": "x"})
    assert row.entries_hash(there(table)) != before


@pytest.mark.parametrize(
    "value",
    [{"L": [{"N": "1.5"}]}, {"N": "1.5"}, {"B": b"\x00"}, {"NULL": True}, {"NS": ["1", "2"]}],
)
def test_any_row_has_a_hash(made: tuple[Table, Any], value: dict[str, Any]) -> None:
    table, client = made
    before = row.entries_hash(there(table))
    by_a_person(client, "SET modes = :v", v=value)
    assert row.entries_hash(there(table)) != before


@pytest.mark.parametrize("write", WRITES)
def test_write_by_another_command_came_first(made: tuple[Table, Any], write: str) -> None:
    table, _ = made
    before = there(table)
    row.set_entry(table, before, ("budget",), 3, "Bob")
    with pytest.raises(Cancelled):
        WRITES[write](table, before)
    assert there(table)["changed_by"] == "Bob"


PLAIN: dict[str, tuple[str, Any]] = {  # a change of the very entry, by a person
    "set": ("SET modes.a = :v", {"S": "approve"}),
    "set anew": ("SET modes.b = :v", {"S": "observe"}),
    "set a text": ("SET master_switch = :v", {"S": "observe"}),
    "set without a map": ("SET budgets = :v", {"M": {"a": {"N": "1"}}}),
    "remove": ("SET modes.a = :v", {"S": "approve"}),
    "protect": ("SET protected = :v", {"SS": ["arn:aws:s3:::y"]}),
    "unprotect": ("SET protected = :v", {"SS": ["arn:aws:s3:::y"]}),
}


@pytest.mark.parametrize("write", WRITES)
def test_plain_command_came_first(made: tuple[Table, Any], write: str) -> None:
    """The version does not show it; the entry does."""
    table, client = made
    before = there(table)
    expression, value = PLAIN[write]
    by_a_person(client, expression, v=value)
    after = there(table)
    with pytest.raises(Cancelled):
        WRITES[write](table, before)
    assert there(table) == after


@pytest.mark.parametrize("write", ["set", "set a text", "protect"])
def test_row_was_deleted_meanwhile(made: tuple[Table, Any], write: str) -> None:
    table, client = made
    before = there(table)
    client.delete_item(TableName=NAME, Key={"id": {"S": row.KEY}})
    with pytest.raises(Cancelled):
        WRITES[write](table, before)
    assert row.read(table) is None


def test_row_without_a_version_was_deleted_meanwhile(made: tuple[Table, Any]) -> None:
    """Neither the version nor the entry was in it: only the row itself shows that it is lost."""
    table, client = made
    by_a_person(client, "REMOVE version")
    before = there(table)
    client.delete_item(TableName=NAME, Key={"id": {"S": row.KEY}})
    with pytest.raises(Cancelled):
        row.set_entry(table, before, ("budget",), 3, "Ada")
    assert row.read(table) is None


@pytest.mark.parametrize("write", ["set", "set a text", "protect"])
def test_row_that_is_not_there_is_begun(made: tuple[Table, Any], write: str) -> None:
    table, client = made
    client.delete_item(TableName=NAME, Key={"id": {"S": row.KEY}})
    WRITES[write](table, None)
    assert there(table)["version"] == 1
    with pytest.raises(Cancelled):  # by now it is there
        WRITES[write](table, None)


@pytest.mark.parametrize("version", [{"S": "3"}, {"N": "1.5"}, {"L": []}, {"NULL": True}, None])
def test_version_of_any_type_can_be_written_over(made: tuple[Table, Any], version: Any) -> None:
    table, client = made
    if version is None:
        by_a_person(client, "REMOVE version")
    else:
        by_a_person(client, "SET version = :v", v=version)
    row.set_entry(table, there(table), ("master_switch",), "off", "Ada")
    assert there(table)["master_switch"] == "off"
    assert there(table)["version"] == 1


def test_stop_needs_nothing(made: tuple[Table, Any]) -> None:
    table, client = made
    row.stop(table, MasterSwitch.OFF, "Ada")
    assert (there(table)["master_switch"], there(table)["changed_by"]) == ("off", "Ada")
    by_a_person(client, "SET version = :v", v={"L": []})
    row.stop(table, MasterSwitch.OBSERVE, "Ada")
    assert there(table)["master_switch"] == "observe"
    client.delete_item(TableName=NAME, Key={"id": {"S": row.KEY}})
    row.stop(table, MasterSwitch.OFF, "Ada")
    assert there(table)["master_switch"] == "off"
