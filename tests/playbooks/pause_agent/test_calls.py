"""Each API call that wakes pause_agent: handled, failed, our own, another account's, and broken."""

import json
from dataclasses import replace
from typing import Any

import pytest

from cordon.gate import not_ours
from cordon.sources import read
from tests.examples import HEADERS, event, samples
from tests.make import ACCOUNT, DEPLOYMENT

PLAYBOOK = HEADERS["pause_agent"]
OWN = "cordon-PauseAgentRole-1A2B3C"
OURS = replace(
    DEPLOYMENT, region="us-east-1", own_roles=(f"arn:aws:iam::{ACCOUNT}:role/cordon/{OWN}",)
)
each_call = pytest.mark.parametrize("name", samples(PLAYBOOK.name))
HOSTILE: tuple[Any, ...] = (
    "",
    "../../agents/x",
    "a b",
    "*",
    "AGENT12345\n",
    '"},{"x":"',
    "x" * 600,
    7,
    None,
    [],
)


def test_each_call_has_a_sample() -> None:
    kinds = {read(event(name)).kind for name in samples(PLAYBOOK.name)}
    assert kinds == set(PLAYBOOK.optional)


@each_call
def test_call_is_handled(name: str) -> None:
    finding = read(event(name))
    assert PLAYBOOK.matches(finding)
    assert not_ours(finding, PLAYBOOK, OURS) == ""
    (action,) = PLAYBOOK.plan_for(finding, OURS).actions
    assert action.contains


@each_call
def test_role_of_a_call_is_its_caller_and_is_not_denied(name: str) -> None:
    actions = PLAYBOOK.plan_for(read(event(name)), OURS).actions
    assert not any(":role/" in action.resource for action in actions)


@each_call
def test_failed_call_is_not_ours(name: str) -> None:
    one = event(name)
    one["detail"]["errorCode"] = "AccessDenied"
    assert "failed" in not_ours(read(one), PLAYBOOK, OURS)


@each_call
def test_our_own_call_is_not_ours(name: str) -> None:
    """What we do to pause an agent is such a call, and so is what puts it back."""
    text = json.dumps(event(name)).replace("DataPlatformDeployer", OWN)
    assert "own role" in not_ours(read(json.loads(text)), PLAYBOOK, OURS)


@each_call
def test_agent_of_another_account_is_not_changed(name: str) -> None:
    one = event(name)
    text = json.dumps(one["detail"]["requestParameters"]).replace(ACCOUNT, "999988887777")
    one["detail"]["requestParameters"] = json.loads(text)
    finding = read(one)
    named = [r for r in finding.resources if r.place.account != ACCOUNT]
    assert all(resource not in PLAYBOOK.targets(finding) for resource in named)
    assert {r.place.account for r in PLAYBOOK.targets(finding)} <= {ACCOUNT}


@each_call
@pytest.mark.parametrize("value", HOSTILE, ids=repr)
def test_broken_name_pauses_nothing(name: str, value: Any) -> None:
    one = event(name)
    request = one["detail"]["requestParameters"]
    for named_by in ("resourceArn", "agentRuntimeId", "gatewayIdentifier", "agentId"):
        if named_by in request:
            request[named_by] = value
    one["detail"]["responseElements"] = None
    finding = read(one)
    assert PLAYBOOK.targets(finding) == ()
    assert PLAYBOOK.plan_for(finding, OURS).actions == ()
