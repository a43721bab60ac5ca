"""Tags on jobs of AWS Glue (TagResource, UntagResource, GetTags).

Source: AWS Glue Developer Guide, "AWS tags in AWS Glue": 50 tags an entity, and which can have
them. The service model has no error of its own for too many.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from cordon.actions.grants import CORDON_TAGS, STATE, Grant, Statement
from cordon.actions.tag import TagByArn
from cordon.clients import AwsClients

_JOBS = "arn:${AWS::Partition}:glue:*:${AWS::AccountId}:job/*"
_READ = Statement("ReadGlueTags", _JOBS, STATE, wide="findings name any job in any Region")
_WRITE = Statement("TagGlue", _JOBS, "the case", CORDON_TAGS)


@dataclass(frozen=True)
class TagGlueJob(TagByArn):
    """Tag a Glue job whose data failed its quality rules."""

    family: ClassVar[str] = "dataset"
    grants: ClassVar[tuple[Grant, ...]] = (
        _READ.allows("glue:GetTags"),
        _WRITE.allows("glue:TagResource", "glue:UntagResource"),
    )
    not_found_errors: ClassVar[frozenset[str]] = frozenset({"EntityNotFoundException"})

    def _read(self, aws: AwsClients) -> dict[str, str]:
        return dict(aws.client("glue").get_tags(ResourceArn=self.arn).get("Tags", {}))

    def _set(self, aws: AwsClients, tags: Mapping[str, str]) -> None:
        aws.client("glue").tag_resource(ResourceArn=self.arn, TagsToAdd=dict(tags))

    def _remove(self, aws: AwsClients, keys: list[str]) -> None:
        aws.client("glue").untag_resource(ResourceArn=self.arn, TagsToRemove=keys)
