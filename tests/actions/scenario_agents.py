"""Scenarios of AgentCore's runtimes, gateways and memories, and of aliases of Bedrock agents."""

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from cordon.actions import Undone
from cordon.actions.agent_aliases import RejectAgentInvocations
from cordon.actions.agent_core import DenyAgentAccess
from cordon.clients import AwsClients
from embedded import backends
from embedded.backends import agent_aliases, agentcore
from tests.actions.scenario import PLACE, Scenario

HERE = backends.here(PLACE.account, PLACE.region)
RUNTIME, GATEWAY, MEMORY = (
    PLACE.arn("bedrock-agentcore", resource)
    for resource in (
        "runtime/helper-0123456789",
        "gateway/tools-0123456789",
        "memory/notes-0123456789",
    )
)
ROLE = f"arn:aws:iam::{PLACE.account}:role/helper"
PARTNER = "arn:aws:iam::444455556666:root"


def policy(arn: str, action: str, sid: str = "Partner", **more: Any) -> str:
    statement = {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"AWS": PARTNER},
        "Action": f"bedrock-agentcore:{action}",
        "Resource": arn,
        **more,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=1)


def control(aws: AwsClients) -> Any:
    return aws.client("bedrock-agentcore-control")


def made(arn: str, text: str = "") -> Callable[[AwsClients], None]:
    def prepare(aws: AwsClients) -> None:
        agentcore.make(arn, HERE, ROLE)
        if text:
            control(aws).put_resource_policy(resourceArn=arn, policy=text)

    return prepare


def read_policy(arn: str) -> Callable[[AwsClients], Any]:
    def read(aws: AwsClients) -> Any:
        try:
            return control(aws).get_resource_policy(resourceArn=arn)["policy"]
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ResourceNotFoundException"
            return None

    return read


def statement_added(arn: str, action: str) -> Callable[[AwsClients], None]:
    """A person adds a statement and keeps Cordon's."""

    def tamper(aws: AwsClients) -> None:
        document = json.loads(read_policy(arn)(aws))
        manual = json.loads(policy(arn, action, "WrittenManually"))["Statement"]
        text = json.dumps({**document, "Statement": [*manual, *document["Statement"]]})
        control(aws).put_resource_policy(resourceArn=arn, policy=text)

    return tamper


def policy_deleted(arn: str) -> Callable[[AwsClients], None]:
    return lambda aws: control(aws).delete_resource_policy(resourceArn=arn)


def manual_statements(text: Any) -> Any:
    return [s for s in json.loads(text)["Statement"] if s["Sid"] == "WrittenManually"]


def denial(name: str, arn: str, action: str, text: str = "") -> Scenario:
    denies = DenyAgentAccess(PLACE, arn)
    return Scenario(
        name=name,
        action=denies,
        other_case=denies,
        prepare=made(arn, text),
        read=read_policy(arn),
        tamper=statement_added(arn, action),
        missing=lambda _: agentcore.delete(arn, HERE),
        theirs=manual_statements,
    )


INVOKE = "InvokeAgentRuntime"
DENIALS = [
    denial("runtime-without-policy", RUNTIME, INVOKE),
    denial("runtime-shared", RUNTIME, INVOKE, policy(RUNTIME, INVOKE)),
    denial("copied-cordon-sid", RUNTIME, INVOKE, policy(RUNTIME, INVOKE, "CordonPause")),
    denial("gateway", GATEWAY, "InvokeGateway", policy(GATEWAY, "InvokeGateway")),
    denial("memory", MEMORY, "CreateEvent"),
    Scenario(
        name="then-emptied",
        action=DenyAgentAccess(PLACE, RUNTIME),
        other_case=DenyAgentAccess(PLACE, RUNTIME),
        prepare=made(RUNTIME, policy(RUNTIME, INVOKE)),
        read=read_policy(RUNTIME),
        tamper=policy_deleted(RUNTIME),
        missing=lambda _: agentcore.delete(RUNTIME, HERE),
    ),
]

AGENT = "AGENT12345"
LIVE, BETA, PAUSED, EMPTY = "LIVE123456", "BETA123456", "PAUS123456", "EMPT123456"


def agent(*then: Callable[[], None]) -> Callable[[AwsClients], None]:
    def prepare(_: AwsClients) -> None:
        agent_aliases.make(AGENT, HERE, ROLE, {LIVE: "live", BETA: "beta"}, {})
        for step in then:
            step()

    return prepare


def alias(name: str, *, version: str = "3", state: str = "") -> Callable[[], None]:
    return lambda: agent_aliases.put_alias(
        AGENT, HERE, name, name.lower(), version=version, state=state
    )


def listed(aws: AwsClients) -> dict[str, Any]:
    pages = aws.client("bedrock-agent").get_paginator("list_agent_aliases")
    found = [a for p in pages.paginate(agentId=AGENT) for a in p["agentAliasSummaries"]]
    dates = ("createdAt", "updatedAt")
    return {a["agentAliasId"]: {k: v for k, v in a.items() if k not in dates} for a in found}


def described(aws: AwsClients) -> None:
    """A person describes an alias, moves it to another version, and lets it run again."""
    aws.client("bedrock-agent").update_agent_alias(
        agentId=AGENT,
        agentAliasId=LIVE,
        agentAliasName="live",
        description="moved by a person",
        routingConfiguration=[{"agentVersion": "9"}],
        aliasInvocationState="ACCEPT_INVOCATIONS",
    )


def without_state(aliases: Any) -> Any:
    names = ("description", "routingConfiguration", "agentAliasName")
    return {a: {name: one.get(name) for name in names} for a, one in aliases.items()}


EVERY = RejectAgentInvocations(PLACE, AGENT, ("*",))
ONE = RejectAgentInvocations(PLACE, AGENT, (LIVE,))
OTHER = RejectAgentInvocations(PLACE, AGENT, (BETA,))
REJECTS = "REJECT_INVOCATIONS"


def rejection(
    name: str,
    action: RejectAgentInvocations,
    other: RejectAgentInvocations,
    *then: Callable[[], None],
    paused: bool = False,
) -> Scenario:
    """``paused``: every alias of the plan was so before; that a person lets it run is drift."""
    return Scenario(
        name=name,
        action=action,
        other_case=other,
        prepare=agent(*then),
        read=listed,
        tamper=described,
        missing=lambda _: agent_aliases.delete(AGENT, HERE),
        theirs=without_state,
        after_tamper=Undone.DRIFTED if paused else Undone.RESTORED,
        contained_before=paused,
    )


ALIASES = [
    rejection("every", EVERY, ONE),
    rejection("one-of-two", ONE, OTHER),
    rejection("one-then-every", ONE, EVERY),
    rejection("some-without-version", EVERY, OTHER, alias(EMPTY, version="")),
    rejection("one-paused-before", EVERY, OTHER, alias(PAUSED, state=REJECTS)),
    rejection("many", EVERY, ONE, *(alias(f"MANY{n:06}") for n in range(11))),
    rejection(
        "all-paused-before",
        EVERY,
        OTHER,
        *(alias(one, state=REJECTS) for one in (LIVE, BETA)),
        paused=True,
    ),
]

SCENARIOS = [*DENIALS, *ALIASES]
