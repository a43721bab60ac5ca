"""What the contract does not require of the actions on agents: texts, limits, refusals of AWS."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from cordon import clock
from cordon.actions import NotYet, Refused, ResourceDeleted
from cordon.actions.agent_aliases import RejectAgentInvocations
from cordon.actions.agent_core import LIMIT, DenyAgentAccess
from cordon.clients import AwsClients
from embedded.backends import agent_aliases
from tests.actions.scenario import PLACE, account, stub
from tests.actions.scenario_agents import (
    AGENT,
    EMPTY,
    EVERY,
    GATEWAY,
    HERE,
    INVOKE,
    LIVE,
    MEMORY,
    ONE,
    ROLE,
    RUNTIME,
    agent,
    alias,
    control,
    described,
    listed,
    made,
    policy,
    read_policy,
)

ALL = (RUNTIME, GATEWAY, MEMORY)


@pytest.fixture
def aws() -> Iterator[AwsClients]:
    with account() as clients:
        yield clients


@pytest.mark.parametrize("arn", ALL)
def test_statement_denies_everybody_on_the_exact_resource(aws: AwsClients, arn: str) -> None:
    """AgentCore refuses another Resource; OAuth resources need ``*``; sessions can be ended."""
    made(arn)(aws)
    action = DenyAgentAccess(PLACE, arn)
    action.apply(aws, action.capture(aws), None)
    (statement,) = json.loads(read_policy(arn)(aws))["Statement"]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert statement["Resource"] == arn
    names = {name.removeprefix("bedrock-agentcore:") for name in statement["Action"]}
    assert not names & {"StopRuntimeSession", "GetAgentCard"}
    assert not any("*" in name for name in names)


@pytest.mark.parametrize(
    "arn",
    [
        PLACE.arn("bedrock-agentcore", "runtime/helper-0123456789/runtime-endpoint/DEFAULT"),
        PLACE.arn("bedrock-agentcore", "browser-custom/web-0123456789"),
        PLACE.arn("bedrock-agentcore", "runtime/../gateway/x-0123456789"),
        PLACE.arn("bedrock", "runtime/helper-0123456789"),
        RUNTIME.replace(PLACE.account, "444455556666"),
        RUNTIME.replace("us-east-1", "eu-west-1"),
        "helper-0123456789",
    ],
)
def test_other_arns_are_refused(arn: str) -> None:
    with pytest.raises(ValueError, match="arn"):
        DenyAgentAccess(PLACE, arn)


def of_length(length: int) -> str:
    text = policy(RUNTIME, INVOKE, "")
    return policy(RUNTIME, INVOKE, "x" * (length - len(text)))


def test_policy_without_room_is_refused_before_anything_changes(aws: AwsClients) -> None:
    """A policy that just fits is merged; one character more is not."""
    ours = len(json.dumps(json.loads(of_length(9_000)), separators=(",", ":")))
    made(RUNTIME)(aws)
    action = DenyAgentAccess(PLACE, RUNTIME)
    merged = action.apply(aws, {"policy": None, "role": ""}, None)
    assert merged["sids"] == ["CordonPause"]
    room = LIMIT - (len(read_policy(RUNTIME)(aws)) - len('{"Version":"2012-10-17","Statement":[]}'))
    longest = 9_000 + (room - 1 - ours)  # a comma between the two statements
    for length in (longest, longest + 1):
        text = of_length(length)
        control(aws).put_resource_policy(resourceArn=RUNTIME, policy=text)
        if length == longest:
            captured = action.capture(aws)
            action.apply(aws, captured, None)
            assert len(read_policy(RUNTIME)(aws)) == LIMIT
        else:
            with pytest.raises(Refused, match="20,480"):
                action.capture(aws)
            assert read_policy(RUNTIME)(aws) == text


def test_what_is_no_policy_is_refused(aws: AwsClients) -> None:
    made(RUNTIME)(aws)
    stub(aws, "bedrock-agentcore-control", "GetResourcePolicy", lambda _: {"policy": "nonsense"})
    with pytest.raises(Refused, match="cannot be read"):
        DenyAgentAccess(PLACE, RUNTIME).capture(aws)


def test_role_of_the_agent_is_named(aws: AwsClients) -> None:
    """Sessions that run keep it: people must know which role to contain too."""
    made(RUNTIME)(aws)
    action = DenyAgentAccess(PLACE, RUNTIME)
    written = action.apply(aws, action.capture(aws), None)
    assert ROLE in action.note(written)
    agent()(aws)
    captured = EVERY.capture(aws)
    assert ROLE in EVERY.note(EVERY.apply(aws, captured, None))
    assert DenyAgentAccess(PLACE, MEMORY).note({"role": ROLE}) == ""


# Aliases


@pytest.mark.parametrize("agent_id", ["", "../../x", "AGENT1234", "AGENT12345*", "AGENT12345\n"])
def test_other_agent_ids_are_refused(agent_id: str) -> None:
    with pytest.raises(ValueError, match="agent"):
        RejectAgentInvocations(PLACE, agent_id, ("*",))


@pytest.mark.parametrize("aliases", [(), ("TSTALIASID",), ("x",), (LIVE, "TSTALIASID")])
def test_other_aliases_are_refused(aliases: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="aliases"):
        RejectAgentInvocations(PLACE, AGENT, aliases)


def test_version_that_a_person_chose_meanwhile_stays(aws: AwsClients) -> None:
    """An update replaces the alias: it is read just before, and not taken from the capture."""
    agent()(aws)
    captured = EVERY.capture(aws)
    written = EVERY.apply(aws, captured, None)
    described(aws)
    for _ in range(2):
        written = EVERY.apply(aws, captured, written)
        assert listed(aws)[LIVE]["routingConfiguration"] == [{"agentVersion": "9"}]
        assert listed(aws)[LIVE]["aliasInvocationState"] == "REJECT_INVOCATIONS"
    EVERY.undo(aws, captured, written)
    assert listed(aws)[LIVE]["description"] == "moved by a person"


def test_draft_is_never_updated(aws: AwsClients) -> None:
    agent()(aws)
    written = EVERY.apply(aws, EVERY.capture(aws), None)
    assert "TSTALIASID" not in written["aliases"]
    assert listed(aws)["TSTALIASID"]["aliasInvocationState"] == "ACCEPT_INVOCATIONS"


@pytest.mark.parametrize("action", [EVERY, RejectAgentInvocations(PLACE, AGENT, (EMPTY,))])
def test_without_a_version_there_is_nothing_to_pause(
    aws: AwsClients, action: RejectAgentInvocations
) -> None:
    """Nothing may then be called contained: the draft can still be invoked."""
    agent_aliases.make(AGENT, HERE, ROLE, {}, {})
    alias(EMPTY, version="")()
    with pytest.raises(Refused, match="no alias with a version"):
        action.capture(aws)


def test_alias_that_came_later_is_paused_too_and_accepts_in_the_end(aws: AwsClients) -> None:
    agent()(aws)
    captured = EVERY.capture(aws)
    EVERY.apply(aws, captured, None)
    alias("LATER12345")()
    written = EVERY.apply(aws, captured, None)
    assert listed(aws)["LATER12345"]["aliasInvocationState"] == "REJECT_INVOCATIONS"
    EVERY.undo(aws, captured, written)
    assert listed(aws)["LATER12345"]["aliasInvocationState"] == "ACCEPT_INVOCATIONS"


def test_named_alias_that_is_deleted_is_said_to_be(aws: AwsClients) -> None:
    agent()(aws)
    captured = ONE.capture(aws)
    HERE.table("agent-aliases")[AGENT].pop(LIVE)
    with pytest.raises(ResourceDeleted, match=LIVE):
        ONE.capture(aws)
    with pytest.raises(ResourceDeleted, match=LIVE):
        ONE.apply(aws, captured, None)


def in_change(aws: AwsClients) -> None:
    """AWS has taken the update, and carries it out."""
    found: dict[str, Any] = HERE.table("agent-aliases")[AGENT][LIVE]
    found["agentAliasStatus"] = "UPDATING"


def test_alias_in_change_needs_time(aws: AwsClients) -> None:
    agent()(aws)
    captured = ONE.capture(aws)
    written = ONE.apply(aws, captured, None)
    in_change(aws)
    with pytest.raises(NotYet) as waiting:
        ONE.verify(aws, captured, written)
    assert timedelta(0) < waiting.value.until - clock.now() <= timedelta(minutes=1)
    undone = ONE.undo(aws, captured, written)
    in_change(aws)
    with pytest.raises(NotYet):
        ONE.verify_undone(aws, undone.left or {})


def test_conflict_needs_time(aws: AwsClients) -> None:
    agent()(aws)
    captured = ONE.capture(aws)
    stub(aws, "bedrock-agent", "UpdateAgentAlias", lambda _: "ConflictException")
    with pytest.raises(NotYet, match=LIVE):
        ONE.apply(aws, captured, None)
