"""The row of the self-test: no case, but written like one, so that the reporter hears of it.

The reconciler writes it with each run. The reporter is rung by the table's stream, shows nobody
anything, and writes of it what it writes of every case: which version it has seen. So what is
proven is the whole way from a row to what people are shown.
"""

from contextlib import suppress
from datetime import datetime, timedelta

from cordon.clock import from_iso, to_iso
from cordon.memory import reported
from cordon.memory.table import Cancelled, Row, Table

PLAYBOOK, CASE = "self_test", "heartbeat"
KEY = f"case#{PLAYBOOK}#{CASE}"
BEAT = timedelta(minutes=5)
TIME_TO_REPORT = timedelta(minutes=2)  # a row that is younger says nothing about the reporter


def beat(table: Table, now: datetime) -> bool:
    """Write the row, and say whether the reporter is behind: it has not seen the run before."""
    shown_key = reported.key(PLAYBOOK, CASE)
    rows = table.get(KEY, shown_key)
    before, shown = rows.get(KEY), reported.reported_of(rows.get(shown_key))
    row = {"id": KEY, "version": int(now.timestamp() // BEAT.total_seconds())}
    later = "attribute_not_exists(id) OR version < :version"
    with suppress(Cancelled):  # a run of the same five minutes was faster
        table.put({**row, "changed_at": to_iso(now)}, later, version=row["version"])
    return before is not None and _is_behind(before, shown.version, now)


def _is_behind(before: Row, shown: int, now: datetime) -> bool:
    had_time = now >= from_iso(before["changed_at"]) + TIME_TO_REPORT
    return had_time and shown < int(before["version"])
