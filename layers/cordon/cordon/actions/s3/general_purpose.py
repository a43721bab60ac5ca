"""Which buckets the bucket actions can change: general purpose ones, by name. Pure."""

import re

from cordon.actions.action import Refused
from cordon.actions.grants import CORDON_TAGS, OWN_ACCOUNT, STATE, Statement

BUCKETS = "arn:${AWS::Partition}:s3:::*"
OURS = {"StringEquals": {"aws:ResourceAccount": OWN_ACCOUNT}}
READ_BUCKETS = Statement(
    "ReadBuckets",
    BUCKETS,
    STATE,
    OURS,
    wide="findings name any bucket; a condition limits the account",
)
CONTAIN_BUCKETS = Statement(
    "ContainBuckets",
    BUCKETS,
    "block, deny, suspend lifecycle and replication; and undo each",
    OURS,
)
TAG_BUCKETS = Statement("TagBuckets", BUCKETS, "status and case", {**OURS, **CORDON_TAGS})
FIND_LOG_BUCKETS = Statement(  # none of the three takes a resource
    "FindLogBuckets", "*", "buckets that receive logs are never quarantined"
)
LOOKED_UP = (  # cordon.protection
    FIND_LOG_BUCKETS.allows(
        "cloudtrail:DescribeTrails",
        "config:DescribeDeliveryChannels",
        "bedrock:GetModelInvocationLoggingConfiguration",
    ),
    READ_BUCKETS.allows("s3:GetBucketPolicy"),
)

GENERAL_PURPOSE = re.compile(r"[A-Za-z0-9._-]{3,255}")  # old buckets in us-east-1 have long names
# Amazon S3 User Guide, "General purpose bucket naming rules": reserved endings
ALIASES = {
    "--x-s3": "a directory bucket: deny s3express:CreateSession in its own policy manually",
    "--table-s3": "a table bucket: change its policy in S3 Tables (s3tables) manually",
    "-s3alias": "an access point alias: contain its bucket",
    "--ol-s3": "an Object Lambda access point alias: contain its bucket",
    ".mrap": "a Multi-Region Access Point alias: contain its buckets",
}
OTHER_SERVICES = ":s3tables:", ":s3vectors:", ":s3express:", ":s3-outposts:"


def require_general_purpose(bucket: str) -> None:
    """Raises Refused, with the manual step, for the name of anything else."""
    for ending, advice in ALIASES.items():
        if bucket.endswith(ending):
            raise Refused(f"{bucket} is {advice}")
    if any(service in bucket for service in OTHER_SERVICES):
        raise Refused(f"{bucket} is not a general purpose bucket: contain it manually")
    if not GENERAL_PURPOSE.fullmatch(bucket):
        raise Refused(f"{bucket!r} is not a bucket name: look up the bucket in the finding")
