"""Block a bucket's public access."""

from dataclasses import dataclass
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from cordon.actions.grants import Grant
from cordon.actions.s3.general_purpose import CONTAIN_BUCKETS, READ_BUCKETS
from cordon.actions.s3.setting import BucketSetting
from cordon.clients import AwsClients, error_code

ALL_BLOCKED = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


@dataclass(frozen=True)
class BlockPublicAccess(BucketSetting):
    """Turn on all four settings of the bucket's public access block.

    In a plan with ``DenyBucketAccess`` this action comes second and is undone first, because with
    the block on, S3 rejects a policy that allows public access.
    Source: Amazon S3 User Guide, "Blocking public access to your Amazon S3 storage".
    """

    setting: ClassVar[str] = "public_access_block"
    grants: ClassVar[tuple[Grant, ...]] = (
        READ_BUCKETS.allows("s3:GetBucketPublicAccessBlock"),
        CONTAIN_BUCKETS.allows("s3:PutBucketPublicAccessBlock"),  # also to delete it
    )

    @property
    def in_words(self) -> str:
        return "turns on all four settings of the bucket's public access block"

    @property
    def shuts_out(self) -> str:
        return (
            "whoever has access by a public ACL; and while the bucket's policy is public, everybody"
            " outside its account but AWS services"
        )

    def with_ours(self, aws: AwsClients, base: Any) -> Any:
        return ALL_BLOCKED

    def without_ours(self, current: Any, base: Any) -> Any:
        return base if current == ALL_BLOCKED else current

    def read(self, aws: AwsClients) -> Any:
        try:
            response = aws.client("s3").get_public_access_block(**self._owned_bucket)
        except ClientError as error:
            if error_code(error) != "NoSuchPublicAccessBlockConfiguration":
                raise
            return None
        return response["PublicAccessBlockConfiguration"]

    def write(self, aws: AwsClients, setting: Any) -> None:
        s3 = aws.client("s3")
        if setting is None:
            s3.delete_public_access_block(**self._owned_bucket)
        else:
            s3.put_public_access_block(**self._owned_bucket, PublicAccessBlockConfiguration=setting)
