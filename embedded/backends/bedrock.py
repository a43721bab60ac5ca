"""Tags of Bedrock, its agents and AgentCore: three services, three shapes of a tag.

moto knows agents and knowledge bases, and AgentCore runtimes, gateways and memories; for AgentCore
it tags any ARN, whether it exists or not. The ARNs it gives to custom models and their jobs are
none that Bedrock would accept.
"""

from collections.abc import Callable, Iterable
from typing import Any

from moto.bedrockagent.models import bedrockagent_backends
from moto.bedrockagentcorecontrol.models import bedrockagentcorecontrol_backends

from embedded.backends import tags
from embedded.backends.registry import Params, Refusal, Response, Where, implements
from embedded.backends.tags import Finder, Holder, Service

BEDROCK_KINDS = (
    "application-inference-profile/",
    "async-invoke/",
    "automated-reasoning-policy/",
    "custom-model/",
    "custom-model-deployment/",
    "evaluation-job/",
    "guardrail/",
    "imported-model/",
    "model-copy-job/",
    "model-customization-job/",
    "model-evaluation-job/",
    "model-import-job/",
    "model-invocation-job/",
    "prompt-router/",
    "provisioned-model/",
)
AGENT_KINDS = ("agent/", "agent-alias/", "flow/", "knowledge-base/", "prompt/")
AGENTCORE_KINDS = (
    "browser-custom/",
    "browser-profile/",
    "code-interpreter-custom/",
    "evaluator/",
    "gateway/",
    "memory/",
    "online-evaluation-config/",
    "runtime/",
    "token-vault/",
    "workload-identity-directory/",
)


def _by(backends: Any, arns: Callable[[Any], Iterable[str]]) -> Finder:
    """Finds what ``arns`` of moto's backend lists; its tags lie in the backend's tagger."""

    def find(where: Where, arn: str) -> Holder | None:
        account = backends[where.account]
        if where.region not in account or arn not in arns(account[where.region]):
            return None
        tagger = account[where.region].tagger
        return Holder(
            lambda: tagger.get_tag_dict_for_resource(arn),
            lambda wanted: tagger.tags.update({arn: wanted}),
        )

    return find


def _agentcore_arns(backend: Any) -> Iterable[str]:
    yield from (runtime.agent_runtime_arn for runtime in backend.agent_runtimes.values())
    yield from (
        endpoint.agent_runtime_endpoint_arn for endpoint in backend.agent_runtime_endpoints.values()
    )
    yield from (gateway.gateway_arn for gateway in backend.gateways.values())
    yield from (memory.memory_arn for memory in backend.memories.values())


def _unknown(arn: str) -> Refusal:
    return Refusal("ResourceNotFoundException", f"Resource {arn} not found")


def _over_quota(arn: str) -> Refusal:
    return Refusal("ServiceQuotaExceededException", f"{arn} has {tags.MOST} tags")


BEDROCK = tags.serves(
    Service(
        "bedrock",
        BEDROCK_KINDS,
        lambda _where, _arn: None,
        _unknown,
        lambda arn: Refusal(
            "TooManyTagsException", f"{arn} has {tags.MOST} tags", resourceName=arn
        ),
    )
)
AGENT = tags.serves(
    Service(
        "bedrock-agent",
        AGENT_KINDS,
        _by(bedrockagent_backends, lambda backend: backend._list_arns()),
        _unknown,
        _over_quota,
    )
)
AGENTCORE = tags.serves(
    Service(
        "bedrock-agentcore-control",
        AGENTCORE_KINDS,
        _by(bedrockagentcorecontrol_backends, _agentcore_arns),
        _unknown,
        _over_quota,
    )
)


@implements("bedrock", "TagResource")
def tag_resource(params: Params, where: Where) -> Response:
    """A key that is there gets the new value."""
    wanted = {tag["key"]: tag["value"] for tag in params["tags"]}
    tags.add(BEDROCK, params["resourceARN"], where, wanted)
    return {}


@implements("bedrock", "UntagResource")
def untag_resource(params: Params, where: Where) -> Response:
    """Keys that are not there do no harm."""
    tags.remove(BEDROCK, params["resourceARN"], where, params["tagKeys"])
    return {}


@implements("bedrock", "ListTagsForResource")
def list_tags_for_resource(params: Params, where: Where) -> Response:
    """All tags, as a list of key and value."""
    found = tags.read(BEDROCK, params["resourceARN"], where)
    return {"tags": [{"key": key, "value": value} for key, value in found.items()]}


def _by_map(service: Service) -> None:
    """The three operations of the services that write tags as a map."""

    @implements(service.name, "TagResource")
    def tag(params: Params, where: Where) -> Response:
        tags.add(service, params["resourceArn"], where, params["tags"])
        return {}

    @implements(service.name, "UntagResource")
    def untag(params: Params, where: Where) -> Response:
        tags.remove(service, params["resourceArn"], where, params["tagKeys"])
        return {}

    @implements(service.name, "ListTagsForResource")
    def listed(params: Params, where: Where) -> Response:
        return {"tags": tags.read(service, params["resourceArn"], where)}


_by_map(AGENT)
_by_map(AGENTCORE)
