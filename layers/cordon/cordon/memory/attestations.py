"""What people attest because no call can show it: one row a subject, which only the desk writes.

The row has the last attestation of its subject, with who, since when and until when. It is what a
person said: nothing of Cordon has checked it, and nothing is decided by it. It does not expire with
its date, so that people see what has ended.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from cordon.clock import from_iso, to_iso
from cordon.memory.table import Row, Table


class Worth(StrEnum):
    """What an attestation is worth at a moment: a person's word at most."""

    ATTESTED = "attested"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Attestation:
    """What a person said of a subject."""

    about: str  # the subject: generative-2-resilience
    says: str
    by: str  # the caller's ARN, as API Gateway named it
    person: str  # whom the desk counted
    at: datetime
    until: datetime
    withdrawn: bool = False

    def worth(self, now: datetime) -> Worth:
        """Does it count at this moment?"""
        if self.withdrawn:
            return Worth.WITHDRAWN
        return Worth.ATTESTED if now < self.until else Worth.ENDED


def key(about: str) -> str:
    """The row of a subject."""
    return f"attestation#{about}"


def save(table: Table, said: Attestation) -> None:
    """Keep it instead of what was said of the same subject before."""
    row: dict[str, Any] = {
        "about": said.about,
        "says": said.says,
        "by": said.by,
        "person": said.person,
        "at": to_iso(said.at),
        "until": to_iso(said.until),
        "withdrawn": said.withdrawn,
    }
    table.put({"id": key(said.about), **row})


def read(table: Table, subjects: Iterable[str]) -> Mapping[str, Attestation]:
    """The last attestation of each subject that has one. ValueError, KeyError for another row."""
    wanted = {key(about): about for about in subjects}
    return {wanted[at]: _attestation(row) for at, row in table.get(*wanted).items()}


def _attestation(row: Row) -> Attestation:
    return Attestation(
        about=str(row["about"]),
        says=str(row["says"]),
        by=str(row["by"]),
        person=str(row["person"]),
        at=from_iso(str(row["at"])),
        until=from_iso(str(row["until"])),
        withdrawn=row["withdrawn"] is True,
    )
