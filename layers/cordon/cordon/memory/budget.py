"""The hourly budget: how many cases of a playbook may change resources, in one account.

A part of it is kept for HIGH and CRITICAL, so that cheap findings cannot use up what they need.
Questions, escalations, and further attempts at a case that has paid cost nothing.
"""

from datetime import timedelta

from cordon.clock import now
from cordon.memory.table import Cancelled, Row, Table

KEPT_FOR = timedelta(hours=2)


def reserved(budget: int) -> int:
    """How much is kept for HIGH and CRITICAL: a fifth, at least 2, and never more than there is.

    So of a budget of 1 or 2 nothing is left for findings below HIGH.

    >>> [reserved(budget) for budget in (0, 1, 2, 3, 10, 11)]
    [0, 1, 2, 2, 2, 3]
    """
    return min(max(budget, 0), max(2, -(-budget // 5)))


def limit(budget: int, *, urgent: bool) -> int:
    """How much of the budget a finding may use that is HIGH or CRITICAL, or is not.

    >>> limit(10, urgent=True), limit(10, urgent=False)
    (10, 8)
    """
    return budget if urgent else budget - reserved(budget)


def key(playbook: str, account: str) -> str:
    """The row of this hour."""
    return f"budget#{playbook}#{account}#{now():%Y-%m-%dT%H}"


def spent(row: Row | None) -> int:
    """How much of it is used. It only rises: a stale read refuses nobody wrongly."""
    return int(row["spent"]) if row else 0


def take(table: Table, playbook: str, account: str, budget: int) -> bool:
    """Take one case from this hour's budget; False when it is used up."""
    if budget <= 0:
        return False
    try:
        table.update(
            key(playbook, account),
            "ADD spent :one SET expires = :expires",
            "attribute_not_exists(spent) OR spent < :budget",
            one=1,
            budget=budget,
            expires=int((now() + KEPT_FOR).timestamp()),
        )
    except Cancelled:
        return False
    return True
