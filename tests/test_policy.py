"""The decision table: one pure function, each rule with its reason."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cordon.finding import Place, Severity, SeverityLabel, State
from cordon.playbook import Plan
from cordon.policy import (
    CONTAIN_ACTION,
    PolicyInput,
    Verdict,
    decide,
    may_release,
    protected_by_pattern,
    without_exempt,
)
from cordon.settings import Exemption, MasterSwitch, Mode, Settings
from quarantine_bucket.playbook import PLAYBOOK
from tests.make import BUCKET, DEPLOYMENT, NOON, a_finding, a_principal

ENFORCE = Settings(modes={"quarantine_bucket": Mode.ENFORCE})
APPROVE = Settings(modes={"quarantine_bucket": Mode.APPROVE})


def situation(*, settings: Settings = ENFORCE, finding: Any = None, **changes: Any) -> PolicyInput:
    what = finding or a_finding()
    plan = Plan(tuple(PLAYBOOK.plan(what, PLAYBOOK.case_id(what), DEPLOYMENT)))
    given = {"plan": plan, "settings": settings, "deployment": DEPLOYMENT, "now": NOON}
    return PolicyInput(finding=what, playbook=PLAYBOOK, **{**given, **changes})


def told(plan: Plan) -> Plan:
    return Plan(plan.actions[-1:])


def exempted(**changes: Any) -> Settings:
    exemption = Exemption(
        playbook="quarantine_*",
        resource=BUCKET.arn,
        owner="Ada",
        reason="public website",
        expires=NOON + timedelta(days=1),
    )
    return replace(ENFORCE, exemptions=(replace(exemption, **changes),))


@pytest.mark.parametrize(
    ("settings", "verdict", "reason"),
    [
        (Settings(), Verdict.OBSERVE, "mode is observe"),
        (APPROVE, Verdict.ASK, "mode is approve"),
        (ENFORCE, Verdict.CONTAIN, "mode is enforce"),
        (replace(ENFORCE, switch=MasterSwitch.OFF), Verdict.IGNORE, "switch is off"),
        (replace(ENFORCE, switch=MasterSwitch.OBSERVE), Verdict.OBSERVE, "switch is at observe"),
        (replace(ENFORCE, unreadable="cannot be read"), Verdict.OBSERVE, "cannot be read"),
        (exempted(), Verdict.IGNORE, "exempt until 2026-11-25 by Ada: public website"),
        (exempted(expires=NOON), Verdict.CONTAIN, "mode is enforce"),
        (exempted(playbook="revoke_sessions"), Verdict.CONTAIN, "mode is enforce"),
        (exempted(resource="arn:aws:s3:::other"), Verdict.CONTAIN, "mode is enforce"),
    ],
)
def test_settings_decide(settings: Settings, verdict: Verdict, reason: str) -> None:
    decision = decide(situation(settings=settings))
    assert decision.verdict is verdict
    assert reason in decision.reason


FOREIGN = Place("aws", "999988887777", "eu-central-1")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sample": True}, "sample"),
        ({"state": State.ARCHIVED}, "archived"),
        ({"state": State.SUPPRESSED}, "suppressed"),
        ({"state": State.PASSED}, "passed"),
        ({"severity": Severity("0", SeverityLabel.INFORMATIONAL, 0)}, "informational"),
        ({"authored_by_aws": False}, "not authored by an AWS service"),
        ({"is_cordon_finding": True}, "our own finding"),
        ({"place": FOREIGN}, "no member role|outside the finding's account"),
        (
            {"place": replace(FOREIGN, account=BUCKET.place.account, partition="aws-cn")},
            "partition",
        ),
        (
            {"principal": a_principal(name="cordon-QuarantineBucketFunctionRole-1A2B3C")},
            "our own role",
        ),
    ],
)
def test_left_alone_whatever_the_mode(changes: dict[str, Any], reason: str) -> None:
    decision = decide(situation(finding=a_finding(**changes)))
    assert decision.verdict is Verdict.IGNORE
    assert re.search(reason, decision.reason)


def test_a_role_that_only_resembles_ours_is_not_spared() -> None:
    """An attacker must not become invisible by naming a role like one of ours."""
    own = DEPLOYMENT.own_roles[0]
    for disguised in (
        a_principal(name=f"{own}X"),
        a_principal("IAMUser", own),
        a_principal(name=own, account="999988887777"),
        a_principal(issuer="arn:aws:iam::999988887777:role/cordon/evil"),
    ):
        assert decide(situation(finding=a_finding(principal=disguised))).verdict is Verdict.CONTAIN


def test_our_own_credentials_used_elsewhere_are_answered() -> None:
    stolen = a_finding(
        type="UnauthorizedAccess:IAMUser/ResourceCredentialExfiltration.OutsideAWS",
        principal=a_principal(name=DEPLOYMENT.own_roles[0]),
    )
    assert decide(situation(finding=stolen)).verdict is not Verdict.IGNORE


def test_a_target_outside_the_findings_account_is_left_alone() -> None:
    here = situation()
    action = replace(here.plan.actions[1], place=FOREIGN)
    decision = decide(replace(here, plan=Plan((action,))))
    assert decision.verdict is Verdict.IGNORE
    assert "outside the finding's account" in decision.reason


@pytest.mark.parametrize(
    ("changes", "verdict", "reason"),
    [
        ({"budget_left": False}, Verdict.OBSERVE, "budget of 10 cases an hour"),
        ({"protection_unknown": "AccessDenied"}, Verdict.OBSERVE, "protection cannot be looked up"),
        ({"released_by": "Ada"}, Verdict.ASK, "released before by Ada"),
    ],
)
def test_what_was_looked_up_decides(changes: dict[str, Any], verdict: Verdict, reason: str) -> None:
    decision = decide(situation(**changes))
    assert decision.verdict is verdict
    assert reason in decision.reason


def test_telling_people_needs_no_approval_but_observe_is_observe() -> None:
    here = situation(settings=APPROVE)
    assert decide(replace(here, plan=told(here.plan))).verdict is Verdict.CONTAIN
    quiet = situation(settings=Settings())
    assert decide(replace(quiet, plan=told(quiet.plan))).verdict is Verdict.OBSERVE


def test_a_persons_hand_asks_even_where_the_mode_is_observe() -> None:
    chosen = a_finding(custom_action=CONTAIN_ACTION)
    assert decide(situation(settings=Settings(), finding=chosen)).verdict is Verdict.ASK
    assert decide(situation(finding=chosen)).verdict is Verdict.CONTAIN
    stopped = Settings(switch=MasterSwitch.OBSERVE)
    assert decide(situation(settings=stopped, finding=chosen)).verdict is Verdict.OBSERVE
    unreadable = Settings(unreadable="no")
    assert decide(situation(settings=unreadable, finding=chosen)).verdict is Verdict.OBSERVE


def test_protected_patterns_and_break_glass() -> None:
    plan = situation().plan
    settings = Settings(protected=("arn:aws:s3:::training-*",))
    assert "protected by" in protected_by_pattern(plan.resources, settings, DEPLOYMENT)
    other = Settings(protected=("arn:aws:s3:::x",))
    assert protected_by_pattern(plan.resources, other, DEPLOYMENT) == ""
    breaking = replace(DEPLOYMENT, break_glass=("arn:aws:s3:::training-data",))
    assert protected_by_pattern(plan.resources, Settings(), breaking)


def test_nobody_is_shut_out_without_a_way_back_unless_a_person_says_so() -> None:
    leak = a_finding(type="Exfiltration:S3/AnomalousBehavior")
    decision = decide(situation(finding=leak))
    assert decision.verdict is Verdict.ASK and "break-glass" in decision.reason
    named = replace(DEPLOYMENT, break_glass=("arn:aws:iam::111122223333:role/BreakGlass",))
    assert decide(situation(finding=leak, deployment=named)).verdict is Verdict.CONTAIN


def test_an_exempt_bucket_does_not_free_the_others() -> None:
    victim = replace(BUCKET, name="victim", arn="arn:aws:s3:::victim")
    here = situation(settings=exempted(), finding=a_finding(resources=(BUCKET, victim)))
    assert decide(here).verdict is Verdict.CONTAIN
    spared = without_exempt(here)
    assert spared.resources == (victim.arn,)
    assert spared.actions[-1].tells


def test_a_pass_lets_go_in_any_mode_but_not_when_forged_or_stopped() -> None:
    passed = a_finding(
        state=State.PASSED, severity=Severity("INFORMATIONAL", SeverityLabel.INFORMATIONAL, 0)
    )
    assert may_release(situation(settings=Settings(), finding=passed)).verdict is Verdict.CONTAIN
    forged = replace(passed, authored_by_aws=False)
    assert may_release(situation(finding=forged)).verdict is Verdict.IGNORE
    stopped = Settings(switch=MasterSwitch.OBSERVE)
    assert may_release(situation(settings=stopped, finding=passed)).verdict is Verdict.IGNORE


def test_another_custom_action_is_not_for_us() -> None:
    assert (
        decide(situation(finding=a_finding(custom_action="OpenTicket"))).verdict is Verdict.IGNORE
    )
