"""Tag an object, so that a statement of its bucket's policy finds it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from cordon.actions.action import Json, Refused
from cordon.actions.grants import STATE, Grant, Statement
from cordon.actions.s3.general_purpose import LOOKED_UP, OURS, require_general_purpose
from cordon.actions.tag import Tag, Tags, tags_by_key
from cordon.clients import AwsClients

OBJECTS = "arn:${AWS::Partition}:s3:::*/*"
READ_OBJECT_TAGS = Statement(
    "ReadObjectTags",
    OBJECTS,
    STATE,
    OURS,
    wide="findings name any object; a condition limits the account",
)
TAG_OBJECTS = Statement(
    "TagObjects",
    OBJECTS,
    "status; S3 replaces all of an object's tags, so that no condition can name ours",
    OURS,
)
MOST_KEY = 1024  # bytes of a key in UTF-8
NO_VERSION = ("", "null")  # of an object that was put without versioning


@dataclass(frozen=True)
class TagObject(Tag):
    """Set tags of one version of an object, or of an object that has no versions.

    PutObjectTagging replaces all tags: the others are read just before, and written with ours. S3
    has no condition for it, so a tag that somebody sets between the two calls is lost. Object tags
    are strongly consistent. The tag follows neither a copy nor what is uploaded under this key
    afterwards. A key is any text, and is in no policy.

    ``version`` is "" where the object has none. In a bucket that keeps versions nobody knows then
    which one is meant: refused.

    The resource is the bucket: by it people protect and exempt, whatever an attacker names a key.
    Sources: Amazon S3 API Reference, "PutObjectTagging", "GetObjectTagging",
    "DeleteObjectTagging"; Amazon S3 User Guide, "Categorizing your objects using tags" (10 tags),
    "Amazon S3 data consistency model".
    """

    bucket: str
    key: str
    version: str
    tags: Mapping[str, tuple[str, ...]]

    family: ClassVar[str] = "object"
    most: ClassVar[int] = 10
    not_found_errors: ClassVar[frozenset[str]] = frozenset(
        {"NoSuchBucket", "NoSuchKey", "NoSuchVersion", "MethodNotAllowed"}  # of a delete marker
    )
    grants: ClassVar[tuple[Grant, ...]] = (
        READ_OBJECT_TAGS.allows("s3:GetObjectTagging", "s3:GetObjectVersionTagging"),
        TAG_OBJECTS.allows(
            "s3:PutObjectTagging",
            "s3:PutObjectVersionTagging",
            "s3:DeleteObjectTagging",
            "s3:DeleteObjectVersionTagging",
        ),
    )
    looked_up: ClassVar[tuple[Grant, ...]] = LOOKED_UP

    def __post_init__(self) -> None:
        """Raises ValueError for what is no key. A version without a name is written as ""."""
        if not 0 < len(self.key.encode()) <= MOST_KEY:
            raise ValueError(f"key: expected 1 to {MOST_KEY} bytes, got {self.key[:80]!r}")
        if self.version in NO_VERSION:
            object.__setattr__(self, "version", "")
        super().__post_init__()

    @property
    def resource(self) -> str:
        return f"arn:{self.place.partition}:s3:::{self.bucket}"

    @property
    def target(self) -> str:
        """A version's name has no @ and comes first: so no key looks like another's version."""
        return f"object-tags:{self.version}@{self._arn}"

    @property
    def _arn(self) -> str:
        return f"{self.resource}/{self.key}"

    @property
    def _marked(self) -> str:
        version = f" (version {self.version})" if self.version else ""
        return f"{self._arn}{version}"

    @property
    def in_words(self) -> str:
        return f"{super().in_words} of {self._marked}"

    @property
    def shuts_out(self) -> str:
        return ""  # of itself nobody: the statement of the bucket's policy says whom

    @property
    def caution(self) -> str:
        return (
            "whoever may write to the bucket can upload it anew under this name, without the tag;"
            " and jobs that have read it already go on"
        )

    def capture(self, aws: AwsClients) -> Json:
        require_general_purpose(self.bucket)
        return super().capture(aws)

    def _is_full(self, code: str, message: str) -> bool:
        return code == "BadRequest" and "tags cannot be greater" in message

    def _read(self, aws: AwsClients) -> dict[str, str]:
        shown = aws.client("s3").get_object_tagging(**self._object)
        if not self.version and shown.get("VersionId", "") not in NO_VERSION:
            raise Refused(
                f"{self.resource} keeps versions, and nothing says which version of {self.key} is"
                " meant: tag it yourself, or contain the bucket"
            )
        return tags_by_key(shown["TagSet"])

    def _write(self, aws: AwsClients, tags: Tags) -> None:
        """One call replaces all of them."""
        if not tags:
            return
        with self._translating_errors():
            merged = {**self._read(aws), **tags}
            left = [{"Key": k, "Value": v} for k, v in merged.items() if v is not None]
            s3 = aws.client("s3")
            if left:
                s3.put_object_tagging(**self._object, Tagging={"TagSet": left})
            else:
                s3.delete_object_tagging(**self._object)

    @property
    def _object(self) -> dict[str, Any]:
        """S3 refuses the call if the bucket has another owner now."""
        version = {"VersionId": self.version} if self.version else {}
        named = {"Bucket": self.bucket, "Key": self.key, **version}
        return {**named, "ExpectedBucketOwner": self.place.account}
