"""What we intend: a playbook is a header and one pure function from a finding to a plan."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cordon.actions import Action, from_json
from cordon.deadlines import Clock
from cordon.deployment import Deployment
from cordon.errors import Refused
from cordon.finding import Finding, Resource, State, canonical_json
from cordon.settings import Mode
from cordon.unsupported import Unsupported


class Serves(StrEnum):
    """Which of the three disciplines a playbook serves."""

    SECURITY = "security"
    GOVERNANCE = "governance"
    COMPLIANCE = "compliance"


class Incident(StrEnum):
    """When a playbook's cases open an incident."""

    ALWAYS = "always"  # from the question to a person on
    WHEN_FAILED = "when_failed"  # a change failed, or a person must do it
    NEVER = "never"


MOST_TARGETS = 48  # of one plan: a transaction has 100 writes, and a target may take two
# A row has at most 400 KB (Amazon DynamoDB Developer Guide, "Quotas"), and has the finding too.
MOST_BYTES = 150_000


@dataclass(frozen=True)
class Plan:
    """An ordered list of changes to resources, as data. Its hash is what an approval is bound to.

    A plan without changes is for a person: ``manual_step`` says what must be done and why no
    playbook can do it.
    """

    actions: tuple[Action, ...]
    manual_step: str = ""  # what a person must do, beside the changes or instead of them

    @classmethod
    def of(cls, actions: Sequence[Action], manual_step: str) -> "Plan":
        """The plan of these changes. Those of one target become one: a target has one hold."""
        merged: dict[str, Action] = {}
        for action in actions:
            other = merged.get(action.target)
            merged[action.target] = other.combine(action) if other else action
        if len(merged) > MOST_TARGETS:
            many = f"The plan has {len(merged)} targets, and Cordon changes at most {MOST_TARGETS}"
            return cls((), f"{many} at once. {manual_step}")
        plan = cls(tuple(merged.values()), manual_step)
        if (size := len(canonical_json(plan.to_json()).encode())) > MOST_BYTES:
            big = f"The plan has {size:,} bytes, and Cordon keeps at most {MOST_BYTES:,} of one"
            return cls((), f"{big}. {manual_step}")
        return plan

    @property
    def hash(self) -> str:
        """sha256 of the canonical JSON, hex."""
        return hashlib.sha256(canonical_json(self.to_json()).encode()).hexdigest()

    @property
    def resources(self) -> tuple[str, ...]:
        """The ARNs that are changed, sorted, each once."""
        return tuple(sorted({action.resource for action in self.actions}))

    def to_json(self) -> dict[str, Any]:
        """The plan as approvers read it and evidence keeps it."""
        actions = [action.to_json() for action in self.actions]
        return {"actions": actions, "manual_step": self.manual_step}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Plan":
        """The plan behind its JSON; an unknown action or field is a ValueError."""
        return cls(tuple(from_json(action) for action in raw["actions"]), raw["manual_step"])


@dataclass(frozen=True)
class Playbook:
    """Which findings it handles, and the plan it makes for each."""

    name: str
    handles: tuple[str, ...]  # patterns over Finding.kind, ``*`` allowed; at any severity
    targets: Callable[[Finding], tuple[Resource, ...]]  # what it changes; () means not for us
    plan: Callable[[Finding, str, Deployment], Sequence[Action]]  # finding, case id, deployment
    actions: tuple[type[Action], ...]  # what its plans are made of: its role allows just these
    controls: tuple[str, ...]  # "NIST.800-53.r5 AC-3": supports evidence for, never "complies"
    defence_layer: str  # its layer of defence in depth
    serves: Serves
    recommended_mode: Mode  # the mode we recommend after a week of observing
    manual_step: Callable[[Finding], str]  # what a person must do, in plain words
    incident: Incident  # when its cases open one
    releases_on_pass: bool = False  # releases by itself when the control passes
    # Kinds of which a pass ends a case: one that changed nothing, or whose release changes nothing.
    ends_on_pass: tuple[str, ...] = ()
    resolves: tuple[str, ...] = ()  # kinds of controls whose own evaluation then turns
    handles_high: tuple[str, ...] = ()  # the same, where the finding is High or Critical
    handles_critical: bool = False  # whatever is Critical
    # The same, where the operator says so by a parameter: API calls, and state changes, that are
    # often right.
    optional: tuple[str, ...] = ()
    budget: int | None = None  # cases an hour in a new stack; None: the parameter BudgetPerHour
    # Why it can change nothing of a finding whose kind it handles; None: there is always something.
    unsupported: Callable[[Finding], Unsupported | None] | None = None
    # Why a finding that it handles needs neither a change nor a person; None: each needs one.
    needs_nobody: Callable[[Finding, Deployment], str] | None = None
    takes_over: bool = False  # it informs people of what others handle and cannot change
    everywhere: bool = False  # also for places that are not served: it changes no resource
    clocks: tuple[Clock, ...] = ()  # periods of laws that may run once an incident is open
    by_arn: tuple[str, ...] = ()  # CloudFormation types that a person may name to be contained
    # Other layers than ``defence_layer``, each with its kinds, ``*`` allowed: the first one counts.
    layers: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def matches(self, finding: Finding) -> bool:
        """The exact gate: kind and severity, then subjects. The template's rules are coarse."""
        return (self.takes_over or self.hears(finding)) and bool(self.targets(finding))

    def unhandled(self, finding: Finding) -> str:
        """Why ``matches`` says no. One that takes over handles what is left of a kind."""
        if self.hears(finding) and not self.takes_over:
            return f"{self.name} handles {finding.kind}, but finds nothing to change in this one"
        return f"{self.name} does not handle {finding.kind}"

    def hears(self, finding: Finding) -> bool:
        """Does it handle findings of this kind and severity, whatever they name?

        What passed has no severity any more: it is heard whatever its failure was.
        """
        if self.ends(finding) or (finding.severity.critical and self.handles_critical):
            return True
        high = self.handles_high if finding.severity.urgent else ()
        return finding.matches(*self.handles, *self.optional, *high)

    def ends(self, finding: Finding) -> bool:
        """Does the finding say that something passed of which a pass ends a case?"""
        return finding.state is State.PASSED and finding.matches(*self.ends_on_pass)

    def layer_of(self, finding: Finding) -> str:
        """The layer of defence in depth that this finding is about."""
        named = (layer for layer, kinds in self.layers if finding.matches(*kinds))
        return next(named, self.defence_layer)

    def turns(self, finding: Finding) -> bool:
        """Will the finding's own control pass, once the plan is carried out?

        What denies access leaves a control FAILED that looks at what is allowed.
        """
        return finding.matches(*self.resolves)

    def plan_for(self, finding: Finding, deployment: Deployment) -> Plan:
        """The plan for a finding that it handles; one for a person where it must change nothing."""
        try:
            actions = self.plan(finding, self.case_id(finding), deployment)
        except Refused as refused:
            return Plan((), str(refused))
        return Plan.of(actions, self.manual_step(finding))

    def case_id(self, finding: Finding) -> str:
        """16 hex digits: the same for every delivery and every channel of one finding.

        Hashed from playbook, account, Region, the subjects and the finding's case key, which is its
        native id, so that GuardDuty's event and its Security Hub copy are one case. A security
        control has a finding of its own under each standard that uses it; they are one evaluation,
        and one case.
        """
        subjects = sorted((s.type, s.name) for s in self.targets(finding))
        place = finding.place
        control = finding.source == "securityhub" and finding.is_control
        found = f"control/{finding.type}" if control else finding.case_key
        parts = [self.name, place.account, place.region, subjects, found]
        return hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:16]
