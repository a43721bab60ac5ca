"""The roles have no fault; and each kind of fault is found where there is one."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from console.permissions.faults import faults
from console.permissions.granted import shown
from console.permissions.page import PAGE, page
from console.permissions.record import Record
from console.permissions.reference import carries, kinds
from console.permissions.used import NotGranted, called, merged, uses
from embedded.authorization import Unmapped
from embedded.place import Place
from embedded.template import Stack, synthesise

ROOT = Path(__file__).parents[1]
TABLE = "arn:aws:dynamodb:REGION:ACCOUNT:table/CasesTable"


@cache
def record() -> Record:
    """As it is checked in."""
    return Record.read(ROOT)


Altered = Callable[[str, str], Stack]


@pytest.fixture
def altered(tmp_path: Path) -> Altered:
    """The template with one text put in the place of another."""

    def make(old: str, new: str) -> Stack:
        text = (ROOT / "template.yaml").read_text()
        assert text.count(old) == 1, old
        (tmp_path / "template.yaml").write_text(text.replace(old, new))
        (tmp_path / "statemachines").symlink_to(ROOT / "statemachines")
        return shown(tmp_path)

    return make


# ---- the roles as they are ----


def test_the_roles_have_no_fault() -> None:
    assert faults(shown(ROOT), record()) == []


def test_the_page_is_up_to_date() -> None:
    assert (ROOT / PAGE).read_text() == page(shown(ROOT), record())


# ---- faults of a template ----

REMEMBER = """            Action: [dynamodb:GetItem, dynamodb:UpdateItem, dynamodb:DeleteItem]
            Resource: !GetAtt CasesTable.Arn
"""
STACKSETS = "              - !Sub arn:${AWS::Partition}:iam::*:role/stacksets-exec-*\n"
READ_ROLES = "Action: [iam:GetRole, iam:GetRolePolicy, iam:ListAttachedRolePolicies]"


def test_what_is_used_must_be_granted(altered: Altered) -> None:
    found = faults(altered(REMEMBER, REMEMBER.replace(", dynamodb:DeleteItem", "")), record())
    assert f"TagAiResource: dynamodb:DeleteItem {TABLE} was used and is not granted" in found
    assert len(found) == 4


def test_what_is_granted_must_be_used(altered: Altered) -> None:
    wider = REMEMBER.replace("dynamodb:GetItem", "dynamodb:Scan, dynamodb:GetItem")
    found = faults(altered(REMEMBER, wider), record())
    unused = (
        f"EscalateFinding: dynamodb:Scan {TABLE} (ReadWriteCases) is granted and used by nothing"
    )
    assert unused in found
    assert len(found) == 4


def test_a_grant_on_everything_is_none_where_aws_knows_a_resource(altered: Altered) -> None:
    found = faults(altered(REMEMBER, REMEMBER.replace("!GetAtt CasesTable.Arn", '"*"')), record())
    assert "QuarantineBucket: dynamodb:GetItem *: AWS knows table of it" in found


def test_a_wildcard_needs_a_reason(altered: Altered) -> None:
    wide = "!Sub arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/*"
    found = faults(altered(REMEMBER, REMEMBER.replace("!GetAtt CasesTable.Arn", wide)), record())
    pattern = "arn:aws:dynamodb:REGION:ACCOUNT:table/*"
    assert f"no reason is told for the pattern {pattern}" in found
    assert f"RevokeSessions: dynamodb:GetItem {TABLE} was used and is not granted" in found


def test_an_action_has_no_wildcard(altered: Altered) -> None:
    found = faults(altered(READ_ROLES, 'Action: "iam:Get*"'), record())
    assert "RevokeSessions: iam:Get* is a wildcard" in found


def test_each_of_a_statements_resources_must_be_used(altered: Altered) -> None:
    queue = "!GetAtt FailedBulkEvents.Arn"
    both = f"Resource:\n            - !GetAtt CasesTable.Arn\n            - {queue}\n"
    found = faults(
        altered(REMEMBER, REMEMBER.replace("Resource: !GetAtt CasesTable.Arn\n", both)), record()
    )
    other = "dynamodb:GetItem arn:aws:sqs:REGION:ACCOUNT:FailedBulkEvents (ReadWriteCases)"
    assert f"TagAiResource: {other} is granted and used by nothing" in found


def test_nothing_is_granted_twice(altered: Altered) -> None:
    again = REMEMBER.replace("DeleteItem]", "DeleteItem, dynamodb:GetItem]")
    found = faults(altered(REMEMBER, again), record())
    assert f"QuarantineBucket: dynamodb:GetItem {TABLE} is granted twice" in found


def test_a_statement_needs_a_reason(altered: Altered) -> None:
    found = faults(altered("Sid: RevokeRoles", "Sid: ChangeRoles"), record())
    assert "no reason is told for the statement ChangeRoles" in found
    assert "a reason is told for no statement: RevokeRoles" in found


def test_a_deny_must_be_tried(altered: Altered) -> None:
    found = faults(altered(STACKSETS, STACKSETS + STACKSETS.replace("exec", "admin")), record())
    pattern = "arn:aws:iam::*:role/stacksets-admin-*"
    assert found == [f"the deny ProtectPrincipals was not tried on {pattern}"]


def test_a_deny_that_was_tried_must_stand(altered: Altered) -> None:
    found = faults(altered(STACKSETS, ""), record())
    pattern = "arn:aws:iam::*:role/stacksets-exec-*"
    assert found == [f"tried and not denied: ProtectPrincipals on {pattern}"]


@pytest.mark.parametrize(
    "key", ["aws:RequestTag/cordon:case", "s3:if-none-match", "aws:SourceAccount"]
)
def test_a_condition_key_must_be_carried(altered: Altered, key: str) -> None:
    condition = f"            Condition: {{StringEquals: {{'{key}': x}}}}\n"
    found = faults(altered(REMEMBER, REMEMBER + condition), record())
    actions = ("GetItem", "UpdateItem", "DeleteItem")
    assert found == [
        f"PlaybookPolicy ReadWriteCases: dynamodb:{action} carries no {key}" for action in actions
    ]


def test_every_function_has_the_denies(altered: Altered) -> None:
    for_tags = "        - !Ref IncidentsPolicy  # for what takes no tags\n"
    found = faults(altered(f"{for_tags}        - !Ref ProtectedPolicy\n", for_tags), record())
    assert found == ["TagAiResource: its role has not the policy Protected"]


# ---- faults of a record ----


def test_a_service_uses_what_is_a_services() -> None:
    mine = {
        "QuarantineBucket": {"sqs:SendMessage arn:aws:sqs:REGION:ACCOUNT:FailedInvocations": ["x"]}
    }
    found = faults(shown(ROOT), record().with_roads("made up", mine))
    assert [fault for fault in found if "by our code, not by a service" in fault] == found != []


def test_what_is_deployed_is_what_is_replayed() -> None:
    seen = {"ContainWorkflow": {"lambda:InvokeFunction arn": ["lambda:Invoke"]}}
    found = faults(shown(ROOT), record().with_deployed(seen))
    assert len(found) == 1
    assert found[0].endswith("is used by lambda:Invoke end to end, and never in replay")


def test_a_record_reads_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    assert Record.read(tmp_path) == Record()
    tried = {"*": ["iam:PutRolePolicy", "a", "b"]}
    written = Record().with_roads("A", {"A": {"x y": ["z"]}}).with_denied("D", tried)
    written.write(tmp_path)
    assert Record.read(tmp_path) == written


# ---- calls from elsewhere ----

DEPLOYED = {
    "CasesTable": "prod-Memory-ABC",
    "EvidenceBucket": "prod-evidence-abc",
    "ContainWorkflow": "x",
}


def elsewhere() -> Stack:
    parameters = {"MemberRole": "Member"}
    place = Place("999999999999", "eu-west-1")
    return synthesise(ROOT / "template.yaml", place, parameters=parameters, stack="prod")


def used(caller: str, service: str, operation: str, params: dict[str, Any]) -> Any:
    stack = elsewhere()
    call = called(stack, caller, service, operation, params, deployed=DEPLOYED)
    return uses(stack, [call], ROOT)


def test_calls_of_a_deployed_stack_use_the_same_grants() -> None:
    key = {"TableName": "prod-Memory-ABC", "Key": {"id": {"S": "case#0"}}}
    entry = {
        "Bucket": "prod-evidence-abc",
        "Key": "tag_ai_resource/0/a/000001.json",
        "IfNoneMatch": "*",
    }
    both = merged(
        used("TagAiResource", "dynamodb", "GetItem", key),
        used("TagAiResource", "s3", "PutObject", entry),
    )
    assert both == {
        "TagAiResource": {
            f"dynamodb:GetItem {TABLE}": ["dynamodb:GetItem"],
            "s3:PutObject arn:aws:s3:::EvidenceBucket/tag_ai_resource/*": ["s3:PutObject"],
        }
    }
    replayed = record().replayed["TagAiResource"]
    assert all(replayed[grant] == operations for grant, operations in both["TagAiResource"].items())


def test_a_call_that_nothing_grants_is_said() -> None:
    with pytest.raises(NotGranted, match=r"EscalateFinding: s3:PutBucketPolicy on .* no statement"):
        used("EscalateFinding", "s3", "PutBucketPolicy", {"Bucket": "b", "Policy": "{}"})
    with pytest.raises(Unmapped):
        used("EscalateFinding", "s3", "CopyObject", {"Bucket": "b", "Key": "k"})


def test_refused_calls_and_those_of_other_roles_use_nothing() -> None:
    stack = elsewhere()
    params = {"RoleName": "app", "PolicyName": "p"}
    call = called(stack, "RevokeSessions", "iam", "DeleteRolePolicy", params)
    assert uses(stack, [call], ROOT) != {}
    assert uses(stack, [replace(call, allowed=False)], ROOT) == {}
    member = "arn:aws:iam::444455556666:role/cordon/Member"
    assert uses(stack, [replace(call, principal=member)], ROOT) == {}


# ---- what AWS says of actions ----


def test_kinds_of_an_action() -> None:
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
def test_keys_that_an_action_carries(action: str, key: str, expected: bool) -> None:
    assert carries(action, key) is expected
