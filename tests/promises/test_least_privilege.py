"""A role may do what its playbook needs, nothing less and nothing more.

``test_samples`` shows for every sample that no call is refused, ``test_permissions`` that nothing
is granted and unused. Here: what is missing is missed, and what is another's is out of reach.
"""

import json

import pytest

from console.playbooks import playbooks
from cordon.memory.cases import Case
from cordon.statuses import Status
from embedded.policy_evaluation import Decision
from tests.examples import ESCALATE, QUARANTINE, REVOKE, TAG, event, function_of
from tests.promises.world import PLAYBOOKS, ROOT, World, finding_of

# ---- nothing less ----

MISSED = [  # function, action, a sample that cannot end well without it
    (function_of(QUARANTINE), "s3:PutBucketPolicy", "guardduty_ransomware_delete"),
    (
        function_of(QUARANTINE),
        "s3:PutLifecycleConfiguration",
        "guardduty_ransomware_delete",
    ),
    (function_of(QUARANTINE), "iam:PassRole", "macie_replicated_externally"),
    (function_of(QUARANTINE), "s3:ListTagsForResource", "guardduty_public_access"),
    (function_of(REVOKE), "iam:UpdateAccessKey", "guardduty_compromised_credentials"),
    (function_of(REVOKE), "iam:PutRolePolicy", "guardduty_privilege_escalation"),
    (function_of(TAG), "sagemaker:AddTags", "securityhub_sagemaker_1"),
    (function_of(TAG), "s3:PutObject", "securityhub_sagemaker_1"),
    (function_of(ESCALATE), "dynamodb:PutItem", "guardduty_root_credential_usage"),
]


@pytest.mark.parametrize(("function", "action", "name"), MISSED)
def test_missing_permission_fails_loudly(
    world: World, function: str, action: str, name: str
) -> None:
    """And missed aloud: refused, failed, and kept in a queue; never called a success."""
    world.stage(event(name))
    with world.denied(function, action):
        world.account.deliver(event(name))
    assert any(one.startswith(function) for one in world.refused)
    assert [case for case in world.cases if case.status is Status.CONTAINED] == []
    kept = [
        *world.account.messages("FailedInvocations"),
        *world.account.messages("FailedBulkEvents"),
    ]
    assert kept


# ---- nothing more ----

HERE = "arn:aws:iam::111122223333:role"
TABOO = {
    function_of(REVOKE): [
        (
            "iam:PutRolePolicy",
            f"{HERE}/aws-service-role/sagemaker.amazonaws.com/AWSServiceRoleForX",
        ),
        ("iam:AttachRolePolicy", f"{HERE}/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_1"),
        ("iam:DeleteRolePolicy", f"{HERE}/OrganizationAccountAccessRole"),
        ("iam:PutRolePolicy", f"{HERE}/stacksets-exec-0123"),
        ("iam:PutRolePolicy", f"{HERE}/BreakGlass"),
    ],
    function_of(QUARANTINE): [
        ("s3:PutBucketPolicy", "arn:aws:s3:::aws-cloudtrail-logs-111122223333-1"),
        ("s3:PutBucketPublicAccessBlock", "arn:aws:s3:::acme-terraform-state"),
        ("s3:PutLifecycleConfiguration", "arn:aws:s3:::config-bucket-111122223333"),
    ],
    function_of(TAG): [],
}


@pytest.mark.parametrize("function", TABOO)
def test_protected_resources_are_denied_explicitly(world: World, function: str) -> None:
    role = world.account.functions[function].role
    own = [("iam:PutRolePolicy", other.role) for other in world.account.functions.values()]
    for action, resource in [*TABOO[function], *own]:
        assert world.account.decide(role, action, resource) is Decision.DENIED, (action, resource)


def test_evidence_is_denied_to_every_own_role(world: World) -> None:
    bucket = f"arn:aws:s3:::{world.account.stack.outputs['EvidenceBucket']}"
    for function in PLAYBOOKS.values():
        role = world.account.functions[function].role
        for action, resource in (
            ("s3:PutBucketPolicy", bucket),
            ("s3:PutLifecycleConfiguration", bucket),
            ("s3:DeleteObject", f"{bucket}/{QUARANTINE.name}/111122223333/x/000001.json"),
            ("s3:PutObjectRetention", f"{bucket}/{QUARANTINE.name}/111122223333/x/000001.json"),
            (
                "s3:BypassGovernanceRetention",
                f"{bucket}/{QUARANTINE.name}/111122223333/x/000001.json",
            ),
        ):
            assert world.account.decide(role, action, resource) is Decision.DENIED, action


ELSEWHERE = (  # an object as each of its ARNs has it (Service Authorization Reference, Amazon S3)
    "arn:aws:s3:::acme-data/secret.csv",
    "arn:aws:s3:us-east-1:111122223333:accesspoint/door/object/secret.csv",
    f"arn:aws:s3:::{QUARANTINE.name}/111122223333/x/000001.json",
)


def test_a_bucket_policy_of_ours_lets_us_not_in(world: World) -> None:
    """Whoever may write bucket policies could allow itself anything there."""
    world.account.client("s3").create_bucket(Bucket="acme-data")
    for name, function in world.account.functions.items():
        inside = {"Effect": "Allow", "Principal": {"AWS": function.role}, "Action": "s3:*"}
        inside["Resource"] = ["arn:aws:s3:::acme-data", "arn:aws:s3:::acme-data/*"]
        world.account.client("s3").put_bucket_policy(
            Bucket="acme-data",
            Policy=json.dumps({"Version": "2012-10-17", "Statement": [inside]}),
        )
        decide = world.account.decide
        allowed = decide(function.role, "s3:PutBucketTagging", "arn:aws:s3:::acme-data")
        assert allowed is Decision.ALLOWED, name  # so the policy does let it in
        for action in (
            "GetObject",
            "GetObjectVersion",
            "PutObject",
            "DeleteObject",
            "PutObjectAcl",
        ):
            for key in ELSEWHERE:
                found = decide(function.role, f"s3:{action}", key)
                assert found is not Decision.ALLOWED, (name, key)
                # By an access point the rest is not allowed to anybody of ours, and not denied.
                if key.startswith("arn:aws:s3:::") or action in ("GetObject", "PutObject"):
                    assert found is Decision.DENIED, (name, key)
        listed = decide(function.role, "s3:ListBucket", "arn:aws:s3:::acme-data")
        assert listed is Decision.DENIED, name


NOBODYS = {"s3:DeleteBucket", "iam:CreateAccessKey"}
OWN = {
    playbook.name: {
        permission
        for action in playbook.actions
        for grant in (*action.grants, *action.looked_up)
        for permission in grant.permissions
    }
    for playbook in playbooks(ROOT)
}


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_role_lacks_the_permissions_of_others(world: World, playbook: str) -> None:
    role = world.account.functions[PLAYBOOKS[playbook]].role
    here = {"s3": "arn:aws:s3:::acme-data", "iam": f"{HERE}/Worker"}
    others = set().union(*OWN.values()) - OWN[playbook]
    for action in NOBODYS | others:
        service = action.split(":")[0]
        target = here.get(service, f"arn:aws:{service}:us-east-1:111122223333:model/scores")
        assert world.account.decide(role, action, target) is not Decision.ALLOWED, action


def test_protected_role_is_refused_by_iam_alone(world: World) -> None:
    """Even with the pattern taken out of the settings, IAM refuses."""
    one = event("guardduty_privilege_escalation")
    world.stage(one)
    who = finding_of(one).resources_of("AWS::IAM::Role")[0].name
    world.set("protected", {"arn:aws:s3:::nothing"})
    iam = world.account.client("iam")
    for name in iam.list_role_policies(RoleName=who)["PolicyNames"]:
        iam.delete_role_policy(RoleName=who, PolicyName=name)
    trust = json.dumps(iam.get_role(RoleName=who)["Role"]["AssumeRolePolicyDocument"])
    iam.delete_role(RoleName=who)
    iam.create_role(RoleName=who, Path="/aws-reserved/x/", AssumeRolePolicyDocument=trust)
    world.account.deliver(one)
    case: Case = world.case()
    assert case.status is not Status.CONTAINED
    assert iam.list_role_policies(RoleName=who)["PolicyNames"] == []
