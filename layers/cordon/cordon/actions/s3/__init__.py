"""What can be done to a general purpose bucket."""

from cordon.actions.s3.access import BlockPublicAccess
from cordon.actions.s3.policy import DenyBucketAccess
from cordon.actions.s3.rules import SuspendLifecycle, SuspendReplication
from cordon.actions.s3.tag import TagBucket

__all__ = [
    "BlockPublicAccess",
    "DenyBucketAccess",
    "SuspendLifecycle",
    "SuspendReplication",
    "TagBucket",
]
