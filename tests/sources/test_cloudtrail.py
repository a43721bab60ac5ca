"""API calls: who called, and what the call changed."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from cordon.deployment import Deployment
from cordon.finding import Fact, Malformed, ResourceRole
from cordon.sources import read
from tests.make import DEPLOYMENT

SAMPLE = Path(__file__).parents[2] / "events" / "nobody" / "cloudtrail_guardrail_created.json"
HERE = Deployment(**{**vars(DEPLOYMENT), "region": "us-east-1"})
GATEWAY = "arn:aws:bedrock-agentcore:us-east-1:111122223333:gateway/acme-abc1234567"
Event = dict[str, Any]


def a_call(service: str, name: str, **detail: Any) -> Event:
    made: Event = json.loads(SAMPLE.read_text())
    made["source"] = f"aws.{service}"
    made["detail"] |= {"eventSource": f"{service}.amazonaws.com", "eventName": name, **detail}
    return made


def changed(event: Event) -> list[tuple[str, str, str]]:
    targets = (r for r in read(event).resources if r.role is not ResourceRole.ACTOR)
    return [(r.type, r.name, r.arn) for r in targets]


def test_kind_is_the_call_and_the_caller_is_the_principal() -> None:
    finding = read(a_call("cloudtrail", "StopLogging"))
    assert finding.kind == "cloudtrail:cloudtrail:StopLogging"
    assert finding.principal is not None
    assert (finding.principal.user_type, finding.principal.name) == (
        "AssumedRole",
        "DataPlatformDeployer",
    )
    assert finding.fact(Fact.EVENT_NAME) == "StopLogging"
    assert finding.activity == finding.last_seen
    assert finding.id == "7d3a9e0c-58b1-4b62-9a7f-1c2d3e4f5a6b"
    assert not finding.denied


def test_failed_call_is_denied() -> None:
    assert read(a_call("kms", "ScheduleKeyDeletion", errorCode="AccessDenied")).denied


@pytest.mark.parametrize(
    ("service", "name", "parameters", "expected"),
    [
        (
            "cloudtrail",
            "StopLogging",
            {"name": "arn:aws:cloudtrail:us-east-1:111122223333:trail/main"},
            (
                "AWS::CloudTrail::Trail",
                "main",
                "arn:aws:cloudtrail:us-east-1:111122223333:trail/main",
            ),
        ),
        (
            "cloudtrail",
            "StopLogging",
            {"name": "main"},
            (
                "AWS::CloudTrail::Trail",
                "main",
                "arn:aws:cloudtrail:us-east-1:111122223333:trail/main",
            ),
        ),
        (
            "config",
            "StopConfigurationRecorder",
            {"configurationRecorderName": "default"},
            ("AWS::Config::ConfigurationRecorder", "default", ""),
        ),
        (
            "bedrock",
            "DeleteModelInvocationLoggingConfiguration",
            None,
            ("AWS::Bedrock::ModelInvocationLogging", "111122223333", ""),
        ),
        ("iam", "CreateAccessKey", {"userName": "mallory"}, ("AWS::IAM::User", "mallory", "")),
        (
            "bedrock-agentcore",
            "PutResourcePolicy",
            {"resourceArn": quote(GATEWAY, safe="")},
            ("AWS::BedrockAgentCore::Gateway", "acme-abc1234567", GATEWAY),
        ),
        (
            "bedrock-agentcore",
            "PutResourcePolicy",
            {"resourceArn": quote(f"{GATEWAY}\n{GATEWAY}", safe="")},
            None,
        ),
        ("kms", "DisableKey", {"keyId": 'a" onload="'}, None),
        ("iam", "CreateAccessKey", {"userName": ["mallory"]}, None),
        ("ec2", "RunInstances", {"name": "x"}, None),
    ],
)
def test_changed_resource_is_read_from_the_request(
    service: str, name: str, parameters: Any, expected: tuple[str, str, str] | None
) -> None:
    event = a_call(service, name, requestParameters=parameters, responseElements=None)
    assert changed(event) == ([expected] if expected else [])


def test_arns_that_cloudtrail_lists_come_first() -> None:
    key = "arn:aws:kms:us-east-1:111122223333:key/8f0e1d2c-0000-4000-8000-000000000001"
    listed = [{"ARN": key, "accountId": "111122223333", "type": "AWS::KMS::Key"}]
    event = a_call("kms", "DisableKey", requestParameters={"keyId": "alias/x"}, resources=listed)
    assert changed(event) == [("AWS::KMS::Key", key.rpartition("/")[2], key)]


def test_response_names_what_the_request_does_not() -> None:
    response = {"configId": "cfg1234567"}
    event = a_call("bedrock", "PutEnforcedGuardrailConfiguration", responseElements=response)
    kinds = [kind for kind, _, _ in changed(event)]
    assert kinds == ["AWS::Bedrock::EnforcedGuardrailConfiguration"]
    response = {"gatewayArn": GATEWAY}
    for name in ("UpdateGateway", "CreateGatewayTarget"):
        event = a_call("bedrock-agentcore", name, requestParameters=None, responseElements=response)
        assert changed(event) == [("AWS::BedrockAgentCore::Gateway", "acme-abc1234567", GATEWAY)]


@pytest.mark.parametrize(
    ("name", "member", "kind"),
    [
        ("CreateAccessKey", "accessKey", "AWS::IAM::AccessKey"),
        (
            "CreateServiceSpecificCredential",
            "serviceSpecificCredential",
            "AWS::IAM::ServiceSpecificCredential",
        ),
    ],
)
def test_credential_that_was_made_is_read_and_no_secret(name: str, member: str, kind: str) -> None:
    """CloudTrail hides secrets; were one there, nothing of ours would have it."""
    made = {
        "userName": "mallory",
        f"{member}Id": "AKIAI44QH8DHBEXAMPLE",
        "serviceName": "bedrock.amazonaws.com",
        "secretAccessKey": "s3cret",
        "serviceCredentialSecret": "s3cret",
        "servicePassword": "s3cret",
    }
    event = a_call("iam", name, requestParameters=None, responseElements={member: made})
    assert changed(event) == [(kind, "AKIAI44QH8DHBEXAMPLE", ""), ("AWS::IAM::User", "mallory", "")]
    assert "s3cret" not in str(read(event).to_json())
    of_root = {member: {**made, "userName": None}}
    assert changed(a_call("iam", name, requestParameters=None, responseElements=of_root)) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("eventID", None),
        ("eventName", "Stop Logging"),
        ("eventSource", "evil.example.com"),
        ("eventTime", "yesterday"),
        ("awsRegion", None),
    ],
)
def test_what_must_be_readable_names_its_field(field: str, value: Any) -> None:
    with pytest.raises(Malformed, match=f"detail.{field}"):
        read(a_call("kms", "DisableKey", **{field: value}))


def test_event_must_come_from_its_own_region() -> None:
    event = a_call("kms", "DisableKey")
    assert read(event, HERE).served
    with pytest.raises(Malformed, match="region"):
        read({**event, "region": "eu-west-1"}, HERE)


def test_caller_without_a_name_is_no_fault() -> None:
    finding = read(a_call("kms", "DisableKey", userIdentity={"invokedBy": "x.amazonaws.com"}))
    assert finding.principal is None
    assert "Somebody" in finding.description
