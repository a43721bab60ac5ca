"""From a call to its IAM actions and resources."""

from typing import Any

import boto3
import pytest

from embedded.authorization import needs
from embedded.place import Place
from embedded.required_permission import Unmapped

HERE = Place("111122223333", "eu-central-1")


class AccountFacts:
    """A role and a user with paths, and nothing else."""

    def role_arn(self, name: str) -> str | None:
        return f"arn:aws:iam::111122223333:role/team/{name}" if name == "app" else None

    def user_arn(self, name: str) -> str | None:
        return f"arn:aws:iam::111122223333:user/{name}" if name == "eve" else None

    def key_owner(self, access_key_id: str) -> str | None:
        return "eve" if access_key_id == "AKIAEVE" else None

    def credential_service(self, credential_id: str) -> str:
        return "bedrock.amazonaws.com" if credential_id == "ACCAEVE" else ""

    def boundary_of(self, arn: str) -> str | None:
        return "arn:aws:iam::111122223333:policy/limit" if arn.endswith("/app") else None

    def partition_key(self, arn: str) -> str | None:
        return "open" if arn.endswith("/index/open") else "id"


def required(service: str, operation: str, params: dict[str, Any]) -> list[tuple[str, str]]:
    signing = boto3.client(service, region_name="eu-central-1").meta.service_model.signing_name
    return [
        (n.action, n.resource)
        for n in needs(service, signing, operation, params, HERE, AccountFacts())
    ]


SAGEMAKER = "arn:aws:sagemaker:eu-central-1:111122223333"
AGENT = "arn:aws:bedrock:eu-central-1:111122223333:agent/ABC"
RUNTIME = "arn:aws:bedrock-agentcore:eu-central-1:111122223333:runtime/r-1"
TABLE = "arn:aws:dynamodb:eu-central-1:111122223333:table/t"
HUB = "arn:aws:securityhub:eu-central-1:111122223333"
CASES: list[tuple[str, str, dict[str, Any], list[tuple[str, str]]]] = [
    ("s3", "GetPublicAccessBlock", {"Bucket": "b"},
     [("s3:GetBucketPublicAccessBlock", "arn:aws:s3:::b")]),
    ("s3", "DeletePublicAccessBlock", {"Bucket": "b"},
     [("s3:PutBucketPublicAccessBlock", "arn:aws:s3:::b")]),
    ("s3", "GetBucketPolicyStatus", {"Bucket": "b"},
     [("s3:GetBucketPolicyStatus", "arn:aws:s3:::b")]),
    ("s3", "DeleteBucketLifecycle", {"Bucket": "b"},
     [("s3:PutLifecycleConfiguration", "arn:aws:s3:::b")]),
    ("s3", "PutObject", {"Bucket": "b", "Key": "a/k", "Body": b""},
     [("s3:PutObject", "arn:aws:s3:::b/a/k")]),
    ("s3", "PutObject", {"Bucket": "b", "Key": "k", "ObjectLockMode": "GOVERNANCE"},
     [("s3:PutObject", "arn:aws:s3:::b/k"), ("s3:PutObjectRetention", "arn:aws:s3:::b/k")]),
    ("s3", "GetObject", {"Bucket": "b", "Key": "k", "VersionId": "1"},
     [("s3:GetObjectVersion", "arn:aws:s3:::b/k")]),
    ("s3", "PutBucketReplication",
     {"Bucket": "b", "ReplicationConfiguration": {"Role": "arn:aws:iam::1:role/r", "Rules": []}},
     [("s3:PutReplicationConfiguration", "arn:aws:s3:::b"),
      ("iam:PassRole", "arn:aws:iam::1:role/r")]),
    ("s3", "HeadBucket", {"Bucket": "b"}, [("s3:ListBucket", "arn:aws:s3:::b")]),
    ("s3control", "TagResource", {"AccountId": "1", "ResourceArn": "arn:aws:s3:::b"},
     [("s3:TagResource", "arn:aws:s3:::b")]),
    ("s3control", "PutPublicAccessBlock", {"AccountId": "1"},
     [("s3:PutAccountPublicAccessBlock", "*")]),
    ("iam", "PutRolePolicy", {"RoleName": "app", "PolicyName": "p", "PolicyDocument": "{}"},
     [("iam:PutRolePolicy", "arn:aws:iam::111122223333:role/team/app")]),
    ("iam", "GetRole", {"RoleName": "missing"},
     [("iam:GetRole", "arn:aws:iam::111122223333:role/missing")]),
    ("iam", "UpdateAccessKey", {"UserName": "eve", "AccessKeyId": "AKIAEVE", "Status": "Inactive"},
     [("iam:UpdateAccessKey", "arn:aws:iam::111122223333:user/eve")]),
    ("iam", "GetAccessKeyLastUsed", {"AccessKeyId": "AKIAEVE"},
     [("iam:GetAccessKeyLastUsed", "arn:aws:iam::111122223333:user/eve")]),
    ("sts", "GetCallerIdentity", {}, []),
    ("sts", "AssumeRole",
     {"RoleArn": "arn:aws:iam::2:role/example/m", "RoleSessionName": "s", "SourceIdentity": "s"},
     [("sts:AssumeRole", "arn:aws:iam::2:role/example/m"),
      ("sts:SetSourceIdentity", "arn:aws:iam::2:role/example/m")]),
    ("dynamodb", "UpdateItem", {"TableName": "t", "Key": {"id": {"S": "x"}}},
     [("dynamodb:UpdateItem", TABLE)]),
    ("dynamodb", "Query", {"TableName": "t", "IndexName": "i"},
     [("dynamodb:Query", f"{TABLE}/index/i")]),
    ("dynamodb", "TransactWriteItems",
     {"TransactItems": [{"Put": {"TableName": "t", "Item": {}}},
                        {"ConditionCheck": {"TableName": "t", "Key": {}}}]},
     [("dynamodb:PutItem", TABLE), ("dynamodb:ConditionCheckItem", TABLE)]),
    ("sagemaker", "AddTags", {"ResourceArn": f"{SAGEMAKER}:model/m", "Tags": []},
     [("sagemaker:AddTags", f"{SAGEMAKER}:model/m")]),
    ("sagemaker", "ListTags", {"ResourceArn": f"{SAGEMAKER}:a-kind-of-tomorrow/m"},
     [("sagemaker:ListTags", f"{SAGEMAKER}:a-kind-of-tomorrow/m")]),
    ("sagemaker", "DescribeNotebookInstance", {"NotebookInstanceName": "Mine"},
     [("sagemaker:DescribeNotebookInstance", f"{SAGEMAKER}:notebook-instance/mine")]),
    ("bedrock-agent", "TagResource", {"resourceArn": AGENT, "tags": {}},
     [("bedrock:TagResource", AGENT)]),
    ("bedrock-agentcore-control", "UntagResource", {"resourceArn": RUNTIME, "tagKeys": ["a"]},
     [("bedrock-agentcore:UntagResource", RUNTIME)]),
    ("bedrock", "GetModelInvocationLoggingConfiguration", {},
     [("bedrock:GetModelInvocationLoggingConfiguration", "*")]),
    ("securityhub", "BatchUpdateFindings", {"FindingIdentifiers": []},
     [("securityhub:BatchUpdateFindings", f"{HUB}:hub/default")]),
    ("securityhub", "DeleteActionTarget", {"ActionTargetArn": f"{HUB}:action/custom/Ours"},
     [("securityhub:DeleteActionTarget", f"{HUB}:hub/default")]),
    ("securityhub", "BatchImportFindings",
     {"Findings": [{"ProductArn": f"{HUB}:product/111122223333/default", "AwsAccountId": "1"}]},
     [("securityhub:BatchImportFindings", f"{HUB}:product/111122223333/default")]),
    ("ssm", "GetParametersByPath", {"Path": "/example/x", "Recursive": True},
     [("ssm:GetParametersByPath", "arn:aws:ssm:eu-central-1:111122223333:parameter/example/x")]),
    ("ssm", "CreateOpsItem", {"Title": "t", "Source": "s", "Description": "d"},
     [("ssm:CreateOpsItem", "*")]),
    ("ssm", "UpdateOpsItem", {"OpsItemId": "oi-1"},
     [("ssm:UpdateOpsItem", "arn:aws:ssm:eu-central-1:111122223333:opsitem/oi-1")]),
    ("stepfunctions", "StartExecution",
     {"stateMachineArn": "arn:aws:states:eu-central-1:111122223333:stateMachine:m"},
     [("states:StartExecution", "arn:aws:states:eu-central-1:111122223333:stateMachine:m")]),
    ("stepfunctions", "SendTaskSuccess", {"taskToken": "t", "output": "{}"},
     [("states:SendTaskSuccess", "*")]),
    ("sqs", "SendMessage",
     {"QueueUrl": "https://sqs.eu-central-1.amazonaws.com/111122223333/q", "MessageBody": ""},
     [("sqs:SendMessage", "arn:aws:sqs:eu-central-1:111122223333:q")]),
    ("sns", "Publish", {"TopicArn": "arn:aws:sns:eu-central-1:1:t", "Message": ""},
     [("sns:Publish", "arn:aws:sns:eu-central-1:1:t")]),
    ("lambda", "Invoke", {"FunctionName": "f"},
     [("lambda:InvokeFunction", "arn:aws:lambda:eu-central-1:111122223333:function:f")]),
    ("events", "PutEvents", {"Entries": [{"Source": "s", "DetailType": "d"}]},
     [("events:PutEvents", "arn:aws:events:eu-central-1:111122223333:event-bus/default")]),
    ("s3", "DeleteObject",
     {"Bucket": "b", "Key": "k", "VersionId": "1", "BypassGovernanceRetention": True},
     [("s3:BypassGovernanceRetention", "arn:aws:s3:::b/k"),
      ("s3:DeleteObjectVersion", "arn:aws:s3:::b/k")]),
    ("s3", "DeleteObjects",
     {"Bucket": "b", "BypassGovernanceRetention": True, "Delete": {"Objects": [{"Key": "k"}]}},
     [("s3:BypassGovernanceRetention", "arn:aws:s3:::b/k"),
      ("s3:DeleteObject", "arn:aws:s3:::b/k")]),
    ("cloudtrail", "DescribeTrails", {}, [("cloudtrail:DescribeTrails", "*")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("service", "operation", "params", "expected"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES]
)
def test_a_call_needs_its_permissions(
    service: str, operation: str, params: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert required(service, operation, params) == expected


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("s3", "SelectObjectContent", {"Bucket": "b", "Key": "k"}),
        ("iam", "DeleteServerCertificate", {}),
        ("s3", "CopyObject", {"Bucket": "b", "Key": "k"}),
    ],
)
def test_an_unmapped_call_is_an_error(service: str, operation: str, params: dict[str, Any]) -> None:
    with pytest.raises(Unmapped):
        required(service, operation, params)


def context(service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    signing = boto3.client(service, region_name="eu-central-1").meta.service_model.signing_name
    (need,) = needs(service, signing, operation, params, HERE, AccountFacts())
    return dict(need.context)


def test_tags_become_condition_keys() -> None:
    arn = f"{SAGEMAKER}:model/m"
    tagged = {"ResourceArn": arn, "Tags": [{"Key": "example:case", "Value": "1"}]}
    assert context("sagemaker", "AddTags", tagged) == {
        "aws:TagKeys": ["example:case"],
        "aws:RequestTag/example:case": "1",
    }
    untagged = {"ResourceArn": arn, "TagKeys": ["a", "b"]}
    assert context("sagemaker", "DeleteTags", untagged)["aws:TagKeys"] == ["a", "b"]


def test_finding_fields_become_condition_keys() -> None:
    given = {"FindingIdentifiers": [], "Workflow": {"Status": "SUPPRESSED"}}
    key = "securityhub:ASFFSyntaxPath/Workflow.Status"
    assert context("securityhub", "BatchUpdateFindings", given)[key] == "SUPPRESSED"


def test_a_boundary_becomes_a_condition_key() -> None:
    given = {"RoleName": "app", "PolicyName": "p", "PolicyDocument": "{}"}
    found = context("iam", "PutRolePolicy", given)
    assert found["iam:PermissionsBoundary"] == "arn:aws:iam::111122223333:policy/limit"


@pytest.mark.parametrize(
    ("operation", "given", "expected"),
    [
        (
            "UpdateServiceSpecificCredential",
            {"UserName": "eve", "ServiceSpecificCredentialId": "ACCAEVE", "Status": "Inactive"},
            "bedrock.amazonaws.com",
        ),
        (
            "UpdateServiceSpecificCredential",
            {"UserName": "eve", "ServiceSpecificCredentialId": "ACCAX", "Status": "Inactive"},
            None,
        ),
        (
            "CreateServiceSpecificCredential",
            {"UserName": "eve", "ServiceName": "cassandra.amazonaws.com"},
            "cassandra.amazonaws.com",
        ),
    ],
)
def test_service_of_a_credential_becomes_a_condition_key(
    operation: str, given: dict[str, Any], expected: str | None
) -> None:
    found = context("iam", operation, given)
    assert found.get("iam:ServiceSpecificCredentialServiceName") == expected
