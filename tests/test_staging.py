"""Staging creates a finding's resources in the state that it describes, once."""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import boto3
import pytest
from moto import mock_aws

from console.staging import FOREIGN, OWN_TAGS, Client, stage
from cordon import sources
from cordon.finding import (
    Finding,
    HubReference,
    Malformed,
    Place,
    Principal,
    Resource,
    ResourceRole,
    State,
    UnsupportedEvent,
)
from embedded import backends
from embedded.backends import hub as findings_hub
from tests.examples import EVENTS
from tests.make import ACCOUNT, PLACE, a_finding

CN = Place("aws-cn", ACCOUNT, "cn-north-1")
GOV = Place("aws-us-gov", ACCOUNT, "us-gov-west-1")


@cache
def client_of(service: str, region: str) -> Any:
    backends.install()
    return boto3.session.Session("id", "secret").client(service, region_name=region)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    def make(service: str, region: str, account: str) -> Any:
        monkeypatch.setenv("MOTO_ACCOUNT_ID", account)
        return client_of(service, region)

    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        yield make


def bucket(place: Place = PLACE, name: str = "training-data") -> Resource:
    return Resource("AWS::S3::Bucket", name, place, f"arn:{place.partition}:s3:::{name}")


def about(kind: str, *resources: Resource, place: Place = PLACE, **more: Any) -> Finding:
    source, _, of = kind.partition(":")
    return a_finding(source=source, type=of, resources=resources, place=place, **more)


def sids(s3: Any, name: str = "training-data") -> set[str]:
    policy = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
    return {statement["Sid"] for statement in policy["Statement"]}


def blocked(s3: Any, name: str = "training-data") -> bool:
    try:
        block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    except s3.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "NoSuchPublicAccessBlockConfiguration"
        return False
    return all(block.values())


@pytest.mark.parametrize(
    ("kind", "statements", "block"),
    [
        ("guardduty:Policy:S3/BucketAnonymousAccessGranted", {"AnybodyReads"}, False),
        ("macie:Policy:IAMUser/S3BucketPublic", {"AnybodyReads"}, False),
        ("securityhub:S3.2", {"AnybodyReads"}, False),
        ("securityhub:S3.8", set(), False),
        ("guardduty:Policy:S3/BucketBlockPublicAccessDisabled", set(), False),
        ("macie:Policy:IAMUser/S3BucketSharedExternally", {"PartnerReads"}, True),
        ("macie:Policy:IAMUser/S3BucketReplicatedExternally", set(), True),
        ("guardduty:Exfiltration:S3/AnomalousBehavior", set(), True),
    ],
)
def test_bucket_has_the_state_of_its_finding(
    client: Client, kind: str, statements: set[str], block: bool
) -> None:
    stage(about(kind, bucket()), client)
    s3 = client("s3", PLACE.region, ACCOUNT)
    assert sids(s3) == {"OwnersRead"} | statements
    assert blocked(s3) is block
    public = s3.get_bucket_policy_status(Bucket="training-data")["PolicyStatus"]["IsPublic"]
    assert public is ("AnybodyReads" in statements)
    tags = s3.get_bucket_tagging(Bucket="training-data")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == OWN_TAGS
    assert s3.get_bucket_location(Bucket="training-data")["LocationConstraint"] == PLACE.region


def test_passed_bucket_is_private(client: Client) -> None:
    stage(about("securityhub:S3.2", bucket(), state=State.PASSED), client)
    s3 = client("s3", PLACE.region, ACCOUNT)
    assert blocked(s3) and sids(s3) == {"OwnersRead"}


def test_replicated_bucket_has_foreign_and_own_rule(client: Client) -> None:
    stage(about("macie:Policy:IAMUser/S3BucketReplicatedExternally", bucket()), client)
    s3 = client("s3", PLACE.region, ACCOUNT)
    rules = s3.get_bucket_replication(Bucket="training-data")["ReplicationConfiguration"]["Rules"]
    assert [rule["Destination"]["Account"] for rule in rules] == [ACCOUNT, FOREIGN]
    assert s3.get_bucket_versioning(Bucket="training-data")["Status"] == "Enabled"


def test_attacked_bucket_expires_after_a_day(client: Client) -> None:
    stage(about("guardduty:Impact:S3/AnomalousBehavior.Delete", bucket()), client)
    s3 = client("s3", PLACE.region, ACCOUNT)
    rules = s3.get_bucket_lifecycle_configuration(Bucket="training-data")["Rules"]
    assert [rule.get("Expiration") for rule in rules] == [None, {"Days": 1}]


def test_existing_bucket_is_skipped(client: Client) -> None:
    s3 = client("s3", PLACE.region, ACCOUNT)
    s3.create_bucket(
        Bucket="training-data", CreateBucketConfiguration={"LocationConstraint": PLACE.region}
    )
    staged = stage(about("securityhub:S3.2", bucket()), client)
    assert "bucket training-data: exists already" in staged.left
    with pytest.raises(s3.exceptions.ClientError):
        s3.get_bucket_policy(Bucket="training-data")


def test_foreign_bucket_is_created_in_its_account(client: Client) -> None:
    foreign = Place("aws", "444455556666", "eu-west-1")
    stage(about("securityhub:S3.2", bucket(foreign, "foreign")), client)
    assert client("s3", PLACE.region, ACCOUNT).list_buckets()["Buckets"] == []
    names = client("s3", "eu-west-1", foreign.account).list_buckets()["Buckets"]
    assert [bucket["Name"] for bucket in names] == ["foreign"]


@pytest.mark.parametrize("place", [CN, GOV])
def test_other_partitions_are_staged(client: Client, place: Place) -> None:
    endpoint = place.arn("sagemaker", "endpoint/e")
    user = Resource("AWS::IAM::User", "mallory", place, role=ResourceRole.ACTOR)
    finding = about(
        "macie:Policy:IAMUser/S3BucketSharedExternally",
        bucket(place),
        user,
        Resource("AWS::SageMaker::Endpoint", "e", place, endpoint),
        place=place,
    )
    stage(finding, client)
    s3 = client("s3", place.region, ACCOUNT)
    policy = s3.get_bucket_policy(Bucket="training-data")["Policy"]
    assert f"arn:{place.partition}:iam::{FOREIGN}:root" in policy
    assert client("iam", place.region, ACCOUNT).get_user(UserName="mallory")
    listed = client("sagemaker", place.region, ACCOUNT).list_tags(ResourceArn=endpoint)["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in listed} == OWN_TAGS


@pytest.mark.parametrize(
    ("name", "arn", "path", "hours"),
    [
        ("trainer", "", "/", 4),
        ("trainer", "arn:aws:iam::111122223333:role/team/ml/trainer", "/team/ml/", 4),
        ("trainer", "arn:aws:iam::111122223333:role/team/other", "/", 4),
        ("AWSServiceRoleForMacie", "", "/aws-service-role/sagemaker.amazonaws.com/", 1),
        ("AWSReservedSSO_Admin_0123456789abcdef", "", "/aws-reserved/sso.amazonaws.com/", 1),
    ],
)
def test_role_has_its_path_and_session_length(
    client: Client, name: str, arn: str, path: str, hours: int
) -> None:
    role = Resource("AWS::IAM::Role", name, PLACE, role=ResourceRole.ACTOR)
    principal = Principal("AssumedRole", name, issuer=arn)
    stage(about("guardduty:Impact:IAMUser/X", role, principal=principal), client)
    iam = client("iam", PLACE.region, ACCOUNT)
    created = iam.get_role(RoleName=name)["Role"]
    assert (created["Path"], created["MaxSessionDuration"]) == (path, hours * 3600)
    own = [] if path.startswith("/aws-") else ["own"]
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == own


def test_user_has_the_findings_key_and_another(client: Client) -> None:
    key = "AKIAVBNJ62RNSPTOWVDB"
    user = Resource("AWS::IAM::User", "ben", PLACE, role=ResourceRole.ACTOR)
    used = Resource("AWS::IAM::AccessKey", key, PLACE, role=ResourceRole.ACTOR)
    finding = about("guardduty:Exfiltration:IAMUser/X", user, used)
    stage(finding, client)
    again = stage(finding, client)
    iam = client("iam", PLACE.region, ACCOUNT)
    keys = iam.list_access_keys(UserName="ben")["AccessKeyMetadata"]
    assert len(keys) == 2 and key in {item["AccessKeyId"] for item in keys}
    assert {item["Status"] for item in keys} == {"Active"}
    iam.update_access_key(UserName="ben", AccessKeyId=key, Status="Inactive")
    keys = iam.list_access_keys(UserName="ben")["AccessKeyMetadata"]
    assert {item["AccessKeyId"] for item in keys if item["Status"] == "Inactive"} == {key}
    assert again.made == ()


def test_temporary_key_is_not_created(client: Client) -> None:
    user = Resource("AWS::IAM::User", "ben", PLACE, role=ResourceRole.ACTOR)
    used = Resource("AWS::IAM::AccessKey", "ASIAVBNJ62RNSPTOWVDB", PLACE, role=ResourceRole.ACTOR)
    stage(about("guardduty:Exfiltration:IAMUser/X", user, used), client)
    iam = client("iam", PLACE.region, ACCOUNT)
    assert iam.list_access_keys(UserName="ben")["AccessKeyMetadata"] == []


def test_keys_that_a_finding_names_alone_have_an_owner_each(client: Client) -> None:
    """A user has two keys at most, and AWS Health may name more."""
    names = [f"AKIAVBNJ62RNSPTOWVD{n}" for n in "ABC"] + ["ASIAVBNJ62RNSPTOWVDB"]
    keys = [Resource("AWS::IAM::AccessKey", name, PLACE) for name in names]
    stage(about("health:AWS_RISK_CREDENTIALS_EXPOSED", *keys), client)
    iam = client("iam", PLACE.region, ACCOUNT)
    owners = {
        name: iam.get_access_key_last_used(AccessKeyId=name)["UserName"] for name in names[:3]
    }
    assert len(set(owners.values())) == 3


def test_unsupported_resources_are_skipped(client: Client) -> None:
    kinds = (
        ("AWS::S3Express::DirectoryBucket", "d--use1-az4--x-s3", ""),
        ("AWS::S3::Bucket", "logs", "arn:aws:s3:::logs"),
        ("AWS::Bedrock::FoundationModel", "m", "arn:aws:bedrock:eu-central-1::foundation-model/m"),
        ("AWS::SageMaker::Model", "m", ""),
        ("AWS::KMS::Key", "k", PLACE.arn("kms", "key/k")),
    )
    resources = [Resource(kind, name, PLACE, arn) for kind, name, arn in kinds]
    staged = stage(about("securityhub:S3.2", *resources), client)
    assert len(staged.left) == len(kinds)


def test_finding_is_stored_in_security_hub(client: Client) -> None:
    finding = about("guardduty:Policy:S3/BucketPublicAccessGranted", bucket())
    events: list[Any] = []
    findings_hub.subscribe(lambda where, event: events.append(event))
    stage(finding, client)
    findings_hub.unsubscribe()
    assert events == []
    hub, reference = client("securityhub", PLACE.region, ACCOUNT), finding.hub
    assert reference is not None
    identifier = {"Id": reference.id, "ProductArn": reference.product_arn}
    stored = hub.get_findings()["Findings"][0]
    assert stored["Workflow"] == {"Status": "NEW"}
    response = hub.batch_update_findings(
        FindingIdentifiers=[identifier], Workflow={"Status": "NOTIFIED"}
    )
    assert response["ProcessedFindings"] == [identifier]
    stage(finding, client)
    assert hub.get_findings()["Findings"][0]["Workflow"] == {"Status": "NOTIFIED"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"workflow": "SUPPRESSED"}, ("SUPPRESSED", "ACTIVE", "FAILED")),
        ({"workflow": "IN_PROGRESS"}, ("NOTIFIED", "ACTIVE", "FAILED")),
        ({"workflow": "ARCHIVED", "state": State.ARCHIVED}, ("RESOLVED", "ARCHIVED", "FAILED")),
        ({"state": State.PASSED}, ("NEW", "ACTIVE", "PASSED")),
        ({"state": State.ARCHIVED}, ("NEW", "ARCHIVED", "FAILED")),
    ],
)
def test_stored_finding_has_the_status(
    client: Client, changes: dict[str, Any], expected: tuple[str, ...]
) -> None:
    reference = HubReference("c", "arn:aws:securityhub:eu-central-1::product/aws/securityhub")
    finding = replace(about("securityhub:S3.2", bucket(), hub=reference), **changes)
    stage(finding, client)
    stored = client("securityhub", PLACE.region, ACCOUNT).get_findings()["Findings"][0]
    statuses = stored["Workflow"]["Status"], stored["RecordState"], stored["Compliance"]["Status"]
    assert statuses == expected


def test_finding_without_reference_is_not_stored(client: Client) -> None:
    stage(about("config:s3-bucket-public-read-prohibited", bucket(), hub=None), client)
    assert client("securityhub", PLACE.region, ACCOUNT).get_findings()["Findings"] == []


def findings() -> Iterator[tuple[str, Finding]]:
    for path in sorted(EVENTS.rglob("*.json")):
        try:
            read = sources.read_all(json.loads(path.read_text()))
        except (UnsupportedEvent, Malformed):
            continue  # the tests of the sources cover these
        yield from ((f"{path.stem}-{n}", finding) for n, finding in enumerate(read))


@pytest.mark.drawn(1 / 5)
def test_every_sample_event_can_be_staged_twice(client: Client) -> None:
    """All in one account: a bucket that two findings name keeps its first state."""
    count = 0
    for name, finding in findings():
        stage(finding, client)
        again = stage(finding, client)
        assert again.made == (), name
        count += 1
    assert count > 50
