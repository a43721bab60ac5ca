"""The data class of a finding."""

import doctest
import json
from datetime import timedelta

import pytest

from cordon import finding
from cordon.finding import (
    ARN,
    CLOCKS_DIFFER,
    PARTITIONS,
    Finding,
    Malformed,
    Place,
    Resource,
    ResourceRole,
    Severity,
    SeverityLabel,
    UnsupportedEvent,
    canonical_json,
)
from tests.make import NOON, a_finding

PLACE = Place("aws-cn", "111122223333", "cn-north-1")


def test_docstring_examples_are_correct() -> None:
    result = doctest.testmod(finding)
    assert result.attempted
    assert not result.failed


def test_kind_has_source_and_type() -> None:
    assert a_finding(source="macie", type="A:B/C").kind == "macie:A:B/C"


def test_resources_of_selects_by_type_and_role() -> None:
    role = Resource("AWS::IAM::Role", "r", PLACE, role=ResourceRole.ACTOR)
    other = Resource("AWS::IAM::Role", "r2", PLACE, role=ResourceRole.RELATED)
    finding_with_roles = a_finding(resources=(role, other, role))
    assert finding_with_roles.resources_of("AWS::IAM::Role") == (role, other)
    assert finding_with_roles.resources_of("AWS::IAM::Role", role=ResourceRole.ACTOR) == (role,)
    assert finding_with_roles.resources_of("AWS::S3::Bucket") == ()


def test_place_makes_arns() -> None:
    assert PLACE.arn("sns", "t") == "arn:aws-cn:sns:cn-north-1:111122223333:t"
    assert PLACE.arn("iam", "role/r", region="") == "arn:aws-cn:iam::111122223333:role/r"


@pytest.mark.parametrize("partition", PARTITIONS)
def test_arn_of_every_partition_matches(partition: str) -> None:
    assert ARN.fullmatch(f"arn:{partition}:s3:::bucket")


@pytest.mark.parametrize(
    "arn",
    [
        "arn:awsx:s3:::bucket",
        "arn:aws:s3:::",
        "arn:aws:s3:::a\nb",
        "arn:aws:s3:::a\x9bb",
        "arn:aws:iam::12:role/r",
        "xarn:aws:s3:::bucket",
    ],
)
def test_invalid_arn_does_not_match(arn: str) -> None:
    assert ARN.fullmatch(arn) is None


def test_malformed_names_its_field() -> None:
    error = UnsupportedEvent("source", "is not one that Cordon reads")
    assert isinstance(error, Malformed)
    assert (error.field, str(error)) == ("source", "source: is not one that Cordon reads")


def test_canonical_json_has_one_form() -> None:
    assert canonical_json({"b": [1, None], "a": "é"}) == '{"a":"\\u00e9","b":[1,null]}'


# ---- controls and threats ----


@pytest.mark.parametrize(
    ("source", "type", "control"),
    [
        ("securityhub", "S3.8", True),
        ("securityhub", "BedrockAgentCore.1", True),
        ("config", "s3-bucket-public-read-prohibited", True),
        ("securityhub", "Exposure", False),
        ("guardduty", "Policy:S3/BucketPublicAccessGranted", False),
        ("macie", "Policy:IAMUser/S3BucketPublic", False),
        ("access-analyzer", "S3.8", False),
        ("inspector", "CVE-2026-1", False),
    ],
)
def test_controls_are_no_threats(source: str, type: str, control: bool) -> None:
    assert a_finding(source=source, type=type).is_control is control


@pytest.mark.parametrize(
    ("source", "type", "compliance"),
    [
        ("securityhub", "S3.8", True),
        ("config", "s3-bucket-public-read-prohibited", True),
        ("access-analyzer", "External Access Granted", True),
        ("inspector", "CVE-2026-1", True),
        ("glue-dataquality", "Table", True),
        ("cloudwatch", "AWS/Bedrock:InvocationThrottles", False),
        ("sagemaker", "ModelPackage/Approved", False),
        ("health", "AWS_RISK_CREDENTIALS_EXPOSED", False),
        ("macie", "SensitiveData:S3Object/Financial", True),
        ("macie", "Policy:IAMUser/S3BucketPublic", False),
        ("guardduty", "Policy:S3/BucketPublicAccessGranted", False),
        ("acme/scanner", "S3.8", False),
    ],
)
def test_only_what_says_how_a_resource_is_comes_by_a_queue(
    source: str, type: str, compliance: bool
) -> None:
    assert a_finding(source=source, type=type).is_compliance is compliance


# ---- moments ----

SOON, LATER = NOON + CLOCKS_DIFFER, NOON + CLOCKS_DIFFER + timedelta(seconds=1)


def test_activity_orders_deliveries() -> None:
    before = NOON - timedelta(hours=1)
    assert a_finding().moment == NOON
    assert a_finding(activity=before).moment == before


def test_past_moments_stay() -> None:
    finding = a_finding(activity=SOON, last_seen=SOON)
    assert finding.as_of(NOON) is finding


def test_future_activity_is_none() -> None:
    finding = a_finding(activity=LATER)
    assert finding.as_of(NOON).activity is None
    assert finding.as_of(NOON).moment == NOON


def test_future_publication_counts_as_the_latest_past_moment() -> None:
    before = NOON - timedelta(hours=1)
    finding = a_finding(first_seen=before, last_seen=LATER)
    assert finding.as_of(NOON).last_seen == before
    assert finding.as_of(LATER) is finding
    known = a_finding(first_seen=before, last_seen=LATER, activity=NOON).as_of(NOON)
    assert (known.last_seen, known.activity) == (NOON, NOON)


def test_only_future_moments_are_now() -> None:
    finding = a_finding(first_seen=LATER, last_seen=LATER, activity=LATER).as_of(NOON)
    assert (finding.first_seen, finding.last_seen, finding.activity) == (NOON, NOON, None)


@pytest.mark.parametrize("activity", [None, NOON])
def test_finding_comes_back_from_json(activity: object) -> None:
    finding = a_finding(activity=activity, denied=True)
    assert Finding.from_json(json.loads(json.dumps(finding.to_json()))) == finding


def test_older_row_has_no_activity() -> None:
    raw = a_finding().to_json()
    del raw["activity"], raw["denied"]
    assert Finding.from_json(raw) == a_finding()


def test_urgent_are_high_and_critical() -> None:
    urgent = [one for one in SeverityLabel if Severity("", one).urgent]
    assert urgent == [SeverityLabel.HIGH, SeverityLabel.CRITICAL]


def test_finding_of_an_earlier_version_is_read() -> None:
    """Until 0.2.0 a severity had a score, too: rows of open cases have it."""
    raw = a_finding().to_json()
    raw["severity"]["score"] = 80
    assert Finding.from_json(raw) == a_finding()
