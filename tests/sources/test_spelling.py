"""Spelling of text, ARNs, finding types and times."""

import doctest
from datetime import UTC, datetime
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cordon.finding import Malformed
from cordon.sources import arns, finding_types, places, text
from cordon.sources.field import Field

# GuardDuty User Guide, "Interpreting GuardDuty finding names": each form of its table.
TYPES = [
    ("TTPs/AttackSequence:IAM/CompromisedCredentials", "AttackSequence:IAM/CompromisedCredentials"),
    ("TTPs/Command and Control/Backdoor:EC2-C&CActivity.B!DNS", "Backdoor:EC2/C&CActivity.B!DNS"),
    (
        "TTPs/Credential Access/IAMUser-AnomalousBehavior",
        "CredentialAccess:IAMUser/AnomalousBehavior",
    ),
    ("TTPs/Initial Access/IAMUser-AnomalousBehavior", "InitialAccess:IAMUser/AnomalousBehavior"),
    ("TTPs/Discovery/RDS-TorIPCaller", "Discovery:RDS/TorIPCaller"),
    (
        "TTPs/AnomalousBehavior/CredentialAccess:Kubernetes-SecretsAccessed",
        "CredentialAccess:Kubernetes/AnomalousBehavior.SecretsAccessed",
    ),
    (
        "TTPs/AnomalousBehavior/Persistence:Kubernetes-WorkloadDeployed!ContainerWithSensitiveMount",
        "Persistence:Kubernetes/AnomalousBehavior.WorkloadDeployed!ContainerWithSensitiveMount",
    ),
    ("TTPs/DefenseEvasion/EC2:Unusual-DNS-Resolver", "DefenseEvasion:EC2/UnusualDNSResolver"),
    ("TTPs/DefenseEvasion/EC2:Unusual-DoH-Activity", "DefenseEvasion:EC2/UnusualDoHActivity"),
    ("TTPs/Discovery:S3-AnomalousBehavior", "Discovery:S3/AnomalousBehavior"),
    ("TTPs/PenTest:IAMUser/KaliLinux", "PenTest:IAMUser/KaliLinux"),
    ("TTPs/Impact:S3-AnomalousBehavior.Delete", "Impact:S3/AnomalousBehavior.Delete"),
    (
        "Effects/Resource Consumption/UnauthorizedAccess:Lambda-TorClient",
        "UnauthorizedAccess:Lambda/TorClient",
    ),
    (
        "Software and Configuration Checks/AWS Security Best Practices/Policy:Kubernetes-Exposed",
        "Policy:Kubernetes/Exposed",
    ),
    (
        "Sensitive Data Identifications/PII/SensitiveData:S3Object-Personal",
        "SensitiveData:S3Object/Personal",
    ),
    ("Policy:S3/BucketPublicAccessGranted", "Policy:S3/BucketPublicAccessGranted"),
    ("Something/else entirely", "Something/else entirely"),
]


@pytest.mark.parametrize("module", [arns, finding_types, places, text])
def test_docstring_examples_are_correct(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed


@pytest.mark.parametrize(("hub_type", "native"), TYPES)
def test_hub_type_becomes_native_type(hub_type: str, native: str) -> None:
    assert finding_types.native_type((Field("t", hub_type),)) == native


def test_first_known_type_counts() -> None:
    types = (Field("t", "Threats"), Field("t", "AttackSequence:EC2/CompromisedInstanceGroup"))
    assert finding_types.native_type(types) == "AttackSequence:EC2/CompromisedInstanceGroup"
    assert finding_types.native_type(()) == ""


@pytest.mark.parametrize(
    ("arn", "kind", "name"),
    [
        ("sagemaker:{p}:user-profile/d-1/alice", "AWS::SageMaker::UserProfile", "d-1/alice"),
        ("sagemaker:{p}:app/d-1/u/jupyter/a", "AWS::SageMaker::App", "d-1/u/jupyter/a"),
        ("sagemaker:{p}:training-job/j", "AWS::SageMaker::TrainingJob", "j"),
        ("bedrock:{p}:agent-alias/A/B", "AWS::Bedrock::AgentAlias", "A/B"),
        ("bedrock:{p}:knowledge-base/K/data-source/D", "AWS::Bedrock::DataSource", "K/D"),
        ("bedrock:{p}:prompt-router/x", "AWS::Bedrock::IntelligentPromptRouter", "x"),
        (
            "bedrock:eu-west-1::foundation-model/anthropic.claude-v2:1",
            "AWS::Bedrock::FoundationModel",
            "anthropic.claude-v2:1",
        ),
        (
            "bedrock-agentcore:{p}:runtime/R/runtime-endpoint/E",
            "AWS::BedrockAgentCore::RuntimeEndpoint",
            "R/E",
        ),
        (
            "bedrock-agentcore:{p}:token-vault/default/oauth2credentialprovider/p",
            "AWS::BedrockAgentCore::OAuth2CredentialProvider",
            "default/p",
        ),
        (
            "bedrock-agentcore:eu-west-1:aws:code-interpreter/aws.codeinterpreter.v1",
            "AWS::BedrockAgentCore::CodeInterpreter",
            "aws.codeinterpreter.v1",
        ),
        ("s3:::bucket/a/b", "AWS::S3::Object", "a/b"),
        ("s3:{p}:accesspoint/ap", "AWS::S3::AccessPoint", "ap"),
        ("sts::111122223333:assumed-role/r/s", "AWS::IAM::Role", "r"),
        ("lambda:{p}:function:f:1", "AWS::Lambda::Function", "f"),
    ],
)
def test_arn_gives_type_and_name(arn: str, kind: str, name: str) -> None:
    full = "arn:aws:" + arn.format(p="eu-west-1:111122223333")
    assert arns.type_and_name(full) == (kind, name)


@pytest.mark.parametrize("arn", ["arn:aws:sagemaker:r:111122223333:x", "arn:aws:q:::x", "x"])
def test_unknown_arn_is_kept_as_name(arn: str) -> None:
    assert arns.type_and_name(arn) == ("Other", arn)


@given(value=st.text(), limit=st.integers(min_value=1, max_value=50))
def test_one_line_is_bounded_printable_and_idempotent(value: str, limit: int) -> None:
    cleaned = text.one_line(value, limit)
    assert len(cleaned) <= limit
    assert text.is_printable(cleaned)
    assert text.one_line(cleaned, limit) == cleaned


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-11-24T11:00:00Z", datetime(2026, 11, 24, 11, tzinfo=UTC)),
        ("2026-11-24T12:00:00.999+01:00", datetime(2026, 11, 24, 11, tzinfo=UTC)),
        ("2026-11-24T11:00:00.337224100Z", datetime(2026, 11, 24, 11, tzinfo=UTC)),
        ("2026-11-24T11:00:00", datetime(2026, 11, 24, 11, tzinfo=UTC)),
        (1795518000999, datetime(2026, 11, 24, 11, tzinfo=UTC)),
        (None, None),
        ("", None),
    ],
)
def test_time_is_parsed_to_the_second(value: object, expected: datetime | None) -> None:
    assert Field("t", value).time() == expected


@pytest.mark.parametrize(
    "value", ["2026-02-30T00:00:00Z", "2026-11-24", "now", "1026-11-24T11:00:00Z", 1, 1e300, True]
)
def test_invalid_time_is_malformed(value: object) -> None:
    with pytest.raises(Malformed, match=r"^t: "):
        Field("t", value).time()
