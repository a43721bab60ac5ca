"""What people were last shown of each case: one row a case, which only the reporter writes.

The row lies outside of what the table's stream rings for, so that a report is no reason
to report. Each part says what one projection showed: the sha256 of its content, and the id that the
service gave. The same sha256 again means that there is nothing to show.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from cordon.clock import from_iso, now, to_iso
from cordon.memory.table import Row, Table
from cordon.statuses import Status

if TYPE_CHECKING:
    from cordon.memory.cases import Case

IF_UNCHANGED = "writes = :before"
IF_NEW = "attribute_not_exists(id)"


class InRound(Protocol):
    """A case, as much of it as names its question."""

    @property
    def round(self) -> int: ...

    @property
    def question_at(self) -> datetime | None: ...


@dataclass(frozen=True)
class Reported:
    """What people were last shown of a case."""

    version: int = -1  # of the case's row, when every projection last showed it
    finding: str = ""  # sha256 of our finding
    finding_at: datetime | None = None  # its UpdatedAt: an earlier one is ignored by Security Hub
    original: str = ""  # sha256 of what the original finding was given
    original_is: str = ""  # how it was left: updated, absent, none
    original_round: int = 0  # of the case, when the original was last given something
    workflow: str = ""  # the workflow status that it was last given in that round
    incident: str = ""  # sha256 of what the incident says
    ops_item: str = ""  # its id
    message: str = ""  # status and round that the last message was about
    informed_at: datetime | None = None  # when that message was sent
    event: str = ""  # sha256 of the last event on the bus
    status: str = ""  # that the last event on the bus named
    writes: int = 0  # rises with each write of this row

    def informed_of_question(self, case: InRound) -> datetime | None:
        """When people were informed of the case's question; None where they were not."""
        question = f"{Status.AWAITING_APPROVAL} {case.round}"
        if self.message != question or self.informed_at is None:
            return None
        earlier = case.question_at is not None and self.informed_at < case.question_at
        return None if earlier else self.informed_at  # it may have been about an earlier question


def key(playbook: str, case: str) -> str:
    """The row of a case."""
    return f"reported#{playbook}#{case}"


def reported_of(row: Row | None) -> Reported:
    """What a row says; nothing was shown where there is none."""
    if row is None:
        return Reported()
    given: dict[str, Any] = {f.name: row[f.name] for f in fields(Reported) if f.name in row}
    moments = {name: from_iso(row[name]) for name in ("finding_at", "informed_at") if name in row}
    return Reported(**{**given, **moments})


class ReportedRows:
    """The rows of all playbooks' cases."""

    def __init__(self, table: Table, evidence_days: int = 365) -> None:
        self._table = table
        self._evidence_days = evidence_days

    def get(self, names: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Reported]:
        """What was shown of each of these cases, named by playbook and id."""
        wanted = {name: key(*name) for name in names}
        rows = self._table.get(*wanted.values())
        return {name: reported_of(rows.get(at)) for name, at in wanted.items()}

    def save(self, case: "Case", before: Reported, shown: Reported) -> Reported:
        """Keep what was shown. Raises Cancelled where another report was kept meanwhile.

        The row expires with its case.
        """
        shown = replace(shown, writes=before.writes + 1)
        row: dict[str, Any] = {k: v for k, v in asdict(shown).items() if v not in ("", None)}
        row |= {name: to_iso(row[name]) for name in ("finding_at", "informed_at") if name in row}
        if case.closed:
            row["expires"] = int((now() + timedelta(days=self._evidence_days)).timestamp())
        condition = IF_UNCHANGED if before.writes else IF_NEW
        values = {"before": before.writes} if before.writes else {}
        self._table.put({"id": key(case.playbook, case.id), **row}, condition, **values)
        return shown
