"""The explicit denies hold: tried by real calls under each role, whatever else it may do.

Before each try, the role is allowed everything, as a later change of it could. The same call beside
what is denied goes through, and so does the refused one without the deny: it is the deny that
refuses, and the test can fail. ``docs/permissions.md`` shows what was tried.
"""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from console.permissions.granted import readable
from console.permissions.record import Record
from embedded.journal import Called
from embedded.policy_evaluation import Decision
from tests.examples import QUARANTINE, function_of
from tests.promises.world import PLAYBOOKS, ROOT, World, checked

RECORDING = "RECORD" in os.environ
NAMED = "arn:aws:s3:::payroll-archive"
KEY = f"{QUARANTINE.name}/111122223333/0a/000001.json"
NOBODY = '{"Version": "2012-10-17", "Statement": []}'
HARMLESS = {"Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}
ANYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}

Params = dict[str, Any]


def policy(statement: dict[str, Any]) -> str:
    """A policy document of one statement."""
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@dataclass(frozen=True)
class Try:
    """A call that must be refused, and one that differs only in what is not denied."""

    service: str
    operation: str
    refused: Params
    allowed: Params


def on_roles(refused: str, allowed: str, path: str = "/") -> Try:
    """Nobody writes a policy on the one role; on the other, anybody allowed to."""
    put = {"PolicyName": "x", "PolicyDocument": policy(HARMLESS)}
    names = ({**put, "RoleName": name, "Path": path} for name in (refused, allowed))
    return Try("iam", "PutRolePolicy", *names)


def on_buckets(refused: str, allowed: str) -> Try:
    """Nobody takes the public access block from the one bucket."""
    names = ({"Bucket": name} for name in (refused, allowed))
    return Try("s3", "DeletePublicAccessBlock", *names)


def on_findings(refused: str, allowed: str) -> Try:
    """Nobody sets the one status."""
    finding = {"Id": "f", "ProductArn": "arn:aws:securityhub:us-east-1::product/aws/guardduty"}
    statuses = ({"Status": status} for status in (refused, allowed))
    sets = ({"FindingIdentifiers": [finding], "Workflow": status} for status in statuses)
    return Try("securityhub", "BatchUpdateFindings", *sets)


def on_entries(operation: str, **more: Any) -> Try:
    """Nobody does this to evidence."""
    sets = ({"Bucket": bucket, "Key": KEY, **more} for bucket in ("EvidenceBucket", "beside-it"))
    return Try("s3", operation, *sets)


def on_objects(operation: str, **more: Any) -> Try:
    """Nobody does this to the objects of others."""
    sets = ({"Bucket": bucket, **more} for bucket in ("acme-data", "FailedRecords"))
    return Try("s3", operation, *sets)


def on_evidence_bucket(operation: str, **more: Any) -> Try:
    """Nobody changes this of the evidence bucket."""
    sets = ({"Bucket": bucket, **more} for bucket in ("EvidenceBucket", "beside-it"))
    return Try("s3", operation, *sets)


S3, IAM = "arn:aws:s3:::", "arn:aws:iam::*:role/"
OWN_ENTRY: Params = {"Bucket": "FailedRecords", "Key": KEY, "Body": b"{}"}
TAGS = {"TagSet": [{"Key": "a", "Value": "b"}]}
UNTIL = {"Retention": {"Mode": "GOVERNANCE", "RetainUntilDate": "2026-11-25T00:00:00Z"}}
OWN_ROLES = (
    *(f"{function}Role" for function in PLAYBOOKS.values()),
    "WorkflowRole",
    "SetupRole",
    "AssessResourcesRole",
    "ReportCasesRole",
    "DecideCasesRole",
    "ReconcileCasesRole",
    "DigestEvidenceRole",
    "SweepFindingsRole",
    "SweepRole",
)
OF_ROLES: dict[str, dict[str, Try]] = {  # of a deny: what it names → what is tried
    "ProtectPrincipals": {
        f"{IAM}aws-service-role/*": on_roles("AWSServiceRoleForX", "ForX", "/aws-service-role/x/"),
        f"{IAM}aws-reserved/*": on_roles("AWSReservedSSO_A_1", "SSO_A_1", "/aws-reserved/x/"),
        f"{IAM}OrganizationAccountAccessRole": on_roles(
            "OrganizationAccountAccessRole", "OrganizationAccountAccessRole2"
        ),
        f"{IAM}AWSControlTowerExecution": on_roles(
            "AWSControlTowerExecution", "AWSControlTowerExecution2"
        ),
        f"{IAM}AWSCloudFormationStackSet*": on_roles(
            "AWSCloudFormationStackSetExecutionRole", "AWSCloudFormationStackRole"
        ),
        f"{IAM}stacksets-exec-*": on_roles("stacksets-exec-0a1b", "stacksets-executor"),
    },
    "ProtectOwnRoles": {  # by their ARNs: what somebody else makes below our path is not ours
        f"arn:aws:iam::ACCOUNT:role/cordon/{name}": on_roles(name, f"{name}2", "/cordon/")
        for name in OWN_ROLES
    },
    "ProtectLogAndStateBuckets": {
        f"{S3}EvidenceBucket": on_evidence_bucket("PutBucketTagging", Tagging={"TagSet": []}),
        f"{S3}FailedRecords": on_buckets("FailedRecords", "failed-records"),
        **{
            f"{S3}{prefix}*": on_buckets(f"{prefix}0a1b", f"my-{prefix}0a1b")
            for prefix in (
                "aws-athena-query-results-",
                "aws-cloudtrail-logs-",
                "aws-controltower-",
                "aws-sam-cli-managed-default",
                "aws-security-data-lake-",
                "aws-waf-logs-",
                "cf-templates-",
                "config-bucket-",
            )
        },
        f"{S3}cdk-*-assets-*": on_buckets("cdk-0a-assets-1", "cdk-assets-1"),
        f"{S3}*terraform*state*": on_buckets("my-terraform-state", "my-terraform"),
        f"{S3}*tfstate*": on_buckets("my-tfstate", "my-tf-state"),
    },
    "ProtectEvidence": {
        f"{S3}EvidenceBucket/*": replace(
            on_entries("PutObjectTagging", Tagging=TAGS),
            allowed={"Bucket": "FailedRecords", "Key": KEY, "Tagging": TAGS},
        )
    },
    "OnlyOwnObjects": {  # whatever a bucket's policy allows
        "s3:GetObject": on_objects("GetObject", Key=KEY),
        "s3:GetObjectVersion": on_objects("GetObject", Key=KEY, VersionId="null"),
        "s3:PutObject": on_objects("PutObject", Key=KEY, Body=b"{}"),
        "s3:ListBucket*": on_objects("ListObjectsV2"),
    },
    "OnlyTagOtherObjects": {  # an ACL is a permission of its own
        f"{S3}*/*": Try("s3", "PutObject", {**OWN_ENTRY, "ACL": "private"}, OWN_ENTRY)
    },
    "NeverSuppressFindings": {"*": on_findings("SUPPRESSED", "NOTIFIED")},
    "ProtectBreakGlass": {f"{IAM}BreakGlassRoles": on_roles("BreakGlass", "BreakGlass2")},
    "ProtectNamedResources": {
        f"{S3}ProtectedResources": on_buckets("payroll-archive", "payroll-archive-2")
    },
}
RULE = {"Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}, "ID": "x"}
LOCK = {
    "ObjectLockEnabled": "Enabled",
    "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}},
}
OWNED = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
PLAIN = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]}
OF_BUCKET: dict[str, dict[str, Try]] = {  # of the evidence bucket's own denies: action → try
    "NoDeleteNoShorten": {
        "s3:BypassGovernanceRetention": on_entries("DeleteObject", BypassGovernanceRetention=True),
        "s3:DeleteObject": on_entries("DeleteObject"),
        "s3:DeleteObjectVersion": on_entries("DeleteObject", VersionId="null"),
        "s3:PutObjectRetention": on_entries("PutObjectRetention", **UNTIL),
    },
    "NoOtherBucketSettings": {
        "s3:DeleteBucket": on_evidence_bucket("DeleteBucket"),
        "s3:DeleteBucketPolicy": on_evidence_bucket("DeleteBucketPolicy"),
        "s3:PutBucketObjectLockConfiguration": on_evidence_bucket(
            "PutObjectLockConfiguration", ObjectLockConfiguration=LOCK
        ),
        "s3:PutBucketOwnershipControls": on_evidence_bucket(
            "PutBucketOwnershipControls", OwnershipControls=OWNED
        ),
        "s3:PutBucketPolicy": on_evidence_bucket("PutBucketPolicy", Policy=NOBODY),
        "s3:PutBucketPublicAccessBlock": on_evidence_bucket("DeletePublicAccessBlock"),
        "s3:PutBucketVersioning": on_evidence_bucket(
            "PutBucketVersioning", VersioningConfiguration={"Status": "Suspended"}
        ),
        "s3:PutEncryptionConfiguration": on_evidence_bucket(
            "PutBucketEncryption", ServerSideEncryptionConfiguration=PLAIN
        ),
        "s3:PutLifecycleConfiguration": on_evidence_bucket(
            "PutBucketLifecycleConfiguration", LifecycleConfiguration={"Rules": [RULE]}
        ),
    },
}


# ---- the scene ----


def role_of(world: World, function: str) -> str:
    """The ARN of a function's role."""
    return world.account.functions[function].role


def name_of(role: str) -> str:
    """The name in a role's ARN."""
    return role.rsplit("/", 1)[-1]


def allow_everything(world: World, role: str) -> None:
    """A later change of the role allows whatever there is."""
    world.account.client("iam").put_role_policy(
        RoleName=name_of(role), PolicyName="later-change", PolicyDocument=policy(ANYTHING)
    )


def operator(world: World) -> str:
    """The ARN of a role that is none of ours, and may do everything."""
    iam = world.account.client("iam")
    made = iam.create_role(RoleName="Operator", AssumeRolePolicyDocument=NOBODY)["Role"]
    allow_everything(world, made["Arn"])
    return str(made["Arn"])


def set_scene(world: World, one: Try) -> tuple[Params, Params]:
    """Make what the calls are on exist; the parameters with its real names."""
    make = {"iam": a_role, "s3": a_bucket}.get(one.service, as_it_is)
    return make(world, dict(one.refused)), make(world, dict(one.allowed))


def as_it_is(_world: World, params: Params) -> Params:
    return params


def a_role(world: World, params: Params) -> Params:
    name, path = params["RoleName"], params.pop("Path")
    if name in world.account.stack.resources:
        return {**params, "RoleName": world.account.stack.resources[name].physical}
    path = "/x/" if name in ("ForX", "SSO_A_1") else path
    world.account.client("iam").create_role(
        RoleName=name, Path=path, AssumeRolePolicyDocument=NOBODY
    )
    return params


def a_bucket(world: World, params: Params) -> Params:
    s3, name = world.account.client("s3"), params["Bucket"]
    if name in ("EvidenceBucket", "FailedRecords"):
        name = world.account.stack.resources[name].physical
    elif name not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    if "Key" in params and "Body" not in params:
        s3.put_object(Bucket=name, Key=params["Key"], Body=b"{}")
    return {**params, "Bucket": name}


# ---- trying ----


def refusal(world: World, role: str, one: Try, params: Params) -> str:
    """How IAM refused a real call under a role: "" where it went through, else its message."""
    call = getattr(checked(one.service), re.sub(r"(?<!^)(?=[A-Z])", "_", one.operation).lower())
    try:
        with world.account.acting(role):
            call(**params)
    except ClientError as error:
        said = error.response["Error"]
        return said["Message"] if "AccessDenied" in said["Code"] else ""
    return ""


def shown_as(world: World, one: Try) -> list[str]:
    """The operation, and what the last two calls were on, as the page shows them."""
    stack = world.account.stack
    both = [call.actions[0][1] for call in world.account.journal.of(Called)[-2:]]
    named = [readable(arn, stack.name).replace(stack.place.account, "ACCOUNT") for arn in both]
    if one.service == "securityhub":
        named = [
            f"Workflow.Status {params['Workflow']['Status']}"
            for params in (one.refused, one.allowed)
        ]
    return [f"{one.service}:{one.operation}", *named]


def record(sid: str, tried: dict[str, list[str]]) -> None:
    """What was tried is what docs/permissions.json says."""
    if RECORDING:
        Record.read(ROOT).with_denied(sid, tried).write(ROOT)
    assert tried == Record.read(ROOT).denied[sid]


@contextmanager
def without(world: World, role: str, sid: str) -> Iterator[None]:
    """While it lasts, the policy has not this deny."""
    name = "ProtectOwnRolesPolicy" if sid == "ProtectOwnRoles" else "ProtectedPolicy"
    iam, policy = world.account.client("iam"), world.account.stack.resources[name].physical
    iam.detach_role_policy(RoleName=name_of(role), PolicyArn=policy)
    yield
    iam.attach_role_policy(RoleName=name_of(role), PolicyArn=policy)


@pytest.mark.drawn(1 / 5)
@pytest.mark.world("enforce", ProtectedResources=NAMED)
@pytest.mark.parametrize("sid", OF_ROLES)
def test_deny_holds_for_every_role(world: World, sid: str) -> None:
    tried = {}
    for named, one in OF_ROLES[sid].items():
        refused, allowed = set_scene(world, one)
        for function in PLAYBOOKS.values():
            role = role_of(world, function)
            allow_everything(world, role)
            said = refusal(world, role, one, refused)
            assert "explicit deny" in said, (function, named, said)
            assert refusal(world, role, one, allowed) == "", (function, named)
            tried[named] = shown_as(world, one)
            with without(world, role, sid):
                assert refusal(world, role, one, refused) == "", (function, named)
    record(sid, tried)


def unbound(world: World) -> dict[str, str]:
    """The roles of the functions and an operator's: only the bucket still denies them anything."""
    roles = {f: role_of(world, f) for f in (*PLAYBOOKS.values(), "DecideCases", "DigestEvidence")}
    for role in roles.values():
        allow_everything(world, role)
        world.account.client("iam").detach_role_policy(
            RoleName=name_of(role),
            PolicyArn=world.account.stack.resources["ProtectedPolicy"].physical,
        )
    return {**roles, "an operator": operator(world)}


@pytest.mark.world("enforce")
@pytest.mark.parametrize("sid", OF_BUCKET)
def test_evidence_is_kept_by_its_bucket_too(world: World, sid: str) -> None:
    """Not even without the policy Protected, nor by an operator who may do everything."""
    tried, roles = {}, unbound(world)
    for action, one in OF_BUCKET[sid].items():
        for name, role in roles.items():
            refused, allowed = set_scene(world, one)
            said = refusal(world, role, one, refused)
            assert "explicit deny" in said, (name, action, said)
            assert f"perform: {action} on" in said
            assert refusal(world, role, one, allowed) == "", (name, action)
        tried[action] = shown_as(world, one)
    record(sid, tried)


def bucket_of_evidence(world: World) -> str:
    """The evidence bucket's ARN."""
    return f"arn:aws:s3:::{world.account.stack.outputs['EvidenceBucket']}"


@pytest.mark.world("enforce")
def test_break_glass_and_a_deployment_may_change_the_bucket(world: World) -> None:
    """Else nobody could update the stack. A deployment may not touch what lies in the bucket."""
    world.account.client("iam").create_role(RoleName="BreakGlass", AssumeRolePolicyDocument=NOBODY)
    rescuer = "arn:aws:iam::111122223333:role/BreakGlass"
    allow_everything(world, rescuer)
    deployer, bucket = operator(world), bucket_of_evidence(world)
    through = {"aws:CalledVia": ["cloudformation.amazonaws.com"]}
    another = {"aws:CalledVia": ["athena.amazonaws.com"]}
    decide = world.account.decide
    for action in OF_BUCKET["NoOtherBucketSettings"]:
        assert decide(rescuer, action, bucket) is Decision.ALLOWED, action
        assert decide(deployer, action, bucket, through) is Decision.ALLOWED, action
        assert decide(deployer, action, bucket, another) is Decision.DENIED, action
    for action in OF_BUCKET["NoDeleteNoShorten"]:
        assert decide(rescuer, action, f"{bucket}/{KEY}") is Decision.ALLOWED, action
        assert decide(deployer, action, f"{bucket}/{KEY}", through) is Decision.DENIED, action


def put_at(key: str, **more: str) -> Try:
    """The put that ``Evidence`` makes, at this key."""
    put = {"Bucket": "EvidenceBucket", "Key": key, "Body": b"{}", **more}
    return Try("s3", "PutObject", put, put)


@pytest.mark.world("enforce")
def test_a_role_writes_evidence_below_its_own_prefix_only(world: World) -> None:
    """Whatever it is allowed; and nobody writes it but these roles, by their exact ARNs."""
    roles = unbound(world)
    roles["another below /cordon/"] = below_cordon(world)
    others_of = {"settings": "DecideCases", "digests": "DigestEvidence"}
    for prefix, function in {**PLAYBOOKS, **others_of}.items():
        one = put_at(f"{prefix}/111122223333/0a/000001.json", IfNoneMatch="*")
        params, _ = set_scene(world, one)
        others = roles.keys() - {function}
        for name in others:
            assert "explicit deny" in refusal(world, roles[name], one, params), (prefix, name)
        assert refusal(world, roles[function], one, params) == "", prefix
        tried = f"by each of {', '.join(sorted(others))}"
        record(f"Only{function}", {"s3:PutObject": ["s3:PutObject", tried, f"by {function}"]})


def below_cordon(world: World) -> str:
    """The ARN of a role that may do everything, and only has the path of ours."""
    made = world.account.client("iam").create_role(
        RoleName="Other", Path="/cordon/", AssumeRolePolicyDocument=NOBODY
    )["Role"]
    allow_everything(world, made["Arn"])
    return str(made["Arn"])


@pytest.mark.world("enforce")
def test_nobody_writes_evidence_elsewhere(world: World) -> None:
    own, roles = put_at(KEY, IfNoneMatch="*"), unbound(world)
    for elsewhere in ("111122223333/0a/000001.json", "000001.json", f"{QUARANTINE.name}.json"):
        one = put_at(elsewhere, IfNoneMatch="*")
        params, _ = set_scene(world, one)
        for name, role in roles.items():
            assert "explicit deny" in refusal(world, role, one, params), (elsewhere, name)
    params, _ = set_scene(world, own)
    assert refusal(world, roles[function_of(QUARANTINE)], own, params) == ""
    tried = [one.replace("111122223333", "ACCOUNT") for one in (elsewhere, KEY)]
    record("OnlyBelowPlaybooks", {"s3:PutObject": ["s3:PutObject", *tried]})


@pytest.mark.world("enforce")
def test_a_role_never_writes_over_its_own_evidence(world: World) -> None:
    """Neither by leaving the header out, nor with it."""
    roles = unbound(world)
    for playbook, function in PLAYBOOKS.items():
        key, role = f"{playbook}/111122223333/0a/000001.json", roles[function]
        once, over = put_at(key, IfNoneMatch="*"), put_at(key)
        params, _ = set_scene(world, once)
        assert refusal(world, role, once, params) == ""
        assert "explicit deny" in refusal(world, role, over, set_scene(world, over)[0]), playbook
        with world.account.acting(role), pytest.raises(ClientError, match="PreconditionFailed"):
            checked("s3").put_object(**params)
    tried = ["without If-None-Match", "with If-None-Match"]
    record("NeverOverwrite", {"s3:PutObject": ["s3:PutObject", *tried]})


@pytest.mark.world("enforce")
def test_no_replica_becomes_evidence(world: World) -> None:
    """Only S3 uses these, under a role that it was given: so the embedded IAM decides."""
    bucket, tried = bucket_of_evidence(world), {}
    roles = unbound(world)
    for action in ("s3:ReplicateObject", "s3:ReplicateDelete"):
        for role in roles.values():
            assert world.account.decide(role, action, f"{bucket}/{KEY}") is Decision.DENIED
            assert world.account.decide(role, action, f"arn:aws:s3:::x/{KEY}") is Decision.ALLOWED
        tried[action] = [f"{action} (decided)", "EvidenceBucket/KEY", "beside-it/KEY"]
    record("NoReplicas", tried)


@pytest.mark.world("enforce")
def test_evidence_is_spoken_of_over_tls_only(world: World) -> None:
    """No client of ours can be made to speak without: so the embedded IAM decides."""
    entry = f"arn:aws:s3:::{world.account.stack.outputs['EvidenceBucket']}/{KEY}"
    for function in PLAYBOOKS.values():
        for secure, expected in (("false", Decision.DENIED), ("true", Decision.ALLOWED)):
            context = {"aws:SecureTransport": secure}
            role = role_of(world, function)
            assert world.account.decide(role, "s3:GetObject", entry, context) is expected
    record("OnlyTls", {"s3:*": ["s3:GetObject (decided)", "without TLS", "with TLS"]})
