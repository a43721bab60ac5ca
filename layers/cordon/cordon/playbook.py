"""What we intend: a playbook is a header and one pure function from a finding to a plan."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from cordon.actions import Action, from_json
from cordon.finding import Finding, Resource, canonical_json
from cordon.settings import Deployment, Mode


class Serves(StrEnum):
    """Which of the three disciplines a playbook serves."""

    SECURITY = "security"
    GOVERNANCE = "governance"
    COMPLIANCE = "compliance"


@dataclass(frozen=True)
class Plan:
    """An ordered list of actions, as data. Its hash is what an approval is bound to."""

    actions: tuple[Action, ...]

    @property
    def hash(self) -> str:
        """sha256 of the canonical JSON, hex."""
        return hashlib.sha256(canonical_json(self.to_json()).encode()).hexdigest()

    @property
    def resources(self) -> tuple[str, ...]:
        """The ARNs acted upon, sorted, each once."""
        return tuple(sorted({a.resource for a in self.actions if a.resource}))

    @property
    def only_tells(self) -> bool:
        """True when no resource is touched: a plan of incidents needs no approval."""
        return bool(self.actions) and all(action.tells for action in self.actions)

    def to_json(self) -> list[dict[str, Any]]:
        """The plan as approvers read it and evidence keeps it."""
        return [action.to_json() for action in self.actions]

    @classmethod
    def from_json(cls, raw: Iterable[Mapping[str, Any]]) -> "Plan":
        """The plan behind its JSON; an unknown action or field is a ValueError."""
        return cls(tuple(from_json(action) for action in raw))


@dataclass(frozen=True)
class Playbook:
    """Which findings it answers, and the plan it makes for each."""

    name: str
    handles: tuple[str, ...]  # patterns over Finding.kind, ``*`` allowed
    targets: Callable[[Finding], tuple[Resource, ...]]  # what it acts on; () means not for us
    plan: Callable[[Finding, str, Deployment], Sequence[Action]]  # finding, case id, deployment
    controls: tuple[str, ...]  # "NIST.800-53.r5 AC-3": supports evidence for, never "complies"
    defence_layer: str  # layer of defence in depth it acts in
    serves: Serves
    recommended_mode: Mode  # the mode we recommend after a week of observing
    releases_on_pass: bool = False  # lets go by itself when the control passes
    resolves_finding: bool = False  # what it does removes the condition found

    def matches(self, finding: Finding) -> bool:
        """The exact gate: kind, then subjects. The template's rule is the coarse one."""
        if not any(fnmatchcase(finding.kind, pattern) for pattern in self.handles):
            return False
        return bool(self.targets(finding))

    def case_id(self, finding: Finding) -> str:
        """16 hex digits: the same for every delivery and every channel of one finding.

        Hashed from playbook, account, Region, the subjects and the native finding id, so that
        GuardDuty's event and its Security Hub copy are one case.
        """
        subjects = sorted((s.type, s.name) for s in self.targets(finding))
        place = finding.place
        parts = [self.name, place.account, place.region, subjects, finding.id]
        return hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:16]
