"""The hourly budget: taken one by one, per playbook, account and hour; a part of it is kept."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cordon.memory import budget
from cordon.memory.table import Table
from tests.examples import QUARANTINE, REVOKE
from tests.fencing.stand_ins import Clock

ACCOUNT = "111122223333"


def take(table: Table, limit: int, playbook: str = QUARANTINE.name, account: str = ACCOUNT) -> bool:
    return budget.take(table, playbook, account, limit)


def spent(table: Table) -> int:
    key = budget.key(QUARANTINE.name, ACCOUNT)
    return budget.spent(table.get(key).get(key))


def test_budget_is_used_up(table: Table, clock: Clock) -> None:
    assert [take(table, 2) for _ in range(3)] == [True, True, False]
    assert spent(table) == 2
    assert take(table, 3)


def test_budgets_do_not_share(table: Table, clock: Clock) -> None:
    assert take(table, 1)
    assert take(table, 1, playbook=REVOKE.name)
    assert take(table, 1, account="444455556666")
    assert not take(table, 1)


def test_budget_returns_with_the_hour(table: Table, clock: Clock) -> None:
    assert take(table, 1) and not take(table, 1)
    clock.passes(hours=1)
    assert spent(table) == 0
    assert take(table, 1)


def test_zero_budget_takes_nothing(table: Table, clock: Clock) -> None:
    assert not take(table, 0)
    assert spent(table) == 0


def test_budget_row_expires(table: Table, clock: Clock) -> None:
    take(table, 1)
    key = budget.key(QUARANTINE.name, ACCOUNT)
    assert table.get(key)[key]["expires"] == int((clock.now() + budget.KEPT_FOR).timestamp())


BUDGETS = st.integers(min_value=-3, max_value=10_000)


def test_docstring_examples_are_correct() -> None:
    result = doctest.testmod(budget)
    assert result.attempted
    assert not result.failed


@given(BUDGETS)
def test_a_fifth_is_kept(hourly: int) -> None:
    """At least two, and whatever cheap findings do, that much is left for urgent ones."""
    left = budget.limit(hourly, urgent=True) - budget.limit(hourly, urgent=False)
    assert budget.limit(hourly, urgent=True) == hourly
    assert left == budget.reserved(hourly)
    assert left >= min(2, max(hourly, 0))
    assert left * 5 >= hourly
    assert left <= max(hourly, 0)


@given(BUDGETS, st.booleans())
def test_larger_budget_never_gives_less(hourly: int, urgent: bool) -> None:
    assert budget.limit(hourly + 1, urgent=urgent) >= budget.limit(hourly, urgent=urgent)


@pytest.mark.parametrize(
    ("hourly", "cheap"), [(0, 0), (1, 0), (2, 0), (3, 1), (5, 3), (10, 8), (11, 8), (100, 80)]
)
def test_limit_below_high(hourly: int, cheap: int) -> None:
    assert budget.limit(hourly, urgent=False) == cheap
