"""Tags on SageMaker AI resources (AddTags, DeleteTags, ListTags).

Tags of a domain or user profile reach only apps made later. AddTags models no errors of its own.
"""

import re
from dataclasses import dataclass
from typing import ClassVar

from cordon.actions.tag import Tag, pairs
from cordon.clients import Aws

# SageMaker says so in many words, and mostly as a ValidationException
_NO_SUCH = re.compile(r"does not exist|could not find|cannot find|not found|recordnotfound", re.I)


@dataclass(frozen=True)
class TagSageMaker(Tag):
    """Label a SageMaker resource: endpoint, model, notebook instance, job, domain, …"""

    permissions: ClassVar[tuple[str, ...]] = (
        "sagemaker:AddTags",
        "sagemaker:DeleteTags",
        "sagemaker:ListTags",
    )
    gone: ClassVar[frozenset[str]] = frozenset({"ResourceNotFound"})
    full: ClassVar[frozenset[str]] = frozenset({"ResourceLimitExceeded"})

    def _is_gone(self, code: str, message: str) -> bool:
        missing = code == "ValidationException" and _NO_SUCH.search(message)
        return code in self.gone or bool(missing)

    def _read(self, aws: Aws) -> dict[str, str]:
        pages = aws.client("sagemaker").get_paginator("list_tags").paginate(ResourceArn=self.arn)
        return pairs([tag for page in pages for tag in page["Tags"]])

    def _write(self, aws: Aws, value: str) -> None:
        tags = [{"Key": self.key, "Value": value}]
        aws.client("sagemaker").add_tags(ResourceArn=self.arn, Tags=tags)

    def _remove(self, aws: Aws) -> None:
        aws.client("sagemaker").delete_tags(ResourceArn=self.arn, TagKeys=[self.key])
