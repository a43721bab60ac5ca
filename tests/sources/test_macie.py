"""Macie's own events."""

from typing import Any

import pytest

from cordon.finding import Finding, Place, Principal, SeverityLabel, State
from cordon.sources import read
from tests.examples import ESCALATE, QUARANTINE
from tests.sources import samples
from tests.sources.samples import ACCOUNT, REGION

PLACE = Place("aws", ACCOUNT, REGION)


def principal_of(kind: str, **details: Any) -> Principal | None:
    """The principal of a finding with this userIdentity."""
    identity = {"type": kind, **details}
    return read(samples.macie(policyDetails={"actor": {"userIdentity": identity}})).principal


@pytest.mark.parametrize(
    ("score", "label"), [(1, SeverityLabel.LOW), (2, SeverityLabel.MEDIUM), (3, SeverityLabel.HIGH)]
)
def test_severity_from_score_or_description(score: int, label: SeverityLabel) -> None:
    assert read(samples.macie(severity={"score": score})).severity.label is label
    words = {"description": label.name.title()}
    assert read(samples.macie(severity=words)).severity.label is label


def test_every_identity_becomes_a_principal() -> None:
    user = principal_of("IAMUser", iamUser={"userName": "alice", "accountId": ACCOUNT})
    assert user == Principal("IAMUser", "alice", account=ACCOUNT)
    root = principal_of("Root", root={"arn": f"arn:aws:iam::{ACCOUNT}:root", "accountId": ACCOUNT})
    assert root == Principal("Root", "root", account=ACCOUNT)
    federated = principal_of(
        "FederatedUser", federatedUser={"arn": f"arn:aws:sts::{ACCOUNT}:federated-user/b"}
    )
    assert federated == Principal("FederatedUser", "b")
    service = principal_of("AWSService", awsService={"invokedBy": "s3.amazonaws.com"})
    assert service == Principal("AWSService", "s3.amazonaws.com")
    foreign = principal_of("AWSAccount", awsAccount={"accountId": "444455556666"})
    assert foreign == Principal("AWSAccount", "444455556666", account="444455556666")
    session = principal_of(
        "AssumedRole", assumedRole={"arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s"}
    )
    assert session == Principal("AssumedRole", "r")


def test_unknown_identity_is_no_principal() -> None:
    assert principal_of("IdentityCenterUser", identityCenterUser={}) is None


def test_sample_and_archived_findings_are_recognised() -> None:
    assert read(samples.macie(sample=True)).sample
    bucket = {"name": "macie-sample-finding-bucket"}
    assert read(samples.macie(resourcesAffected={"s3Bucket": bucket})).sample
    assert read(samples.macie(archived=True)).state is State.ARCHIVED


SENSITIVE = "SensitiveData:S3Object/Personal"


def sensitive(id: str, key: str, **changes: Any) -> Finding:
    affected = samples.macie()["detail"]["resourcesAffected"] | {"s3Object": {"key": key}}
    given = {"id": id, "type": SENSITIVE, "resourcesAffected": affected, **changes}
    return read(samples.macie(**given))


def test_sensitive_data_of_one_bucket_is_one_case() -> None:
    """Macie sends a finding an object; ten thousand objects are no ten thousand incidents."""
    first, second = sensitive("a1", "one.csv"), sensitive("b2", "two.csv")
    assert (first.id, second.id) == ("a1", "b2")
    assert ESCALATE.case_id(first) == ESCALATE.case_id(second)
    for other in (
        sensitive("a1", "one.csv", region="eu-west-1"),
        sensitive("a1", "one.csv", type="SensitiveData:S3Object/Financial"),
        sensitive("a1", "one.csv", resourcesAffected={"s3Bucket": {"name": "other"}}),
    ):
        assert ESCALATE.case_id(other) != ESCALATE.case_id(first)
    policies = [read(samples.macie(id=id)) for id in ("a1", "b2")]
    assert len({QUARANTINE.case_id(policy) for policy in policies}) == 2


def test_copies_of_sensitive_data_are_the_same_case() -> None:
    spelled = "Sensitive Data Identifications/PII/SensitiveData:S3Object-Personal"
    item = {"Type": "AwsS3Bucket", "Id": f"arn:aws:s3:::{samples.BUCKET}"}
    product = f"{samples.HUB}macie"
    event = samples.asff(Id="c3", ProductArn=product, Types=[spelled], Resources=[item])
    assert ESCALATE.case_id(read(event)) == ESCALATE.case_id(sensitive("a1", "one.csv"))
