"""What we may do: one pure decision with its reason.

``decide(situation)`` asks each rule in the order of ``RULES``; the first that has an opinion
decides. Nothing here reads or writes anything: what must be looked up stands in the situation.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase

from cordon.finding import Finding, SeverityLabel, State
from cordon.playbook import Plan, Playbook
from cordon.settings import Deployment, Exemption, MasterSwitch, Mode, Settings
from cordon.unsupported import ROLE_TYPES

CONTAIN_ACTION = "CordonContain"  # custom actions (at most 20 characters)
RELEASE_ACTION = "CordonRelease"
# Types that say credentials are used by somebody else: true also of our own roles.
STOLEN_CREDENTIAL_TYPES = (
    "*CredentialExfiltration*",
    "*CompromisedCredentials",
    "*MaliciousIPCaller*",
    "*TorIPCaller",
)


class Verdict(StrEnum):
    """What is to be done with a finding's plan."""

    CONTAIN = "contain"
    ASK = "ask"
    OBSERVE = "observe"
    IGNORE = "ignore"


@dataclass(frozen=True)
class Decision:
    """The verdict and why, in words for the operator and the auditor."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True)
class PolicyInput:
    """All that the decision depends on."""

    finding: Finding
    playbook: Playbook
    plan: Plan
    settings: Settings
    deployment: Deployment
    now: datetime
    budget_left: bool = True
    protected: str = ""  # why a target is protected, found by looking it up
    protection_unknown: str = ""  # why protection could not be looked up
    released_by: str = ""  # who released this very finding before

    @property
    def mode(self) -> Mode:
        """The playbook's mode under these settings."""
        return self.settings.mode(self.playbook.name)


def decide(situation: PolicyInput) -> Decision:
    """The first rule with an opinion decides."""
    opinions = (rule(situation) for rule in RULES)
    given = next((opinion for opinion in opinions if opinion is not None), None)
    return given or Decision(Verdict.CONTAIN, "mode is enforce")


def may_release(situation: PolicyInput) -> Decision:
    """Whether a finding that passes may release its case: RUN, or IGNORE with the reason.

    A passing control is informational and no longer active by nature, and a release is allowed
    in every mode; but a forged pass must not untag anything, and a stopped Cordon does nothing.
    """
    opinions = (rule(situation) for rule in RELEASE_RULES)
    given = next((opinion for opinion in opinions if opinion is not None), None)
    return _ignore(given.reason) if given else Decision(Verdict.CONTAIN, "the control passes")


def protected_by_pattern(arns: Iterable[str], settings: Settings, deployment: Deployment) -> str:
    """Why one of the ARNs is protected by a configured pattern; "" when none is."""
    patterns = (*settings.protected, *deployment.break_glass)
    for arn in arns:
        for pattern in patterns:
            if fnmatchcase(arn, pattern):
                return f"{arn} is protected by the pattern {pattern}"
    return ""


def _ignore(reason: str) -> Decision:
    return Decision(Verdict.IGNORE, reason)


def _observe(reason: str) -> Decision:
    return Decision(Verdict.OBSERVE, reason)


def _switched_off(s: PolicyInput) -> Decision | None:
    return _ignore("the switch is off") if s.settings.switch is MasterSwitch.OFF else None


def _ours(s: PolicyInput) -> Decision | None:
    return _ignore("our own finding came back") if s.finding.is_cordon_finding else None


def _our_own_act(s: PolicyInput) -> Decision | None:
    """Our own roles by their exact names, in our account or in one that we serve."""
    principal, home = s.finding.principal, s.finding.place.account
    if principal is None or any(
        fnmatchcase(s.finding.type, pattern) for pattern in STOLEN_CREDENTIAL_TYPES
    ):
        return None
    here = home == s.deployment.account
    names = s.deployment.own_roles if here else (s.deployment.member_role,)
    ours = principal.name in names and principal.user_type in ROLE_TYPES
    if ours and principal.account in ("", home):
        return _ignore(f"the actor is our own role {principal.name}")
    return None


def _other_action(s: PolicyInput) -> Decision | None:
    if s.finding.custom_action in ("", CONTAIN_ACTION, RELEASE_ACTION):
        return None
    return _ignore("chosen for another custom action than ours")


def _sample(s: PolicyInput) -> Decision | None:
    return _ignore("a sample finding is never acted on") if s.finding.sample else None


def _inactive(s: PolicyInput) -> Decision | None:
    state = s.finding.state
    return None if state is State.ACTIVE else _ignore(f"the finding is {state}")


def _informational(s: PolicyInput) -> Decision | None:
    informational = s.finding.severity.label is SeverityLabel.INFORMATIONAL
    return _ignore("the finding is informational") if informational else None


def _not_by_aws(s: PolicyInput) -> Decision | None:
    if s.finding.authored_by_aws:
        return None
    return _ignore("not authored by an AWS service: anyone may import such a finding")


def _foreign(s: PolicyInput) -> Decision | None:
    home = s.finding.place.account
    for action in s.plan.actions:
        if not action.tells and action.place.account != home:
            return _ignore(f"a target lies outside the finding's account {home}")
    if home != s.deployment.account and not s.deployment.member_role:
        return _ignore(f"account {home} is not served: no member role is set")
    if s.finding.place.partition != s.deployment.partition:
        return _ignore(f"partition {s.finding.place.partition} is not ours")
    return None


def exemptions(s: PolicyInput) -> dict[str, Exemption]:
    """The exempt ARNs among the plan's targets, each with the exemption that covers it."""
    found: dict[str, Exemption] = {}
    for arn in s.plan.resources:
        for exemption in s.settings.exemptions:
            if exemption.covers(s.playbook.name, arn, s.now):
                found.setdefault(arn, exemption)
    return found


def _exempt(s: PolicyInput) -> Decision | None:
    """Left alone only if every target is exempt; else the exempt ones are spared (``spare``)."""
    exempt = exemptions(s)
    if not exempt or exempt.keys() != set(s.plan.resources):
        return None
    one = next(iter(exempt.values()))
    return _ignore(f"exempt until {one.expires.date()} by {one.owner}: {one.reason}")


def without_exempt(s: PolicyInput) -> Plan:
    """The plan without what is exempt, where something else remains to be done."""
    exempt = exemptions(s)
    if exempt.keys() == set(s.plan.resources):
        return s.plan
    return Plan(tuple(a for a in s.plan.actions if a.resource not in exempt))


def _unreadable(s: PolicyInput) -> Decision | None:
    return _observe(s.settings.unreadable) if s.settings.unreadable else None


def _switched_to_observe(s: PolicyInput) -> Decision | None:
    observe = s.settings.switch is MasterSwitch.OBSERVE
    return _observe("the switch is at observe") if observe else None


def _chosen_by_hand(s: PolicyInput) -> Decision | None:
    if (
        s.finding.custom_action == CONTAIN_ACTION
        and s.mode is not Mode.ENFORCE
        and not s.plan.only_tells
    ):
        return Decision(Verdict.ASK, "chosen by hand in Security Hub; a person approves the plan")
    return None


def _observing(s: PolicyInput) -> Decision | None:
    return _observe("mode is observe") if s.mode is Mode.OBSERVE else None


def _protection_unknown(s: PolicyInput) -> Decision | None:
    return (
        _observe(f"protection cannot be looked up: {s.protection_unknown}")
        if s.protection_unknown
        else None
    )


def _over_budget(s: PolicyInput) -> Decision | None:
    if s.budget_left:
        return None
    budget = s.settings.budget_for(s.playbook.name)
    return _observe(f"the budget of {budget} cases an hour is used up")


def _only_tells(s: PolicyInput) -> Decision | None:
    if not s.plan.only_tells:
        return None
    return Decision(Verdict.CONTAIN, s.protected or "the plan only tells people")


def _no_way_back(s: PolicyInput) -> Decision | None:
    if s.deployment.break_glass or not any(action.can_lock_out_owner for action in s.plan.actions):
        return None
    return Decision(Verdict.ASK, "no break-glass role is named, and the plan shuts people out")


def _let_go(s: PolicyInput) -> Decision | None:
    if not s.released_by:
        return None
    return Decision(Verdict.ASK, f"released before by {s.released_by}; a person decides again")


def _asking(s: PolicyInput) -> Decision | None:
    return Decision(Verdict.ASK, "mode is approve") if s.mode is Mode.APPROVE else None


Rule = Callable[[PolicyInput], Decision | None]
RULES: tuple[Rule, ...] = (
    _switched_off,
    _ours,
    _our_own_act,
    _other_action,
    _sample,
    _inactive,
    _informational,
    _not_by_aws,
    _foreign,
    _exempt,
    _unreadable,
    _switched_to_observe,
    _protection_unknown,
    _chosen_by_hand,
    _observing,
    _over_budget,
    _only_tells,
    _let_go,
    _no_way_back,
    _asking,
)
RELEASE_RULES: tuple[Rule, ...] = (
    _switched_off,
    _ours,
    _other_action,
    _sample,
    _not_by_aws,
    _foreign,
    _unreadable,
    _switched_to_observe,
)
