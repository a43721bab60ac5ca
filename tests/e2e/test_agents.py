"""An agent that is paused by its ARN: it works before, is refused after, works again after release.

ministack makes the runtime and enforces its policy, under an IAM that is not ours.
"""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cordon.memory.cases import Case
from cordon.statuses import Status
from tests.e2e.account import ACCOUNT, Account
from tests.e2e.people import role
from tests.e2e.test_playbooks import allowed
from tests.examples import folder_of

PAUSE = folder_of("cloudtrail_runtime_shared")
AGENT_ROLE = f"arn:aws:iam::{ACCOUNT}:role/agent"
SESSION = "0123456789abcdef0123456789abcdef0"  # at least 33 characters


def runtime(account: Account) -> str:
    """A runtime, and the role that it works with; its ARN."""
    role(account, "agent")
    made = account.client("bedrock-agentcore-control").create_agent_runtime(
        agentRuntimeName="claims",
        agentRuntimeArtifact={
            "codeConfiguration": {
                "code": {"s3": {"bucket": "code", "prefix": "claims"}},
                "runtime": "PYTHON_3_12",
                "entryPoint": ["main.py"],
            }
        },
        roleArn=AGENT_ROLE,
        networkConfiguration={"networkMode": "PUBLIC"},
    )
    return str(made["agentRuntimeArn"])


def caller(account: Account, name: str) -> Any:
    """A client with a session of a role that may do everything with agents."""
    arn = role(account, name) if name != "agent" else AGENT_ROLE
    statement = {"Effect": "Allow", "Action": "bedrock-agentcore:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    account.client("iam").put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=document)
    return account.as_role(arn, "bedrock-agentcore")


def policy(account: Account, arn: str) -> str | None:
    """The runtime's policy."""
    try:
        found = account.client("bedrock-agentcore-control").get_resource_policy(resourceArn=arn)
    except ClientError as error:
        assert error.response["Error"]["Code"] == "ResourceNotFoundException"
        return None
    return str(found["policy"])


def invokes(client: Any, arn: str) -> bool:
    """Does the runtime take work from this client?"""
    return allowed(
        client.invoke_agent_runtime,
        agentRuntimeArn=arn,
        runtimeSessionId=SESSION,
        qualifier="DEFAULT",
        payload=b"{}",
    )


def contained(account: Account, arn: str) -> Case:
    """The case, once a person has named the resource. In observe: a person decides in any mode."""
    account.set(f"modes.{PAUSE}", "observe")
    body = {"resource": arn, "playbook": PAUSE, "why": "it runs wild"}
    assert account.stack.request("contain", body)["complete"]
    account.settle()
    assert account.case().status is Status.CONTAINED
    return account.case()


def released(account: Account, case: Case) -> None:
    """Released by a person."""
    account.stack.release(case, "a test")
    account.settle()
    assert account.case().status is Status.REOPENED


@pytest.mark.parametrize("had_policy", [False, True], ids=["without", "with"])
def test_paused_agent_is_refused_and_works_again(account: Account, had_policy: bool) -> None:
    arn = runtime(account)
    client = caller(account, "application")
    if had_policy:
        statement = {
            "Sid": "Partner",
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::999988887777:root"},
            "Action": "bedrock-agentcore:InvokeAgentRuntime",
            "Resource": arn,
        }
        account.client("bedrock-agentcore-control").put_resource_policy(
            resourceArn=arn,
            policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=1),
        )
    before = policy(account, arn)
    assert (before is not None) is had_policy
    assert invokes(client, arn)
    case = contained(account, arn)
    (result,) = case.results
    assert AGENT_ROLE in result.reason
    assert not invokes(client, arn)
    released(account, case)
    assert invokes(client, arn)
    assert policy(account, arn) == before


def test_role_of_an_agent_is_refused_its_tools_and_gets_them_again(account: Account) -> None:
    """A session that runs is cut off from what it calls: here from another agent."""
    arn = runtime(account)
    session = caller(account, "agent")
    assert invokes(session, arn)
    case = contained(account, AGENT_ROLE)
    assert not invokes(session, arn)
    released(account, case)
    assert invokes(session, arn)
