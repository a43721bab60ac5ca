"""Which targets a stack changes, as policy sees it: its Regions', and IAM's where it is home."""

from dataclasses import replace
from typing import Any

import pytest

from cordon.actions import Action
from cordon.actions.access_keys import DisableAccessKeys
from cordon.actions.iam import RevokeRoleSessions
from cordon.actions.s3 import BlockPublicAccess
from cordon.again import refused_by_policy
from cordon.deployment import Deployment
from cordon.playbook import Plan, Playbook
from cordon.policy import PolicyInput, Verdict, decide, decide_by_arn
from cordon.settings import MasterSwitch, Mode, Settings
from cordon.sources.places import not_served
from tests.examples import ESCALATE, QUARANTINE, REVOKE
from tests.make import ACCOUNT, DEPLOYMENT, NOON, PLACE, a_finding

ROLE = f"arn:aws:iam::{ACCOUNT}:role/trainer"
BUCKET = "arn:aws:s3:::training-data"
AWAY = replace(DEPLOYMENT, home_region="us-east-1", break_glass=(f"arn:aws:iam::{ACCOUNT}:role/x",))
HOME = replace(AWAY, home_region="eu-central-1")
FURTHER = replace(PLACE, region="eu-west-1")
REVOCATION = RevokeRoleSessions(PLACE, "trainer")
BLOCK = BlockPublicAccess(PLACE, "training-data")


def facts(
    *actions: Action,
    mode: Mode = Mode.ENFORCE,
    playbook: Playbook = REVOKE,
    deployment: Deployment = AWAY,
    **changes: Any,
) -> PolicyInput:
    settings = replace(Settings(modes={playbook.name: mode}), **changes.pop("settings", {}))
    return PolicyInput(
        a_finding(), playbook, Plan(actions, "Look."), settings, deployment, NOON, **changes
    )


@pytest.mark.parametrize(
    ("mode", "verdict"),
    [
        (Mode.ENFORCE, Verdict.ESCALATE),
        (Mode.APPROVE, Verdict.ESCALATE),
        (Mode.OBSERVE, Verdict.OBSERVE),
    ],
)
def test_identity_is_for_a_person_where_home_is_elsewhere(mode: Mode, verdict: Verdict) -> None:
    of_role = facts(REVOCATION, mode=mode)
    assert decide(of_role).verdict is verdict
    why = f"{ROLE} is in all Regions, and HomeRegion is us-east-1: this stack in eu-central-1"
    assert of_role.for_a_person[ROLE].startswith(why)
    assert of_role.allowed.actions == ()
    assert of_role.allowed.manual_step.startswith(why)
    assert "This case changes nothing of it." in of_role.allowed.manual_step
    (refused,) = refused_by_policy(of_role)
    assert refused.target == REVOCATION.target


@pytest.mark.parametrize("deployment", [HOME, replace(AWAY, home_region="")])
def test_home_changes_it(deployment: Deployment) -> None:
    assert decide(facts(REVOCATION, deployment=deployment)).verdict is Verdict.CONTAIN


def test_the_rest_of_a_plan_is_carried_out() -> None:
    mixed = facts(BLOCK, REVOCATION)
    assert decide(mixed).verdict is Verdict.CONTAIN
    assert mixed.allowed.actions == (BLOCK,)
    assert mixed.left_out.keys() == {ROLE}


def test_no_person_has_it_changed_where_home_is_elsewhere() -> None:
    decision = decide_by_arn(facts(REVOCATION))
    assert decision.verdict is Verdict.IGNORE
    assert "HomeRegion is us-east-1" in decision.reason


def test_what_is_protected_says_so_first() -> None:
    protected = facts(REVOCATION, protected={ROLE: "it is protected"})
    assert protected.for_a_person == {ROLE: "it is protected"}
    assert "Decide whether it must be contained" in protected.allowed.manual_step


@pytest.mark.parametrize(
    "unknown",
    [
        {"protection_unknown": "AccessDenied"},
        {"settings": {"refused": {"protected": "is no ARN"}}},
    ],
)
def test_protection_holds_back_only_what_would_be_changed(unknown: dict[str, Any]) -> None:
    """A person hears of the threat: nothing here depends on what nobody knows."""
    assert decide(facts(REVOCATION, **unknown)).verdict is Verdict.ESCALATE
    assert decide(facts(REVOCATION, deployment=HOME, **unknown)).verdict is Verdict.OBSERVE


def test_master_switch_is_above_it() -> None:
    stopped = facts(REVOCATION, settings={"switch": MasterSwitch.OFF})
    assert decide(stopped).verdict is Verdict.IGNORE


# ---- Regions ----


def test_target_in_another_region_is_for_a_person() -> None:
    """The finding's Region is served, and the resource says that it is elsewhere."""
    there = replace(BLOCK, place=FURTHER)
    of_bucket = facts(there, playbook=QUARANTINE)
    assert decide(of_bucket).verdict is Verdict.ESCALATE
    assert of_bucket.for_a_person == {
        BUCKET: f"{BUCKET}: Region eu-west-1 is not served: it is not in OtherRegions"
    }
    serving = replace(AWAY, other_regions=("us-west-2", "eu-west-1"))
    assert decide(facts(there, playbook=QUARANTINE, deployment=serving)).verdict is Verdict.CONTAIN


@pytest.mark.parametrize("region", ["eu-central-1", "eu-west-1"])
def test_own_and_named_regions_are_served(region: str) -> None:
    serving = replace(DEPLOYMENT, other_regions=("eu-west-1",))
    assert not_served(replace(PLACE, region=region), serving) == ""
    assert not_served(replace(PLACE, region="eu-west-2"), serving) != ""


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"account": "999988887777"}, "account 999988887777 is not served: no member role is set"),
        ({"partition": "aws-cn"}, "partition aws-cn is not served"),
        ({"region": "eu-west-1"}, "Region eu-west-1 is not served: it is not in OtherRegions"),
    ],
)
def test_place_says_why_it_is_not_served(changes: dict[str, str], why: str) -> None:
    assert not_served(replace(PLACE, **changes), DEPLOYMENT) == why


def test_only_a_serious_threat_elsewhere_is_for_a_person() -> None:
    elsewhere = a_finding(place=FURTHER, served=False)
    (account,) = ESCALATE.targets(elsewhere)
    assert account.name == ACCOUNT
    assert f"account {ACCOUNT}, eu-west-1" in ESCALATE.manual_step(elsewhere)
    assert ESCALATE.targets(replace(elsewhere, source="securityhub", type="S3.2")) == ()


# ---- what is global, is so by its ARN ----


def test_what_iam_has_is_global_and_nothing_else_is() -> None:
    assert DisableAccessKeys(PLACE, "ada").is_global
    assert REVOCATION.is_global
    assert not BLOCK.is_global


# ---- the environment ----


def test_environment_says_what_a_stack_serves() -> None:
    given = {
        "CORDON_ACCOUNT": ACCOUNT,
        "AWS_REGION": "eu-central-1",
        "CORDON_PARTITION": "aws",
        **dict.fromkeys(
            ("CORDON_TABLE", "CORDON_EVIDENCE_BUCKET", "CORDON_STACK", "CORDON_WORKFLOW"), "x"
        ),
    }
    plain = Deployment.from_environment(given)
    assert (plain.is_home, plain.other_regions) == (True, ())
    more = {"CORDON_HOME_REGION": "us-east-1", "CORDON_OTHER_REGIONS": "eu-west-1,eu-west-3"}
    named = Deployment.from_environment(given | more)
    assert (named.is_home, named.other_regions) == (False, ("eu-west-1", "eu-west-3"))
    assert Deployment.from_environment(given | {"CORDON_HOME_REGION": "eu-central-1"}).is_home
