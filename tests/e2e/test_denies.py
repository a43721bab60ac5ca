"""What no playbook may touch stays as it is, whatever our code, settings or roles would allow."""

import json
from typing import Any

import pytest

from cordon.statuses import Status
from tests.e2e.account import BREAK_GLASS, Account
from tests.e2e.people import trust
from tests.e2e.test_playbooks import PUBLIC, ROLE, allowed, bucket_of, person, state
from tests.examples import QUARANTINE, REVOKE, TAG, event, function_of

TERRAFORM = "acme-terraform-state"
LANDING = "OrganizationAccountAccessRole"
RESCUER = BREAK_GLASS.split("/")[-1]
NOBODY = "arn:aws:s3:::nobody"


def about(name: str, there: str, here: str) -> dict[str, Any]:
    """A sample event about another resource."""
    return dict(json.loads(json.dumps(event(name)).replace(there, here)))


def role_of(one: dict[str, Any]) -> str:
    """The name of the role in a sample event."""
    return str(one["detail"]["resource"]["accessKeyDetails"]["userName"])


# ---- by our code: an incident instead ----


def test_a_finding_on_the_evidence_bucket_is_for_a_person(account: Account) -> None:
    evidence = account.stack.outputs["EvidenceBucket"]
    before = account.client("s3").get_bucket_policy(Bucket=evidence)["Policy"]
    escalated_instead(account, about(PUBLIC, bucket_of(event(PUBLIC)), evidence))
    assert account.client("s3").get_bucket_policy(Bucket=evidence)["Policy"] == before


def test_a_finding_on_a_break_glass_role_is_for_a_person(account: Account) -> None:
    person(account, RESCUER)
    escalated_instead(account, about(ROLE, role_of(event(ROLE)), RESCUER))


def escalated_instead(account: Account, one: dict[str, Any]) -> None:
    """An incident says what a person must do; nothing is changed."""
    account.stage(one)
    before = state(account, one)
    account.put(one)
    case = account.case()
    assert case.status is Status.ESCALATED
    assert "is protected by the pattern" in account.incidents()[0]["Description"]
    assert state(account, one) == before


def test_the_way_into_the_account_is_for_a_person(account: Account) -> None:
    """Though somebody emptied the settings: the action itself refuses."""
    account.set("protected", {NOBODY})
    one = about(ROLE, role_of(event(ROLE)), LANDING)
    account.stage(one)
    before = state(account, one)
    account.put(one)
    case = account.case()
    assert case.status is Status.FAILED
    assert [str(result.status) for result in case.results] == ["refused"]
    assert "a person must decide" in account.finding_of(case)["Description"]
    assert state(account, one) == before


# ---- by the roles: refused, though somebody emptied the settings ----


@pytest.mark.refused("s3:PutBucketPublicAccessBlock")
def test_a_state_bucket_is_refused_by_the_role(account: Account) -> None:
    refused_by_role(account, about(PUBLIC, bucket_of(event(PUBLIC)), TERRAFORM))


def refused_by_role(account: Account, one: dict[str, Any]) -> None:
    """The code goes ahead, and IAM stops it: the case says what failed, a person is informed."""
    account.set("protected", {NOBODY})
    account.stage(one)
    before = state(account, one)
    account.put(one)
    case = account.case()
    assert case.status is Status.FAILED
    assert case.failed
    assert all("AccessDenied" in result.reason for result in case.failed)
    assert state(account, one) == before
    assert len(account.incidents()) == 1
    assert len(account.messages("FailedInvocations")) == 1


# ---- by the roles: denied, though somebody made them administrators ----

NOTHING = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
ROLE_POLICY = {
    "PolicyName": "x",
    "PolicyDocument": json.dumps({"Version": "2012-10-17", "Statement": [NOTHING]}),
}
LOCK = {"Mode": "GOVERNANCE", "RetainUntilDate": "2036-11-25T00:00:00Z"}
FINDING = {"Id": "x", "ProductArn": "arn:aws:securityhub:us-east-1::product/aws/guardduty"}
DENIED = (
    ("s3", "put_bucket_tagging", {"Bucket": "EVIDENCE", "Tagging": {"TagSet": []}}),
    ("s3", "delete_object", {"Bucket": "EVIDENCE", "Key": "entry"}),
    ("s3", "put_object_retention", {"Bucket": "EVIDENCE", "Key": "entry", "Retention": LOCK}),
    ("s3", "put_bucket_tagging", {"Bucket": TERRAFORM, "Tagging": {"TagSet": []}}),
    ("s3", "delete_object", {"Bucket": "ordinary", "Key": "entry"}),
    ("s3", "list_objects_v2", {"Bucket": "ordinary"}),
    ("sqs", "send_message", {"QueueUrl": "QUEUE", "MessageBody": "{}"}),
    ("iam", "put_role_policy", {"RoleName": "OWN", **ROLE_POLICY}),
    ("iam", "put_role_policy", {"RoleName": LANDING, **ROLE_POLICY}),
    ("iam", "put_role_policy", {"RoleName": RESCUER, **ROLE_POLICY}),
    ("dynamodb", "put_item", {"TableName": "TABLE", "Item": {"id": {"S": "settings"}}}),
    (
        "securityhub",
        "batch_update_findings",
        {"FindingIdentifiers": [FINDING], "Workflow": {"Status": "SUPPRESSED"}},
    ),
)
ALLOWED = (
    ("s3", "put_bucket_tagging", {"Bucket": "ordinary", "Tagging": {"TagSet": []}}),
    ("sqs", "purge_queue", {"QueueUrl": "QUEUE"}),
    ("iam", "put_role_policy", {"RoleName": "ordinary", **ROLE_POLICY}),
    ("dynamodb", "put_item", {"TableName": "TABLE", "Item": {"id": {"S": "ordinary"}}}),
    (
        "securityhub",
        "batch_update_findings",
        {"FindingIdentifiers": [FINDING], "Workflow": {"Status": "NOTIFIED"}},
    ),
)


@pytest.mark.refused(
    "iam:PutRolePolicy",
    "s3:DeleteObject",
    "s3:ListBucket",
    "s3:PutBucketTagging",
    "s3:PutObjectRetention",
    "securityhub:BatchUpdateFindings",
    "dynamodb:PutItem",
    "sqs:SendMessage",
)
@pytest.mark.parametrize("function", [function_of(QUARANTINE), function_of(REVOKE)])
def test_an_administrator_is_still_denied(account: Account, function: str) -> None:
    role = promoted(account, function)
    for bucket in ("ordinary", TERRAFORM):
        account.client("s3").create_bucket(Bucket=bucket)
    for name in ("ordinary", LANDING, RESCUER):
        person(account, name)
    outputs = account.stack.outputs
    names = {"EVIDENCE": outputs["EvidenceBucket"], "OWN": role.split("/")[-1]}
    names["TABLE"] = outputs["CasesTableName"]
    names["QUEUE"] = account.physical(f"{function_of(TAG)}BulkQueue")
    assert [try_ for try_ in ALLOWED if not may(account, role, try_, names)] == []
    assert [try_ for try_ in DENIED if may(account, role, try_, names)] == []


def promoted(account: Account, function: str) -> str:
    """A function's role, which is allowed everything now, and whom the owner assumes."""
    iam, name = account.client("iam"), account.physical(f"{function}Role")
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    iam.put_role_policy(RoleName=name, PolicyName="everything", PolicyDocument=document)
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust())
    return str(iam.get_role(RoleName=name)["Role"]["Arn"])


def may(account: Account, role: str, one: tuple[str, str, Any], names: dict[str, str]) -> bool:
    """May the role do it?"""
    service, operation, params = one
    named = {k: names.get(v, v) if isinstance(v, str) else v for k, v in params.items()}
    return allowed(getattr(account.as_role(role, service), operation), **named)
