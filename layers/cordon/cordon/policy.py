"""What we may do: one pure decision with its reason.

After the first gate (``gate.not_ours``) ``decide(policy_input)`` is called with everything known,
before each attempt to contain, however it comes about: first, again, taken up, approved, tried
again. It tries each rule in the order of ``RULES``, and the first that has an opinion decides; it
is about ``policy_input.allowed``, the plan without the targets that are exempt, protected or not
served here. Nothing here reads or writes anything: what must be looked up is in the input.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase

from cordon import served
from cordon.deployment import Deployment
from cordon.finding import Finding
from cordon.gate import CLOSED_STATES
from cordon.playbook import Plan, Playbook
from cordon.settings import Exemption, MasterSwitch, Mode, Settings
from cordon.sources.custom_action import CONTAIN_ACTION

MANUAL_STEP = "Decide whether it must be contained, and do it yourself."
BACKLOG = "a sweep brought it, and the playbook only observes the backlog"


class Verdict(StrEnum):
    """What is to be done with a finding's plan."""

    CONTAIN = "contain"
    ASK = "ask"
    ESCALATE = "escalate"
    OBSERVE = "observe"
    IGNORE = "ignore"
    RELEASE = "release"


@dataclass(frozen=True)
class Decision:
    """The verdict and why, in words for the operator and the auditor."""

    verdict: Verdict
    reason: str
    held_back: bool = (
        False  # it would have contained: a metric filter counts this field, and alarms
    )
    recorded: bool = False  # nothing is to be done of it: a metric counts it


@dataclass(frozen=True)
class PolicyInput:
    """All that the decision depends on."""

    finding: Finding
    playbook: Playbook
    plan: Plan
    settings: Settings
    deployment: Deployment
    now: datetime
    budget: int = 10  # cases an hour that a finding of this severity may use
    budget_left: bool = True
    protected: Mapping[str, str] = field(default_factory=dict)  # ARN of a target → why
    protection_unknown: str = ""  # why protection could not be looked up
    released_by: str = ""  # the person who released this very finding before
    nothing_found: str = ""  # why nothing is to be changed, where it was looked for
    sweep: str = ""  # the name of the sweep that sent the finding; "": it came by itself

    @property
    def mode(self) -> Mode:
        """The playbook's mode under these settings."""
        return self.settings.mode(self.playbook.name)

    @property
    def of_backlog(self) -> bool:
        """Did a sweep send it, to a playbook that does not respond to those?"""
        return bool(self.sweep) and not self.settings.responds_to_backlog(self.playbook.name)

    @property
    def for_a_person(self) -> dict[str, str]:
        """The targets that are protected, or not served here, each with why; no exempt ones."""
        elsewhere = served.not_changed_here(self.plan.actions, self.deployment)
        found = {**elsewhere, **self.protected}
        keep = set(self.plan.resources) - exemptions(self).keys()
        return {arn: why for arn, why in found.items() if arn in keep}

    @property
    def left_out(self) -> dict[str, str]:
        """The targets that are left out of the plan, each with why; an exemption comes first."""
        exempt = {arn: _exempt_until(e) for arn, e in exemptions(self).items()}
        return {**self.for_a_person, **exempt}

    @property
    def allowed(self) -> Plan:
        """The plan without what is left out; what of it is for a person is a step of its own."""
        left_out = self.left_out
        if not left_out:
            return self.plan
        actions = tuple(a for a in self.plan.actions if a.resource not in left_out)
        steps = [
            f"{why}. {MANUAL_STEP if arn in self.protected else served.MANUAL_STEP}"
            for arn, why in self.for_a_person.items()
        ]
        own = [self.plan.manual_step] if actions else []
        return Plan(actions, " ".join(filter(None, (*steps, *own))))


def decide(policy_input: PolicyInput) -> Decision:
    """The first rule with an opinion decides."""
    return _first(RULES, policy_input) or Decision(Verdict.CONTAIN, "mode is enforce")


def decide_by_arn(policy_input: PolicyInput) -> Decision:
    """The same where a person has named the resource: question and decision in one.

    It counts in every mode and costs no budget. Whatever keeps a resource from being contained
    keeps it so here too: CONTAIN, or IGNORE with the reason.
    """
    if given := _first(BY_ARN_RULES, policy_input):
        return _ignore(given.reason)
    if policy_input.left_out or not policy_input.allowed.actions:
        return _ignore("; ".join(policy_input.left_out.values()) or "there is nothing to change")
    return Decision(Verdict.CONTAIN, "a person named the resource")


def may_release(policy_input: PolicyInput) -> Decision:
    """Whether a finding that passes may release its case: RELEASE, or IGNORE with the reason.

    A passing control is informational and no longer active by nature, and a release is allowed in
    every mode; but a stopped Cordon does nothing.
    """
    if given := _first(RELEASE_RULES, policy_input):
        return _ignore(given.reason)
    return Decision(Verdict.RELEASE, CLOSED_STATES[policy_input.finding.state])


def _first(rules: Iterable["Rule"], policy_input: PolicyInput) -> Decision | None:
    """The opinion of the first rule that has one."""
    return next(filter(None, (rule(policy_input) for rule in rules)), None)


def protected_by_pattern(arns: Iterable[str], settings: Settings, deployment: Deployment) -> str:
    """Why one of the ARNs is protected by a pattern, or is a role of Cordon; "" when none is."""
    patterns = (*settings.protected, *deployment.break_glass)
    for arn in arns:
        account = arn.split(":")[4]
        for pattern in (*patterns, *deployment.own_roles_in(account)):
            if fnmatchcase(arn, pattern):
                return f"{arn} is protected by the pattern {pattern}"
    return ""


def exemptions(s: PolicyInput) -> dict[str, Exemption]:
    """The exempt ARNs among the plan's targets, each with the exemption that covers it."""
    found: dict[str, Exemption] = {}
    for arn in s.plan.resources:
        for exemption in s.settings.exemptions:
            if exemption.covers(s.playbook.name, arn, s.now):
                found.setdefault(arn, exemption)
    return found


def _exempt_until(exemption: Exemption) -> str:
    return f"exempt until {exemption.expires.date()} by {exemption.owner}: {exemption.reason}"


def _ignore(reason: str) -> Decision:
    return Decision(Verdict.IGNORE, reason)


def _observe(reason: str, *, held_back: bool = False) -> Decision:
    return Decision(Verdict.OBSERVE, reason, held_back)


# ---- the rules: whose resource is it, what did the operator say, what is left to decide? ----


def _foreign_target(s: PolicyInput) -> Decision | None:
    home = s.finding.place.account
    if any(action.place.account != home for action in s.plan.actions):
        return _ignore(f"a target lies outside the finding's account {home}")
    return None


def _master_switch_off(s: PolicyInput) -> Decision | None:
    off = s.settings.switch is MasterSwitch.OFF
    return _ignore("the master switch is off") if off else None


def _exempt(s: PolicyInput) -> Decision | None:
    """Ignored only if every target is exempt; else the exempt ones are left out."""
    exempt = exemptions(s)
    if not exempt or exempt.keys() != set(s.plan.resources):
        return None
    return _ignore(_exempt_until(next(iter(exempt.values()))))


def _needs_nobody(s: PolicyInput) -> Decision | None:
    """Neither a mode nor a setting makes a difference: there is nothing to do and nobody to ask."""
    needs_nobody = s.playbook.needs_nobody
    why = needs_nobody(s.finding, s.deployment) if needs_nobody else ""
    return Decision(Verdict.OBSERVE, why, recorded=True) if why else None


def _nothing_found(s: PolicyInput) -> Decision | None:
    """There is no question about what would change nothing."""
    return Decision(Verdict.OBSERVE, s.nothing_found, recorded=True) if s.nothing_found else None


def _backlog(s: PolicyInput) -> Decision | None:
    """Old by nature, and come all at once: nothing follows from it that nobody decided. Nor is it
    held back, which would be made up for later."""
    return _observe(BACKLOG) if s.of_backlog else None


def _settings_unavailable(s: PolicyInput) -> Decision | None:
    unreadable = s.settings.unreadable
    return _observe(unreadable, held_back=True) if unreadable else None


def _served_by_another(s: PolicyInput) -> Decision | None:
    """Two stacks that change the same resources undo each other's changes."""
    why = s.settings.not_home
    return _observe(why, held_back="other_home" in s.settings.refused) if why else None


def _settings_refused(s: PolicyInput) -> Decision | None:
    """A mode that nobody understands, or a protected pattern."""
    refused = s.settings.refused_mode(s.playbook.name)
    return _observe(refused, held_back=True) if refused else _settings_protection_refused(s)


def _settings_protection_refused(s: PolicyInput) -> Decision | None:
    """A protected pattern that nobody understands: it may protect what would change."""
    refused = s.settings.refused_protection if s.allowed.actions else ""
    return _observe(refused, held_back=True) if refused else None


def _master_switch_observe(s: PolicyInput) -> Decision | None:
    observe = s.settings.switch is MasterSwitch.OBSERVE
    return _observe("the master switch is at observe") if observe else None


def _protection_unknown(s: PolicyInput) -> Decision | None:
    if not s.protection_unknown or not s.allowed.actions:
        return None
    unknown = f"protection cannot be looked up: {s.protection_unknown}"
    return _observe(unknown, held_back=True)


def _chosen_manually(s: PolicyInput) -> Decision | None:
    chosen = s.finding.custom_action == CONTAIN_ACTION
    if chosen and s.mode is not Mode.ENFORCE and s.allowed.actions:
        reason = "chosen manually in Security Hub; a person approves the plan"
        return Decision(Verdict.ASK, reason)
    return None


def _mode_observe(s: PolicyInput) -> Decision | None:
    return _observe("mode is observe") if s.mode is Mode.OBSERVE else None


def _for_a_person(s: PolicyInput) -> Decision | None:
    """An escalation costs no budget and needs no approval."""
    if s.allowed.actions:
        return None
    reason = "; ".join(s.for_a_person.values()) or "this plan changes nothing: it is for a person"
    return Decision(Verdict.ESCALATE, reason)


def _outdated(s: PolicyInput) -> Decision | None:
    """Only of a plan that is older than the settings: it was made of another baseline."""
    named = next((a.name() for a in s.allowed.actions if a.is_outdated(s.settings.baseline)), "")
    if not named:
        return None
    return Decision(Verdict.ESCALATE, f"the baseline is no longer what {named} puts back")


def _released_by_person(s: PolicyInput) -> Decision | None:
    if not s.released_by:
        return None
    return Decision(Verdict.ASK, f"released before by {s.released_by}; a person decides again")


def _no_break_glass(s: PolicyInput) -> Decision | None:
    if s.deployment.break_glass or not any(a.can_lock_out_owner for a in s.allowed.actions):
        return None
    return Decision(Verdict.ASK, "no break-glass role is named, and the plan locks people out")


def _only_by_a_person(s: PolicyInput) -> Decision | None:
    """What may stop more than an attack is never made without a person, whatever the mode is."""
    named = next((a.name() for a in s.allowed.actions if a.only_by_a_person), "")
    return Decision(Verdict.ASK, f"a person must approve {named} in every mode") if named else None


def _mode_approve(s: PolicyInput) -> Decision | None:
    return Decision(Verdict.ASK, "mode is approve") if s.mode is Mode.APPROVE else None


def _over_budget(s: PolicyInput) -> Decision | None:
    if s.budget_left:
        return None
    if refused := s.settings.refused_budget(s.playbook.name):
        return over_budget(s.finding, s.budget, refused)
    return over_budget(s.finding, s.budget)


def over_budget(finding: Finding, budget: int, refused: str = "") -> Decision:
    """What is decided where the hour's budget for a finding of this severity is used up.

    A threat does not wait for the hour to end: a person decides. A control is held back.
    ``refused``: why the setting of the budget is none.
    """
    whose = "" if finding.severity.urgent else " for findings below HIGH"
    reason = refused or f"the budget of {budget} cases an hour{whose} is used up"
    if finding.is_control:
        return _observe(reason, held_back=True)
    return Decision(Verdict.ASK, f"{reason}; a person decides", held_back=True)


Rule = Callable[[PolicyInput], Decision | None]
RULES: tuple[Rule, ...] = (
    # Whose resource is it?
    _foreign_target,
    # What did the operator say?
    _master_switch_off,
    _exempt,
    _needs_nobody,
    _nothing_found,
    _backlog,
    _settings_unavailable,
    _served_by_another,
    _master_switch_observe,
    _settings_refused,
    _protection_unknown,
    _chosen_manually,
    _mode_observe,
    # Who must be there before it happens?
    _for_a_person,
    _outdated,
    _released_by_person,
    _no_break_glass,
    _only_by_a_person,
    _mode_approve,
    # May it happen now?
    _over_budget,
)
BY_ARN_RULES: tuple[Rule, ...] = (
    _foreign_target,
    _master_switch_off,
    _exempt,
    _settings_unavailable,
    _served_by_another,
    _master_switch_observe,
    _settings_protection_refused,
    _protection_unknown,
)
RELEASE_RULES: tuple[Rule, ...] = (
    _master_switch_off,
    _settings_unavailable,
    _master_switch_observe,
)
