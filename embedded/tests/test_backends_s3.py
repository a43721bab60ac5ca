"""Bucket policies, what is public, and replication, as S3 takes and refuses them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from embedded import backends
from embedded.backends.public import is_public

OURS, THEIRS, REGION = "123456789012", "999988887777", "eu-west-1"
BUCKET = "bucket-of-ours"
ARN = f"arn:aws:s3:::{BUCKET}"
DELETED = "AROAABCDEFGHIJKLMNOPQ"  # what S3 shows for a role that was deleted


@cache
def client(service: str) -> Any:
    backends.install()
    return boto3.session.Session("id", "secret").client(service, region_name=REGION)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("MOTO_ACCOUNT_ID", raising=False)
    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        one = client("s3")
        one.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield one


def statement(**changes: Any) -> dict[str, Any]:
    made = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"{ARN}/*",
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}


def policy(*statements: Any, **more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **more})


def refused(call: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return str(caught.value.response["Error"]["Code"])


def test_policy_is_kept_byte_for_byte(s3: Any) -> None:
    text = '{ "Version":"2012-10-17",\n "Statement": ' + json.dumps(statement()) + "}"
    s3.put_bucket_policy(Bucket=BUCKET, Policy=text)
    assert s3.get_bucket_policy(Bucket=BUCKET)["Policy"] == text


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        "{}",
        policy(),
        policy(statement(), Author="me"),
        policy(statement(), Version="2020-01-01"),
        policy("Allow"),
        policy(statement(Effect="Maybe")),
        policy(statement(Principal=None)),
        policy(statement(NotPrincipal={"AWS": OURS})),
        policy(statement(Action=None)),
        policy(statement(Resource=None)),
        policy(statement(Action="iam:PassRole")),
        policy(statement(Resource="*")),
        policy(statement(Resource="arn:aws:s3:::bucket-of-ours-too/*")),
        policy(statement(Condition={"StringEqual": {"aws:SourceVpc": "vpc-1"}})),
        policy(statement(Condition={"Bool": {}})),
        policy(statement(Surprise=1)),
        policy(statement(Principal={"AWS": "AROAABCDEFGHIJKLMNOPQ"})),
        policy(statement(Principal={"AWS": f"arn:aws:iam::{OURS}:role/deleted"})),
        policy(statement(Principal={"AWS": "somebody"})),
        policy(statement(Effect="Deny", Principal=None, NotPrincipal={"AWS": DELETED})),
        policy(statement(Sid="x" * 20_480)),
    ],
)
def test_a_malformed_policy_changes_nothing(s3: Any, text: str) -> None:
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy(statement()))
    assert refused(s3.put_bucket_policy, Bucket=BUCKET, Policy=text) == "MalformedPolicy"
    assert s3.get_bucket_policy(Bucket=BUCKET)["Policy"] == policy(statement())


def test_a_policy_of_20_kb_is_accepted(s3: Any) -> None:
    rest = 20 * 1024 - len(policy(statement(Sid="")))
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy(statement(Sid="x" * rest)))
    assert refused(
        s3.put_bucket_policy, Bucket=BUCKET, Policy=policy(statement(Sid="x" * (rest + 1)))
    )


def test_well_formed_policies_are_accepted(s3: Any) -> None:
    client("iam").create_role(RoleName="reader", AssumeRolePolicyDocument="{}", Path="/app/")
    deny = statement(
        Sid="ExampleDeny",
        Effect="Deny",
        Action="s3:*",
        Resource=[ARN, f"{ARN}/*"],
        Condition={
            "ArnNotLike": {"aws:PrincipalArn": [f"arn:aws:iam::{OURS}:role/example/*"]},
            "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
        },
    )
    root = statement(Principal={"AWS": [f"arn:aws:iam::{OURS}:root", THEIRS]})
    role = statement(Principal={"AWS": f"arn:aws:iam::{OURS}:role/app/reader"})
    service = statement(Principal={"Service": "cloudtrail.amazonaws.com"})
    text = policy(deny, root, role, service)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=text)
    assert s3.get_bucket_policy_status(Bucket=BUCKET)["PolicyStatus"]["IsPublic"] is False


@pytest.mark.parametrize(
    ("changes", "public"),
    [
        ({}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"AWS": [THEIRS, "*"]}}, True),
        ({"Principal": None, "NotPrincipal": {"AWS": THEIRS}}, True),
        ({"Principal": {"AWS": THEIRS}}, False),
        ({"Principal": {"Service": "cloudtrail.amazonaws.com"}}, False),
        ({"Effect": "Deny"}, False),
        ({"Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}}, False),
        ({"Condition": {"StringEquals": {"aws:SourceVpc": ["vpc-1", "vpc-*"]}}}, True),
        ({"Condition": {"StringLike": {"aws:SourceVpc": "vpc-*"}}}, True),
        ({"Condition": {"StringLike": {"aws:SourceVpc": "vpc-1"}}}, False),
        ({"Condition": {"StringEquals": {"AWS:PrincipalOrgID": "o-1"}}}, False),
        ({"Condition": {"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}}, True),
        ({"Condition": {"StringNotEquals": {"aws:SourceVpc": "vpc-1"}}}, True),
        ({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, True),
        ({"Condition": {"StringEquals": {"aws:Referer": "https://example.com"}}}, True),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}, False),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}}, True),
        ({"Condition": {"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "0.0.0.0/1"]}}}, True),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "2001:db8::/32"}}}, False),
        ({"Condition": {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}, True),
        ({"Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:sns:{REGION}:{OURS}:t"}}}, False),
        ({"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:*"}}}, True),
        ({"Condition": {"StringEquals": {"aws:PrincipalArn": "${aws:username}"}}}, True),
        ({"Condition": {"StringLike": {"aws:userid": "AROAEXAMPLEID:*"}}}, True),
        (
            {
                "Condition": {
                    "StringLike": {
                        "s3:DataAccessPointArn": f"arn:aws:s3:{REGION}:{OURS}:accesspoint/*"
                    }
                }
            },
            False,
        ),
        (
            {
                "Condition": {
                    "Bool": {"aws:SecureTransport": "true"},
                    "StringEquals": {"aws:SourceAccount": THEIRS},
                }
            },
            False,
        ),
    ],
)
def test_public_policies_are_recognised(changes: dict[str, Any], public: bool) -> None:
    made = {"Statement": statement(**changes)}
    assert is_public(made) is public


def test_one_public_statement_makes_the_policy_public() -> None:
    private = statement(Principal={"AWS": THEIRS})
    assert is_public({"Statement": [private, statement()]})
    assert is_public({"Statement": [statement(), statement(Effect="Deny", Action="s3:*")]})


def block(**settings: bool) -> dict[str, bool]:
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    return {name: settings.get(name, False) for name in names}


@pytest.mark.parametrize("level", ["bucket", "account"])
def test_block_public_policy_refuses_public_policies(s3: Any, level: str) -> None:
    def put(settings: dict[str, bool]) -> None:
        if level == "bucket":
            s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=settings)
        else:
            client("s3control").put_public_access_block(
                AccountId=OURS, PublicAccessBlockConfiguration=settings
            )

    put(block(BlockPublicPolicy=True))
    public, private = policy(statement()), policy(statement(Principal={"AWS": THEIRS}))
    assert refused(s3.put_bucket_policy, Bucket=BUCKET, Policy=public) == "AccessDenied"
    s3.put_bucket_policy(Bucket=BUCKET, Policy=private)
    put(block(BlockPublicAcls=True, RestrictPublicBuckets=True))
    s3.put_bucket_policy(Bucket=BUCKET, Policy=public)
    assert s3.get_bucket_policy_status(Bucket=BUCKET)["PolicyStatus"]["IsPublic"] is True


def test_a_foreign_bucket_is_refused(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    params = {"Bucket": BUCKET, "ExpectedBucketOwner": THEIRS}
    for call in (s3.get_bucket_policy, s3.get_public_access_block, s3.head_bucket):
        with pytest.raises(ClientError) as caught:
            call(**params)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert refused(s3.put_bucket_policy, **params, Policy=policy(statement())) == "AccessDenied"
    s3.put_bucket_policy(Bucket=BUCKET, ExpectedBucketOwner=OURS, Policy=policy(statement()))
    monkeypatch.setenv("MOTO_ACCOUNT_ID", THEIRS)
    for call, more in (
        (s3.put_bucket_policy, {"Policy": policy(statement())}),
        (s3.get_bucket_policy, {}),
        (s3.delete_bucket_policy, {}),
    ):
        assert refused(call, Bucket=BUCKET, **more) == "MethodNotAllowed"


def test_a_missing_bucket_is_refused(s3: Any) -> None:
    text = policy(statement())
    assert refused(s3.put_bucket_policy, Bucket="nobodys", Policy=text) == "NoSuchBucket"
    assert refused(s3.get_bucket_replication, Bucket="nobodys") == "NoSuchBucket"
    assert refused(s3.get_bucket_policy_status, Bucket=BUCKET) == "NoSuchBucketPolicy"


def rule(**changes: Any) -> dict[str, Any]:
    return {
        "ID": "out",
        "Status": "Enabled",
        "Priority": 7,
        "Filter": {"And": {"Prefix": "a/", "Tags": [{"Key": "k", "Value": "v"}]}},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {
            "Bucket": "arn:aws:s3:::theirs",
            "Account": THEIRS,
            "AccessControlTranslation": {"Owner": "Destination"},
        },
        **changes,
    }


def replicate(s3: Any, *rules: dict[str, Any]) -> None:
    s3.put_bucket_replication(
        Bucket=BUCKET,
        ReplicationConfiguration={"Role": f"arn:aws:iam::{OURS}:role/r", "Rules": list(rules)},
    )


def versioned(s3: Any) -> None:
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})


def test_replication_is_as_put(s3: Any) -> None:
    versioned(s3)
    old = {
        "Status": "Disabled",
        "Prefix": "b/",
        "Destination": {"Bucket": "arn:aws:s3:::theirs", "StorageClass": "GLACIER"},
    }
    replicate(s3, rule(), old)
    got = s3.get_bucket_replication(Bucket=BUCKET)["ReplicationConfiguration"]["Rules"]
    assert got[0] == rule()
    assert got[1].pop("ID") and got[1] == old
    s3.delete_bucket_replication(Bucket=BUCKET)
    assert refused(s3.get_bucket_replication, Bucket=BUCKET) == (
        "ReplicationConfigurationNotFoundError"
    )


def test_replication_needs_versioning_and_complete_rules(s3: Any) -> None:
    with pytest.raises(ClientError):
        replicate(s3, rule())
    versioned(s3)
    partial = rule()
    del partial["DeleteMarkerReplication"]
    with pytest.raises(ClientError):
        replicate(s3, partial)
    s3.create_bucket(Bucket="theirs", CreateBucketConfiguration={"LocationConstraint": REGION})
    with pytest.raises(ClientError):
        replicate(s3, rule())


def test_a_deleted_bucket_loses_its_replication(s3: Any) -> None:
    versioned(s3)
    replicate(s3, rule())
    s3.delete_bucket(Bucket=BUCKET)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    assert refused(s3.get_bucket_replication, Bucket=BUCKET) == (
        "ReplicationConfigurationNotFoundError"
    )


def test_lifecycle_is_as_put(s3: Any) -> None:
    rules = [
        {
            "ID": "old",
            "Status": "Enabled",
            "Filter": {"And": {"Prefix": "a/", "ObjectSizeGreaterThan": 5}},
            "Expiration": {"Date": datetime(2027, 1, 1, tzinfo=UTC)},
            "Transitions": [{"Days": 1, "StorageClass": "GLACIER"}],
        },
        {
            "Status": "Disabled",
            "Filter": {"ObjectSizeLessThan": 9},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 3},
        },
    ]
    put = s3.put_bucket_lifecycle_configuration
    put(
        Bucket=BUCKET,
        LifecycleConfiguration={"Rules": rules},
        TransitionDefaultMinimumObjectSize="varies_by_storage_class",
    )
    got = s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)
    assert got["TransitionDefaultMinimumObjectSize"] == "varies_by_storage_class"
    assert got["Rules"][0] == rules[0]
    assert got["Rules"][1].pop("ID") and got["Rules"][1] == rules[1]
    put(Bucket=BUCKET, LifecycleConfiguration={"Rules": got["Rules"][:1]})
    assert s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"] == rules[:1]
    s3.delete_bucket_lifecycle(Bucket=BUCKET)
    assert refused(s3.get_bucket_lifecycle_configuration, Bucket=BUCKET) == (
        "NoSuchLifecycleConfiguration"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"Filter": None},
        {"Prefix": "a/"},
        {"Expiration": None},
        {"Expiration": {"Days": 0}},
        {"Expiration": {"Date": datetime(2027, 1, 1, 12, tzinfo=UTC)}},
        {"Filter": {"Prefix": "a/", "ObjectSizeLessThan": 9}},
    ],
)
def test_an_ill_formed_lifecycle_is_refused(s3: Any, changes: dict[str, Any]) -> None:
    plain = {"Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}, **changes}
    one = {name: value for name, value in plain.items() if value is not None}
    for rules in ([one], []):
        code = refused(
            s3.put_bucket_lifecycle_configuration,
            Bucket=BUCKET,
            LifecycleConfiguration={"Rules": rules},
        )
        assert code in ("MalformedXML", "InvalidArgument")
