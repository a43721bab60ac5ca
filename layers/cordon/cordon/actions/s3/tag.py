"""Label a bucket."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from cordon.actions.s3.setting import BucketSetting
from cordon.actions.tag import KEY, tag_value
from cordon.clients import AwsClients


@dataclass(frozen=True)
class TagBucket(BucketSetting):
    """One tag of the bucket names all ``values``.

    By TagResource, which leaves other tags alone and works where the bucket has attribute-based
    access control on; PutBucketTagging replaces them all and is refused there.
    Source: Amazon S3 User Guide, "Using tags with S3 general purpose buckets".
    """

    key: str
    values: tuple[str, ...]

    setting: ClassVar[str] = "value"
    contains: ClassVar[bool] = False
    recognisable_by_value: ClassVar[bool] = (
        False  # the value of another case may as well be a person's
    )
    not_found_errors: ClassVar[tuple[str, ...]] = ("NoSuchBucket", "NoSuchResource")
    permissions: ClassVar[tuple[str, ...]] = (
        "s3:ListTagsForResource",
        "s3:TagResource",
        "s3:UntagResource",
    )

    def __post_init__(self) -> None:
        """One spelling for one meaning, so that equal actions have equal hashes."""
        if not KEY.fullmatch(self.key):
            raise ValueError(f"key: not a tag key: {self.key!r}")
        if not tag_value(self.values):
            raise ValueError("values: a tag of ours names at least one")
        object.__setattr__(self, "values", tuple(sorted(set(self.values))))

    @property
    def target(self) -> str:
        return f"tag:{self.resource}:{self.key}"

    def combine(self, other: Self) -> Self:
        return replace(self, values=(*self.values, *other.values))

    def with_ours(self, aws: AwsClients, base: Any) -> Any:
        return tag_value(self.values)

    def without_ours(self, current: Any, base: Any) -> Any:
        return base if current == tag_value(self.values) else current

    def read(self, aws: AwsClients) -> Any:
        tags = aws.client("s3control").list_tags_for_resource(**self._tagged)["Tags"]
        return next((tag["Value"] for tag in tags if tag["Key"] == self.key), None)

    def write(self, aws: AwsClients, setting: Any) -> None:
        s3control = aws.client("s3control")
        if setting is None:
            s3control.untag_resource(**self._tagged, TagKeys=[self.key])
        else:
            tag = {"Key": self.key, "Value": setting}
            s3control.tag_resource(**self._tagged, Tags=[tag])

    @property
    def _tagged(self) -> dict[str, str]:
        """AccountId is in the host name: no other account answers for this one's bucket."""
        return {"AccountId": self.place.account, "ResourceArn": self.resource}
