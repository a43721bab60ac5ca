"""What the settings of a bucket share: their resource, their owner, the errors of a deleted one."""

from dataclasses import dataclass
from typing import ClassVar

from cordon.actions.action import Json
from cordon.actions.grants import Grant
from cordon.actions.s3.general_purpose import LOOKED_UP, require_general_purpose
from cordon.actions.setting import Setting
from cordon.clients import AwsClients


@dataclass(frozen=True)
class BucketSetting(Setting):
    """Base of the bucket actions. Each subclass handles one setting."""

    bucket: str

    family: ClassVar[str] = "bucket"
    looked_up: ClassVar[tuple[Grant, ...]] = LOOKED_UP
    not_found_errors: ClassVar[tuple[str, ...]] = ("NoSuchBucket",)

    @property
    def resource(self) -> str:
        return f"arn:{self.place.partition}:s3:::{self.bucket}"

    @property
    def target(self) -> str:
        return f"bucket-{self.setting.replace('_', '-')}:{self.resource}"

    def capture(self, aws: AwsClients) -> Json:
        require_general_purpose(self.bucket)
        return super().capture(aws)

    @property
    def _owned_bucket(self) -> dict[str, str]:
        """Parameters of every S3 call. S3 refuses the call if the bucket has another owner now."""
        return {"Bucket": self.bucket, "ExpectedBucketOwner": self.place.account}
