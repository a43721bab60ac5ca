"""What each playbook intends: pure functions from a finding to a plan."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from console.playbooks import playbooks
from cordon.actions import Action
from cordon.actions.s3 import BlockPublicAccess, DenyBucketAccess, TagObject
from cordon.actions.stop_jobs import StopJobs
from cordon.finding import Finding, Place, Resource, ResourceRole, Severity, SeverityLabel
from cordon.playbook import MOST_TARGETS, Incident, Plan, Playbook
from cordon.settings import Mode
from tests.examples import ESCALATE, QUARANTINE, REVOKE, TAG
from tests.make import BUCKET, DEPLOYMENT, PLACE, a_finding, a_principal, an_actor

ROOT = Path(__file__).parent.parent
STOLEN_CREDENTIALS = "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom"
CASE = "0123456789abcdef"


def changes(playbook: Playbook, finding: Finding) -> list[str]:
    """What the plan changes, in its order."""
    return [action.name() for action in playbook.plan_for(finding, DEPLOYMENT).actions]


# ---- what contains a bucket ----


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        ("Policy:S3/BucketAnonymousAccessGranted", []),
        ("Exfiltration:S3/TransferDataToCloudAccount", ["deny_bucket_access"]),
        ("Impact:S3/AnomalousBehavior.Delete", ["deny_bucket_access", "suspend_lifecycle"]),
        ("Exfiltration:S3/AnomalousBehavior", ["deny_bucket_access"]),
    ],
)
def test_finding_sets_level_policy_precedes_block(kind: str, level: list[str]) -> None:
    expected = [*level, "block_public_access", "tag_bucket"]
    assert changes(QUARANTINE, a_finding(type=kind)) == expected


def test_every_bucket_is_contained() -> None:
    """The others are named, for a person."""
    second = replace(BUCKET, name="models", arn="arn:aws:s3:::models")
    foreign = replace(BUCKET, name="theirs", place=Place("aws", "999988887777", "eu-central-1"))
    directory = Resource("AWS::S3Express::DirectoryBucket", "fast--euc1-az1--x-s3", PLACE)
    finding = a_finding(resources=(BUCKET, second, foreign, directory))
    plan = QUARANTINE.plan_for(finding, DEPLOYMENT)
    assert plan.resources == (second.arn, BUCKET.arn)
    assert "Contain theirs yourself" in plan.manual_step
    assert "Contain fast--euc1-az1--x-s3 yourself" in plan.manual_step
    assert "models" not in plan.manual_step


def test_actor_is_no_target() -> None:
    actor = replace(BUCKET, role=ResourceRole.ACTOR)
    assert not QUARANTINE.matches(a_finding(resources=(actor,)))


# ---- what contains a role or a user ----


def _of_user(key_id: str | None) -> Finding:
    user = an_actor("AWS::IAM::User", "eve")
    keys = [an_actor("AWS::IAM::AccessKey", key_id)] if key_id else []
    who = a_principal("IAMUser", "eve")
    return a_finding(type=STOLEN_CREDENTIALS, principal=who, resources=(user, *keys))


def _of_role() -> Finding:
    who = a_principal("AssumedRole", "scorer")
    role = an_actor("AWS::IAM::Role", "scorer")
    return a_finding(type=STOLEN_CREDENTIALS, principal=who, resources=(role,))


@pytest.mark.parametrize("key", ["AKIA" + "A" * 16, "ASIA" + "A" * 16, None])
def test_issuance_stops_before_sessions(key: str | None) -> None:
    """Whichever key the finding names: every active one can issue the next session (B2)."""
    plan = REVOKE.plan_for(_of_user(key), DEPLOYMENT)
    assert [a.name() for a in plan.actions] == ["disable_access_keys", "revoke_user_sessions"]
    assert "key_id" not in plan.actions[0].to_json()


@pytest.mark.parametrize(
    ("finding", "causes"),
    [
        (_of_user(None), ("console_password", "other_credentials", "no_room_for_inline_policy")),
        (_of_role(), ("no_room_for_inline_policy",)),
    ],
    ids=["user", "role"],
)
def test_full_stop_is_in_plan_and_its_hash(finding: Finding, causes: tuple[str, ...]) -> None:
    """What is approved is what runs (A11)."""
    plan = REVOKE.plan_for(finding, DEPLOYMENT)
    raw = plan.to_json()
    assert raw["actions"][-1]["deny_all_if"] == causes
    raw["actions"][-1]["deny_all_if"] = ()
    assert Plan.from_json(raw).hash != plan.hash


def test_manual_step_is_for_who_was_revoked() -> None:
    role = REVOKE.plan_for(_of_role(), DEPLOYMENT).manual_step
    user = REVOKE.plan_for(_of_user(None), DEPLOYMENT).manual_step
    for service in ("EC2, ECS", "Lambda", "SageMaker"):
        assert service in role
        assert service not in user
    assert "console password" in user


# ---- what tags ----


def _ai_finding(**more: Any) -> Finding:
    arn = PLACE.arn("sagemaker", "notebook-instance/lab")
    notebook = Resource("AWS::SageMaker::NotebookInstance", "lab", PLACE, arn)
    given: dict[str, Any] = {"source": "securityhub", "type": "SageMaker.1"}
    return a_finding(**{**given, "resources": (notebook,), **more})


def test_ai_resource_gets_three_tags() -> None:
    finding = _ai_finding()
    assert TAG.matches(finding)
    plan = TAG.plan_for(finding, DEPLOYMENT)
    (action,) = plan.actions
    assert set(action.to_json()["tags"]) == {"cordon:status", "cordon:control", "cordon:case"}
    assert not any(action.contains for action in plan.actions)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"type": "SageMaker.6"}, "AWS::SageMaker::AppImageConfig"),
        ({"source": "config", "type": "sagemaker-domain-tagged"}, "AWS::SageMaker::Domain"),
        ({"source": "config", "type": "sagemaker-image-description"}, "AWS::SageMaker::Image"),
    ],
    ids=["control", "rule", "another-rule-of-what-is-counted"],
)
def test_no_tag_of_ours_makes_a_control_pass(changes: dict[str, str], kind: str) -> None:
    """What it would pass by is not set, and the case says why."""
    (notebook,) = _ai_finding().resources
    finding = _ai_finding(**changes, resources=(replace(notebook, type=kind),))
    assert TAG.matches(finding)
    assert TAG.needs_nobody is not None
    assert "would pass" in TAG.needs_nobody(finding, DEPLOYMENT)
    assert TAG.plan_for(finding, DEPLOYMENT).actions == ()
    assert TAG.needs_nobody(_ai_finding(), DEPLOYMENT) == ""


def test_resource_without_arn_is_for_person() -> None:
    (notebook,) = _ai_finding().resources
    plan = TAG.plan_for(_ai_finding(resources=(replace(notebook, arn=""),)), DEPLOYMENT)
    assert plan.actions == ()
    assert plan.manual_step.startswith("Tag AWS::SageMaker::NotebookInstance lab manually")


# ---- what informs a person ----


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
def test_unsupported_principal_is_escalated(principal: object, words: str) -> None:
    name = getattr(principal, "name", "")
    resources = (an_actor("AWS::IAM::Role", name),) if name and "User" not in name else ()
    if getattr(principal, "user_type", "") == "IAMUser":  # a key whose user is not named
        resources = (an_actor("AWS::IAM::AccessKey", "AKIA" + "A" * 16),)
    finding = a_finding(type=STOLEN_CREDENTIALS, principal=principal, resources=resources)
    assert not REVOKE.matches(finding)
    assert ESCALATE.matches(finding)
    plan = ESCALATE.plan_for(finding, DEPLOYMENT)
    assert plan.actions == ()
    assert words in plan.manual_step


def test_unhandled_critical_finding_is_escalated() -> None:
    critical = Severity("9.0", SeverityLabel.CRITICAL)
    assert not ESCALATE.matches(a_finding(severity=critical))
    stranger = a_finding(source="inspector", type="CVE-2026-1", severity=critical)
    assert ESCALATE.matches(stranger)
    assert not ESCALATE.matches(replace(stranger, severity=Severity("7", SeverityLabel.HIGH)))


# ---- every playbook ----


def test_copies_of_finding_are_one_case() -> None:
    native = a_finding()
    copy = replace(native, channel="securityhub", title="other words", detail_sha256="1" * 64)
    assert QUARANTINE.case_id(native) == QUARANTINE.case_id(copy)


def test_two_subjects_are_two_cases() -> None:
    native = a_finding()
    more = replace(native, resources=(BUCKET, replace(BUCKET, name="models")))
    assert QUARANTINE.case_id(native) != QUARANTINE.case_id(more)
    assert QUARANTINE.case_id(native) != replace(QUARANTINE, name="other").case_id(native)


def test_control_is_one_case_under_all_standards() -> None:
    """Each standard has a finding of its own for one evaluation (B16)."""
    prefix = "arn:aws:securityhub:us-east-1:111122223333:subscription/"
    ids = [f"{prefix}{name}/S3.8/finding/{name}" for name in ("fsbp", "cis", "nist", "pci")]
    found = [a_finding(source="securityhub", type="S3.8", id=id) for id in ids]
    assert len({QUARANTINE.case_id(finding) for finding in found}) == 1
    another = replace(found[0], type="S3.2")
    assert QUARANTINE.case_id(another) != QUARANTINE.case_id(found[0])
    bucket = replace(found[0], resources=(replace(BUCKET, name="b", arn="arn:aws:s3:::b"),))
    assert QUARANTINE.case_id(bucket) != QUARANTINE.case_id(found[0])
    rule = replace(found[0], source="config", type="s3-bucket-level-public-access-prohibited")
    assert QUARANTINE.case_id(rule) != QUARANTINE.case_id(found[0])


def test_threats_of_one_type_are_cases_of_their_own() -> None:
    one, two = (a_finding(id=id) for id in ("one", "two"))
    assert QUARANTINE.case_id(one) != QUARANTINE.case_id(two)


def only_tags(playbook: Playbook) -> bool:
    """Does it change resources, and contain none of them?"""
    return bool(playbook.actions) and not any(action.contains for action in playbook.actions)


@pytest.mark.parametrize("playbook", playbooks(ROOT), ids=lambda playbook: playbook.name)
def test_people_see_incident_of_all_but_tags(playbook: Playbook) -> None:
    assert playbook.incident is Incident.ALWAYS or only_tags(playbook)


@pytest.mark.parametrize("playbook", playbooks(ROOT), ids=lambda playbook: playbook.name)
def test_only_tagging_releases_on_pass(playbook: Playbook) -> None:
    """A control that passes because a resource is contained must not release it."""
    assert only_tags(playbook) or not playbook.releases_on_pass


@pytest.mark.parametrize("playbook", playbooks(ROOT), ids=lambda playbook: playbook.name)
def test_a_pass_ends_a_case_only_where_nothing_is_undone(playbook: Playbook) -> None:
    undone = [action for action in playbook.actions if not action.kept_because]
    assert not (playbook.ends_on_pass and undone)


@pytest.mark.parametrize(
    ("source", "kind", "turns"),
    [
        ("securityhub", "S3.8", True),
        ("securityhub", "S3.2", True),
        ("config", "s3-bucket-public-read-prohibited", True),
        (
            "securityhub",
            "S3.6",
            False,
        ),  # it looks at what is allowed, and a denial leaves that (A6)
        ("securityhub", "SageMaker.1", False),
        ("guardduty", "Policy:S3/BucketAnonymousAccessGranted", False),
        ("macie", "Policy:IAMUser/S3BucketPublic", False),
    ],
)
def test_only_a_control_that_turns_is_resolved(source: str, kind: str, turns: bool) -> None:
    finding = a_finding(source=source, type=kind)
    assert any(playbook.turns(finding) for playbook in playbooks(ROOT)) is turns


# ---- plans ----


def _planned(*actions: Action, manual_step: str = "Close it.") -> Plan:
    playbook = replace(QUARANTINE, plan=lambda *_: list(actions), manual_step=lambda _: manual_step)
    return playbook.plan_for(a_finding(), DEPLOYMENT)


def test_changes_of_one_target_are_merged() -> None:
    exempt = DEPLOYMENT.never_locked_out("aws", PLACE.account)
    outsiders = DenyBucketAccess(PLACE, "b", ("outsiders",), exempt)
    writes = replace(outsiders, levels=("writes",))
    plan = _planned(outsiders, BlockPublicAccess(PLACE, "b"), writes)
    assert plan.actions == (outsiders.combine(writes), BlockPublicAccess(PLACE, "b"))
    assert plan.manual_step == "Close it."


@pytest.mark.parametrize(("count", "changed"), [(MOST_TARGETS, MOST_TARGETS), (49, 0)])
def test_plan_with_many_targets_is_for_person(count: int, changed: int) -> None:
    plan = _planned(*(BlockPublicAccess(PLACE, f"bucket-{n}") for n in range(count)))
    assert len(plan.actions) == changed
    assert plan.manual_step.endswith("Close it.")
    assert plan.manual_step.startswith("The plan has 49 targets") is (changed == 0)


@pytest.mark.parametrize(("roles", "fits"), [(12, True), (60, False)])
def test_plan_too_big_for_its_row_is_for_person(roles: int, fits: bool) -> None:
    """What the operator names for each bucket comes back as often as there are buckets (B12)."""
    exempt = tuple(f"arn:aws:iam::111122223333:role/{n:064}" for n in range(roles))
    names = [f"bucket-{n}" for n in range(MOST_TARGETS)]
    plan = _planned(*(DenyBucketAccess(PLACE, name, ("everyone",), exempt) for name in names))
    assert bool(plan.actions) is fits
    assert plan.manual_step.endswith("Close it.")
    assert ("bytes" in plan.manual_step) is not fits


def test_plan_survives_its_json() -> None:
    plan = QUARANTINE.plan_for(a_finding(), DEPLOYMENT)
    again = Plan.from_json(plan.to_json())
    assert again == plan
    assert again.hash == plan.hash


def test_manual_step_is_part_of_hash() -> None:
    """An approval is bound to what the person must do as well."""
    plan = QUARANTINE.plan_for(a_finding(), DEPLOYMENT)
    assert replace(plan, manual_step="Nothing.").hash != plan.hash


@pytest.mark.parametrize("playbook", playbooks(ROOT), ids=lambda playbook: playbook.name)
def test_what_contains_is_recommended_with_approval(playbook: Playbook) -> None:
    # A person approves in every mode that jobs are stopped, and the operator switches it on.
    contains = any(one.contains for one in playbook.actions if one is not StopJobs)
    one_object = TagObject in playbook.actions  # a scan says so, and nothing else is denied
    assert playbook.recommended_mode is Mode.APPROVE or not contains or one_object
