"""What each playbook intends: pure functions from a finding to a plan."""

from dataclasses import replace
from pathlib import Path

import pytest

from console.playbooks import playbooks
from cordon.catalogue import CONTAINED
from cordon.finding import Finding, Place, Resource, ResourceRole, Severity, SeverityLabel
from cordon.playbook import Playbook
from escalate_finding.playbook import PLAYBOOK as ESCALATE
from quarantine_bucket.playbook import PLAYBOOK as QUARANTINE
from revoke_sessions.playbook import PLAYBOOK as REVOKE
from tests.make import BUCKET, DEPLOYMENT, PLACE, a_finding, a_principal, an_actor

ROOT = Path(__file__).parent.parent
STOLEN_CREDENTIAL_TYPES = "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom"


def acts(playbook: Playbook, finding: Finding) -> list[str]:
    return [a.name() for a in playbook.plan(finding, "0123456789abcdef", DEPLOYMENT)]


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        ("Policy:S3/BucketAnonymousAccessGranted", []),
        ("Exfiltration:S3/TransferDataToCloudAccount", ["deny_bucket_access"]),
        ("Impact:S3/AnomalousBehavior.Delete", ["deny_bucket_access", "suspend_lifecycle"]),
        ("Exfiltration:S3/AnomalousBehavior", ["deny_bucket_access"]),
    ],
)
def test_the_level_is_that_of_the_finding_and_the_policy_comes_before_the_block(
    kind: str, level: list[str]
) -> None:
    tags = ["tag_bucket", "tag_bucket"]
    expected = [*level, "block_public_access", *tags, "open_incident"]
    assert acts(QUARANTINE, a_finding(type=kind)) == expected


def test_every_bucket_is_contained_and_the_others_are_named_for_a_person() -> None:
    second = replace(BUCKET, name="models", arn="arn:aws:s3:::models")
    foreign = replace(BUCKET, name="theirs", place=Place("aws", "999988887777", "eu-central-1"))
    directory = Resource("AWS::S3Express::DirectoryBucket", "fast--euc1-az1--x-s3", PLACE)
    finding = a_finding(resources=(BUCKET, second, foreign, directory))
    plan = QUARANTINE.plan(finding, "0123456789abcdef", DEPLOYMENT)
    assert {a.resource for a in plan if a.resource} == {BUCKET.arn, second.arn}
    body = plan[-1].to_json()["body"]
    assert "theirs" in body and "fast" in body and "models, which" not in body


def test_issuance_is_stopped_before_the_sessions() -> None:
    user, key = (
        an_actor("AWS::IAM::User", "eve"),
        an_actor("AWS::IAM::AccessKey", "AKIA" + "A" * 16),
    )
    finding = a_finding(
        type=STOLEN_CREDENTIAL_TYPES, principal=a_principal("IAMUser", "eve"), resources=(user, key)
    )
    assert acts(REVOKE, finding) == ["disable_access_key", "revoke_user_sessions", "open_incident"]


def test_a_session_key_is_not_a_key_to_disable() -> None:
    user, key = (
        an_actor("AWS::IAM::User", "eve"),
        an_actor("AWS::IAM::AccessKey", "ASIA" + "A" * 16),
    )
    finding = a_finding(
        type=STOLEN_CREDENTIAL_TYPES, principal=a_principal("IAMUser", "eve"), resources=(user, key)
    )
    assert acts(REVOKE, finding) == ["revoke_user_sessions", "open_incident"]


@pytest.mark.parametrize(
    ("principal", "words"),
    [
        (a_principal("Root", "Root"), "SCP"),
        (a_principal("AssumedRole", "AWSReservedSSO_Admin_0123456789abcdef"), "Identity Center"),
        (a_principal("AssumedRole", "AWSServiceRoleForConfig"), "CloudTrail"),
        (a_principal("AWSService", "s3"), "resource"),
        (a_principal("AWSAccount", "x", account="999988887777"), "resource"),
        (a_principal("AssumedRole", "x", account="999988887777"), "another account"),
        (a_principal("FederatedUser", "x"), "GetFederationToken"),
        (a_principal("IAMUser", ""), "CloudTrail"),
        (None, "principal"),
    ],
)
def test_who_cannot_be_revoked_is_escalated_with_what_a_person_must_do(
    principal: object, words: str
) -> None:
    name = getattr(principal, "name", "")
    resources = (an_actor("AWS::IAM::Role", name),) if name and "User" not in name else ()
    if getattr(principal, "user_type", "") == "IAMUser":  # a key whose user is not named
        resources = (an_actor("AWS::IAM::AccessKey", "AKIA" + "A" * 16),)
    finding = a_finding(type=STOLEN_CREDENTIAL_TYPES, principal=principal, resources=resources)
    assert not REVOKE.matches(finding)
    assert ESCALATE.matches(finding)
    (only,) = ESCALATE.plan(finding, "0123456789abcdef", DEPLOYMENT)
    assert words in only.to_json()["body"]


def test_only_what_nobody_else_answers_is_escalated_for_being_critical() -> None:
    critical = Severity("9.0", SeverityLabel.CRITICAL, 90)
    assert not ESCALATE.matches(a_finding(severity=critical))
    stranger = a_finding(source="inspector", type="CVE-2026-1", severity=critical)
    assert ESCALATE.matches(stranger)
    assert not ESCALATE.matches(replace(stranger, severity=Severity("7", SeverityLabel.HIGH, 70)))


def test_a_finding_and_its_copies_are_one_case_and_two_subjects_are_two() -> None:
    native = a_finding()
    copy = replace(native, channel="securityhub", title="other words", detail_sha256="1" * 64)
    assert QUARANTINE.case_id(native) == QUARANTINE.case_id(copy)
    more = replace(native, resources=(BUCKET, replace(BUCKET, name="models")))
    assert QUARANTINE.case_id(native) != QUARANTINE.case_id(more)


def test_the_catalogue_knows_what_every_containing_playbook_answers() -> None:
    for playbook in playbooks(ROOT):
        if playbook is not ESCALATE and playbook.name != "escalate_finding":
            assert set(playbook.handles) <= set(CONTAINED), playbook.name


def test_an_actor_is_not_a_target() -> None:
    actor = replace(BUCKET, role=ResourceRole.ACTOR)
    assert not QUARANTINE.matches(a_finding(resources=(actor,)))
