"""The first event of a new playbook, made from a sample of the same source.

It has the documented shape of the sample, with the new type and ids of its own. What a page of AWS
says of this very finding (its title, its resource, its severity), a person puts in.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from console.expected import HANDLED, IGNORED, beside
from console.plan_files import SUFFIX
from console.stack import NotPossible
from cordon.finding import Finding, Malformed, ResourceRole
from cordon.sources import read

DOORS = {  # the native event of each source that a rule can bring
    "guardduty": "GuardDuty Finding",
    "macie": "Macie Finding",
    "config": "Config Rules Compliance Change",
    "securityhub": "Security Hub Findings - Imported",
}
ID = re.compile(
    r"(?<![0-9a-f])(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![0-9a-f])"
)
TITLES = ("title", "description", "Title", "Description")

Event = dict[str, Any]


@dataclass(frozen=True)
class FirstEvent:
    """The event, and the sample that it is made from."""

    event: Event
    made_from: Path

    @cached_property
    def finding(self) -> Finding:
        """What our parser reads in it."""
        return read(self.event)

    @property
    def about(self) -> tuple[str, ResourceRole]:
        """The type and the role of the resource that the finding is about."""
        finding = self.finding
        own = [r for r in finding.resources if r.place.account == finding.place.account]
        for role in (ResourceRole.TARGET, ResourceRole.ACTOR):
            if found := next((r for r in own if r.role is role), None):
                return found.type, role
        raise NotPossible(f"{self.made_from} is about no resource of its account")


def first_event(root: Path, name: str, kind: str) -> FirstEvent:
    """The event for a kind. Raises NotPossible where our parser would read another kind in it."""
    source, _, type = kind.partition(":")
    sample, finding = _nearest(root, source, type)
    made = FirstEvent(_made(sample.read_text(), finding.type, type, name), sample)
    try:
        read_as = f"{made.finding.source}:{made.finding.type}"
    except Malformed as why:
        raise NotPossible(f"{kind}: no parser of Cordon reads such an event: {why}") from None
    if read_as != kind:
        raise NotPossible(f"{kind}: our parser reads such an event as {read_as}")
    return made


def samples_of(root: Path, kind: str) -> list[Path]:
    """The samples whose finding is of this kind, in whatever form it arrives."""
    return [path for path, one in _readable(root) if f"{one.source}:{one.type}" == kind]


def _nearest(root: Path, source: str, type: str) -> tuple[Path, Finding]:
    """The sample of the source that is most like the type; of these the shortest."""

    def differs(candidate: tuple[Path, Finding]) -> tuple[bool, bool, bool, int, str]:
        path, finding = candidate
        other = _family(finding.type) != _family(type)
        unchanged = _outcome(path) == "escalated"
        return finding.type != type, other, unchanged, path.stat().st_size, str(path)

    usable = [(path, one) for path, one in _readable(root) if _usable(path, one, source)]
    if not usable:
        raise NotPossible(f"{source}: no sample event of it is in events/ to begin with")
    return min(usable, key=differs)


def _usable(path: Path, finding: Finding, source: str) -> bool:
    """Is it the source's own event, of the stack's own place, with its type as the source has it?

    A name of a Config rule may have more around the managed rule.
    """
    text = path.read_text()
    return (
        finding.source == source
        and f'"detail-type": "{DOORS[source]}"' in text
        and f'"{finding.type}"' in text
        and f'"region": "{finding.place.region}"' in text
        and finding.place.partition == "aws"
        and _outcome(path) in HANDLED
        and any(one.place.account == finding.place.account for one in finding.resources)
    )


def _readable(root: Path) -> Iterator[tuple[Path, Finding]]:
    for path in sorted((root / "events").glob("*/*.json")):
        if not path.name.endswith(SUFFIX):
            try:
                yield path, read(json.loads(path.read_text()))
            except Malformed:
                continue  # a sample that nobody reads


def _outcome(path: Path) -> str:
    return str((beside(path) or {}).get("outcome", IGNORED))


def _family(type: str) -> str:
    """What a type is about, as its source spells it.

    >>> _family("Impact:S3/AnomalousBehavior.Write"), _family("RDS.2"), _family("s3-bucket-x")
    ('S3', 'RDS', 's3')
    """
    threat = re.search(r":(\w+)/", type)
    return threat[1] if threat else re.split(r"[.-]", type)[0]


def _made(text: str, old: str, new: str, name: str) -> Event:
    exact = re.compile(rf"(?<![\w.-]){re.escape(old)}(?![\w.-])")
    text = ID.sub(lambda id: _fresh(id[0], name), exact.sub(new, text))
    event: Event = json.loads(text)
    if old != new:
        detail = event["detail"]
        for finding in detail.get("findings", [detail]):
            finding |= {key: new for key in TITLES if key in finding}
            fields = finding.get("ProductFields", {})
            for key in [key for key in fields if key.startswith("RelatedAWSResources:")]:
                del fields[key]  # the Config rule behind the other control
    return event


def _fresh(id: str, name: str) -> str:
    """Another id of the same form, the same for each place where this one is."""
    digits = iter(hashlib.sha256(f"{name}/{id}".encode()).hexdigest())
    return "".join(one if one == "-" else next(digits) for one in id)
