"""Scenarios of roles and users that a managed policy of the stack denies something."""

import json
from collections.abc import Callable
from typing import Any

from moto.iam.models import IAMBackend, iam_backends

from cordon.actions.action import Undone
from cordon.actions.deny_policy import (
    DenyAgentToolsToRole,
    DenyByPolicy,
    DenyInferenceToRole,
    DenyInferenceToUser,
)
from cordon.clients import AwsClients
from tests.actions.scenario import PLACE, Scenario
from tests.actions.scenario_iam import ROLE, USER, a_role, a_user, read_role, read_user

NAMES = {"inference": "cordon-DenyInferencePolicy-1", "agent_tools": "CordonDenyAgentTools"}
ARN = f"arn:aws:iam::{PLACE.account}:policy/cordon/"
MODELS, TOOLS = ARN + NAMES["inference"], ARN + NAMES["agent_tools"]
DENY_ROLE = DenyInferenceToRole(PLACE, MODELS, ROLE)
DENY_USER = DenyInferenceToUser(PLACE, MODELS, USER)
DENY_AGENT = DenyAgentToolsToRole(PLACE, TOOLS, ROLE)
THEIRS = f"arn:aws:iam::{PLACE.account}:policy/theirs"
Prepare = Callable[[AwsClients], None]


def make_policy(aws: AwsClients, action: DenyByPolicy, document: Any = None) -> None:
    """The policy as the stack, or who made the member role, made it."""
    aws.client("iam").create_policy(
        PolicyName=action.policy.rpartition("/")[2],
        Path="/cordon/",
        PolicyDocument=json.dumps(document or action.purpose.document),
    )


def with_policy(action: DenyByPolicy, prepare: Prepare, *, attached: bool = False) -> Prepare:
    """A principal with a policy of its own; ours exists, and a person may have attached it."""

    def prepared(aws: AwsClients) -> None:
        prepare(aws)
        make_policy(aws, action)
        iam = aws.client("iam")
        allow = {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        iam.create_policy(PolicyName="theirs", PolicyDocument=document)
        change(action, "attach", THEIRS)(aws)
        if attached:
            change(action, "attach")(aws)

    return prepared


def change(action: DenyByPolicy, verb: str, policy: str = "") -> Prepare:
    """A person attaches or detaches a policy."""

    def changed(aws: AwsClients) -> None:
        kind, name = action.kind, action.resource.rpartition("/")[2]
        call = getattr(aws.client("iam"), f"{verb}_{kind.lower()}_policy")
        call(**{f"{kind}Name": name}, PolicyArn=policy or action.policy)

    return changed


def delete(action: DenyByPolicy) -> Prepare:
    def deleted(_: AwsClients) -> None:
        backend: IAMBackend = iam_backends[PLACE.account]["aws"]
        (backend.roles if action.kind == "Role" else backend.users).clear()

    return deleted


def without_theirs(shown: dict[str, Any]) -> bool:
    return THEIRS not in shown["attached"]


def scenario(name: str, action: DenyByPolicy, **more: Any) -> Scenario:
    of_role = action.kind == "Role"
    attached = more.get("contained_before", False)
    return Scenario(
        name,
        action,
        action,
        prepare=with_policy(action, a_role() if of_role else a_user(), attached=attached),
        read=read_role if of_role else read_user,
        missing=delete(action),
        **more,
    )


def both(action: DenyByPolicy) -> tuple[Scenario, ...]:
    """A person detaches ours, or another one; and one that was attached before."""
    restored = Undone.RESTORED  # as it was captured: without it
    return (
        scenario("plain", action, tamper=change(action, "detach"), after_tamper=restored),
        scenario(
            "other-policy-detached",
            action,
            tamper=change(action, "detach", THEIRS),
            theirs=without_theirs,
            after_tamper=restored,
        ),
        scenario("attached-before", action, tamper=change(action, "detach"), contained_before=True),
    )


SCENARIOS = tuple(one for action in (DENY_ROLE, DENY_USER, DENY_AGENT) for one in both(action))
