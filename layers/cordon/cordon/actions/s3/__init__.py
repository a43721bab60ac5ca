"""The actions on a general purpose bucket."""

from cordon.actions.s3.deny_access import DenyBucketAccess
from cordon.actions.s3.public_access import BlockPublicAccess
from cordon.actions.s3.suspend import SuspendLifecycle, SuspendReplication
from cordon.actions.s3.tag import TagBucket

__all__ = [
    "BlockPublicAccess",
    "DenyBucketAccess",
    "SuspendLifecycle",
    "SuspendReplication",
    "TagBucket",
]
