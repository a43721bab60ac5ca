"""The hourly budget: how many cases of a playbook may change resources, in one account."""

from datetime import timedelta

from cordon.clock import now
from cordon.memory.table import Cancelled, Row, Table

KEPT_FOR = timedelta(hours=2)


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
