"""Which cases a person wants to see, and how each is shown in a list."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from console.stack import NotPossible
from console.tables import Column, Row
from cordon.clock import from_iso, now, to_iso
from cordon.deciding.cases import HOLDING
from cordon.finding import SeverityLabel as Severity
from cordon.memory.cases import ActionStatus, Case
from cordon.reporting.texts import advice, not_reached
from cordon.statuses import Status

COLUMNS = (
    Column("case", whole=True),
    Column("status", whole=True),
    Column("severity", whole=True),
    Column("age", whole=True, of=lambda row: age(from_iso(row["opened"]))),
    Column("finding", of=lambda row: _what(row)),
)
FAILED = frozenset({ActionStatus.FAILED, ActionStatus.REFUSED, ActionStatus.PARTLY_RESTORED})
SEVERITIES = tuple(map(str, Severity))  # the lowest first
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
CLOSED_UNKNOWN = (
    "Closed cases are not listed: no index has them. One whose whole id you know: cordon show CASE."
)


@dataclass(frozen=True)
class Wanted:
    """What a person wants to see. What is empty is no condition; of the three flags one is enough.

    ``severity``: this one, or a higher one. ``since``: changed then or later.
    """

    waiting: bool = False
    held: bool = False
    failed: bool = False
    since: datetime | None = None
    account: str = ""
    severity: str = ""
    sequence: str = ""

    def of(self, cases: Iterable[Case]) -> Iterator[Case]:
        """Those of the cases that are open and wanted."""
        return (case for case in cases if not case.closed and self._includes(case))

    def _includes(self, case: Case) -> bool:
        flags = (self.waiting, self.held, self.failed)
        are = (case.status is Status.AWAITING_APPROVAL, is_held(case), has_failed(case))
        found, changed = case.finding, case.changed_at or case.opened_at
        return (
            (not any(flags) or any(flag and is_so for flag, is_so in zip(flags, are, strict=True)))
            and (self.since is None or changed >= self.since)
            and self.account in ("", found.place.account)
            and (not self.severity or _rank(found.severity.label) >= _rank(self.severity))
            and (not self.sequence or found.is_of_sequence(self.sequence))
        )


def is_held(case: Case) -> bool:
    """May it hold a change of a resource? A change that failed may have been made all the same."""
    holds = case.status in HOLDING and case.status is not Status.ESCALATED
    return holds or case.awaits_approval_again


def has_failed(case: Case) -> bool:
    """Was anything not done, or not undone, that should have been?"""
    ended = case.status in (Status.FAILED, Status.PARTLY_CONTAINED)
    return ended or any(result.status in FAILED for result in case.results)


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity)


def severity_of(text: str) -> str:
    """A severity as a person writes it. Raises NotPossible."""
    if text and text.upper() not in SEVERITIES:
        raise NotPossible(f"there is no severity {text}: {', '.join(SEVERITIES)}")
    return text.upper()


def since_of(text: str) -> datetime | None:
    """``30m``, ``12h``, ``7d``, ``2w`` ago, or a moment in ISO 8601. Raises NotPossible."""
    if not text:
        return None
    try:
        if ago := re.fullmatch(r"([0-9]{1,6})([mhdw])", text):
            return now() - timedelta(**{UNITS[ago[2]]: int(ago[1])})
        return from_iso(text if "T" in text else f"{text}T00:00:00Z")
    except (ValueError, OverflowError):
        raise NotPossible(f"--since {text} is no time: 30m, 12h, 7d, 2w, or 2027-01-31") from None


def _status(case: Case) -> str:
    more = {"held back": case.held_back, "not all": bool(not_reached(case))}
    return ", ".join([str(case.status), *(said for said, is_so in more.items() if is_so)])


def row(case: Case) -> dict[str, Any]:
    """A case in a list: all that programs get."""
    found = case.finding
    return {
        "case": case.id,
        "status": _status(case),
        "severity": str(found.severity.label),
        "playbook": case.playbook,
        "account": found.place.account,
        "region": found.place.region,
        "kind": found.kind,
        "title": found.title,
        "resources": list(case.plan.resources),
        "opened": to_iso(case.opened_at),
        "changed": to_iso(case.changed_at or case.opened_at),
        "plan": case.plan_hash,
        "reason": case.reason,
        "next": advice(case),
    }


def _what(row: Row) -> str:
    """The finding, who handles it, and what it changes."""
    return " · ".join([row["title"], row["playbook"], *row["resources"]])


def age(opened: datetime) -> str:
    """How long ago: 59m, 47h, 12d."""
    minutes = int((now() - opened).total_seconds() // 60)
    if minutes < 60:
        return f"{max(minutes, 0)}m"
    return f"{minutes // 60}h" if minutes < 48 * 60 else f"{minutes // (24 * 60)}d"
