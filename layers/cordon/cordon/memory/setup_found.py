"""What ``setup`` found when it looked last: one row, which only it writes, for people to see."""

from cordon.clock import now, to_iso
from cordon.memory.table import Row, Table

KEY = "setup#found"


def save(table: Table, found: Row) -> None:
    """Keep what was found, with the moment."""
    table.put({"id": KEY, **found, "at": to_iso(now())})


def read(table: Table) -> Row:
    """What was found last; {} where nobody has looked yet."""
    return table.get(KEY).get(KEY, {})
