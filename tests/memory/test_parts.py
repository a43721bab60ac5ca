"""The stack's parts: what is missing or wrong is never taken for none."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cordon.errors import PartsUnknown
from cordon.memory import parts
from cordon.memory.parts import Parts
from cordon.memory.table import Table
from tests.fencing.stand_ins import Clock, MemoryTable
from tests.make import ACCOUNT, DEPLOYMENT

QUEUES = "https://sqs.eu-central-1.amazonaws.com/111122223333"
HERE = replace(DEPLOYMENT, reports_queue=f"{QUEUES}/cordon-Reports-1A2B")
GIVEN = {
    "Functions": {"tag_all": "cordon-Tag-1A2B", "close_all": "cordon-Close-3C4D"},
    "BulkQueues": {"tag_all": "cordon-TagBulkQueue-1A2B"},
    "OwnRoles": ["cordon-TagRole-9Z8Y", "cordon-CloseRole-1A2B"],
}
FUNCTION = f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/cordon/"
NAMES = st.text("aZ0-_", min_size=1, max_size=64)
BY_PLAYBOOK = st.dictionaries(st.text("az09_", min_size=1, max_size=64), NAMES)


@pytest.fixture(autouse=True)
def time() -> Iterator[None]:
    with Clock().installed():
        yield


def test_what_is_written_is_read(table: Table) -> None:
    parts.save(table, parts.names_of(GIVEN))
    assert parts.read(table, HERE) == Parts(
        functions={
            "tag_all": f"{FUNCTION}cordon-Tag-1A2B",
            "close_all": f"{FUNCTION}cordon-Close-3C4D",
        },
        bulk_queues={"tag_all": f"{QUEUES}/cordon-TagBulkQueue-1A2B"},
        own_roles=(f"{ROLE}cordon-TagRole-9Z8Y", f"{ROLE}cordon-CloseRole-1A2B"),
    )


@given(BY_PLAYBOOK.filter(bool), BY_PLAYBOOK, st.lists(NAMES, min_size=1))
def test_every_name_comes_back(
    functions: dict[str, str], queues: dict[str, str], roles: list[str]
) -> None:
    table = MemoryTable()
    given = {"Functions": functions, "BulkQueues": queues, "OwnRoles": roles}
    parts.save(table, parts.names_of(given))
    read = parts.read(table, HERE)
    assert read.functions == {name: FUNCTION + end for name, end in functions.items()}
    assert read.bulk_queues == {name: f"{QUEUES}/{end}" for name, end in queues.items()}
    assert read.own_roles == tuple(ROLE + name for name in roles)


def test_the_row_is_written_over_the_one_before(table: Table) -> None:
    parts.save(table, parts.names_of(GIVEN))
    parts.save(table, parts.names_of({**GIVEN, "BulkQueues": {}}))
    assert parts.read(table, HERE).bulk_queues == {}


def test_no_row_is_an_error(table: Table) -> None:
    with pytest.raises(PartsUnknown, match="is not there"):
        parts.read(table, HERE)


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        *((name, value) for name in ("functions", "bulk_queues") for value in ("a=b", 3, None)),
        ("functions", {}),
        ("functions", {"tag_all": ""}),
        ("functions", {"tag_all": "arn:aws:lambda:eu-central-1:1:function:x"}),
        ("functions", {"*": "cordon-Tag-1A2B"}),
        ("bulk_queues", {"tag_all": 3}),
        ("bulk_queues", {"tag_all": "https://queue"}),
        ("own_roles", ""),
        ("own_roles", "a,,b"),
        ("own_roles", "*"),
        ("own_roles", "a\n"),
        ("own_roles", frozenset({"a"})),
        ("own_roles", None),
    ],
)
def test_wrong_entry_is_an_error(entry: str, value: Any) -> None:
    row = {"id": parts.KEY, **parts.names_of(GIVEN)}
    table = MemoryTable()
    table.rows[parts.KEY] = {k: v for k, v in {**row, entry: value}.items() if v is not None}
    with pytest.raises(PartsUnknown, match=entry):
        parts.read(table, HERE)


@pytest.mark.parametrize(
    "changes",
    [{"Functions": {}}, {"OwnRoles": []}, {"OwnRoles": [""]}, {"BulkQueues": {"a": "b c"}}],
)
def test_what_is_wrong_is_not_written(changes: Any) -> None:
    with pytest.raises(ValueError, match="is not what this stack can have"):
        parts.names_of({**GIVEN, **changes})


def test_unknown_roles_are_never_none() -> None:
    unknown = replace(HERE, own_roles=())
    with pytest.raises(PartsUnknown):
        unknown.own_roles_in(ACCOUNT)
    with pytest.raises(PartsUnknown):
        unknown.never_locked_out("aws", ACCOUNT)
