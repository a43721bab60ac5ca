"""Tags on SageMaker AI resources (AddTags, DeleteTags, ListTags).

Tags of a domain or user profile apply only to apps that are created later. The service model lists
no specific errors for AddTags.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from botocore.exceptions import ClientError

from cordon.actions.grants import Grant
from cordon.actions.tag import TagByArn, tag_grants, tags_by_key
from cordon.clients import AwsClients, error_code

NOT_FOUND = "ResourceNotFound"
# SageMaker has several messages for this, mostly as a ValidationException
_NOT_FOUND = re.compile(r"does not exist|could not find|cannot find|not found|recordnotfound", re.I)


def is_deleted(error: ClientError) -> bool:
    """Does SageMaker say by this error that the resource does not exist?"""
    code, message = error_code(error), str(error.response["Error"].get("Message", ""))
    return code == NOT_FOUND or (code == "ValidationException" and says_not_found(message))


def says_not_found(message: str) -> bool:
    """Is this one of the messages for it?"""
    return _NOT_FOUND.search(message) is not None


@dataclass(frozen=True)
class TagSageMaker(TagByArn):
    """Tag a SageMaker resource: endpoint, model, notebook instance, job, domain, …"""

    grants: ClassVar[tuple[Grant, ...]] = tag_grants(
        "sagemaker", "SageMaker", "ListTags", "AddTags", "DeleteTags"
    )
    not_found_errors: ClassVar[frozenset[str]] = frozenset({NOT_FOUND})
    quota_errors: ClassVar[frozenset[str]] = frozenset({"ResourceLimitExceeded"})

    def _is_deleted(self, code: str, message: str) -> bool:
        not_found = code == "ValidationException" and says_not_found(message)
        return code in self.not_found_errors or not_found

    def _read(self, aws: AwsClients) -> dict[str, str]:
        pages = aws.client("sagemaker").get_paginator("list_tags").paginate(ResourceArn=self.arn)
        return tags_by_key([tag for page in pages for tag in page["Tags"]])

    def _set(self, aws: AwsClients, tags: Mapping[str, str]) -> None:
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        aws.client("sagemaker").add_tags(ResourceArn=self.arn, Tags=listed)

    def _remove(self, aws: AwsClients, keys: list[str]) -> None:
        aws.client("sagemaker").delete_tags(ResourceArn=self.arn, TagKeys=keys)
