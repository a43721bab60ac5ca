"""The first gate: whose finding is it? Each rule with its reason."""

from dataclasses import replace
from typing import Any

import pytest

from console.account import ROOT
from console.playbooks import playbooks
from cordon.deployment import Deployment
from cordon.finding import Finding, Place, Severity, SeverityLabel, State
from cordon.gate import not_ours, passes
from cordon.playbook import Playbook
from cordon.policy import Verdict, decide
from cordon.sources.custom_action import CONTAIN_ACTION, RELEASE_ACTION
from tests.examples import ESCALATE, QUARANTINE, TAG
from tests.make import ACCOUNT, PLACE, a_finding, a_principal
from tests.test_policy import FOREIGN, HOME, OWN_NAME, OWN_ROLE, facts

MEMBER = "444455556666"
SERVING = replace(HOME, member_role="CordonMember")
INFORMATIONAL = Severity("0", SeverityLabel.INFORMATIONAL)


def gate(
    finding: Finding, *, playbook: Playbook = QUARANTINE, deployment: Deployment = HOME
) -> str:
    return not_ours(finding, playbook, deployment)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"is_cordon_finding": True}, "this is Cordon's own finding"),
        ({"principal": a_principal(name=OWN_NAME)}, "the actor is Cordon's own role"),
        ({"custom_action": "OpenTicket"}, "another custom action"),
        ({"sample": True}, "a sample finding never leads to a change"),
        ({"authored_by_aws": False}, "not authored by an AWS service"),
        ({"place": FOREIGN}, "account 999988887777 is not served: no member role is set"),
        ({"place": replace(PLACE, partition="aws-cn")}, "partition aws-cn is not served"),
        ({"state": State.ARCHIVED}, "the finding is archived"),
        ({"state": State.SUPPRESSED}, "the finding is suppressed"),
        ({"state": State.PASSED}, "the finding is passed"),
        ({"severity": INFORMATIONAL}, "the finding is informational"),
        ({"source": "cloudtrail", "denied": True}, "the call failed: it changed nothing"),
    ],
)
def test_gate_names_foreign_findings(changes: dict[str, Any], reason: str) -> None:
    assert reason in gate(a_finding(**changes))


def test_gate_lets_active_finding_pass() -> None:
    assert gate(a_finding()) == ""


@pytest.mark.parametrize("action", [CONTAIN_ACTION, RELEASE_ACTION])
def test_gate_knows_our_custom_actions(action: str) -> None:
    assert gate(a_finding(custom_action=action)) == ""


def test_first_reason_of_gate_counts() -> None:
    """A forged sample is a sample: what is cheapest to explain comes first."""
    forged = a_finding(sample=True, authored_by_aws=False, state=State.ARCHIVED)
    assert gate(forged) == "a sample finding never leads to a change"


def test_member_account_is_served_by_role() -> None:
    place = replace(PLACE, account=MEMBER)
    assert "no member role" in gate(a_finding(place=place))
    assert gate(a_finding(place=place), deployment=SERVING) == ""


@pytest.mark.parametrize("place", [FOREIGN, replace(PLACE, partition="aws-cn")])
def test_only_a_playbook_that_changes_nothing_hears_of_other_places(place: Place) -> None:
    """Every other rule of the gate holds for it too."""
    elsewhere = a_finding(place=place, served=False)
    for playbook in playbooks(ROOT):
        assert (gate(elsewhere, playbook=playbook) == "") is playbook.everywhere
        if playbook.everywhere:
            assert playbook.plan_for(elsewhere, HOME).actions == ()
            assert playbook.plan_for(a_finding(), HOME).actions == ()
    assert gate(replace(elsewhere, sample=True), playbook=ESCALATE).startswith("a sample")
    assert gate(replace(elsewhere, state=State.ARCHIVED), playbook=ESCALATE) != ""


@pytest.mark.parametrize(
    ("state", "playbook", "over"),
    [
        (State.PASSED, TAG, True),
        (State.ARCHIVED, TAG, True),
        (State.SUPPRESSED, TAG, False),
        (State.ACTIVE, TAG, False),
        (State.PASSED, QUARANTINE, False),
    ],
)
def test_passing_control_is_no_longer_active(state: State, playbook: Playbook, over: bool) -> None:
    """It is informational and closed by nature; only for a playbook that then releases."""
    finding = a_finding(state=state, severity=INFORMATIONAL)
    assert passes(finding, playbook) is over
    assert (gate(finding, playbook=playbook) == "") is over


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"authored_by_aws": False}, "not authored"),
        ({"sample": True}, "sample"),
        ({"place": FOREIGN}, "not served"),
    ],
)
def test_forged_pass_is_stopped_at_gate(changes: dict[str, Any], reason: str) -> None:
    passed = a_finding(state=State.PASSED, severity=INFORMATIONAL, **changes)
    assert reason in gate(passed, playbook=TAG)


# ---- our own roles, by their exact ARNs (C2) ----


@pytest.mark.parametrize(
    "actor",
    [
        a_principal(name="Evil", issuer=f"arn:aws:iam::{ACCOUNT}:role/cordon/Evil"),
        a_principal(name="Evil", account=ACCOUNT),
        a_principal(name=f"{OWN_NAME}X"),
        a_principal(name=OWN_NAME.lower()),
        a_principal(name=f"cordon/{OWN_NAME}"),
        a_principal(name=OWN_ROLE),
        a_principal("IAMUser", OWN_NAME),
        a_principal(name=OWN_NAME, account="999988887777"),
        a_principal(name=OWN_NAME, issuer=f"arn:aws:iam::999988887777:role/cordon/{OWN_NAME}"),
        a_principal(name="CordonMember"),
    ],
)
def test_resembling_role_is_foreign(actor: Any) -> None:
    """Nobody becomes invisible by a name, or by a path: below /cordon/ anybody may make a role."""
    finding = a_finding(principal=actor)
    assert gate(finding) == ""
    assert decide(facts(finding=finding)).verdict is Verdict.CONTAIN


def test_own_role_is_recognised_by_arn() -> None:
    assert "own role" in gate(a_finding(principal=a_principal(name=OWN_NAME, account=ACCOUNT)))
    assert "own role" in gate(a_finding(principal=a_principal(name=OWN_NAME, issuer=OWN_ROLE)))
    assert "own role" in gate(a_finding(principal=a_principal("Role", OWN_NAME)))


def test_member_role_is_recognised_in_members() -> None:
    place = replace(PLACE, account=MEMBER)
    ours = a_principal(name="CordonMember", account=MEMBER)
    theirs = a_principal(name=OWN_NAME, account=MEMBER)
    assert "own role" in gate(a_finding(place=place, principal=ours), deployment=SERVING)
    assert gate(a_finding(place=place, principal=theirs), deployment=SERVING) == ""


@pytest.mark.parametrize(
    "kind",
    [
        "UnauthorizedAccess:IAMUser/ResourceCredentialExfiltration.OutsideAWS",
        "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.InsideAWS",
        "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom",
        "UnauthorizedAccess:IAMUser/TorIPCaller",
        "AttackSequence:IAM/CompromisedCredentials",
    ],
)
def test_own_stolen_credentials_are_handled(kind: str) -> None:
    assert gate(a_finding(type=kind, principal=a_principal(name=OWN_NAME))) == ""
