"""Scenarios of objects: with versions and without, and with other tags."""

from collections.abc import Callable
from typing import Any

from moto.s3.models import s3_backends

from cordon.actions.s3 import TagObject
from cordon.clients import AwsClients
from tests.actions.scenario import PLACE, Scenario

BUCKET = "uploads"
KEY = "in/ a*b? ${aws:username} é.pkl"
VERSION = "Wd8mJkq0cSTYbA6EJ1Yp3hV6n2m8rQ5t"
STATUS = {"cordon:status": ("quarantined",)}
OWN = {"team": "fraud", "empty": ""}
Tags = dict[str, str]


def tag(version: str, key: str = KEY) -> TagObject:
    return TagObject(PLACE, BUCKET, key, version, STATUS)


def is_there(aws: AwsClients, tags: Tags, version: str) -> None:
    """The object in this version, and a later one of a versioned bucket, each with these tags."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    if version:
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"malware")
    if version:
        found: Any = s3_backends[PLACE.account][PLACE.partition].get_object(BUCKET, KEY)
        found._version_id = version
        s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"a later one")
    if tags:
        write_tags(aws, tags, version)


def write_tags(aws: AwsClients, tags: Tags, version: str) -> None:
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    aws.client("s3").put_object_tagging(**named(version), Tagging={"TagSet": listed})


def read_tags(aws: AwsClients, version: str) -> Tags:
    shown = aws.client("s3").get_object_tagging(**named(version))["TagSet"]
    return {one["Key"]: one["Value"] for one in shown}


def named(version: str) -> dict[str, str]:
    """The parameters of a call on the object."""
    return {"Bucket": BUCKET, "Key": KEY, **({"VersionId": version} if version else {})}


def state(version: str) -> Callable[[AwsClients], Any]:
    """The tags of the version, and of the one that is current."""
    return lambda aws: [read_tags(aws, version), read_tags(aws, "")]


def scenario(name: str, version: str, before: Tags) -> Scenario:
    def tampered(aws: AwsClients) -> None:
        write_tags(aws, {**read_tags(aws, version), "cordon:status": "mine"}, version)

    return Scenario(
        f"{name}-{'versioned' if version else 'unversioned'}",
        tag(version),
        tag(version),
        prepare=lambda aws: is_there(aws, before, version),
        read=state(version),
        tamper=tampered,
        missing=lambda aws: aws.client("s3").delete_object(**named(version)),
    )


SCENARIOS = tuple(
    scenario(name, version, before)
    for version in ("", VERSION)
    for name, before in {
        "untagged": {},
        "tagged": OWN,
        "with-another-status": {**OWN, "cordon:status": "reviewed"},
        "nearly-full": {f"k{n}": "" for n in range(9)},
    }.items()
)
