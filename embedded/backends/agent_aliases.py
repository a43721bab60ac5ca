"""Aliases of Bedrock agents, which moto lacks: listed, read and updated.

Sources: Amazon Bedrock API Reference, "GetAgentAlias", "ListAgentAliases", "UpdateAgentAlias",
"AgentAlias". An update is done at once: AWS says nothing of how long an alias is UPDATING. An
update without a routing or a state, or of the working draft's alias, is not modelled: AWS does not
say what it does.
"""

from collections.abc import Mapping
from typing import Any

from embedded.backends import tags
from embedded.backends.pages import page
from embedded.backends.registry import (
    NotModelled,
    NotOurs,
    Params,
    Refusal,
    Response,
    Where,
    implements,
    tables,
)
from embedded.backends.times import now

SERVICE = "bedrock-agent"
TABLE, MADE = "agent-aliases", "agents"
TEST_ALIAS = "TSTALIASID"
SHOWN = ("agentAliasName", "description", "routingConfiguration", "aliasInvocationState")
PAGE = 10  # the output model holds at most so many
SUMMARY = (
    "agentAliasId",
    "agentAliasName",
    "description",
    "routingConfiguration",
    "agentAliasStatus",
    "createdAt",
    "updatedAt",
    "aliasInvocationState",
)


def make(
    agent: str,
    where: Where,
    role: str,
    aliases: Mapping[str, str],
    own_tags: Mapping[str, str] | None = None,
) -> None:
    """An agent with this id and service role (an ARN), and aliases by id, each with its name."""
    tags.exists(where.arn("bedrock", f"agent/{agent}"), where, own_tags)
    where.table(MADE)[agent] = {"role": role, "at": now()}
    put_alias(agent, where, TEST_ALIAS, "AgentTestAlias", version="DRAFT")
    for number, (alias, name) in enumerate(aliases.items(), 1):
        put_alias(agent, where, alias, name, version=str(number))


def put_alias(
    agent: str, where: Where, alias: str, name: str, *, version: str, state: str = ""
) -> None:
    """An alias as AWS has it; without a version for ""."""
    _aliases(agent, where)[alias] = {
        "agentId": agent,
        "agentAliasId": alias,
        "agentAliasName": name,
        "agentAliasArn": where.arn("bedrock", f"agent-alias/{agent}/{alias}"),
        "routingConfiguration": [{"agentVersion": version}] if version else [],
        "createdAt": now(),
        "updatedAt": now(),
        "agentAliasStatus": "PREPARED" if version else "DISSOCIATED",
        "aliasInvocationState": state or "ACCEPT_INVOCATIONS",
    }


def delete(agent: str, where: Where) -> None:
    """Delete an agent with its aliases."""
    tags.forget(where.arn("bedrock", f"agent/{agent}"), where)
    where.table(MADE).pop(agent)
    where.table(TABLE).pop(agent, None)


def all_aliases() -> dict[str, dict[str, Any]]:
    """The state and the routing of each alias, in all accounts and Regions, by its ARN."""
    agents = [agent for table in tables(TABLE) for agent in table.values()]
    found = [alias for agent in agents for alias in agent.values()]
    return {a["agentAliasArn"]: {name: a.get(name) for name in SHOWN} for a in found}


@implements(SERVICE, "GetAgent")
def get_agent(params: Params, where: Where) -> Response:
    """An agent that ``make`` created; moto responds for its own."""
    agent = params["agentId"]
    made = where.table(MADE).get(agent)
    if made is None:
        raise NotOurs
    return {
        "agent": {
            "agentId": agent,
            "agentName": f"agent-{agent}",
            "agentArn": where.arn("bedrock", f"agent/{agent}"),
            "agentVersion": "DRAFT",
            "agentStatus": "PREPARED",
            "idleSessionTTLInSeconds": 600,
            "agentResourceRoleArn": made["role"],
            **({"foundationModel": made["model"]} if "model" in made else {}),
            "createdAt": made["at"],
            "updatedAt": made["at"],
        }
    }


@implements(SERVICE, "ListAgentAliases")
def list_agent_aliases(params: Params, where: Where) -> Response:
    """In pages, the working draft's alias among them."""
    _require_agent(params["agentId"], where)
    found = sorted(_aliases(params["agentId"], where).values(), key=lambda a: a["agentAliasId"])
    listed, more = page(found, params, "nextToken", PAGE)
    summaries = [{k: alias[k] for k in SUMMARY if k in alias} for alias in listed]
    return {"agentAliasSummaries": summaries, **more}


@implements(SERVICE, "GetAgentAlias")
def get_agent_alias(params: Params, where: Where) -> Response:
    """One alias."""
    return {"agentAlias": _alias(params, where)}


@implements(SERVICE, "UpdateAgentAlias")
def update_agent_alias(params: Params, where: Where) -> Response:
    """Replaces what the request has."""
    alias = _alias(params, where)
    given = {"routingConfiguration", "aliasInvocationState"} & params.keys()
    if params["agentAliasId"] == TEST_ALIAS or len(given) < 2 or not params["routingConfiguration"]:
        raise NotModelled("UpdateAgentAlias of the draft, or without routing and state")
    if "description" in alias and "description" not in params:
        raise NotModelled("UpdateAgentAlias without the description that the alias has")
    alias.update({name: params[name] for name in SHOWN if name in params})
    alias["updatedAt"] = now()
    return {"agentAlias": alias}


def _aliases(agent: str, where: Where) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = where.table(TABLE).setdefault(agent, {})
    return found


def _require_agent(agent: str, where: Where) -> None:
    if agent not in where.table(MADE):
        raise Refusal("ResourceNotFoundException", f"agent {agent} does not exist")


def _alias(params: Params, where: Where) -> dict[str, Any]:
    _require_agent(params["agentId"], where)
    aliases = _aliases(params["agentId"], where)
    if params["agentAliasId"] not in aliases:
        raise Refusal("ResourceNotFoundException", f"alias {params['agentAliasId']} does not exist")
    return aliases[params["agentAliasId"]]
