"""Tags on Bedrock resources: three APIs with different parameters and one behaviour.

``bedrock``, ``bedrock-agent`` and ``bedrock-agentcore-control`` each have TagResource,
UntagResource and ListTagsForResource. IAM authorises the first two as ``bedrock:…``.
TooManyTagsException names the limit of 50 for each resource, although a list may have 200 (Amazon
Bedrock API Reference, TagResource).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from cordon.actions.grants import Grant
from cordon.actions.tag import TagByArn, tag_grants, tags_by_key
from cordon.clients import AwsClients

_BEDROCK = tag_grants("bedrock", "Bedrock", "ListTagsForResource", "TagResource", "UntagResource")


@dataclass(frozen=True)
class TagBedrock(TagByArn):
    """Tag a guardrail, custom or imported model, provisioned throughput, profile or job."""

    grants: ClassVar[tuple[Grant, ...]] = _BEDROCK
    quota_errors: ClassVar[frozenset[str]] = frozenset({"TooManyTagsException"})

    def _read(self, aws: AwsClients) -> dict[str, str]:
        response = aws.client("bedrock").list_tags_for_resource(resourceARN=self.arn)
        return tags_by_key(response["tags"], "key", "value")

    def _set(self, aws: AwsClients, tags: Mapping[str, str]) -> None:
        listed = [{"key": key, "value": value} for key, value in tags.items()]
        aws.client("bedrock").tag_resource(resourceARN=self.arn, tags=listed)

    def _remove(self, aws: AwsClients, keys: list[str]) -> None:
        aws.client("bedrock").untag_resource(resourceARN=self.arn, tagKeys=keys)


@dataclass(frozen=True)
class TagByMap(TagByArn):
    """Base for the two services whose API has tags as a map."""

    service: ClassVar[str]
    quota_errors: ClassVar[frozenset[str]] = frozenset({"ServiceQuotaExceededException"})

    def _read(self, aws: AwsClients) -> dict[str, str]:
        response = aws.client(self.service).list_tags_for_resource(resourceArn=self.arn)
        return dict(response.get("tags", {}))

    def _set(self, aws: AwsClients, tags: Mapping[str, str]) -> None:
        aws.client(self.service).tag_resource(resourceArn=self.arn, tags=dict(tags))

    def _remove(self, aws: AwsClients, keys: list[str]) -> None:
        aws.client(self.service).untag_resource(resourceArn=self.arn, tagKeys=keys)


@dataclass(frozen=True)
class TagBedrockAgent(TagByMap):
    """Tag an agent, its alias, a knowledge base, a flow or a prompt."""

    grants: ClassVar[tuple[Grant, ...]] = _BEDROCK
    service: ClassVar[str] = "bedrock-agent"


@dataclass(frozen=True)
class TagAgentCore(TagByMap):
    """Tag an AgentCore runtime, gateway, memory, browser or code interpreter."""

    grants: ClassVar[tuple[Grant, ...]] = tag_grants(
        "bedrock-agentcore", "AgentCore", "ListTagsForResource", "TagResource", "UntagResource"
    )
    service: ClassVar[str] = "bedrock-agentcore-control"
