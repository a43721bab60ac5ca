"""The roles have no violation, and each kind of violation is result."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from console.permissions.granted import stack_with_all_parameters
from console.permissions.page import PAGE, page
from console.permissions.record import Record
from console.permissions.reference import carries, fits, kinds
from console.permissions.used import NotGranted, called, merged, uses
from console.permissions.violations import violations
from embedded.place import Place
from embedded.required_permission import Unmapped
from embedded.stack import Stack
from embedded.template import synthesise
from tests.examples import ESCALATE, QUARANTINE, REVOKE, TAG, function_of

ROOT = Path(__file__).parents[1]
TABLE = "arn:aws:dynamodb:REGION:ACCOUNT:table/CasesTable"


@cache
def record() -> Record:
    """The checked-in record."""
    return Record.read(ROOT)


Altered = Callable[[str, str], Stack]


@pytest.fixture
def altered(tmp_path: Path) -> Altered:
    """A function that makes the template with one text replaced."""

    def make(old: str, new: str) -> Stack:
        text = (ROOT / "template.yaml").read_text()
        assert text.count(old) == 1, old
        (tmp_path / "template.yaml").write_text(text.replace(old, new))
        (tmp_path / "statemachines").symlink_to(ROOT / "statemachines")
        return stack_with_all_parameters(tmp_path)

    return make


# ---- the checked-in roles ----


def test_roles_have_no_violation() -> None:
    assert violations(stack_with_all_parameters(ROOT), record()) == []


def test_page_is_up_to_date() -> None:
    assert (ROOT / PAGE).read_text() == page(stack_with_all_parameters(ROOT), record())


# ---- violations in a template ----

HUB_RESOURCE = "!Sub arn:${AWS::Partition}:securityhub:${AWS::Region}:${AWS::AccountId}:hub/default"
HUB_GRANT = f"""                Action: [securityhub:BatchUpdateFindings, securityhub:GetFindings]
                Resource: {HUB_RESOURCE}
"""
HUB = "arn:aws:securityhub:REGION:ACCOUNT:hub/default"
# With the newline before it: the protected patterns of the settings are listed deeper.
STACKSETS = "\n              - !Sub arn:${AWS::Partition}:iam::*:role/stacksets-exec-*"
READ_ROLES = "Action: [iam:GetRole, iam:GetRolePolicy, iam:ListAttachedRolePolicies]"


@pytest.mark.drawn(1 / 5)
def test_use_without_grant_is_found(altered: Altered) -> None:
    result = violations(
        altered(HUB_GRANT, HUB_GRANT.replace(", securityhub:GetFindings", "")), record()
    )
    assert result == [f"ReportCases: securityhub:GetFindings {HUB} was used and is not granted"]


@pytest.mark.drawn(1 / 5)
def test_grant_without_use_is_found(altered: Altered) -> None:
    wider = HUB_GRANT.replace("[", "[securityhub:DescribeHub, ")
    result = violations(altered(HUB_GRANT, wider), record())
    unused = f"securityhub:DescribeHub {HUB} (UpdateFindings) is granted and not used"
    assert result == [f"ReportCases: {unused}"]


@pytest.mark.drawn(1 / 5)
def test_star_for_an_action_with_resources_is_found(altered: Altered) -> None:
    result = violations(
        altered(HUB_GRANT, HUB_GRANT.replace(HUB_RESOURCE, '"*"')),
        record(),
    )
    assert any(
        text.startswith("ReportCases: securityhub:GetFindings *: its resource types at AWS: ")
        for text in result
    )


@pytest.mark.drawn(1 / 5)
def test_wildcard_without_reason_is_found(altered: Altered) -> None:
    wide = HUB_RESOURCE.replace("default", "*")
    result = violations(
        altered(HUB_GRANT, HUB_GRANT.replace(HUB_RESOURCE, wide)),
        record(),
    )
    pattern = "arn:aws:securityhub:REGION:ACCOUNT:hub/*"
    assert f"no reason for the pattern {pattern}" in result
    assert f"ReportCases: securityhub:GetFindings {HUB} was used and is not granted" in result


@pytest.mark.drawn(1 / 5)
def test_arn_of_no_resource_type_is_found(altered: Altered) -> None:
    """IAM takes such a statement, and it allows nothing."""
    odd = HUB_RESOURCE.replace("hub/default", "hubs/default")
    result = violations(altered(HUB_GRANT, HUB_GRANT.replace(HUB_RESOURCE, odd)), record())
    arn = HUB.replace("hub/", "hubs/")
    text = f"securityhub:GetFindings {arn} is the ARN of none of its types at AWS: hub, hubv2"
    assert f"ReportCases: {text}" in result


@pytest.mark.parametrize(
    ("action", "resource", "may"),
    [
        ("iam:GetRole", "arn:aws:iam::ACCOUNT:role/*", True),
        ("iam:GetRole", "arn:aws:iam::ACCOUNT:*", True),
        ("iam:GetRole", "arn:aws:iam::ACCOUNT:user/*", False),
        ("s3:GetObject", "arn:aws:s3:::bucket", False),
        ("s3:GetObject", "arn:aws:s3:::bucket/*", True),
        ("ssm:CreateOpsItem", "*", True),
        ("logs:PutLogEvents", "arn:aws:logs:REGION:ACCOUNT:log-group:G:*", True),
    ],
)
def test_an_arn_fits_a_resource_type(action: str, resource: str, may: bool) -> None:
    assert fits(action, resource) is may


@pytest.mark.drawn(1 / 5)
def test_action_wildcard_is_found(altered: Altered) -> None:
    result = violations(altered(READ_ROLES, 'Action: "iam:Get*"'), record())
    assert f"{function_of(REVOKE)}: iam:Get* is a wildcard" in result


@pytest.mark.drawn(1 / 5)
def test_unused_resource_of_a_statement_is_found(altered: Altered) -> None:
    queue = "!GetAtt FailedBulkEvents.Arn"
    both = f"Resource:\n                  - {HUB_RESOURCE}\n                  - {queue}\n"
    result = violations(
        altered(HUB_GRANT, HUB_GRANT.replace(f"Resource: {HUB_RESOURCE}\n", both)),
        record(),
    )
    other = "securityhub:GetFindings arn:aws:sqs:REGION:ACCOUNT:FailedBulkEvents (UpdateFindings)"
    assert f"ReportCases: {other} is granted and not used" in result


@pytest.mark.drawn(1 / 5)
def test_nothing_is_granted_twice(altered: Altered) -> None:
    again = HUB_GRANT.replace("GetFindings]", "GetFindings, securityhub:GetFindings]")
    result = violations(altered(HUB_GRANT, again), record())
    assert f"ReportCases: securityhub:GetFindings {HUB} is granted twice" in result


@pytest.mark.drawn(1 / 5)
def test_a_statement_needs_a_reason(altered: Altered) -> None:
    result = violations(altered("Sid: RevokeRoles", "Sid: ChangeRoles"), record())
    assert "no reason for the statement ChangeRoles" in result
    assert "reason without a statement: RevokeRoles" in result


@pytest.mark.drawn(1 / 5)
def test_untried_deny_is_found(altered: Altered) -> None:
    result = violations(
        altered(STACKSETS, STACKSETS + STACKSETS.replace("exec", "admin")), record()
    )
    pattern = "arn:aws:iam::*:role/stacksets-admin-*"
    assert result == [f"the deny ProtectPrincipals was not tried on {pattern}"]


@pytest.mark.drawn(1 / 5)
def test_removed_deny_is_found(altered: Altered) -> None:
    result = violations(altered(STACKSETS, ""), record())
    pattern = "arn:aws:iam::*:role/stacksets-exec-*"
    assert result == [f"tried and not denied: ProtectPrincipals on {pattern}"]


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize(
    "key", ["aws:RequestTag/cordon:case", "s3:if-none-match", "aws:SourceAccount"]
)
def test_unknown_condition_key_is_found(altered: Altered, key: str) -> None:
    condition = f"                Condition: {{StringEquals: {{'{key}': x}}}}\n"
    result = violations(altered(HUB_GRANT, HUB_GRANT + condition), record())
    actions = ("BatchUpdateFindings", "GetFindings")
    assert result == [
        f"report-cases UpdateFindings: securityhub:{action} has no condition key {key}"
        for action in actions
    ]


@pytest.mark.drawn(1 / 5)
def test_function_without_denies_is_found(altered: Altered) -> None:
    named = f"ProtectedPolicy]\n      Policies:\n        - PolicyName: {ESCALATE.name}"
    denied = "PlaybookPolicy, !Ref " + named.replace("_", "-")
    without = denied.replace(", !Ref ProtectedPolicy", "")
    result = violations(altered(denied, without), record())
    assert result == [f"{function_of(ESCALATE)}: its role does not have the policy ProtectedPolicy"]


# ---- violations in a record ----


@pytest.mark.drawn(1 / 5)
def test_service_permission_used_by_code_is_found() -> None:
    uses_by_code = {
        function_of(QUARANTINE): {
            "sqs:SendMessage arn:aws:sqs:REGION:ACCOUNT:FailedInvocations": ["x"]
        }
    }
    result = violations(
        stack_with_all_parameters(ROOT), record().with_roads("made up", uses_by_code)
    )
    assert [text for text in result if "by Cordon's code, not by a service" in text] == result != []


def test_only_a_statement_that_a_service_uses_is_left_to_it() -> None:
    """The desk itself takes from queues; of other functions Lambda does, with the same action."""
    bare = replace(record(), roads={**record().roads, "DecideCases": {}})
    result = violations(stack_with_all_parameters(ROOT), bare)
    text = "sqs:ReceiveMessage arn:aws:sqs:REGION:ACCOUNT:FailedReports (TakeDeadLetters)"
    assert f"DecideCases: {text} is granted and not used" in result
    assert not [found for found in result if "ConsumeBulkQueue" in found]


@pytest.mark.drawn(1 / 5)
def test_use_missing_in_replay_is_found() -> None:
    seen = {"Workflow": {"lambda:InvokeFunction arn": ["lambda:Invoke"]}}
    result = violations(stack_with_all_parameters(ROOT), record().with_deployed(seen))
    assert len(result) == 1
    assert result[0].endswith("is used by lambda:Invoke end to end, and never in replay")


def test_record_round_trips(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    assert Record.read(tmp_path) == Record()
    tried = {"*": ["iam:PutRolePolicy", "a", "b"]}
    written = Record().with_roads("A", {"A": {"x y": ["z"]}}).with_denied("D", tried)
    written.write(tmp_path)
    assert Record.read(tmp_path) == written


# ---- calls of a deployed stack ----

DEPLOYED = {
    "CasesTable": "prod-Memory-ABC",
    "EvidenceBucket": "prod-evidence-abc",
    "Workflow": "x",
}


def deployed_stack() -> Stack:
    parameters = {"MemberRole": "Member"}
    place = Place("999999999999", "eu-west-1")
    return synthesise(ROOT / "template.yaml", place, parameters=parameters, stack="prod")


def used(caller: str, service: str, operation: str, params: dict[str, Any]) -> Any:
    stack = deployed_stack()
    call = called(stack, caller, service, operation, params, deployed=DEPLOYED)
    return uses(stack, [call], ROOT)


def test_deployed_calls_use_the_same_grants() -> None:
    row = {"id": {"S": f"case#{TAG.name}#0"}}
    key = {"TableName": "prod-Memory-ABC", "Item": row}
    entry = {
        "Bucket": "prod-evidence-abc",
        "Key": f"{TAG.name}/0/a/000001.json",
        "IfNoneMatch": "*",
    }
    both = merged(
        used(function_of(TAG), "dynamodb", "PutItem", key),
        used(function_of(TAG), "s3", "PutObject", entry),
    )
    assert both == {
        function_of(TAG): {
            f"dynamodb:PutItem {TABLE}": ["dynamodb:PutItem"],
            f"s3:PutObject arn:aws:s3:::EvidenceBucket/{TAG.name}/*": ["s3:PutObject"],
        }
    }
    replayed = record().replayed[function_of(TAG)]
    assert all(
        set(operations) <= set(replayed[grant])
        for grant, operations in both[function_of(TAG)].items()
    )


@pytest.mark.drawn(1 / 5)
def test_call_without_grant_is_an_error() -> None:
    with pytest.raises(
        NotGranted, match=rf"{function_of(ESCALATE)}: s3:PutBucketPolicy on .* no statement"
    ):
        used(function_of(ESCALATE), "s3", "PutBucketPolicy", {"Bucket": "b", "Policy": "{}"})
    with pytest.raises(Unmapped):
        used(function_of(ESCALATE), "s3", "CopyObject", {"Bucket": "b", "Key": "k"})


def test_refused_and_foreign_calls_use_no_grant() -> None:
    stack = deployed_stack()
    params = {"RoleName": "app", "PolicyName": "p"}
    call = called(stack, function_of(REVOKE), "iam", "DeleteRolePolicy", params)
    assert uses(stack, [call], ROOT) != {}
    assert uses(stack, [replace(call, allowed=False)], ROOT) == {}
    member = "arn:aws:iam::444455556666:role/cordon/Member"
    assert uses(stack, [replace(call, principal=member)], ROOT) == {}


# ---- AWS's reference ----


def test_kinds_lists_the_resource_types() -> None:
    assert kinds("ssm:CreateOpsItem") == []
    assert kinds("iam:PutRolePolicy") == ["role"]
    with pytest.raises(LookupError):
        kinds("iam:PutRolePolicies")


@pytest.mark.parametrize(
    ("action", "key", "expected"),
    [
        ("s3:TagResource", "aws:TagKeys", True),
        ("s3:PutObject", "aws:TagKeys", False),
        ("sagemaker:AddTags", "aws:RequestTag/cordon:case", True),
        ("sagemaker:DeleteTags", "aws:RequestTag/cordon:case", False),
        ("iam:AttachRolePolicy", "iam:PolicyARN", True),
        ("iam:PutRolePolicy", "iam:PolicyARN", False),
        ("iam:PutRolePolicy", "iam:ResourceTag/team", True),  # of its resource type
        ("s3:GetBucketPolicy", "aws:ResourceAccount", True),  # global
    ],
)
def test_carries_knows_the_condition_keys(action: str, key: str, expected: bool) -> None:
    assert carries(action, key) is expected
