"""Macie's own events."""

from typing import Any

import pytest

from cordon.finding import Place, Principal, Resource, ResourceRole, SeverityLabel, State
from cordon.sources import read
from tests.sources import samples
from tests.sources.samples import ACCOUNT, BUCKET, KEY, REGION, ROLE, SESSION

PLACE = Place("aws", ACCOUNT, REGION)


def by(kind: str, **who: Any) -> Principal | None:
    """The principal of a finding that this identity caused."""
    identity = {"type": kind, **who}
    return read(samples.macie(policyDetails={"actor": {"userIdentity": identity}})).principal


def test_a_public_bucket() -> None:
    finding = read(samples.macie())
    issuer = f"arn:aws:iam::{ACCOUNT}:role/ml/{ROLE}"
    assert finding.kind == "macie:Policy:IAMUser/S3BucketPublic"
    assert (finding.severity.label, finding.severity.native) == (SeverityLabel.HIGH, "High")
    assert finding.principal == Principal("AssumedRole", ROLE, SESSION, KEY, ACCOUNT, issuer)
    assert finding.resources == (
        Resource("AWS::S3::Bucket", BUCKET, PLACE, f"arn:aws:s3:::{BUCKET}"),
        Resource("AWS::IAM::Role", ROLE, PLACE, issuer, ResourceRole.ACTOR),
        Resource("AWS::IAM::AccessKey", KEY, PLACE, "", ResourceRole.ACTOR),
    )
    assert finding.hub is not None
    assert (finding.hub.id, finding.hub.product_arn) == (finding.id, f"{samples.HUB}macie")


@pytest.mark.parametrize(
    ("score", "label"), [(1, SeverityLabel.LOW), (2, SeverityLabel.MEDIUM), (3, SeverityLabel.HIGH)]
)
def test_severity_by_score_or_by_word(score: int, label: SeverityLabel) -> None:
    assert read(samples.macie(severity={"score": score})).severity.label is label
    words = {"description": label.name.title()}
    assert read(samples.macie(severity=words)).severity.label is label


def test_sensitive_data_in_an_object() -> None:
    affected = {"s3Object": {"bucketArn": f"arn:aws:s3:::{BUCKET}", "key": "people.csv"}}
    finding = read(samples.macie(resourcesAffected=affected, policyDetails=None))
    assert [(r.type, r.name) for r in finding.resources] == [
        ("AWS::S3::Bucket", BUCKET),
        ("AWS::S3::Object", "people.csv"),
    ]
    assert finding.principal is None


def test_every_identity() -> None:
    user = by("IAMUser", iamUser={"userName": "alice", "accountId": ACCOUNT})
    assert user == Principal("IAMUser", "alice", account=ACCOUNT)
    root = by("Root", root={"arn": f"arn:aws:iam::{ACCOUNT}:root", "accountId": ACCOUNT})
    assert root == Principal("Root", "root", account=ACCOUNT)
    federated = by(
        "FederatedUser", federatedUser={"arn": f"arn:aws:sts::{ACCOUNT}:federated-user/b"}
    )
    assert federated == Principal("FederatedUser", "b")
    service = by("AWSService", awsService={"invokedBy": "s3.amazonaws.com"})
    assert service == Principal("AWSService", "s3.amazonaws.com")
    foreign = by("AWSAccount", awsAccount={"accountId": "444455556666"})
    assert foreign == Principal("AWSAccount", "444455556666", account="444455556666")
    session = by("AssumedRole", assumedRole={"arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s"})
    assert session == Principal("AssumedRole", "r")


def test_an_identity_macie_adds_later_does_not_hide_the_bucket() -> None:
    assert by("IdentityCenterUser", identityCenterUser={}) is None


def test_samples_and_archived() -> None:
    assert read(samples.macie(sample=True)).sample
    bucket = {"name": "macie-sample-finding-bucket"}
    assert read(samples.macie(resourcesAffected={"s3Bucket": bucket})).sample
    assert read(samples.macie(archived=True)).state is State.ARCHIVED
