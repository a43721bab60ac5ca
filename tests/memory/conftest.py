"""Both tables, and the time: what holds of one holds of the other."""

from collections.abc import Iterator

import pytest

from cordon.memory.table import Table
from tests.fencing.stand_ins import Clock, MemoryTable
from tests.memory.table import dynamodb_table


@pytest.fixture(params=["DynamoDB", "stand-in"])
def table(request: pytest.FixtureRequest) -> Iterator[Table]:
    """DynamoDB on moto, and the table of tests/fencing."""
    if request.param == "stand-in":
        yield MemoryTable()
        return
    with dynamodb_table() as (table, _):
        yield table


@pytest.fixture
def clock() -> Iterator[Clock]:
    """The time, which only the test moves."""
    with Clock().installed() as clock:
        yield clock
