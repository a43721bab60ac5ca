"""The actions on a general purpose bucket and its objects."""

from cordon.actions.s3.deny_access import DenyBucketAccess
from cordon.actions.s3.public_access import BlockPublicAccess
from cordon.actions.s3.suspend import SuspendLifecycle, SuspendReplication
from cordon.actions.s3.tag import TagBucket
from cordon.actions.s3.tag_object import TagObject

__all__ = [
    "BlockPublicAccess",
    "DenyBucketAccess",
    "SuspendLifecycle",
    "SuspendReplication",
    "TagBucket",
    "TagObject",
]
