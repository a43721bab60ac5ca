"""AWS Config's own events."""

import pytest

from cordon.finding import Malformed, Place, Resource, SeverityLabel, State
from cordon.sources import read
from tests.sources import samples
from tests.sources.samples import ACCOUNT, BUCKET, REGION

PLACE = Place("aws", ACCOUNT, REGION)


def test_noncompliant_bucket_finding() -> None:
    finding = read(samples.config())
    assert finding.kind == "config:s3-bucket-public-read-prohibited"
    rule = "s3-bucket-public-read-prohibited"
    assert finding.id == f"{ACCOUNT}/{REGION}/{rule}/AWS::S3::Bucket/{BUCKET}"
    assert finding.severity.label is SeverityLabel.MEDIUM
    assert finding.resources == (
        Resource("AWS::S3::Bucket", BUCKET, PLACE, f"arn:aws:s3:::{BUCKET}"),
    )
    assert (finding.hub, finding.principal) == (None, None)


@pytest.mark.parametrize(
    ("compliance", "state"),
    [
        ("NON_COMPLIANT", State.ACTIVE),
        ("COMPLIANT", State.PASSED),
        ("NOT_APPLICABLE", State.ARCHIVED),
        ("INSUFFICIENT_DATA", State.NOT_EVALUATED),
    ],
)
def test_compliance_gives_state(compliance: str, state: State) -> None:
    finding = read(samples.config(newEvaluationResult={"complianceType": compliance}))
    assert finding.state is state
    assert finding.id == read(samples.config()).id


def test_deleted_result_is_not_a_pass() -> None:
    assert read(samples.config(newEvaluationResult=None)).state is State.NOT_EVALUATED


@pytest.mark.parametrize("kind", ["ConfigRulesEvaluationStarted", "", None])
def test_other_message_types_are_malformed(kind: str | None) -> None:
    with pytest.raises(Malformed) as raised:
        read(samples.config(messageType=kind))
    assert raised.value.field == "detail.messageType"


def test_ai_resource_by_arn() -> None:
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:notebook-instance/explorer"
    kind = "AWS::SageMaker::NotebookInstance"
    finding = read(samples.config(resourceType=kind, resourceId=arn))
    assert finding.resources == (Resource(kind, "explorer", PLACE, arn),)


def test_ai_resource_by_joined_identifier() -> None:
    kind = "AWS::Bedrock::DataSource"
    finding = read(samples.config(resourceType=kind, resourceId="KB1A2B3C4D|DS5E6F7G8H"))
    assert finding.resources[0].name == "KB1A2B3C4D|DS5E6F7G8H"


def test_ai_resource_by_name() -> None:
    kind = "AWS::SageMaker::NotebookInstance"
    finding = read(samples.config(resourceType=kind, resourceId="explorer"))
    arn = PLACE.arn("sagemaker", "notebook-instance/explorer")
    assert finding.resources == (Resource(kind, "explorer", PLACE, arn),)
