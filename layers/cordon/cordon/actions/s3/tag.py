"""Tag a bucket."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from cordon.actions.s3.setting import BucketSetting
from cordon.actions.tag import KEY, is_made_of, tag_value
from cordon.clients import AwsClients


@dataclass(frozen=True)
class TagBucket(BucketSetting):
    """Write all ``values`` into one tag of the bucket.

    TagResource keeps the bucket's other tags. It also works if attribute-based access control is
    on for the bucket. PutBucketTagging would replace all tags and is refused in that case.
    Source: Amazon S3 User Guide, "Using tags with S3 general purpose buckets".
    """

    key: str
    values: tuple[str, ...]

    setting: ClassVar[str] = "value"
    contains: ClassVar[bool] = False
    recognisable_by_value: ClassVar[bool] = False  # the value of another case looks like a person's
    not_found_errors: ClassVar[tuple[str, ...]] = ("NoSuchBucket", "NoSuchResource")
    permissions: ClassVar[tuple[str, ...]] = (
        "s3:ListTagsForResource",
        "s3:TagResource",
        "s3:UntagResource",
    )

    def __post_init__(self) -> None:
        """Normalise the values, so that equal actions have equal hashes."""
        if not KEY.fullmatch(self.key):
            raise ValueError(f"key: not a tag key: {self.key!r}")
        if not tag_value(self.values):
            raise ValueError("values: expected at least one")
        object.__setattr__(self, "values", tuple(sorted(set(self.values))))

    @property
    def target(self) -> str:
        return f"tag:{self.resource}:{self.key}"

    def combine(self, other: Self) -> Self:
        return replace(self, values=(*self.values, *other.values))

    def with_ours(self, aws: AwsClients, base: Any) -> Any:
        return tag_value(self.values)

    def without_ours(self, current: Any, base: Any) -> Any:
        return base if is_made_of(current, tag_value(self.values)) else current

    def is_ours(self, current: Any, written: Any) -> bool:
        return is_made_of(current, tag_value(self.values), written)

    def read(self, aws: AwsClients) -> Any:
        tags = aws.client("s3control").list_tags_for_resource(**self._tagged_resource)["Tags"]
        return next((tag["Value"] for tag in tags if tag["Key"] == self.key), None)

    def write(self, aws: AwsClients, setting: Any) -> None:
        s3control = aws.client("s3control")
        if setting is None:
            s3control.untag_resource(**self._tagged_resource, TagKeys=[self.key])
        else:
            tag = {"Key": self.key, "Value": setting}
            s3control.tag_resource(**self._tagged_resource, Tags=[tag])

    @property
    def _tagged_resource(self) -> dict[str, str]:
        """AccountId is part of the host name, so the call reaches only this account's bucket."""
        return {"AccountId": self.place.account, "ResourceArn": self.resource}
