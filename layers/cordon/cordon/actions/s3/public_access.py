"""Shut a bucket's public access."""

from dataclasses import dataclass
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from cordon.actions.s3.setting import BucketSetting, error_code
from cordon.clients import AwsClients

SHUT = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


@dataclass(frozen=True)
class BlockPublicAccess(BucketSetting):
    """All four settings of the bucket's public access block on.

    Where one case holds both, this comes after ``DenyBucketAccess`` and is undone before it:
    under the block S3 takes no policy that allows public access.
    Source: Amazon S3 User Guide, "Blocking public access to your Amazon S3 storage".
    """

    setting: ClassVar[str] = "public_access_block"
    permissions: ClassVar[tuple[str, ...]] = (
        "s3:GetBucketPublicAccessBlock",
        "s3:PutBucketPublicAccessBlock",  # also deletes: DeletePublicAccessBlock asks for it
    )

    def with_ours(self, aws: AwsClients, base: Any) -> Any:
        return SHUT

    def without_ours(self, current: Any, base: Any) -> Any:
        return base if current == SHUT else current

    def read(self, aws: AwsClients) -> Any:
        try:
            answer = aws.client("s3").get_public_access_block(**self._owned_bucket)
        except ClientError as error:
            if error_code(error) != "NoSuchPublicAccessBlockConfiguration":
                raise
            return None
        return answer["PublicAccessBlockConfiguration"]

    def write(self, aws: AwsClients, setting: Any) -> None:
        s3 = aws.client("s3")
        if setting is None:
            s3.delete_public_access_block(**self._owned_bucket)
        else:
            s3.put_public_access_block(**self._owned_bucket, PublicAccessBlockConfiguration=setting)
