"""What a report is made of. ``Report.to_json`` is all that the page has.

Moments are stamps in UTC. Every text that others may have written is one bounded line without
control characters (``text``); the page escapes it for where it is put.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from cordon.sources.text import one_line

LONGEST = 4_000  # characters of a text: a policy's statement or a manual step has some hundred


class Kind(StrEnum):
    """What a report is about."""

    ACCOUNT = "account"
    CASE = "case"
    REPLAY = "replay"


class Flag(StrEnum):
    """What people look for in a list of cases; a case may have several."""

    WAITING = "waiting"  # it awaits approval
    HELD = "held"  # it holds a change of a resource, or may
    FAILED = "failed"  # something was not done, or not undone, that should have been
    RELEASED = "released"  # a release has ended
    TROUBLE = "not as expected"  # a replayed event did not end as it should


@dataclass(frozen=True)
class Part:
    """A heading, and its lines."""

    heading: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Moment:
    """What happened, and when."""

    at: str
    what: str
    says: str = ""


@dataclass(frozen=True)
class Link:
    """One entry of evidence. ``follows``: it names the sha256 of what is before it."""

    number: int
    stage: str
    at: str
    sha256: str
    previous: str
    follows: bool


@dataclass(frozen=True)
class Chain:
    """The evidence of a case, and the verdict of ``cordon evidence``."""

    verdict: str
    verified: bool
    faults: tuple[str, ...]
    links: tuple[Link, ...]


@dataclass(frozen=True)
class Node:
    """A resource that lineage found; ``via`` is the place in the list by which it was reached."""

    arn: str
    via: int
    left: str = ""  # why it has no tag


@dataclass(frozen=True)
class Lineage:
    """What was made of a bucket's data, the bucket first, as it was captured."""

    nodes: tuple[Node, ...]
    unread: tuple[str, ...]  # what was not read, and which caps were met


@dataclass(frozen=True)
class Details:
    """All of a case that its line in the list does not have."""

    sections: tuple[Part, ...] = ()  # as `cordon show` has them, the most needed first
    timeline: tuple[Moment, ...] = ()
    changes: tuple[tuple[str, ...], ...] = ()  # of a replay: what; before, contained, released
    differences: tuple[Part, ...] = ()  # each line with its sign: "+", "-", "@", " "
    exempt: tuple[Part, ...] = ()  # by changed resource: the patterns of who is not shut out
    chain: Chain | None = None
    lineage: tuple[Lineage, ...] = ()
    supports: tuple[str, ...] = ()  # the controls that the case supports evidence for
    no_evidence: str = ""  # why there is nothing from evidence


@dataclass(frozen=True)
class Entry:
    """A line of the list: a case, or a replayed event that led to none."""

    id: str  # "" where there is no case
    status: str
    tone: str  # its colour: good, wait, bad, quiet; the status is always beside it
    flags: tuple[str, ...]
    severity: str
    playbook: str
    account: str
    region: str
    title: str
    kind: str
    resources: tuple[str, ...]
    opened: str
    age: str  # at the moment of the report
    event: str = ""  # the replayed event
    seconds: int | None = None  # from the opening until it was contained, where that is known
    details: Details = Details()


@dataclass(frozen=True)
class Tile:
    """A number that is read first. ``chooses``: the flag of the cases that it counts."""

    name: str
    count: str
    note: str
    chooses: str = ""


@dataclass(frozen=True)
class Exempted:
    """An exemption of the settings."""

    resource: str
    playbook: str
    owner: str
    reason: str
    until: str
    ended: bool


@dataclass(frozen=True)
class Report:
    """A report. What is None was not looked at; what could not be read is a note."""

    kind: Kind
    title: str
    about: tuple[tuple[str, str], ...]  # stack, account, Region, version: by name
    made: str
    notes: tuple[str, ...]  # what the report does not have, and why
    entries: tuple[Entry, ...]
    tiles: tuple[Tile, ...]
    exemptions: tuple[Exempted, ...] | None = None
    coverage: dict[str, Any] | None = None  # console/coverage/report.py
    modes: Mapping[str, str] | None = None  # by playbook, as they are now
    modes_say: str = ""  # of the master switch, or why no mode is known

    def to_json(self) -> dict[str, Any]:
        """All of it, for programs."""
        return asdict(self)


def text(value: object, limit: int = LONGEST) -> str:
    """One bounded line without control characters; it is not escaped yet."""
    return one_line(str(value), limit)
