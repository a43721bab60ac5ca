"""One role per playbook: exactly what its actions need, and never what is protected."""

import inspect
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from importlib import import_module
from typing import Any

import pytest

from cordon.actions import Action, all_actions
from cordon.playbook import Playbook
from embedded.policy_evaluation import Decision, Policies, Request, decide
from tests.architecture import stack as seen
from tests.architecture.stack import EMERGENCY, NAMED, PLAYBOOKS, listed, logical, policies, stack
from tests.examples import QUARANTINE, REVOKE, TAG, function_of

BASE = {  # memory, evidence, log, failed invocations, whether an incident was resolved
    "dynamodb:BatchGetItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "s3:GetObject",
    "s3:PutObject",
    "sqs:SendMessage",
    "ssm:GetOpsItem",
}
MEMBERS = {"sts:AssumeRole", "sts:SetSourceIdentity"}
QUEUE = {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}
ACCOUNT = "111122223333"
MANAGED = "AWS::IAM::ManagedPolicy"
IAM = f"arn:aws:iam::{ACCOUNT}"
APP = f"{IAM}:role/app"


def granted(playbook: str, *, full: bool = False) -> set[str]:
    documents = policies(playbook, full=full)
    return {a for s in seen.statements(documents, "Allow") for a in listed(s["Action"])}


def used(playbook: str) -> tuple[type[Action], ...]:
    """The actions that the playbook's header names."""
    return playbook_of(playbook).actions


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_header_names_the_actions_of_its_module(playbook: str) -> None:
    """Those that it names, itself or through what it calls: a plan of another has no rights."""
    module = import_module(f"{playbook}.playbook")
    functions = [v for v in vars(module).values() if inspect.isfunction(v)]
    names = set(vars(module)) | {n for f in functions for n in f.__globals__}
    assert set(used(playbook)) == {action for action in all_actions() if action.__name__ in names}


def playbook_of(name: str) -> Playbook:
    header: Playbook = import_module(f"{name}.playbook").PLAYBOOK
    return header


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_role_allows_exactly_its_needed_permissions(playbook: str) -> None:
    needed = BASE | {p for action in used(playbook) for p in action.permissions()}
    # Who changes resources may hold them, and wakes itself for a change that needs time.
    needed |= {"dynamodb:DeleteItem", "states:StartExecution"} if used(playbook) else set()
    needed |= {p for a in used(playbook) for grant in a.looked_up for p in grant.permissions}
    needed |= QUEUE if f"{logical(playbook)}BulkQueue" in stack().resources else set()
    at_home = all(action.only_at_home for action in used(playbook))  # or it only informs people
    members = set() if at_home else MEMBERS
    assert granted(playbook) == needed
    assert granted(playbook, full=True) == needed | members


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_role_is_used_by_its_function_alone(playbook: str) -> None:
    role = stack().resources[f"{logical(playbook)}Role"]
    users = [f for f in stack().of("AWS::Lambda::Function") if f.properties["Role"] == role.arn]
    assert [f.logical for f in users] == [logical(playbook)]
    assert role.properties["Path"] == "/cordon/"
    (trust,) = role.properties["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
    protected = stack().resources["ProtectedPolicy"].physical
    assert protected in role.properties["ManagedPolicyArns"]


def documents() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for full in (False, True):
        for policy in stack(full=full).of("AWS::IAM::ManagedPolicy"):
            yield policy.logical, policy.properties["PolicyDocument"]
        for role in stack(full=full).of("AWS::IAM::Role"):
            for policy in role.properties.get("Policies", []):
                yield role.logical, policy["PolicyDocument"]


def test_nobody_makes_log_groups() -> None:
    """Else what still runs while the stack is deleted would leave one."""
    for name, document in documents():
        for statement in seen.statements([document], "Allow"):
            assert "logs:CreateLogGroup" not in listed(statement["Action"]), name


def test_nothing_is_allowed_by_wildcard() -> None:
    for name, document in documents():
        for statement in seen.statements([document], "Allow"):
            assert "NotAction" not in statement, name
            assert "NotResource" not in statement, name
            assert not [a for a in listed(statement["Action"]) if "*" in a], name


def test_managed_policies_fit() -> None:
    for policy in stack(full=True).of("AWS::IAM::ManagedPolicy"):
        assert len(seen.compact(policy.properties["PolicyDocument"])) <= 6144


def test_inline_policies_fit() -> None:
    for role in stack(full=True).of("AWS::IAM::Role"):
        inline = [p["PolicyDocument"] for p in role.properties.get("Policies", [])]
        assert sum(len(seen.compact(d)) for d in inline) <= 10240


def decision(playbook: str, action: str, resource: str, **context: Any) -> Decision:
    principal = stack(full=True).resources[f"{logical(playbook)}Role"].arn
    own = {"aws:ResourceAccount": ACCOUNT, **{k.replace("__", ":"): v for k, v in context.items()}}
    request = Request(principal, action, resource, own)
    return decide(request, Policies(policies(playbook)))


PROTECTED_ROLES = (
    stack(full=True).resources["SetupRole"].arn,
    *(stack(full=True).resources[f"{logical(playbook)}Role"].arn for playbook in PLAYBOOKS),
    f"{IAM}:role/aws-service-role/macie.amazonaws.com/AWSServiceRoleForAmazonMacie",
    f"{IAM}:role/aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_Admin_1a2b",
    f"{IAM}:role/OrganizationAccountAccessRole",
    f"{IAM}:role/AWSControlTowerExecution",
    f"{IAM}:role/AWSCloudFormationStackSetExecutionRole",
    f"{IAM}:role/stacksets-exec-0a1b",
    EMERGENCY,
)


@pytest.mark.parametrize("action", ["iam:PutRolePolicy", "iam:DeleteRolePolicy"])
def test_protected_roles_cannot_be_revoked(action: str) -> None:
    assert decision(REVOKE.name, action, APP) is Decision.ALLOWED
    for role in PROTECTED_ROLES:
        assert decision(REVOKE.name, action, role) is Decision.DENIED, role
        assert decision(REVOKE.name, "iam:GetRole", role) is Decision.ALLOWED, role


def test_foreign_role_below_our_path_can_be_revoked() -> None:
    """Whoever may make roles could else make one that nobody stops."""
    planted = f"{IAM}:role/cordon/cordon-{function_of(REVOKE)}Role-1"
    assert decision(REVOKE.name, "iam:PutRolePolicy", planted) is Decision.ALLOWED


def test_only_the_policy_that_denies_all_can_be_attached() -> None:
    deny_all = "arn:aws:iam::aws:policy/AWSDenyAll"
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    for kind, who in (("Role", APP), ("User", f"{IAM}:user/ann")):
        for verb in ("Attach", "Detach"):
            action = f"iam:{verb}{kind}Policy"
            allowed = decision(REVOKE.name, action, who, iam__PolicyARN=deny_all)
            assert allowed is Decision.ALLOWED
            refused = decision(REVOKE.name, action, who, iam__PolicyARN=admin)
            assert refused is Decision.NOT_ALLOWED
    for role in PROTECTED_ROLES:
        refused = decision(REVOKE.name, "iam:AttachRolePolicy", role, iam__PolicyARN=deny_all)
        assert refused is Decision.DENIED


PROTECTED_BUCKETS = (
    "aws-athena-query-results-111122223333-eu-central-1",
    "aws-cloudtrail-logs-111122223333-0a1b",
    "aws-controltower-logs-111122223333-eu-central-1",
    "aws-sam-cli-managed-default-samclisourcebucket-0a1b",
    "aws-security-data-lake-eu-central-1-0a1b",
    "aws-waf-logs-shop",
    "cdk-hnb659fds-assets-111122223333-eu-central-1",
    "cf-templates-0a1b-eu-central-1",
    "config-bucket-111122223333",
    "shop-terraform-state",
    "shop-tfstate-prod",
    NAMED.rpartition(":")[2],
)
CHANGES = (
    "s3:PutBucketPolicy",
    "s3:DeleteBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutLifecycleConfiguration",
    "s3:PutReplicationConfiguration",
    "s3:TagResource",
)


@pytest.mark.parametrize("action", CHANGES)
def test_protected_buckets_cannot_be_contained(action: str) -> None:
    tags = {"aws__TagKeys": ["cordon:status"]}
    free = decision(QUARANTINE.name, action, "arn:aws:s3:::training-data", **tags)
    assert free is Decision.ALLOWED
    evidence = stack(full=True).resources["EvidenceBucket"].physical
    for bucket in (*PROTECTED_BUCKETS, evidence):
        refused = decision(QUARANTINE.name, action, f"arn:aws:s3:::{bucket}", **tags)
        assert refused is Decision.DENIED, bucket


def test_buckets_of_another_account_are_out_of_reach() -> None:
    foreign = {"aws__ResourceAccount": "444455556666", "aws__TagKeys": ["cordon:status"]}
    for action in (*CHANGES, "s3:GetBucketPolicy", "s3:ListTagsForResource"):
        refused = decision(QUARANTINE.name, action, "arn:aws:s3:::theirs", **foreign)
        assert refused is Decision.NOT_ALLOWED
    location = decision(QUARANTINE.name, "s3:GetBucketLocation", "arn:aws:s3:::theirs", **foreign)
    assert location is Decision.ALLOWED  # of replicas: it shows whether they are ours


@pytest.mark.parametrize(
    ("playbook", "action", "resource"),
    [
        (QUARANTINE.name, "s3:TagResource", "arn:aws:s3:::training-data"),
        (QUARANTINE.name, "s3:UntagResource", "arn:aws:s3:::training-data"),
        (TAG.name, "sagemaker:AddTags", "arn:aws:sagemaker:eu-west-1:{}:endpoint/e"),
        (TAG.name, "sagemaker:DeleteTags", "arn:aws:sagemaker:eu-west-1:{}:endpoint/e"),
        (TAG.name, "bedrock:TagResource", "arn:aws:bedrock:eu-west-1:{}:guardrail/g"),
        (TAG.name, "bedrock:UntagResource", "arn:aws:bedrock:eu-west-1:{}:agent/A1"),
        (
            TAG.name,
            "bedrock-agentcore:TagResource",
            "arn:aws:bedrock-agentcore:eu-west-1:{}:runtime/r-1",
        ),
    ],
)
def test_roles_change_only_cordon_tags(playbook: str, action: str, resource: str) -> None:
    arn = resource.format(ACCOUNT)
    assert decision(playbook, action, arn, aws__TagKeys=["cordon:status"]) is Decision.ALLOWED
    theirs = decision(playbook, action, arn, aws__TagKeys=["cordon:status", "Environment"])
    assert theirs is Decision.NOT_ALLOWED


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_evidence_and_settings_cannot_be_touched(playbook: str) -> None:
    bucket = stack(full=True).resources["EvidenceBucket"].arn
    entry = f"{bucket}/{playbook}/111122223333/0a/000001.json"
    assert decision(playbook, "s3:PutObject", entry) is Decision.ALLOWED
    for other in {*PLAYBOOKS} - {playbook}:
        theirs = f"{bucket}/{other}/111122223333/0a/000001.json"
        assert decision(playbook, "s3:PutObject", theirs) is Decision.NOT_ALLOWED
        assert decision(playbook, "s3:GetObject", theirs) is Decision.ALLOWED
    taken_over = decision(playbook, "s3:PutObject", entry, aws__ResourceAccount="444455556666")
    assert taken_over is Decision.NOT_ALLOWED  # a bucket of somebody else's with this name
    for action in ("s3:DeleteObjectVersion", "s3:BypassGovernanceRetention", "s3:PutObjectAcl"):
        assert decision(playbook, action, entry) is Decision.DENIED
    table = stack(full=True).resources["CasesTable"].arn
    keys = ("settings", "setup#parts", "setup#baseline")
    row, *of_setup = ({"dynamodb__LeadingKeys": [key]} for key in keys)
    assert decision(playbook, "dynamodb:BatchGetItem", table, **row) is Decision.ALLOWED
    for one in of_setup:
        assert decision(playbook, "dynamodb:BatchGetItem", table, **one) is Decision.NOT_ALLOWED
    for action in ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"):
        for one in (row, *of_setup):
            assert decision(playbook, action, table, **one) is Decision.DENIED


def setup_may(action: str, *keys: str) -> bool:
    """May ``setup`` make this call for rows with these keys? None: a call that names no key."""
    built, role = stack(full=True), stack(full=True).resources["SetupRole"]
    managed = {p.physical: p.properties["PolicyDocument"] for p in built.of(MANAGED)}
    documents = [managed[arn] for arn in role.properties["ManagedPolicyArns"]]
    documents += [p["PolicyDocument"] for p in role.properties["Policies"]]
    context = {"dynamodb:LeadingKeys": list(keys)} if keys else {}
    request = Request(role.arn, action, built.resources["CasesTable"].arn, context)
    return decide(request, Policies(documents)) is Decision.ALLOWED


def test_setup_reaches_the_settings_and_its_own_rows() -> None:
    for action in ("dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"):
        assert setup_may(action, "settings")
        for keys in ((), ("settings", f"case#{TAG.name}#x"), ("decision#x#y",), ("settings2",)):
            assert not setup_may(action, *keys), (action, keys)
    for action in ("dynamodb:DeleteItem", "dynamodb:Scan", "dynamodb:Query", "dynamodb:GetItem"):
        assert not setup_may(action, "settings"), action
    for key in ("setup#baseline", "setup#parts", "setup#found"):
        assert setup_may("dynamodb:PutItem", key)
        assert not setup_may("dynamodb:BatchGetItem", key)


SEEN_OF_THE_ACCOUNT = (
    "GetModelInvocationLoggingConfiguration",
    "ListEnforcedGuardrailsConfiguration",
)


def test_setup_may_do_nothing_else() -> None:
    granted_actions = {
        action
        for policy in stack().resources["SetupRole"].properties["Policies"]
        for statement in seen.statements([policy["PolicyDocument"]], "Allow")
        for action in listed(statement["Action"])
    }
    logs = {"logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage"}
    table = {"BatchGetItem", "PutItem", "UpdateItem", "DescribeTable", "UpdateTable"}
    actions = {"securityhub:CreateActionTarget", "securityhub:DeleteActionTarget"}
    home = {"ssm:GetParameter", "ssm:PutParameter", "ssm:DeleteParameter"}
    evidence = {"s3:GetObject", "s3:PutObject"}
    baseline = {f"bedrock:{one}" for one in SEEN_OF_THE_ACCOUNT}
    needed = {*logs, *evidence, *actions, *home, *baseline, "cloudformation:DescribeStacks"}
    assert granted_actions == needed | {f"dynamodb:{one}" for one in table}
    assert stack().resources["SetupRole"].properties["ManagedPolicyArns"] == [
        stack().resources["ProtectedPolicy"].physical
    ]


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_function_writes_to_no_log_but_its_own(playbook: str) -> None:
    for other in PLAYBOOKS:
        group = f"arn:aws:logs:eu-central-1:{ACCOUNT}:log-group:/cordon/cordon/{other}"
        written = decision(playbook, "logs:PutLogEvents", f"{group}:log-stream:x")
        assert (written is Decision.ALLOWED) == (other == playbook)


def test_member_access_is_optional_and_within_the_organisation() -> None:
    role = "arn:aws:iam::444455556666:role/cordon/Member"
    other = "arn:aws:iam::444455556666:role/cordon/Other"
    ours = {"aws__ResourceOrgID": "o-a1b2c3d4e5"}
    assert decision(REVOKE.name, "sts:AssumeRole", role, **ours) is Decision.ALLOWED
    assert decision(REVOKE.name, "sts:AssumeRole", other, **ours) is Decision.NOT_ALLOWED
    theirs = decision(REVOKE.name, "sts:AssumeRole", role, aws__ResourceOrgID="o-zzzzzzzzzz")
    assert theirs is Decision.NOT_ALLOWED
    alone = Policies(policies(REVOKE.name, full=False))
    assert decide(Request(APP, "sts:AssumeRole", role), alone) is Decision.NOT_ALLOWED


def test_workflow_invokes_only_the_playbooks() -> None:
    found = stack().resources["Workflow"]
    role = stack().resources["WorkflowRole"]
    allowed = list(seen.statements(policies("workflow"), "Allow"))
    (invoke,) = (one for one in allowed if one["Action"] == "lambda:InvokeFunction")
    assert {one["Sid"] for one in allowed} == {"InvokePlaybooks", "WriteWorkflowLog"}
    functions = {stack().resources[logical(playbook)].arn for playbook in PLAYBOOKS}
    assert set(invoke["Resource"]) == functions
    assert found.properties["RoleArn"] == role.arn
    (trust,) = role.properties["AssumeRolePolicyDocument"]["Statement"]
    assert fnmatchcase(found.arn, trust["Condition"]["ArnLike"]["aws:SourceArn"])
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}
