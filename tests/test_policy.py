"""The decision table: one pure function, each rule with its reason."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cordon.deployment import Deployment
from cordon.finding import Finding, Place, Severity, SeverityLabel, State
from cordon.gate import CLOSED_STATES
from cordon.playbook import Plan
from cordon.policy import (
    BACKLOG,
    MANUAL_STEP,
    Decision,
    PolicyInput,
    Verdict,
    decide,
    exemptions,
    may_release,
    over_budget,
    protected_by_pattern,
)
from cordon.settings import SERVES_INSTEAD, Backlog, Exemption, MasterSwitch, Mode, Settings
from cordon.sources.custom_action import CONTAIN_ACTION
from tests.examples import QUARANTINE, REVOKE, function_of
from tests.make import ACCOUNT, BUCKET, DEPLOYMENT, NOON, a_finding

OWN_NAME = f"cordon-{function_of(QUARANTINE)}Role-1A2B3C"
OWN_ROLE = f"arn:aws:iam::111122223333:role/cordon/{OWN_NAME}"
HOME = replace(DEPLOYMENT, own_roles=(OWN_ROLE,))
FOREIGN = Place("aws", "999988887777", "eu-central-1")
ENFORCE = Settings(modes={QUARANTINE.name: Mode.ENFORCE})
APPROVE = Settings(modes={QUARANTINE.name: Mode.APPROVE})
OBSERVE = Settings()


def facts(
    *, settings: Settings = ENFORCE, finding: Finding | None = None, **changes: Any
) -> PolicyInput:
    """Everything that policy looks at; each test changes what it is about."""
    about = finding or a_finding()
    plan = QUARANTINE.plan_for(about, DEPLOYMENT)
    given = {"plan": plan, "settings": settings, "deployment": HOME, "now": NOON}
    return PolicyInput(finding=about, playbook=QUARANTINE, **{**given, **changes})


def exempted(**changes: Any) -> Settings:
    exemption = Exemption(
        playbook="quarantine_*",
        resource=BUCKET.arn,
        owner="Ada",
        reason="public website",
        expires=NOON + timedelta(days=1),
    )
    return replace(ENFORCE, exemptions=(replace(exemption, **changes),))


# ---- the rules ----


@pytest.mark.parametrize(
    ("settings", "verdict", "reason", "held_back"),
    [
        (OBSERVE, Verdict.OBSERVE, "mode is observe", False),
        (APPROVE, Verdict.ASK, "mode is approve", False),
        (ENFORCE, Verdict.CONTAIN, "mode is enforce", False),
        (
            replace(ENFORCE, switch=MasterSwitch.OFF),
            Verdict.IGNORE,
            "the master switch is off",
            False,
        ),
        (
            replace(ENFORCE, switch=MasterSwitch.OBSERVE),
            Verdict.OBSERVE,
            "the master switch is at observe",
            False,
        ),
        (
            replace(ENFORCE, unreadable="settings cannot be read: X"),
            Verdict.OBSERVE,
            "settings cannot be read: X",
            True,
        ),
        (
            replace(ENFORCE, other_home="a"),
            Verdict.OBSERVE,
            f"the stack a {SERVES_INSTEAD}",
            False,
        ),
        (
            replace(ENFORCE, other_home="a", refused={"other_home": "is nonsense"}),
            Verdict.OBSERVE,
            "the setting other_home is nonsense",
            True,
        ),
        (exempted(), Verdict.IGNORE, "exempt until 2026-11-25 by Ada: public website", False),
        (exempted(expires=NOON), Verdict.CONTAIN, "mode is enforce", False),
        (exempted(playbook=REVOKE.name), Verdict.CONTAIN, "mode is enforce", False),
        (exempted(resource="arn:aws:s3:::other"), Verdict.CONTAIN, "mode is enforce", False),
    ],
)
def test_settings_decide(
    settings: Settings, verdict: Verdict, reason: str, held_back: bool
) -> None:
    decision = decide(facts(settings=settings))
    assert (decision.verdict, decision.reason) == (verdict, reason)
    assert decision.held_back is held_back


@pytest.mark.parametrize(
    ("changes", "verdict", "reason", "held_back"),
    [
        (
            {"budget_left": False},
            Verdict.ASK,
            "the budget of 10 cases an hour is used up; a person decides",
            True,
        ),
        (
            {"protection_unknown": "AccessDenied"},
            Verdict.OBSERVE,
            "protection cannot be looked up: AccessDenied",
            True,
        ),
        (
            {"released_by": "Ada"},
            Verdict.ASK,
            "released before by Ada; a person decides again",
            False,
        ),
    ],
)
def test_facts_decide(
    changes: dict[str, Any], verdict: Verdict, reason: str, held_back: bool
) -> None:
    decision = decide(facts(**changes))
    assert (decision.verdict, decision.reason) == (verdict, reason)
    assert decision.held_back is held_back


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": APPROVE},
        {"released_by": "Ada"},
        {"finding": a_finding(type="Exfiltration:S3/AnomalousBehavior")},
    ],
)
def test_question_costs_no_budget(changes: dict[str, Any]) -> None:
    """A question is opened also when the hour's budget is used up."""
    assert decide(facts(budget_left=False, **changes)).verdict is Verdict.ASK


S3_8 = a_finding(source="securityhub", type="S3.8")


@pytest.mark.parametrize(
    ("finding", "verdict"),
    [
        (a_finding(), Verdict.ASK),
        (a_finding(source="macie", type="Policy:IAMUser/S3BucketPublic"), Verdict.ASK),
        (S3_8, Verdict.OBSERVE),
        (a_finding(source="config", type="s3-bucket-public-read-prohibited"), Verdict.OBSERVE),
    ],
)
def test_over_budget_a_threat_awaits_approval(finding: Finding, verdict: Verdict) -> None:
    """A control is held back until the hour ends; a threat does not wait."""
    decision = decide(facts(finding=finding, budget_left=False))
    assert decision.verdict is verdict
    assert decision.held_back
    assert decision == over_budget(finding, 10)


@pytest.mark.parametrize("settings", [APPROVE, ENFORCE])
def test_protected_target_costs_no_budget(settings: Settings) -> None:
    here = facts(settings=settings, budget_left=False, protected={BUCKET.arn: "why"})
    assert decide(here).verdict is Verdict.ESCALATE


@pytest.mark.parametrize(
    ("severity", "says"),
    [
        (SeverityLabel.CRITICAL, "the budget of 3 cases an hour is used up"),
        (SeverityLabel.MEDIUM, "the budget of 3 cases an hour for findings below HIGH is used up"),
    ],
)
def test_used_up_budget_is_named(severity: SeverityLabel, says: str) -> None:
    finding = replace(S3_8, severity=Severity("5", severity))
    assert decide(facts(finding=finding, budget=3, budget_left=False)).reason == says


def test_foreign_target_is_ignored() -> None:
    here = facts()
    action = replace(here.plan.actions[0], place=FOREIGN)
    decision = decide(replace(here, plan=Plan((action, *here.plan.actions[1:]))))
    assert decision.verdict is Verdict.IGNORE
    assert decision.reason == f"a target lies outside the finding's account {ACCOUNT}"


# ---- what needs nobody, and what no mode does without a person ----

RECORDING = replace(QUARANTINE, needs_nobody=lambda *_: "it was blocked")


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": OBSERVE},
        {"settings": APPROVE},
        {"settings": ENFORCE},
        {"settings": replace(ENFORCE, switch=MasterSwitch.OBSERVE)},
        {"settings": replace(ENFORCE, unreadable="settings cannot be read: X")},
        {"budget_left": False},
        {"protection_unknown": "AccessDenied"},
        {"protected": {BUCKET.arn: "why"}},
        {"released_by": "Ada"},
        {"finding": a_finding(custom_action=CONTAIN_ACTION)},
    ],
)
def test_what_needs_nobody_is_recorded_whatever_the_settings(changes: dict[str, Any]) -> None:
    decision = decide(replace(facts(**changes), playbook=RECORDING))
    assert decision == Decision(Verdict.OBSERVE, "it was blocked", recorded=True)
    assert not decide(facts(**changes)).recorded


def test_stopped_cordon_records_nothing() -> None:
    stopped = facts(settings=replace(ENFORCE, switch=MasterSwitch.OFF))
    assert decide(replace(stopped, playbook=RECORDING)).verdict is Verdict.IGNORE


@pytest.mark.parametrize(
    ("settings", "verdict"),
    [(OBSERVE, Verdict.OBSERVE), (APPROVE, Verdict.ASK), (ENFORCE, Verdict.ASK)],
)
def test_no_mode_does_without_a_person_what_only_a_person_may(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, verdict: Verdict
) -> None:
    here = facts(settings=settings)
    monkeypatch.setattr(type(here.plan.actions[0]), "only_by_a_person", True)
    decision = decide(here)
    assert decision.verdict is verdict
    named = "a person must approve block_public_access in every mode"
    assert (decision.reason == named) is (verdict is Verdict.ASK)


# ---- for a person: a plan without changes ----

FOR_A_PERSON = Plan((), "Ask who used root.")


@pytest.mark.parametrize("budget_left", [True, False])
@pytest.mark.parametrize("settings", [APPROVE, ENFORCE])
def test_plan_without_changes_escalates(settings: Settings, budget_left: bool) -> None:
    """An escalation costs no budget and needs no approval."""
    decision = decide(facts(settings=settings, plan=FOR_A_PERSON, budget_left=budget_left))
    assert decision.verdict is Verdict.ESCALATE
    assert decision.reason == "this plan changes nothing: it is for a person"
    assert not decision.held_back


def test_plan_without_changes_can_be_observed() -> None:
    assert decide(facts(settings=OBSERVE, plan=FOR_A_PERSON)).verdict is Verdict.OBSERVE


def test_chosen_plan_without_changes_escalates() -> None:
    chosen = a_finding(custom_action=CONTAIN_ACTION)
    escalated = facts(settings=APPROVE, finding=chosen, plan=FOR_A_PERSON)
    assert decide(escalated).verdict is Verdict.ESCALATE


def test_protected_target_escalates_with_reason() -> None:
    reason = f"{BUCKET.arn} is protected by the pattern *"
    here = facts(protected={BUCKET.arn: reason})
    assert decide(here).verdict is Verdict.ESCALATE
    assert decide(here).reason == reason
    assert not here.allowed.actions
    assert here.allowed.manual_step == f"{reason}. {MANUAL_STEP}"


# ---- what a person chose, and what locks people out ----


def test_custom_action_needs_approval_in_any_mode() -> None:
    chosen = a_finding(custom_action=CONTAIN_ACTION)
    for settings in (OBSERVE, APPROVE):
        decision = decide(facts(settings=settings, finding=chosen))
        assert decision.verdict is Verdict.ASK
        assert "chosen manually in Security Hub" in decision.reason
    assert decide(facts(finding=chosen)).verdict is Verdict.CONTAIN


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"settings": Settings(switch=MasterSwitch.OFF)}, Verdict.IGNORE),
        ({"settings": Settings(switch=MasterSwitch.OBSERVE)}, Verdict.OBSERVE),
        ({"settings": Settings(unreadable="no")}, Verdict.OBSERVE),
        ({"settings": exempted()}, Verdict.IGNORE),
        ({"protection_unknown": "AccessDenied"}, Verdict.OBSERVE),
        ({"protection_unknown": "AccessDenied", "settings": APPROVE}, Verdict.OBSERVE),
    ],
)
def test_custom_action_is_no_master_key(changes: dict[str, Any], verdict: Verdict) -> None:
    chosen = a_finding(custom_action=CONTAIN_ACTION)
    assert decide(facts(finding=chosen, **changes)).verdict is verdict


def test_lock_out_needs_approval_without_break_glass() -> None:
    leak = a_finding(type="Exfiltration:S3/AnomalousBehavior")
    decision = decide(facts(finding=leak))
    assert decision.verdict is Verdict.ASK
    assert decision.reason == "no break-glass role is named, and the plan locks people out"
    named = replace(HOME, break_glass=("arn:aws:iam::111122223333:role/BreakGlass",))
    assert decide(facts(finding=leak, deployment=named)).verdict is Verdict.CONTAIN


@pytest.mark.parametrize(
    ("settings", "deployment", "reason"),
    [
        (Settings(protected=("arn:aws:s3:::training-*",)), HOME, "pattern arn:aws:s3:::training-*"),
        (Settings(protected=("arn:aws:s3:::x",)), HOME, ""),
        (Settings(), replace(HOME, break_glass=(BUCKET.arn,)), f"pattern {BUCKET.arn}"),
    ],
)
def test_pattern_protects_target(settings: Settings, deployment: Deployment, reason: str) -> None:
    said = protected_by_pattern(facts().plan.resources, settings, deployment)
    assert bool(said) is bool(reason)
    assert said.endswith(reason)


MEMBER_ROLE = "arn:aws:iam::444455556666:role/cordon/CordonMember"


@pytest.mark.parametrize(
    ("arn", "own"),
    [
        (OWN_ROLE, True),
        (MEMBER_ROLE, True),
        (OWN_ROLE.replace("111122223333", "444455556666"), False),
        (MEMBER_ROLE.replace("444455556666", "111122223333"), False),
        ("arn:aws:iam::111122223333:role/cordon/Planted", False),
    ],
)
def test_own_role_is_protected_by_its_arn(arn: str, own: bool) -> None:
    deployment = replace(HOME, member_role="CordonMember")
    assert bool(protected_by_pattern([arn], Settings(), deployment)) is own


# ---- exempt and protected targets, one by one ----

VICTIM = replace(BUCKET, name="victim", arn="arn:aws:s3:::victim")
BOTH = a_finding(resources=(BUCKET, VICTIM))
WHY = {BUCKET.arn: f"{BUCKET.arn} receives the logs of CloudTrail"}
VICTIM_EXEMPT = exempted(resource=VICTIM.arn)


def test_exempt_target_is_left_out() -> None:
    here = facts(settings=exempted(), finding=BOTH)
    assert list(exemptions(here)) == [BUCKET.arn]
    assert decide(here).verdict is Verdict.CONTAIN
    assert here.allowed.resources == (VICTIM.arn,)
    assert here.allowed.manual_step == here.plan.manual_step
    assert here.allowed.hash != here.plan.hash


def test_protected_target_does_not_save_the_others() -> None:
    here = facts(finding=BOTH, protected=WHY)
    assert decide(here).verdict is Verdict.CONTAIN
    assert here.allowed.resources == (VICTIM.arn,)
    assert WHY[BUCKET.arn] in here.allowed.manual_step
    assert here.plan.manual_step in here.allowed.manual_step
    assert here.left_out == WHY


@pytest.mark.parametrize(
    ("settings", "protected", "verdict"),
    [
        (ENFORCE, {**WHY, VICTIM.arn: "so is this"}, Verdict.ESCALATE),
        (VICTIM_EXEMPT, WHY, Verdict.ESCALATE),
        (VICTIM_EXEMPT, {VICTIM.arn: "protected, and exempt"}, Verdict.CONTAIN),
        (exempted(resource="*"), WHY, Verdict.IGNORE),
        (exempted(resource="*"), {}, Verdict.IGNORE),
        (APPROVE, WHY, Verdict.ASK),
        (OBSERVE, {**WHY, VICTIM.arn: "so is this"}, Verdict.OBSERVE),
    ],
)
def test_what_is_left_of_the_targets_decides(
    settings: Settings, protected: dict[str, str], verdict: Verdict
) -> None:
    """An exempt target is ignored, also a protected one; a protected one is for a person."""
    assert decide(facts(finding=BOTH, settings=settings, protected=protected)).verdict is verdict


def test_exempt_target_is_not_for_a_person() -> None:
    here = facts(finding=BOTH, settings=exempted(), protected=WHY)
    assert "CloudTrail" not in here.allowed.manual_step
    assert here.left_out[BUCKET.arn].startswith("exempt until")


def test_protection_of_another_target_changes_nothing() -> None:
    here = facts(protected={"arn:aws:s3:::another": "why"})
    assert here.allowed == here.plan
    assert not here.left_out


@pytest.mark.parametrize("settings", [ENFORCE, exempted(expires=NOON)])
def test_whole_plan_stays_whole(settings: Settings) -> None:
    here = facts(settings=settings)
    assert here.allowed == here.plan


def test_first_exemption_names_owner() -> None:
    one, two = exempted().exemptions[0], exempted(owner="Bob").exemptions[0]
    here = facts(settings=replace(ENFORCE, exemptions=(one, two)))
    assert exemptions(here) == {BUCKET.arn: one}


# ---- release on pass ----


@pytest.mark.parametrize("state", CLOSED_STATES)
@pytest.mark.parametrize("settings", [OBSERVE, APPROVE, ENFORCE, exempted()])
def test_pass_releases_in_any_mode(settings: Settings, state: State) -> None:
    passed = a_finding(state=state)
    decision = may_release(facts(finding=passed, settings=settings, budget_left=False))
    assert (decision.verdict, decision.reason) == (Verdict.RELEASE, CLOSED_STATES[state])


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (Settings(switch=MasterSwitch.OFF), "off"),
        (Settings(switch=MasterSwitch.OBSERVE), "at observe"),
        (Settings(unreadable="settings cannot be read: X"), "cannot be read"),
    ],
)
def test_stopped_cordon_releases_nothing(settings: Settings, reason: str) -> None:
    decision = may_release(facts(settings=settings))
    assert decision.verdict is Verdict.IGNORE
    assert re.search(reason, decision.reason)


# ---- the backlog ----


RESPONDS = replace(ENFORCE, backlog={QUARANTINE.name: Backlog.RESPOND})


@pytest.mark.parametrize(
    ("settings", "sweep", "verdict"),
    [
        (ENFORCE, "", Verdict.CONTAIN),
        (ENFORCE, "a", Verdict.OBSERVE),
        (APPROVE, "a", Verdict.OBSERVE),
        (RESPONDS, "a", Verdict.CONTAIN),
        (replace(RESPONDS, modes=APPROVE.modes), "a", Verdict.ASK),
        (replace(ENFORCE, backlog={QUARANTINE.name: Backlog.OBSERVE}), "a", Verdict.OBSERVE),
        (replace(ENFORCE, backlog={REVOKE.name: Backlog.RESPOND}), "a", Verdict.OBSERVE),
        (replace(RESPONDS, switch=MasterSwitch.OFF), "a", Verdict.IGNORE),
        (replace(RESPONDS, switch=MasterSwitch.OBSERVE), "a", Verdict.OBSERVE),
    ],
)
def test_backlog_is_observed_unless_the_desk_says_otherwise(
    settings: Settings, sweep: str, verdict: Verdict
) -> None:
    decided = decide(facts(settings=settings, sweep=sweep))
    assert (decided.verdict, decided.held_back) == (verdict, False)


@pytest.mark.parametrize(
    "changes",
    [
        {"budget_left": False},
        {"protection_unknown": "AccessDenied"},
        {"settings": replace(ENFORCE, unreadable="there is no row")},
    ],
)
def test_backlog_is_never_held_back(changes: dict[str, Any]) -> None:
    """What is held back is made up for later, by whatever makes it possible."""
    assert decide(facts(sweep="a", **changes)) == Decision(Verdict.OBSERVE, BACKLOG)
