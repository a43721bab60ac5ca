"""AgentCore's policies and agents' aliases, as documented; the rest is refused or not modelled."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from embedded import backends
from embedded.backends import NotModelled, agent_aliases, agentcore

OURS, REGION = "123456789012", "us-east-1"
HERE = backends.here(OURS, REGION)
RUNTIME = HERE.arn("bedrock-agentcore", "runtime/helper-0123456789")
GATEWAY = HERE.arn("bedrock-agentcore", "gateway/tools-0123456789")
MEMORY = HERE.arn("bedrock-agentcore", "memory/notes-0123456789")
ROLE = HERE.arn("iam", "role/helper", region="")


@cache
def client(service: str) -> Any:
    backends.install()
    return boto3.session.Session("id", "secret").client(service, region_name=REGION)


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("MOTO_ACCOUNT_ID", raising=False)
    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        yield


def refused(call: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**params)
    return str(error.value.response["Error"]["Code"])


def policy(arn: str = RUNTIME, action: str = "InvokeAgentRuntime", **changes: Any) -> str:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": f"bedrock-agentcore:{action}",
        "Resource": arn,
        **changes,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2)


@pytest.mark.parametrize(
    ("arn", "action", "kind"),
    [
        (RUNTIME, "InvokeAgentRuntime", "runtime"),
        (GATEWAY, "InvokeGateway", "gateway"),
        (MEMORY, "CreateEvent", "memory"),
    ],
)
def test_policy_is_kept_to_the_byte(arn: str, action: str, kind: str) -> None:
    control = client("bedrock-agentcore-control")
    agentcore.make(arn, HERE, ROLE)
    assert refused(control.get_resource_policy, resourceArn=arn) == "ResourceNotFoundException"
    assert refused(control.delete_resource_policy, resourceArn=arn) == "ResourceNotFoundException"
    text = policy(arn, action)
    assert control.put_resource_policy(resourceArn=arn, policy=text)["policy"] == text
    assert control.get_resource_policy(resourceArn=arn)["policy"] == text
    control.delete_resource_policy(resourceArn=arn)
    assert refused(control.get_resource_policy, resourceArn=arn) == "ResourceNotFoundException"


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "[]",
        json.dumps({"Version": "2012-10-17"}),
        policy(Resource="*"),
        policy(Resource=f"{RUNTIME}/runtime-endpoint/DEFAULT"),
        policy(action="InvokeGateway"),
        policy(action="*"),
        policy(Effect="Maybe"),
        policy(Principal=""),
        policy(Sid="x" * 20_480),
    ],
)
def test_other_policies_are_refused(text: str) -> None:
    agentcore.make(RUNTIME, HERE, ROLE)
    put = client("bedrock-agentcore-control").put_resource_policy
    assert refused(put, resourceArn=RUNTIME, policy=text) == "ValidationException"


def test_other_resources_have_no_policy() -> None:
    put = client("bedrock-agentcore-control").put_resource_policy
    browser = HERE.arn("bedrock-agentcore", "browser-custom/web-0123456789")
    foreign = RUNTIME.replace(OURS, "444455556666")
    assert refused(put, resourceArn=RUNTIME, policy=policy()) == "ResourceNotFoundException"
    assert refused(put, resourceArn=browser, policy=policy()) == "ValidationException"
    assert refused(put, resourceArn=foreign, policy=policy()) == "AccessDeniedException"


def test_what_is_made_can_be_read() -> None:
    control = client("bedrock-agentcore-control")
    for arn in (RUNTIME, GATEWAY, MEMORY):
        agentcore.make(arn, HERE, ROLE, {"owner": "us"})
        assert control.list_tags_for_resource(resourceArn=arn)["tags"] == {"owner": "us"}
    found = control.get_agent_runtime(agentRuntimeId="helper-0123456789")
    assert (found["agentRuntimeArn"], found["roleArn"]) == (RUNTIME, ROLE)
    assert control.get_gateway(gatewayIdentifier="tools-0123456789")["gatewayArn"] == GATEWAY
    assert control.get_memory(memoryId="notes-0123456789")["memory"]["arn"] == MEMORY


AGENT, ALIAS = "AGENT12345", "ALIAS12345"
UPDATE = {
    "agentId": AGENT,
    "agentAliasId": ALIAS,
    "agentAliasName": "live",
    "routingConfiguration": [{"agentVersion": "1"}],
    "aliasInvocationState": "REJECT_INVOCATIONS",
}


def test_alias_is_listed_and_updated() -> None:
    agents = client("bedrock-agent")
    agent_aliases.make(AGENT, HERE, ROLE, {ALIAS: "live"}, {})
    agents.update_agent_alias(**UPDATE)
    pages = agents.get_paginator("list_agent_aliases").paginate(agentId=AGENT)
    found = {a["agentAliasId"]: a for page in pages for a in page["agentAliasSummaries"]}
    assert found.keys() == {ALIAS, "TSTALIASID"}
    assert found[ALIAS]["aliasInvocationState"] == "REJECT_INVOCATIONS"
    alias = agents.get_agent_alias(agentId=AGENT, agentAliasId=ALIAS)["agentAlias"]
    assert alias["aliasInvocationState"] == "REJECT_INVOCATIONS"


def test_aliases_are_listed_in_pages() -> None:
    agent_aliases.make(AGENT, HERE, ROLE, {f"ALIAS{n:05}": f"a{n}" for n in range(25)}, {})
    pages = [*client("bedrock-agent").get_paginator("list_agent_aliases").paginate(agentId=AGENT)]
    assert [len(page["agentAliasSummaries"]) for page in pages] == [10, 10, 6]


def test_unknown_agents_and_aliases_are_not_found() -> None:
    agents, not_found = client("bedrock-agent"), "ResourceNotFoundException"
    assert refused(agents.list_agent_aliases, agentId=AGENT) == not_found
    agent_aliases.make(AGENT, HERE, ROLE, {}, {})
    assert refused(agents.update_agent_alias, **UPDATE) == not_found


@pytest.mark.parametrize(
    "change",
    [
        {"routingConfiguration": None},
        {"aliasInvocationState": None},
        {"agentAliasId": "TSTALIASID"},
    ],
)
def test_what_aws_does_not_say_is_not_modelled(change: dict[str, Any]) -> None:
    agent_aliases.make(AGENT, HERE, ROLE, {ALIAS: "live"}, {})
    params = {k: v for k, v in {**UPDATE, **change}.items() if v is not None}
    with pytest.raises(NotModelled):
        client("bedrock-agent").update_agent_alias(**params)
