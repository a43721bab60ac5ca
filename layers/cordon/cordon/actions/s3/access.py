"""Shut a bucket's public access."""

from dataclasses import dataclass
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from cordon.actions.s3.setting import BucketSetting, code
from cordon.clients import Aws

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

    what: ClassVar[str] = "public_access_block"
    permissions: ClassVar[tuple[str, ...]] = (
        "s3:GetBucketPublicAccessBlock",
        "s3:PutBucketPublicAccessBlock",  # also deletes: DeletePublicAccessBlock asks for it
    )

    def contained(self, aws: Aws, base: Any) -> Any:
        return SHUT

    def freed(self, current: Any, base: Any) -> Any:
        return base if current == SHUT else current

    def read(self, aws: Aws) -> Any:
        try:
            answer = aws.client("s3").get_public_access_block(**self._asked)
        except ClientError as error:
            if code(error) != "NoSuchPublicAccessBlockConfiguration":
                raise
            return None
        return answer["PublicAccessBlockConfiguration"]

    def write(self, aws: Aws, setting: Any) -> None:
        s3 = aws.client("s3")
        if setting is None:
            s3.delete_public_access_block(**self._asked)
        else:
            s3.put_public_access_block(**self._asked, PublicAccessBlockConfiguration=setting)
