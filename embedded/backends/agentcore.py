"""Policies on AgentCore's runtimes, gateways and memories, which moto lacks.

Sources: AgentCore Control Plane API Reference, "GetResourcePolicy", "PutResourcePolicy",
"DeleteResourcePolicy"; Amazon Bedrock AgentCore Developer Guide, "Resource-based policies for
Amazon Bedrock AgentCore" (elements, actions by kind, OAuth needs ``*``). That ``Resource`` must be
the exact ARN, and that no policy is a ResourceNotFoundException, an independent emulator enforces.

``make`` creates a resource with an ARN of the documented form: moto chooses its own ids, and gives
runtimes another form. What else moto knows, it responds to itself.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from embedded.backends import tags
from embedded.backends.pages import page
from embedded.backends.registry import (
    NotOurs,
    Params,
    Refusal,
    Response,
    Where,
    implements,
    tables,
)
from embedded.backends.times import now

SERVICE = "bedrock-agentcore-control"
TABLE, MADE = "agentcore-policies", "agentcore-resources"
ACTIONS = {  # by kind
    "runtime": (
        "GetAgentCard",
        "InvokeAgentRuntime",
        "InvokeAgentRuntimeCommand",
        "InvokeAgentRuntimeCommandShell",
        "InvokeAgentRuntimeForUser",
        "InvokeAgentRuntimeWithWebSocketStream",
        "InvokeAgentRuntimeWithWebSocketStreamForUser",
        "StopRuntimeSession",
    ),
    "gateway": ("InvokeGateway",),
    "memory": (
        "BatchCreateMemoryRecords",
        "BatchUpdateMemoryRecords",
        "CreateEvent",
        "RetrieveMemoryRecords",
    ),
}
ARN = re.compile(r"arn:[a-z-]+:bedrock-agentcore:([a-z0-9-]+):([0-9]{12}):([a-z]+)/([^/]+)")


def embeds(arn: str) -> bool:
    """Whether ``make`` creates what has this ARN."""
    match = ARN.fullmatch(arn)
    return match is not None and match[3] in ACTIONS


def make(
    arn: str,
    where: Where,
    role: str,
    own_tags: Mapping[str, str] | None = None,
    images: Sequence[str] = (),
    serves: Mapping[str, str] | None = None,
) -> None:
    """Create a runtime, gateway or memory with this ARN and execution role (an ARN).

    ``images``: of a runtime's versions, the first of them is version 1. ``serves``: of its
    endpoints, by name, the version that each runs.
    """
    tags.exists(arn, where, own_tags)
    made = {"role": role, "at": now(), "images": tuple(images), "serves": dict(serves or {})}
    where.table(MADE)[arn] = made


def delete(arn: str, where: Where) -> None:
    """Delete a resource that ``make`` created, with its policy."""
    tags.forget(arn, where)
    where.table(MADE).pop(arn)
    _policies(where).pop(arn, None)


def put_policy(arn: str, where: Where, text: str) -> None:
    """Put a policy on what ``make`` created."""
    put_resource_policy({"resourceArn": arn, "policy": text}, where)


def policy_of(arn: str, where: Where) -> str | None:
    """The policy that the resource has now."""
    return _policies(where).get(arn)


def all_policies() -> dict[str, str]:
    """The policies of all accounts and Regions, by ARN."""
    return {arn: text for table in tables(TABLE) for arn, text in sorted(table.items())}


@implements(SERVICE, "GetResourcePolicy")
def get_resource_policy(params: Params, where: Where) -> Response:
    """The text as it was put."""
    arn = _existing(params["resourceArn"], where)
    if arn not in _policies(where):
        raise Refusal("ResourceNotFoundException", f"{arn} has no policy")
    return {"policy": _policies(where)[arn]}


@implements(SERVICE, "PutResourcePolicy")
def put_resource_policy(params: Params, where: Where) -> Response:
    """Keeps the text of a valid policy."""
    arn = _existing(params["resourceArn"], where)
    _check(params["policy"], arn)
    _policies(where)[arn] = params["policy"]
    return {"policy": params["policy"]}


@implements(SERVICE, "DeleteResourcePolicy")
def delete_resource_policy(params: Params, where: Where) -> Response:
    """A policy that is not there is not found."""
    arn = _existing(params["resourceArn"], where)
    if _policies(where).pop(arn, None) is None:
        raise Refusal("ResourceNotFoundException", f"{arn} has no policy")
    return {}


def _policies(where: Where) -> dict[str, str]:
    return where.table(TABLE)


def _existing(arn: str, where: Where) -> str:
    match = ARN.fullmatch(arn)
    if match is None or match[3] not in ACTIONS:
        raise Refusal("ValidationException", f"{arn} is no runtime, gateway or memory")
    if (match[1], match[2]) != (where.region, where.account):
        raise Refusal("AccessDeniedException", f"not authorized on {arn}")
    if not tags.known(arn, where):
        raise Refusal("ResourceNotFoundException", f"{arn} does not exist")
    return arn


def _check(text: str, arn: str) -> None:
    try:
        document = json.loads(text)
        statements = document["Statement"]
        for statement in statements if isinstance(statements, list) else [statements]:
            _check_statement(statement, arn)
    except (ValueError, KeyError, TypeError) as error:
        raise Refusal("ValidationException", f"not a policy: {error!r}") from None
    if "Version" not in document:
        raise Refusal("ValidationException", "the policy has no Version")


def _check_statement(statement: Mapping[str, Any], arn: str) -> None:
    kind = arn.split(":", 5)[5].partition("/")[0]
    actions = statement["Action"]
    if statement["Effect"] not in ("Allow", "Deny") or not statement["Principal"]:
        raise Refusal("ValidationException", "a statement needs Effect and Principal")
    if statement["Resource"] != arn:
        raise Refusal("ValidationException", "Resource must be the ARN of the resource")
    for action in actions if isinstance(actions, list) else [actions]:
        if action.removeprefix("bedrock-agentcore:") not in ACTIONS[kind]:
            raise Refusal("ValidationException", f"{action} is not supported for a {kind}")


@implements(SERVICE, "GetAgentRuntime")
def get_agent_runtime(params: Params, where: Where) -> Response:
    """A runtime of one version, the newest if none is named, without a network of its own."""
    arn, name, made = _made("runtime", params["agentRuntimeId"], where)
    version = params.get("agentRuntimeVersion", _newest(made))
    images = dict(enumerate(made["images"], 1))
    if images and int(version) not in images:
        raise Refusal("ResourceNotFoundException", f"{arn} has no version {version}")
    container = {"containerUri": images.get(int(version), "")}
    artifact = {"agentRuntimeArtifact": {"containerConfiguration": container}} if images else {}
    return {
        **artifact,
        "agentRuntimeArn": arn,
        "agentRuntimeId": name,
        "agentRuntimeName": name.rpartition("-")[0],
        "agentRuntimeVersion": version,
        "createdAt": made["at"],
        "lastUpdatedAt": made["at"],
        "roleArn": made["role"],
        "networkConfiguration": {"networkMode": "PUBLIC"},
        "status": "READY",
        "lifecycleConfiguration": {},
    }


@implements(SERVICE, "ListAgentRuntimes")
def list_agent_runtimes(params: Params, where: Where) -> Response:
    """Those of ``make``, and moto's where there are none."""
    found = [
        {
            "agentRuntimeArn": arn,
            "agentRuntimeId": arn.rpartition("/")[2],
            "agentRuntimeVersion": _newest(made),
            "agentRuntimeName": arn.rpartition("/")[2].rpartition("-")[0],
            "description": "an agent",
            "lastUpdatedAt": made["at"],
            "status": "READY",
        }
        for arn, made in where.table(MADE).items()
        if ":runtime/" in arn
    ]
    if not found:
        raise NotOurs
    listed, more = page(found, params, "nextToken")
    return {"agentRuntimes": listed, **more}


@implements(SERVICE, "ListAgentRuntimeEndpoints")
def list_agent_runtime_endpoints(params: Params, where: Where) -> Response:
    """Which version each runs."""
    arn, _, made = _made("runtime", params["agentRuntimeId"], where)
    found = [
        {
            "name": name,
            "id": f"{name}-0123456789",
            "liveVersion": version,
            "agentRuntimeArn": arn,
            "agentRuntimeEndpointArn": f"{arn}/runtime-endpoint/{name}",
            "status": "READY",
            "createdAt": made["at"],
            "lastUpdatedAt": made["at"],
        }
        for name, version in made["serves"].items()
    ]
    listed, more = page(found, params, "nextToken")
    return {"runtimeEndpoints": listed, **more}


def _newest(made: Mapping[str, Any]) -> str:
    return str(max(len(made["images"]), 1))


@implements(SERVICE, "GetGateway")
def get_gateway(params: Params, where: Where) -> Response:
    """A gateway for callers with IAM."""
    arn, name, made = _made("gateway", params["gatewayIdentifier"], where)
    return {
        "gatewayArn": arn,
        "gatewayId": name,
        "name": name.rpartition("-")[0],
        "createdAt": made["at"],
        "updatedAt": made["at"],
        "roleArn": made["role"],
        "protocolType": "MCP",
        "authorizerType": "AWS_IAM",
        "status": "READY",
    }


@implements(SERVICE, "GetMemory")
def get_memory(params: Params, where: Where) -> Response:
    """A memory without strategies."""
    arn, name, made = _made("memory", params["memoryId"], where)
    return {
        "memory": {
            "arn": arn,
            "id": name,
            "name": name.rpartition("-")[0].replace("-", "_"),
            "createdAt": made["at"],
            "updatedAt": made["at"],
            "memoryExecutionRoleArn": made["role"],
            "eventExpiryDuration": 90,
            "status": "ACTIVE",
        }
    }


def _made(kind: str, name: str, where: Where) -> tuple[str, str, dict[str, Any]]:
    arn = where.arn("bedrock-agentcore", f"{kind}/{name}")
    made = where.table(MADE).get(arn)
    if made is None:
        raise NotOurs
    return arn, name, made
