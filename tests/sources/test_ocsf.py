"""The events of the Security Hub of 2025."""

from typing import Any

import pytest

from cordon.finding import Malformed, Place, SeverityLabel, State
from cordon.sources import read
from tests.sources import samples
from tests.sources.samples import ACCOUNT, BUCKET, KEY, REGION
from tests.sources.test_asff import resource_keys


def test_guardduty_copy_equals_native_finding() -> None:
    native, copy = read(samples.guardduty()), read(samples.ocsf())
    for field in ("id", "source", "type", "place", "state", "sample", "principal", "hub"):
        assert getattr(copy, field) == getattr(native, field), field
    assert (copy.first_seen, copy.last_seen) == (native.first_seen, native.last_seen)
    assert resource_keys(copy) == resource_keys(native)
    assert copy.authored_by_aws
    assert (copy.channel, copy.workflow) == ("securityhub_v2", "NEW")


def test_asff_resources_inside_ocsf_are_read() -> None:
    details = samples.an_asff()["Resources"][0]["Details"]
    resources = [
        {"type": "AwsIamAccessKey", "uid": f"AWS::IAM::AccessKey:{KEY}", "data": details},
        {"type": "AwsS3Bucket", "uid": f"arn:aws:s3:::{BUCKET}"},
    ]
    assert resource_keys(read(samples.ocsf(resources=resources))) == resource_keys(
        read(samples.guardduty())
    )


def test_control_is_one_case_in_both_formats() -> None:
    native, copy = read(samples.control()), read(samples.ocsf_control())
    for field in ("id", "kind", "place", "state", "hub", "resources"):
        assert getattr(copy, field) == getattr(native, field), field


def test_macie_finding_has_bucket_and_object() -> None:
    info = {**samples.an_ocsf()["finding_info"], "uid": "f18414f545f90ac35e01655851a29903"}
    info["types"] = ["SensitiveData:S3Object/Personal", "Sensitive Data"]
    product = {"product": {"uid": f"arn:aws:securityhub:{REGION}::productv2/aws/macie"}}
    key = {"type": "AWS::S3::Object", "uid": "people.csv"}
    bucket = {"type": "AWS::S3::Bucket", "uid": BUCKET, "uid_alt": f"arn:aws:s3:::{BUCKET}"}
    changes: dict[str, Any] = {"class_uid": 2006, "finding_info": info, "metadata": product}
    as_resource = read(samples.ocsf(**changes, resources=[key, bucket]))
    databucket = {"name": BUCKET, "uid": f"arn:aws:s3:::{BUCKET}"}
    as_databucket = read(samples.ocsf(**changes, resources=[key], databucket=databucket))
    assert as_resource.kind == "macie:SensitiveData:S3Object/Personal"
    assert as_resource.id == info["uid"]
    assert as_resource.resources == as_databucket.resources
    assert [(r.type, r.name, r.arn) for r in as_resource.resources] == [
        ("AWS::S3::Bucket", BUCKET, f"arn:aws:s3:::{BUCKET}"),
        ("AWS::S3::Object", "people.csv", f"arn:aws:s3:::{BUCKET}/people.csv"),
    ]


def test_long_term_key_without_type_is_a_user() -> None:
    item = {"type": "AWS::IAM::AccessKey", "uid": "AKIAIOSFODNN7EXAMPLE"}
    user = read(samples.ocsf(resources=[{**item, "user": {"name": "alice"}}])).principal
    root = read(samples.ocsf(resources=[{**item, "user": {"name": "Root"}}])).principal
    session = {**item, "uid": KEY, "user": {"name": "alice"}}
    unknown = read(samples.ocsf(resources=[session])).principal
    assert [p.user_type for p in (user, root, unknown) if p] == ["IAMUser", "Unknown", "Unknown"]


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"status_id": 1}, State.ACTIVE),
        ({"status_id": 2}, State.ACTIVE),
        ({"status_id": 3}, State.SUPPRESSED),
        ({"status_id": 5}, State.ARCHIVED),
        ({"activity_id": 3}, State.ARCHIVED),
        ({"compliance": {"control": "S3.2", "status_id": 1}}, State.PASSED),
        ({"compliance": {"control": "S3.2", "status_id": 2}}, State.NOT_EVALUATED),
        ({"compliance": {"control": "S3.2", "status_id": 0}}, State.NOT_EVALUATED),
        ({"compliance": {"control": "S3.2", "status_id": 3}}, State.ACTIVE),
    ],
)
def test_state_follows_status_and_compliance(changes: dict[str, Any], state: State) -> None:
    assert read(samples.ocsf_control(**changes)).state is state


@pytest.mark.parametrize(
    ("number", "label"),
    [
        (0, SeverityLabel.MEDIUM),
        (1, SeverityLabel.INFORMATIONAL),
        (2, SeverityLabel.LOW),
        (3, SeverityLabel.MEDIUM),
        (4, SeverityLabel.HIGH),
        (5, SeverityLabel.CRITICAL),
        (6, SeverityLabel.CRITICAL),
        (99, SeverityLabel.MEDIUM),
    ],
)
def test_severity_id_gives_label(number: int, label: SeverityLabel) -> None:
    assert read(samples.ocsf(severity_id=number)).severity.label is label


def test_other_products_have_one_type_in_both_formats() -> None:
    kinds = ["Software and Configuration Checks/Vulnerabilities/CVE", "Vulnerabilities"]
    product = {"product": {"uid": f"arn:aws:securityhub:{REGION}::productv2/aws/inspector"}}
    info = {**samples.an_ocsf()["finding_info"], "types": kinds}
    copy = read(samples.ocsf(class_uid=2002, metadata=product, finding_info=info))
    asff = read(samples.asff(ProductArn=f"{samples.HUB}inspector", Types=kinds[:1]))
    assert (copy.kind, copy.id) == (asff.kind, asff.id)
    assert copy.type == kinds[0]


@pytest.mark.parametrize("name", ["securityhub-risk", "securityhub-coverage"])
def test_other_aws_products_are_not_trusted(name: str) -> None:
    product = {"product": {"uid": f"arn:aws:securityhub:{REGION}::productv2/aws/{name}"}}
    finding = read(samples.ocsf(metadata=product))
    assert (finding.source, finding.authored_by_aws) == (name, False)


@pytest.mark.parametrize("number", [2001, 2003.5, None, "2003"])
def test_other_classes_are_malformed(number: object) -> None:
    with pytest.raises(Malformed, match="class_uid"):
        read(samples.ocsf(class_uid=number))


def test_place_comes_from_the_finding() -> None:
    product = {"product": {"uid": "arn:aws-cn:securityhub:cn-north-1::productv2/aws/guardduty"}}
    cloud = {"account": {"uid": "444455556666"}, "region": "cn-north-1"}
    finding = read(samples.ocsf(metadata=product, cloud=cloud, resources=[]))
    assert finding.place == Place("aws-cn", "444455556666", "cn-north-1")
    assert finding.place.account != ACCOUNT


@pytest.mark.parametrize("changes", [{"unmapped": {"Sample": "true"}}])
def test_sample_findings_are_recognised(changes: dict[str, Any]) -> None:
    assert read(samples.ocsf(**changes)).sample
    info = {**samples.an_ocsf()["finding_info"], "title": "[SAMPLE] x"}
    assert read(samples.ocsf(finding_info=info)).sample
