"""The open cases of a playbook, page by page, with what time has to know of each.

That is much less than the case: no plan and no finding, which may be large. The index ``open`` has
the keys of the cases that are not closed, the oldest first. It lags, so a case that was closed a
moment ago is read again here, and left out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from cordon.clock import from_iso
from cordon.memory import decisions, reported
from cordon.memory.decisions import Decision
from cordon.memory.reported import Reported
from cordon.memory.table import Row, Table
from cordon.statuses import Status

INDEX, OPEN = "open", "open"
PAGE = 100  # cases: three BatchGetItem
_MOMENTS = (
    "changed_at",
    "contained_at",
    "lease_until",
    "newer_activity",
    "not_before",
    "question_at",
)


@dataclass(frozen=True)
class OpenCase:
    """What time has to know of a case. The names are those of ``Case``."""

    id: str
    playbook: str
    status: Status
    changed_at: datetime
    version: int
    round: int
    attempt: int
    function_arn: str = ""
    reason: str = ""
    contained_as: str = ""
    held_back: bool = False
    contained_at: datetime | None = None
    lease_until: datetime | None = None
    newer_activity: datetime | None = None
    not_before: datetime | None = None
    question_at: datetime | None = None

    @property
    def awaits_approval_again(self) -> bool:
        """Must a person decide about newer activity, while what was changed before is held?"""
        return self.status is Status.AWAITING_APPROVAL and bool(self.contained_as)


@dataclass(frozen=True)
class Known:
    """An open case, what people were shown of it, and what was decided of it last."""

    case: OpenCase
    reported: Reported
    decision: Decision | None


@dataclass(frozen=True)
class Page:
    """The cases of one page; ``after`` is the key to go on from, None where there are no more."""

    known: tuple[Known, ...]
    unreadable: tuple[str, ...]  # keys of rows that are no case as we write them
    after: Row | None


def page(table: Table, playbook: str, after: Row | None = None) -> Page:
    """The next cases of a playbook: one Query, and the rows of each, strongly consistent."""
    listed, after = table.query(INDEX, OPEN, playbook, after=after, limit=PAGE)
    known, unreadable = _read(table, playbook, [row["id"].rpartition("#")[2] for row in listed])
    return Page(tuple(known), tuple(unreadable), after)


def several(table: Table, playbook: str, ids: Iterable[str]) -> list[Known]:
    """Those of these cases that are open."""
    return _read(table, playbook, list(ids))[0]


def _read(table: Table, playbook: str, ids: list[str]) -> tuple[list[Known], list[str]]:
    keys = {
        id: (f"case#{playbook}#{id}", reported.key(playbook, id), decisions.key(playbook, id))
        for id in ids
    }
    rows = table.get(*(key for three in keys.values() for key in three))
    known, unreadable = [], []
    for case, shown, decided in keys.values():
        if OPEN not in rows.get(case, {}):
            continue
        try:
            known.append(_known(rows, case, shown, decided))
        except (KeyError, ValueError, TypeError):  # only somebody else can have written it
            unreadable.append(case)
    return known, unreadable


def _known(rows: Mapping[str, Row], case: str, shown: str, decided: str) -> Known:
    decision = decisions.decision_of(rows.get(decided))
    return Known(open_case(rows[case]), reported.reported_of(rows.get(shown)), decision)


def open_case(row: Row) -> OpenCase:
    """The case of a row. Raises KeyError, ValueError or TypeError where it is none."""
    _, playbook, id = row["id"].split("#")
    moments = {name: from_iso(row[name]) for name in _MOMENTS if name in row}
    named = {f.name for f in fields(OpenCase)} - {*_MOMENTS, "id", "playbook", "status"}
    given: dict[str, Any] = {name: row[name] for name in named if name in row}
    return OpenCase(id=id, playbook=playbook, status=Status(row["status"]), **{**given, **moments})
