"""Where the reconciler is: one row, which only it writes.

It reads through the open cases in a sweep, of one run or of several. The row says where the next
run goes on, and since when it has not looked at this or that.
"""

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from cordon.memory.table import Cancelled, Row, Table

KEY = "reconcile#sweep"


@dataclass(frozen=True)
class Sweep:
    """One reading through all open cases. Moments are ``to_iso``; "" is never."""

    began: str = ""
    before: str = ""  # when the sweep before began
    anew: bool = False  # the day's: all is to be shown anew
    day: str = ""  # of the last one that was the day's: 2026-11-27
    playbook: str = ""  # where to go on; "" is a new sweep
    after: Row = field(default_factory=dict)  # its last key that was read
    incidents_until: str = ""  # incidents that were resolved by then have been looked at
    version: int = 0


def read(table: Table) -> Sweep:
    """Where the last run has come to."""
    return _sweep(table.get(KEY).get(KEY, {}))


def save(table: Table, sweep: Sweep) -> Sweep | None:
    """Keep where this run has come to; None where another run has done so meanwhile.

    Two runs at once do the same things, which happen once: the first to come here goes on.
    """
    row: dict[str, Any] = {"id": KEY, **asdict(sweep), "version": sweep.version + 1}
    condition = "version = :before" if sweep.version else "attribute_not_exists(id)"
    values = {"before": sweep.version} if sweep.version else {}
    try:
        table.put(row, condition, **values)
    except Cancelled:
        return None
    return _sweep(row)


def _sweep(row: Row) -> Sweep:
    return Sweep(**{f.name: row[f.name] for f in fields(Sweep) if f.name in row})
