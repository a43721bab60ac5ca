"""A role may do what its playbook needs, nothing less and nothing more.

``test_samples`` shows for every sample that no call is refused. Here the roads that use all of a
role's rights are gone, and what then is left unused must be in the table of reasons.
"""

import json
from collections import defaultdict
from collections.abc import Callable

import pytest
from console.embedded.iam import Decision, unused
from console.embedded.journal import Called
from moto.iam.models import AWSManagedPolicy, iam_backends
from tests.actions.scenario_iam import DENY_ALL, policy_of
from tests.promises.apart import apart
from tests.promises.test_holds_on_one_bucket import bucket_of
from tests.promises.world import PLAYBOOKS, SETTINGS, Event, World, chosen, event, finding_of

from cordon.cases import Case, Stands

Road = Callable[[World], None]
Used = list[tuple[str, tuple[str, str]]]

BY_SERVICES = {  # allowed, and used by a service under the role, not by our code
    "sqs:ReceiveMessage": "Lambda polls the queue",
    "sqs:DeleteMessage": "Lambda polls the queue",
    "sqs:GetQueueAttributes": "Lambda polls the queue",
    "sqs:SendMessage": "Lambda hands over events it gave up on",
    "logs:CreateLogStream": "Lambda writes the log",
    "logs:PutLogEvents": "Lambda writes the log",
    "logs:CreateLogDelivery": "Step Functions writes the log",
    "logs:DeleteLogDelivery": "Step Functions writes the log",
    "logs:DescribeLogGroups": "Step Functions writes the log",
    "logs:DescribeResourcePolicies": "Step Functions writes the log",
    "logs:GetLogDelivery": "Step Functions writes the log",
    "logs:ListLogDeliveries": "Step Functions writes the log",
    "logs:PutResourcePolicy": "Step Functions writes the log",
    "logs:UpdateLogDelivery": "Step Functions writes the log",
}


# ---- the roads ----


def sample(name: str) -> Road:
    """A sample is contained and released."""

    def go(world: World) -> None:
        world.send(event(name))
        world.release(world.case())

    return go


def died(name: str) -> Road:
    """A sandbox died, so that the next comes upon what it had written."""

    def go(world: World) -> None:
        world.stage(event(name))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(world.account.guard, "after_call", [])
            world.account.crash_after(14)
            world.account.deliver(event(name))
        assert world.case().stands is Stands.CONTAINED

    return go


def approved(name: str) -> Road:
    """A sample is approved."""

    def go(world: World) -> None:
        world.set(f"mode/{name.split('/')[0]}", "approve")
        world.send(event(name))
        world.approve(world.case())
        assert world.case().stands is Stands.CONTAINED

    return go


def let_go_by_hand(contains: str, releases: str) -> Road:
    """A reviewer lets go in Security Hub."""

    def go(world: World) -> None:
        world.send(event(contains))
        world.account.deliver(event(releases))
        assert world.case().stands is Stands.RELEASED

    return go


def let_go_of_ours(world: World) -> None:
    """A reviewer lets go on our own finding of the case."""
    world.send(event("escalate_finding/guardduty_attack_sequence_s3"))
    world.account.deliver(chosen("CordonRelease", world.finding(world.case())))
    assert world.case().stands is Stands.RELEASED


def without_policy(world: World) -> None:
    """The bucket has no policy: releasing deletes ours."""
    one = event("quarantine_bucket/guardduty_exfiltration_malicious_ip")
    world.stage(one)
    world.account.client("s3").delete_bucket_policy(Bucket=bucket_of(one))
    world.account.deliver(one)
    world.release(world.case())


def filled(name: str) -> Road:
    """The principal has no room for one more inline policy."""

    def go(world: World) -> None:
        one = event(name)
        world.stage(one)
        _know_deny_all(world)
        kind, quota = ("Role", 10_240) if "privilege" in name else ("User", 2_048)
        who = {f"{kind}Name": finding_of(one).named(f"AWS::IAM::{kind}")[0].name}
        put = getattr(world.account.client("iam"), f"put_{kind.lower()}_policy")
        put(**who, PolicyName="own", PolicyDocument=policy_of(quota - 100))
        before = world.state
        world.account.deliver(one)
        assert DENY_ALL in json.dumps(world.state)
        assert world.release(world.case()).stands is Stands.RELEASED
        assert world.state == before

    return go


def _know_deny_all(world: World) -> None:
    """moto does not load AWS managed policies of itself."""
    place = world.account.place
    denied = {"Effect": "Deny", "Action": "*", "Resource": "*"}
    data = {
        "Document": {"Version": "2012-10-17", "Statement": [denied]},
        "DefaultVersionId": "v1",
        "Path": "/",
        "CreateDate": "2019-05-01T22:36:14+00:00",
        "UpdateDate": "2019-05-01T22:36:14+00:00",
    }
    made = AWSManagedPolicy.from_data("AWSDenyAll", place.account, place.region, data)
    iam_backends[place.account][place.partition].managed_policies[DENY_ALL] = made


def takes_no_tags(world: World) -> None:
    """The resource takes no tags: a person is told instead."""
    text = json.dumps(event("tag_ai_resource/securityhub_bedrockagentcore_5"))
    one: Event = json.loads(text.replace("browser-custom/", "browser/"))
    world.send(one)
    assert world.case().plan.only_tells
    world.release(world.case())


ROADS: dict[str, tuple[Road, ...]] = {
    "QuarantineBucket": (
        sample("quarantine_bucket/guardduty_public_access"),
        sample("quarantine_bucket/guardduty_ransomware_delete"),
        sample("quarantine_bucket/macie_replicated_externally"),
        without_policy,
        approved("quarantine_bucket/config_bucket_level_block"),
        let_go_by_hand(
            "quarantine_bucket/ocsf_s3_8", "quarantine_bucket/custom_action_release_s3_8"
        ),
        died("quarantine_bucket/guardduty_public_access"),
    ),
    "RevokeSessions": (
        sample("revoke_sessions/guardduty_privilege_escalation"),
        sample("revoke_sessions/guardduty_compromised_credentials"),
        filled("revoke_sessions/guardduty_privilege_escalation"),
        filled("revoke_sessions/guardduty_compromised_credentials"),
        approved("revoke_sessions/guardduty_persistence"),
        let_go_by_hand(
            "revoke_sessions/guardduty_privilege_escalation",
            "revoke_sessions/custom_action_release_privilege_escalation",
        ),
        died("revoke_sessions/guardduty_persistence"),
    ),
    "TagAiResource": (
        sample("tag_ai_resource/securityhub_sagemaker_1"),
        sample("tag_ai_resource/securityhub_bedrock_1"),
        sample("tag_ai_resource/securityhub_bedrockagentcore_1"),
        takes_no_tags,
        approved("tag_ai_resource/securityhub_sagemaker_3"),
        let_go_by_hand(
            "tag_ai_resource/securityhub_sagemaker_3",
            "tag_ai_resource/custom_action_release_sagemaker_3",
        ),
        died("tag_ai_resource/securityhub_sagemaker_1"),
    ),
    "EscalateFinding": (
        sample("escalate_finding/guardduty_attack_sequence_s3"),
        sample("escalate_finding/securityhub_iam_6"),
        let_go_of_ours,
        died("escalate_finding/guardduty_attack_sequence_s3"),
    ),
}


def used(world: World, road: Road) -> Used:
    """(caller, (action, resource)) of every call on a road, none of them refused."""

    def gone() -> Used:
        road(world)
        assert world.refused == []
        calls = world.account.journal.of(Called)
        return sorted({(call.caller, one) for call in calls for one in call.actions})

    return list(apart(gone))


def test_roles_hold_nothing_unused(world: World) -> None:
    needed: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for roads in ROADS.values():
        for road in roads:
            for caller, action in used(world, road):
                needed[caller].add(action)
    for logical in (*PLAYBOOKS.values(), "Contain", "Release"):
        left = unused(world.account.policies(logical).values(), needed[logical])
        assert {one.action for one in left} - BY_SERVICES.keys() == set(), logical


# ---- nothing less ----

MISSED = [  # function, action, a sample that cannot end well without it
    ("QuarantineBucket", "s3:PutBucketPolicy", "quarantine_bucket/guardduty_ransomware_delete"),
    (
        "QuarantineBucket",
        "s3:PutLifecycleConfiguration",
        "quarantine_bucket/guardduty_ransomware_delete",
    ),
    ("QuarantineBucket", "iam:PassRole", "quarantine_bucket/macie_replicated_externally"),
    ("QuarantineBucket", "s3:ListTagsForResource", "quarantine_bucket/guardduty_public_access"),
    ("RevokeSessions", "iam:UpdateAccessKey", "revoke_sessions/guardduty_compromised_credentials"),
    ("RevokeSessions", "iam:PutRolePolicy", "revoke_sessions/guardduty_privilege_escalation"),
    ("TagAiResource", "sagemaker:AddTags", "tag_ai_resource/securityhub_sagemaker_1"),
    ("TagAiResource", "s3:PutObject", "tag_ai_resource/securityhub_sagemaker_1"),
    ("EscalateFinding", "ssm:CreateOpsItem", "escalate_finding/guardduty_attack_sequence_s3"),
    ("EscalateFinding", "dynamodb:UpdateItem", "escalate_finding/guardduty_attack_sequence_s3"),
]


@pytest.mark.parametrize(("function", "action", "name"), MISSED)
def test_what_is_missing_is_missed(world: World, function: str, action: str, name: str) -> None:
    """And missed aloud: refused, failed, and kept in a queue; never called a success."""
    world.stage(event(name))
    with world.denied(function, action):
        world.account.deliver(event(name))
    assert any(one.startswith(function) for one in world.refused)
    assert [case for case in world.cases if case.stands is Stands.CONTAINED] == []
    kept = [*world.account.messages("FailedFindings"), *world.account.messages("FailedBulk")]
    assert kept


# ---- nothing more ----

HERE = "arn:aws:iam::111122223333:role"
TABOO = {
    "RevokeSessions": [
        ("iam:PutRolePolicy", f"{HERE}/cordon/cordon-QuarantineBucket"),
        (
            "iam:PutRolePolicy",
            f"{HERE}/aws-service-role/sagemaker.amazonaws.com/AWSServiceRoleForX",
        ),
        ("iam:AttachRolePolicy", f"{HERE}/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_1"),
        ("iam:DeleteRolePolicy", f"{HERE}/OrganizationAccountAccessRole"),
        ("iam:PutRolePolicy", f"{HERE}/stacksets-exec-0123"),
        ("iam:PutRolePolicy", f"{HERE}/BreakGlass"),
    ],
    "QuarantineBucket": [
        ("s3:PutBucketPolicy", "arn:aws:s3:::aws-cloudtrail-logs-111122223333-1"),
        ("s3:PutBucketPublicAccessBlock", "arn:aws:s3:::acme-terraform-state"),
        ("s3:PutLifecycleConfiguration", "arn:aws:s3:::config-bucket-111122223333"),
        ("ssm:PutParameter", f"arn:aws:ssm:us-east-1:111122223333:parameter{SETTINGS}/switch"),
    ],
    "TagAiResource": [
        ("ssm:PutParameter", f"arn:aws:ssm:us-east-1:111122223333:parameter{SETTINGS}/switch"),
        ("ssm:DeleteParameter", f"arn:aws:ssm:us-east-1:111122223333:parameter{SETTINGS}/switch"),
    ],
}


@pytest.mark.parametrize("function", TABOO)
def test_what_is_protected_is_denied_explicitly(world: World, function: str) -> None:
    role = world.account.functions[function].role
    for action, resource in TABOO[function]:
        assert world.account.decide(role, action, resource) is Decision.DENIED, (action, resource)


def test_the_evidence_is_denied_to_everyone_of_ours(world: World) -> None:
    bucket = f"arn:aws:s3:::{world.account.stack.outputs['EvidenceBucket']}"
    for function in PLAYBOOKS.values():
        role = world.account.functions[function].role
        for action, resource in (
            ("s3:PutBucketPolicy", bucket),
            ("s3:PutLifecycleConfiguration", bucket),
            ("s3:DeleteObject", f"{bucket}/111122223333/x/000001.json"),
            ("s3:PutObjectRetention", f"{bucket}/111122223333/x/000001.json"),
            ("s3:BypassGovernanceRetention", f"{bucket}/111122223333/x/000001.json"),
        ):
            assert world.account.decide(role, action, resource) is Decision.DENIED, action


OUT_OF_REACH = {
    "TagAiResource": ["s3:PutBucketPolicy", "iam:PutRolePolicy", "s3:PutBucketPublicAccessBlock"],
    "RevokeSessions": ["s3:PutBucketPolicy", "sagemaker:AddTags", "iam:CreateAccessKey"],
    "QuarantineBucket": ["iam:PutRolePolicy", "sagemaker:AddTags", "s3:DeleteBucket"],
    "EscalateFinding": ["s3:PutBucketPolicy", "iam:PutRolePolicy", "sagemaker:AddTags"],
}


@pytest.mark.parametrize("function", PLAYBOOKS.values())
def test_a_role_cannot_do_what_is_anothers(world: World, function: str) -> None:
    role = world.account.functions[function].role
    targets = {"s3": "arn:aws:s3:::acme-data", "iam": f"{HERE}/Worker"}
    sagemaker = "arn:aws:sagemaker:us-east-1:111122223333:model/scores"
    for action in OUT_OF_REACH[function]:
        target = targets.get(action.split(":")[0], sagemaker)
        assert world.account.decide(role, action, target) is not Decision.ALLOWED, action


def test_a_protected_role_is_refused_when_all_else_fails(world: World) -> None:
    """Even with the pattern taken out of the settings, IAM refuses."""
    one = event("revoke_sessions/guardduty_privilege_escalation")
    world.stage(one)
    who = finding_of(one).named("AWS::IAM::Role")[0].name
    world.set("protected", "arn:aws:s3:::nothing")
    iam = world.account.client("iam")
    for name in iam.list_role_policies(RoleName=who)["PolicyNames"]:
        iam.delete_role_policy(RoleName=who, PolicyName=name)
    trust = json.dumps(iam.get_role(RoleName=who)["Role"]["AssumeRolePolicyDocument"])
    iam.delete_role(RoleName=who)
    iam.create_role(RoleName=who, Path="/aws-reserved/x/", AssumeRolePolicyDocument=trust)
    world.account.deliver(one)
    case: Case = world.case()
    assert case.stands is not Stands.CONTAINED
    assert iam.list_role_policies(RoleName=who)["PolicyNames"] == []
