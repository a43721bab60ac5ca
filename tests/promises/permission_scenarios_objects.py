"""Roads of the playbook of malicious objects on which its samples do not go."""

import json

from cordon.statuses import Status
from tests.examples import HEADERS, event, folder_of, function_of
from tests.promises.test_holds_on_one_bucket import bucket_of
from tests.promises.world import World

VERSIONED = "guardduty_object_scan_threat"
UNVERSIONED = "guardduty_object_scan_hostile_key"
OBJECTS = function_of(HEADERS[folder_of(VERSIONED)])
BLOCK = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def without_tags(name: str, world: World) -> None:
    """The object has no tags and its bucket no policy: releasing deletes ours."""
    one = event(name)
    world.stage(one)
    s3, details = world.account.client("s3"), one["detail"]["s3ObjectDetails"]
    s3.delete_bucket_policy(Bucket=bucket_of(one))
    named = {"Bucket": bucket_of(one), "Key": details["objectKey"]}
    if name == VERSIONED:
        named["VersionId"] = details["versionId"]
    s3.delete_object_tagging(**named)
    before = world.state
    world.account.deliver(one)
    assert world.case().status is Status.CONTAINED
    assert world.release(world.case()).status is Status.REOPENED
    assert world.state == before


def without_tags_in_a_bucket_with_versions(world: World) -> None:
    """A right of its own."""
    without_tags(VERSIONED, world)


def without_tags_in_a_bucket_without_versions(world: World) -> None:
    """The other one."""
    without_tags(UNVERSIONED, world)


def public_and_blocked(world: World) -> None:
    """S3 refuses the public policy that is there, since the bucket's block came after it."""
    one = event(UNVERSIONED)
    world.stage(one)
    s3, name = world.account.client("s3"), bucket_of(one)
    s3.delete_public_access_block(Bucket=name)
    public = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{name}/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [public]}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    block = dict.fromkeys(BLOCK, True)
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=block)
    world.account.deliver(one)
    assert world.case().status is Status.CONTAINED


OBJECT_ROADS = (
    without_tags_in_a_bucket_with_versions,
    without_tags_in_a_bucket_without_versions,
    public_and_blocked,
)
