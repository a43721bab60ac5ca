"""Scenarios of AI resources with and without tags."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from cordon.actions.bedrock import TagAgentCore, TagBedrock, TagBedrockAgent
from cordon.actions.sagemaker import TagSageMaker
from cordon.actions.tag import TagByArn
from cordon.clients import AwsClients
from embedded import backends
from tests.actions.scenario import PLACE, Scenario

backends.install()  # before any session is made, which is in the first test

KEY, CASE = "cordon:control", "cordon:case"
TAGS = {KEY: ("SageMaker.1",), CASE: ("0123456789abcdef",)}
OWN = {"team": "fraud", "empty": ""}  # the owner's tags
HERE = backends.here(PLACE.account, PLACE.region)
Tags = dict[str, str]


@dataclass(frozen=True)
class Api:
    """One service's tag API as plain functions, and one resource of that service."""

    action: type[TagByArn]
    service: str
    arn: str
    read: Callable[[Any, str], Tags]
    write: Callable[[Any, str, Tags], object]

    def exists(self, tags: Tags) -> Callable[[AwsClients], None]:
        return lambda _: backends.exists(self.arn, HERE, tags)

    def read_tags(self, aws: AwsClients) -> Tags:
        return self.read(aws.client(self.service), self.arn)

    def tag_manually(self, aws: AwsClients) -> None:
        self.write(aws.client(self.service), self.arn, {KEY: "manual"})

    def delete(self, aws: AwsClients) -> None:
        backends.forget(self.arn, HERE)


def keyed(tags: Iterable[dict[str, str]]) -> Tags:
    """A tag list as a map, for both spellings of its keys. Fails on a duplicate key."""
    read = [{name.lower(): text for name, text in tag.items()} for tag in tags]
    assert len({tag["key"] for tag in read}) == len(read)
    return {tag["key"]: tag["value"] for tag in read}


SAGEMAKER = Api(
    TagSageMaker,
    "sagemaker",
    PLACE.arn("sagemaker", "endpoint/scorer"),
    lambda client, arn: keyed(client.list_tags(ResourceArn=arn)["Tags"]),
    lambda client, arn, tags: client.add_tags(
        ResourceArn=arn, Tags=[{"Key": key, "Value": value} for key, value in tags.items()]
    ),
)
BEDROCK = Api(
    TagBedrock,
    "bedrock",
    PLACE.arn("bedrock", "guardrail/abc123"),
    lambda client, arn: keyed(client.list_tags_for_resource(resourceARN=arn)["tags"]),
    lambda client, arn, tags: client.tag_resource(
        resourceARN=arn, tags=[{"key": key, "value": value} for key, value in tags.items()]
    ),
)


def by_map(action: type[TagByArn], service: str, arn: str) -> Api:
    return Api(
        action,
        service,
        arn,
        lambda client, arn: dict(client.list_tags_for_resource(resourceArn=arn)["tags"]),
        lambda client, arn, tags: client.tag_resource(resourceArn=arn, tags=tags),
    )


APIS = (
    SAGEMAKER,
    BEDROCK,
    by_map(TagBedrockAgent, "bedrock-agent", PLACE.arn("bedrock", "agent/AGENT12345")),
    by_map(
        TagAgentCore,
        "bedrock-agentcore-control",
        PLACE.arn("bedrock-agentcore", "runtime/helper-0123456789"),
    ),
)


def scenario(name: str, api: Api, before: Tags) -> Scenario:
    action = api.action(PLACE, api.arn, TAGS)
    return Scenario(
        name,
        action,
        replace(action, tags={KEY: ("SageMaker.3",)}),
        prepare=api.exists({**OWN, **before}),
        read=api.read_tags,
        tamper=api.tag_manually,
        missing=api.delete,
        theirs=lambda tags: {**tags, CASE: ""},  # the other key goes back
    )


BEFORE: dict[str, Tags] = {
    "untagged": {},
    "tagged-with-nothing": {KEY: ""},
    "tagged-with-another-value": {KEY: "SageMaker.2", CASE: "an older one"},
    "full": {f"k{n}": "" for n in range(46)},
}
SCENARIOS = tuple(scenario(name, api, before) for api in APIS for name, before in BEFORE.items())
