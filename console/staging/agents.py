"""Stages agents: AgentCore's resources, Bedrock agents with aliases, managed knowledge bases."""

import json

from console.staging.notes import OWN_TAGS, Note
from cordon.finding import Finding, Resource
from embedded import backends
from embedded.backends import Where, agent_aliases, agentcore, customization, tags

AGENT, ALIAS = "AWS::Bedrock::Agent", "AWS::Bedrock::AgentAlias"
BASE = "AWS::Bedrock::KnowledgeBase"
ENDPOINT = "/runtime-endpoint/"
ROLE, PARTNER = "role/AgentRole", "999988887777"
ALIASES = {"PRODALIAS1": "production", "BETAALIAS1": "beta"}
SHARED = {"runtime": "InvokeAgentRuntime", "gateway": "InvokeGateway", "memory": "CreateEvent"}


def is_agent(resource: Resource) -> bool:
    """Does ``stage_agent`` create it, with all that Cordon changes of it?"""
    if resource.type in (AGENT, ALIAS) or _is_base(resource):
        return True
    return agentcore.embeds(resource.arn.partition(ENDPOINT)[0])


def stage_agent(resource: Resource, finding: Finding) -> Note:
    """Create the agent with its owner's tags: with a partner in its policy, or with two aliases."""
    where = _where(resource)
    if resource.place.account != finding.place.account:
        return Note(False, f"{resource.arn}: of another account, which no playbook changes")
    if _is_base(resource):
        return _base(resource, where)
    role = resource.place.arn("iam", ROLE, region="")
    if resource.type in (AGENT, ALIAS):
        return _agent(resource, where, role)
    arn = resource.arn.partition(ENDPOINT)[0]
    if backends.known(arn, where):
        return Note(False, f"{arn}: exists already")
    agentcore.make(arn, where, role, OWN_TAGS)
    kind = arn.split(":", 5)[5].partition("/")[0]
    agentcore.put_policy(arn, where, _policy(resource, arn, SHARED[kind]))
    return Note(True, f"{arn}, with two of its owner's tags and a policy for account {PARTNER}")


def _is_base(resource: Resource) -> bool:
    return resource.type == BASE and "/" not in resource.name


def _base(resource: Resource, where: Where) -> Note:
    if backends.known(resource.arn, where):
        return Note(False, f"{resource.arn}: exists already")
    customization.base(resource.name, where, bucket="arn:aws:s3:::acme-docs", type="MANAGED")
    tags.add(tags.service_of(resource.arn), resource.arn, where, OWN_TAGS)
    return Note(True, f"{resource.arn}, a managed one, with two of its owner's tags")


def _agent(resource: Resource, where: Where, role: str) -> Note:
    agent, _, alias = resource.name.partition("/")
    arn = resource.place.arn("bedrock", f"agent/{agent}")
    if backends.known(arn, where):
        return Note(False, f"{arn}: exists already")
    aliases = {**ALIASES, alias: "named"} if alias else ALIASES
    agent_aliases.make(agent, where, role, aliases, OWN_TAGS)
    return Note(True, f"{arn}, with {len(aliases)} aliases and two of its owner's tags")


def _policy(resource: Resource, arn: str, action: str) -> str:
    statement = {
        "Sid": "PartnerUses",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{resource.place.partition}:iam::{PARTNER}:root"},
        "Action": f"bedrock-agentcore:{action}",
        "Resource": arn,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _where(resource: Resource) -> Where:
    return backends.here(resource.place.account, resource.place.region)
