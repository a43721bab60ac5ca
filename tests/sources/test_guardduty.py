"""GuardDuty's own events."""

from typing import Any

import pytest

from cordon.finding import (
    Finding,
    Malformed,
    Place,
    ResourceRole,
    SeverityLabel,
    State,
)
from cordon.sources import read
from tests.sources import samples
from tests.sources.samples import ACCOUNT, BUCKET, KEY, REGION, ROLE

PLACE = Place("aws", ACCOUNT, REGION)


def finding_of_caller(**key: Any) -> Finding:
    """A finding with only this caller."""
    return read(samples.guardduty(resource={"accessKeyDetails": key}))


def actors(finding: Finding) -> set[tuple[str, str]]:
    """Type and name of the actors."""
    return {(r.type, r.name) for r in finding.resources if r.role is ResourceRole.ACTOR}


def test_place_ignores_the_envelope() -> None:
    event = samples.guardduty()
    assert event["account"] != read(event).place.account
    assert event["region"] != read(event).place.region


@pytest.mark.parametrize(
    ("severity", "label"),
    [
        (0, SeverityLabel.INFORMATIONAL),
        (0.05, SeverityLabel.LOW),
        (1, SeverityLabel.LOW),
        (3.9, SeverityLabel.LOW),
        (4.0, SeverityLabel.MEDIUM),
        (6.9, SeverityLabel.MEDIUM),
        (7.0, SeverityLabel.HIGH),
        (8.95, SeverityLabel.HIGH),
        (9.0, SeverityLabel.CRITICAL),
        (10, SeverityLabel.CRITICAL),
        (None, SeverityLabel.MEDIUM),
    ],
)
def test_severity_has_label(severity: float | None, label: SeverityLabel) -> None:
    parsed = read(samples.guardduty(severity=severity)).severity
    assert parsed.label is label


@pytest.mark.parametrize("severity", [-1, 10.1, True, "8"])
def test_severity_out_of_range_is_malformed(severity: object) -> None:
    with pytest.raises(Malformed, match=r"detail\.severity"):
        read(samples.guardduty(severity=severity))


@pytest.mark.parametrize(
    ("user_type", "name", "kinds"),
    [
        ("AssumedRole", "r", {("AWS::IAM::Role", "r")}),
        ("Role", "r", {("AWS::IAM::Role", "r")}),
        ("AssumedRole", "AWSReservedSSO_Admin_0123456789abcdef", None),
        ("AssumedRole", "AWSServiceRoleForSageMaker", None),
        ("IAMUser", "alice", {("AWS::IAM::User", "alice")}),
        ("Root", "Root", set()),
        ("FederatedUser", "bob", set()),
        ("AWSService", "config.amazonaws.com", set()),
        ("AWSAccount", "444455556666", set()),
        ("Directory", "d-1", set()),
    ],
)
def test_caller_becomes_principal_and_actors(
    user_type: str, name: str, kinds: set[tuple[str, str]] | None
) -> None:
    finding = finding_of_caller(userType=user_type, userName=name, accessKeyId=KEY)
    assert finding.principal is not None
    assert (finding.principal.user_type, finding.principal.name) == (user_type, name)
    expected = {("AWS::IAM::Role", name)} if kinds is None else kinds
    assert actors(finding) == expected | {("AWS::IAM::AccessKey", KEY)}


def test_anonymous_caller_is_no_principal() -> None:
    finding = finding_of_caller(userType="", userName="", accessKeyId="", principalId="")
    assert finding.principal is None
    assert actors(finding) == set()


def remote(user_type: str) -> dict[str, Any]:
    """A call from account 444455556666."""
    call = {"remoteAccountDetails": {"accountId": "444455556666", "affiliated": False}}
    key = {"userType": user_type, "userName": ROLE, "accessKeyId": KEY}
    service = {"action": {"awsApiCallAction": call}}
    return samples.guardduty(resource={"accessKeyDetails": key}, service=service)


def test_role_session_ignores_the_remote_account() -> None:
    principal = read(remote("AssumedRole")).principal
    assert principal is not None
    assert principal.account == ""


def test_account_principal_has_the_remote_account() -> None:
    principal = read(remote("AWSAccount")).principal
    assert principal is not None
    assert principal.account == "444455556666"


def test_bucket_types_are_recognised() -> None:
    details = [
        {"name": "a-source", "type": "Source"},
        {"arn": f"arn:aws:s3express:{REGION}:{ACCOUNT}:bucket/d--euc1-az1--x-s3"},
        {"name": "e--euc1-az1--x-s3"},
        {"arn": f"arn:aws:s3tables:{REGION}:{ACCOUNT}:bucket/tables/table/1"},
        {"arn": f"arn:aws:s3vectors:{REGION}:{ACCOUNT}:bucket/vectors", "name": "vectors"},
    ]
    finding = read(samples.guardduty(resource={"s3BucketDetails": details}))
    assert [(r.type, r.name, r.arn) for r in finding.resources] == [
        ("AWS::S3::Bucket", "a-source", "arn:aws:s3:::a-source"),
        ("AWS::S3Express::DirectoryBucket", "d--euc1-az1--x-s3", details[1]["arn"]),
        ("AWS::S3Express::DirectoryBucket", "e--euc1-az1--x-s3", ""),
        ("AWS::S3Tables::TableBucket", "tables", details[3]["arn"]),
        ("AWS::S3Vectors::VectorBucket", "vectors", details[4]["arn"]),
    ]


def test_bucket_name_and_arn_must_agree() -> None:
    details = [{"name": "own", "arn": "arn:aws:s3:::other"}]
    with pytest.raises(Malformed) as raised:
        read(samples.guardduty(resource={"s3BucketDetails": details}))
    assert raised.value.field == "detail.resource.s3BucketDetails[0].arn"


def test_hostile_object_key_keeps_its_bucket() -> None:
    details = [{"name": BUCKET, "s3ObjectDetails": [{"key": "a\nb\u202e"}, {"key": "ok/1"}]}]
    finding = read(samples.guardduty(resource={"s3BucketDetails": details}))
    names = [(r.name, r.arn) for r in finding.resources]
    assert names == [
        (BUCKET, f"arn:aws:s3:::{BUCKET}"),
        ("a b", ""),
        ("ok/1", f"arn:aws:s3:::{BUCKET}/ok/1"),
    ]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", "bad\nname"),
        ("name", "../x"),
        ("name", "a"),
        ("name", 7),
        ("arn", "arn:evil:s3:::training-data"),
        ("arn", "arn:aws:iam::1:role/x"),
    ],
)
def test_malformed_names_the_field_as_guardduty_does(path: str, value: object) -> None:
    with pytest.raises(Malformed) as raised:
        read(samples.guardduty(resource={"s3BucketDetails": [{"name": BUCKET, path: value}]}))
    assert raised.value.field == f"detail.resource.s3BucketDetails[0].{path}"


def test_other_resources_are_read() -> None:
    profile = f"arn:aws:iam::{ACCOUNT}:instance-profile/ml/p"
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:score"
    guardrail = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:guardrail/g123456789"
    resource = {
        "instanceDetails": {
            "instanceId": "i-0abc123def4567890",
            "iamInstanceProfile": {"arn": profile, "id": "AIPA"},
        },
        "lambdaDetails": {"functionArn": f"{function}:1", "functionName": "score"},
        "ecsClusterDetails": {
            "name": "c",
            "arn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/c",
            "taskDetails": {"arn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/c/1"},
        },
        "eksClusterDetails": {"name": "k"},
        "modelDetails": [{"modelId": "anthropic.claude-v2:1"}],
        "bedrockGuardrailDetails": {"guardrails": [{"arn": guardrail, "version": "1"}]},
    }
    finding = read(samples.guardduty(resource=resource))
    assert [(r.type, r.name, r.role) for r in finding.resources] == [
        ("AWS::EC2::Instance", "i-0abc123def4567890", ResourceRole.TARGET),
        ("AWS::IAM::InstanceProfile", "p", ResourceRole.RELATED),
        ("AWS::Lambda::Function", "score", ResourceRole.TARGET),
        ("AWS::EKS::Cluster", "k", ResourceRole.TARGET),
        ("AWS::ECS::Cluster", "c", ResourceRole.TARGET),
        ("AWS::ECS::Task", "c/1", ResourceRole.RELATED),
        ("AWS::Bedrock::Guardrail", "g123456789", ResourceRole.RELATED),
        ("AWS::Bedrock::FoundationModel", "anthropic.claude-v2:1", ResourceRole.RELATED),
    ]


def models(id_: str, **call: Any) -> list[tuple[str, str, str]]:
    """Type, name and ARN of a model that was invoked."""
    service = {"action": {"awsApiCallAction": call}} if call else {}
    resource = {"modelDetails": [{"modelId": id_}]}
    finding = read(samples.guardduty(resource=resource, service=service))
    return [(r.type, r.name, r.arn) for r in finding.resources]


@pytest.mark.parametrize(
    "call",
    [
        {"serviceName": "sagemaker.amazonaws.com", "api": "InvokeEndpoint"},
        {"serviceName": "runtime.sagemaker.amazonaws.com", "api": "InvokeEndpointAsync"},
        {"api": "InvokeEndpointWithResponseStream"},
    ],
)
@pytest.mark.parametrize("name", ["acme-churn-model", "Fraud.V2", "anthropic.claude-v2"])
def test_model_of_sagemaker_is_an_endpoint(name: str, call: dict[str, Any]) -> None:
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{name.lower()}"
    assert models(name, **call) == [("AWS::SageMaker::Endpoint", name, arn)]


@pytest.mark.parametrize("name", ["amazon.nova-pro-v1:0", "us.anthropic.claude-sonnet-4-v1:0"])
def test_model_of_bedrock_is_a_foundation_model(name: str) -> None:
    expected = [("AWS::Bedrock::FoundationModel", name, "")]
    assert models(name, serviceName="bedrock.amazonaws.com", api="Converse") == expected
    assert models(name) == expected


def test_model_of_an_unknown_call_is_nothing_known() -> None:
    """A name alone may be an endpoint's."""
    assert models("acme-churn") == [("Other", "acme-churn", "")]


@pytest.mark.parametrize(
    "changes",
    [
        {"service": {"additionalInfo": {"sample": True}}},
        {"service": {"additionalInfo": {"value": '{"sample":true}'}}},
        {"service": {"additionalInfo": '{"sample":true}'}},
        {"title": "[SAMPLE] Something happened"},
    ],
)
def test_sample_findings_are_recognised(changes: dict[str, Any]) -> None:
    assert read(samples.guardduty(**changes)).sample


@pytest.mark.parametrize("info", ["sample", [], ["sample"], 7, None, '{"value":"sample"}'])
def test_odd_additional_information_is_no_sample(info: object) -> None:
    assert not read(samples.guardduty(service={"additionalInfo": info})).sample


@pytest.mark.parametrize("value", ['{"sample":false}', '"sample"', '{"sample":', '["sample"]'])
def test_mention_of_samples_is_not_a_sample(value: str) -> None:
    service = {"additionalInfo": {"value": value}}
    finding = read(samples.guardduty(service=service, title="A [SAMPLE] was read"))
    assert not finding.sample


def test_archived_finding_is_archived() -> None:
    assert read(samples.guardduty(service={"archived": True})).state is State.ARCHIVED


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("eusc-de-east-1", "aws-eusc"),
        ("us-isob-east-1", "aws-iso-b"),
        ("ap-southeast-2", "aws"),
    ],
)
def test_region_gives_the_partition(region: str, partition: str) -> None:
    finding = read(samples.guardduty(region=region, partition=None, resource={}))
    assert finding.place == Place(partition, ACCOUNT, region)


def test_hub_reference_is_built_from_the_detector() -> None:
    finding = read(samples.guardduty(arn=None))
    assert finding.hub == read(samples.guardduty()).hub
    assert read(samples.guardduty(arn=None, service={})).hub is None
