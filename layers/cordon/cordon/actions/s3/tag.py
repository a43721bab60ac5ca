"""Tag a bucket."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from cordon.actions.action import Json
from cordon.actions.grants import Grant
from cordon.actions.s3.general_purpose import (
    LOOKED_UP,
    READ_BUCKETS,
    TAG_BUCKETS,
    require_general_purpose,
)
from cordon.actions.tag import Tag, tags_by_key
from cordon.clients import AwsClients


@dataclass(frozen=True)
class TagBucket(Tag):
    """Set tags of a general purpose bucket.

    TagResource keeps the bucket's other tags. It also works if attribute-based access control is
    on for the bucket. PutBucketTagging would replace all tags and is refused in that case.
    Sources: Amazon S3 User Guide, "Using tags with S3 general purpose buckets", and its "Amazon S3
    data consistency model": a bucket's configuration is eventually consistent. Amazon S3 API
    Reference, "Error responses", List of Tagging-related error codes; for too many tags
    PutBucketTagging has BadRequest instead (versity/versitygw pull request 1209).
    """

    bucket: str
    tags: Mapping[str, tuple[str, ...]]

    family: ClassVar[str] = "bucket"
    not_found_errors: ClassVar[frozenset[str]] = frozenset({"NoSuchBucket", "NoSuchResource"})
    quota_errors: ClassVar[frozenset[str]] = frozenset({"TooManyTags"})
    policy_errors: ClassVar[frozenset[str]] = frozenset({"TagPolicyException"})
    grants: ClassVar[tuple[Grant, ...]] = (
        READ_BUCKETS.allows("s3:ListTagsForResource"),
        TAG_BUCKETS.allows("s3:TagResource", "s3:UntagResource"),
    )
    looked_up: ClassVar[tuple[Grant, ...]] = LOOKED_UP

    @property
    def resource(self) -> str:
        return f"arn:{self.place.partition}:s3:::{self.bucket}"

    def capture(self, aws: AwsClients) -> Json:
        require_general_purpose(self.bucket)
        return super().capture(aws)

    def _is_full(self, code: str, message: str) -> bool:
        counted = code == "BadRequest" and "tag count" in message
        return counted or super()._is_full(code, message)

    def _read(self, aws: AwsClients) -> dict[str, str]:
        return tags_by_key(aws.client("s3control").list_tags_for_resource(**self._tagged)["Tags"])

    def _set(self, aws: AwsClients, tags: Mapping[str, str]) -> None:
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        aws.client("s3control").tag_resource(**self._tagged, Tags=listed)

    def _remove(self, aws: AwsClients, keys: list[str]) -> None:
        aws.client("s3control").untag_resource(**self._tagged, TagKeys=keys)

    @property
    def _tagged(self) -> dict[str, str]:
        """AccountId is part of the host name, so the call reaches only this account's bucket."""
        return {"AccountId": self.place.account, "ResourceArn": self.resource}
