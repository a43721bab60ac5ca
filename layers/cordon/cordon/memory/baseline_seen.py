"""How the settings were that a baseline is of, when ``setup`` looked last: only it writes the row.

The desk takes a baseline from here alone, by its sha256: so nobody can send one that never was.
"""

from cordon.baseline import Baseline, from_row
from cordon.memory.table import Row, Table

KEY = "setup#baseline"


def save(table: Table, seen: Baseline) -> None:
    """Keep what was seen, with the moment."""
    table.put({"id": KEY, **seen.to_row()})


def read(table: Table) -> Baseline | None:
    """What was seen last; None where nothing was. Raises ValueError of a row that is not ours."""
    return of(table.get(KEY).get(KEY))


def of(row: Row | None) -> Baseline | None:
    """The same of a row that was read."""
    return None if row is None else from_row(row)
