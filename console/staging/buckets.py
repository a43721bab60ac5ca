"""Stages buckets in the bad state that a finding describes."""

import json
from collections.abc import Iterator
from typing import Any

from console.staging.notes import OWN_TAGS, Client, Note, exists
from cordon.finding import Finding, Resource, State

FOREIGN = "999988887777"  # the account with which data is shared or to which it is replicated
BLOCK_DISABLED = (
    "guardduty:Policy:S3/BucketBlockPublicAccessDisabled",
    "macie:Policy:IAMUser/S3BlockPublicAccessDisabled",
    "config:s3-bucket-level-public-access-prohibited*",
    "securityhub:S3.8",
)
PUBLIC = (  # by policy or ACL
    "guardduty:Policy:S3/Bucket*",
    "macie:Policy:IAMUser/S3BucketPublic",
    "config:s3-bucket-public-*",
    "securityhub:S3.2",
    "securityhub:S3.3",
)
SHARED = (
    "guardduty:Exfiltration:S3/TransferDataToCloudAccount",
    "macie:Policy:IAMUser/S3BucketSharedExternally",
    "securityhub:S3.6",
)
REPLICATED = ("macie:Policy:IAMUser/S3BucketReplicatedExternally",)
ATTACKED = ("guardduty:Impact:S3/*", "guardduty:DefenseImpairment:S3/*")
UNSUPPORTED_NAMES = (
    "config",
    "events",
    "kms",
    "logs",
)  # moto returns 404 for buckets of these names


def stage_bucket(resource: Resource, finding: Finding, client: Client) -> Iterator[Note]:
    """Create the bucket in its Region and account, with policy, block, rules and tags."""
    place, name = resource.place, resource.name
    if name in UNSUPPORTED_NAMES:
        yield Note(False, f"bucket {name}: moto does not support a bucket of this name")
        return
    s3 = client("s3", place.region, place.account)
    if exists(s3.head_bucket, "404", Bucket=name):
        yield Note(False, f"bucket {name}: exists already")
        return
    where = {"CreateBucketConfiguration": {"LocationConstraint": place.region}}
    s3.create_bucket(Bucket=name, **({} if place.region == "us-east-1" else where))
    tags = [{"Key": key, "Value": value} for key, value in OWN_TAGS.items()]
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})
    yield Note(True, f"bucket {name} in {place.region}, with its owner's tags")
    yield from _state(resource, finding, s3)


def _state(resource: Resource, finding: Finding, s3: Any) -> Iterator[Note]:
    """Put the policy before the block, because with the block on S3 rejects a public policy."""
    name = resource.name
    s3.delete_public_access_block(Bucket=name)  # a new bucket has all blocks on
    statements, blocked, summary = _access(resource, finding)
    policy = {"Version": "2012-10-17", "Statement": statements}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    if blocked:
        settings = dict.fromkeys(
            ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"),
            True,
        )
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=settings)
    yield Note(True, f"{name}: {summary}")
    if finding.matches(*REPLICATED):
        yield _replicated(resource, s3)
    if finding.matches(*ATTACKED):
        yield _expiring(resource, s3)


def _access(resource: Resource, finding: Finding) -> tuple[list[dict[str, Any]], bool, str]:
    """Policy statements, whether public access is blocked, and a summary."""
    own = _statement(resource, "OwnersRead", {"AWS": _root(resource, resource.place.account)})
    if finding.state is State.PASSED:
        return [own], True, "private again, as the finding says"
    if finding.matches(*BLOCK_DISABLED):
        return [own], False, "its public access block is off"
    if finding.matches(*PUBLIC):
        public = _statement(resource, "AnybodyReads", "*")
        return [own, public], False, "publicly readable, without a public access block"
    if finding.matches(*SHARED):
        foreign = _statement(resource, "PartnerReads", {"AWS": _root(resource, FOREIGN)})
        return [own, foreign], True, f"shared with account {FOREIGN}"
    return [own], True, "private, with its owner's policy"


def _statement(resource: Resource, sid: str, principal: Any) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": principal,
        "Action": "s3:GetObject",
        "Resource": f"arn:{resource.place.partition}:s3:::{resource.name}/*",
    }


def _root(resource: Resource, account: str) -> str:
    return f"arn:{resource.place.partition}:iam::{account}:root"


def _versioned(name: str, s3: Any) -> None:
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})


def _replicated(resource: Resource, s3: Any) -> Note:
    place, name = resource.place, resource.name
    _versioned(name, s3)
    rules = [
        _rule(1, "backup", f"arn:{place.partition}:s3:::{name}-backup", place.account),
        _rule(2, "abroad", f"arn:{place.partition}:s3:::{name}-abroad", FOREIGN),
    ]
    role = place.arn("iam", "role/replication", region="")
    s3.put_bucket_replication(Bucket=name, ReplicationConfiguration={"Role": role, "Rules": rules})
    return Note(True, f"{name}: replicated to account {FOREIGN}, and to its owner's backup")


def _rule(priority: int, name: str, bucket: str, account: str) -> dict[str, Any]:
    return {
        "ID": name,
        "Priority": priority,
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": bucket, "Account": account},
    }


def _expiring(resource: Resource, s3: Any) -> Note:
    _versioned(resource.name, s3)
    everything = {"Status": "Enabled", "Filter": {"Prefix": ""}}
    rules = [
        {"ID": "uploads", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
        {"ID": "expire-everything", "Expiration": {"Days": 1}},
    ]
    s3.put_bucket_lifecycle_configuration(
        Bucket=resource.name,
        LifecycleConfiguration={"Rules": [{**everything, **rule} for rule in rules]},
    )
    return Note(True, f"{resource.name}: a lifecycle rule deletes everything after one day")
