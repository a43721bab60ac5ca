"""Pause what runs in AgentCore: a deny in the policy of a runtime, a gateway or a memory.

A deny in that policy wins over every allow, also in the same account. A call to an endpoint of a
runtime is held against the policies of both, so a deny on the runtime is enough. The statement
names everybody: a resource that takes OAuth tokens needs ``*``. Source: Amazon Bedrock AgentCore
Developer Guide, "Resource-based policies for Amazon Bedrock AgentCore".

``Resource`` is the exact ARN: AgentCore refuses ``*``. The policy has at most 20,480 characters
(AgentCore Control Plane API Reference, "PutResourcePolicy"), and no revision: what a person puts
between our reading and our writing is lost, and evidence has not seen it.
"""

import re
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from cordon.actions import policy_text
from cordon.actions.action import Json
from cordon.actions.grants import STATE, Grant, Statement
from cordon.actions.resource_policy import DenyByPolicy
from cordon.clients import AwsClients, error_code
from cordon.concurrency import gather
from cordon.finding import ARN

LIMIT = 20_480  # characters of one policy
NOT_FOUND = "ResourceNotFoundException"  # of no policy, and of no resource
SID = "CordonPause"
# The forms of the names: AgentCore Control Plane API Reference, "GetAgentRuntime", "GetGateway",
# "GetMemory".
NAMES = {
    "runtime": re.compile(r"runtime/([a-zA-Z][a-zA-Z0-9_]{0,99}-[a-zA-Z0-9]{10})"),
    "gateway": re.compile(r"gateway/((?:[0-9a-z]-?){1,100}-[0-9a-z]{10})"),
    "memory": re.compile(r"memory/([a-zA-Z][a-zA-Z0-9_-]{0,99}-[a-zA-Z0-9]{10})"),
}
# What a resource's policy may name. Of a runtime without StopRuntimeSession, by which people end
# its sessions, and GetAgentCard.
DENIED = {
    "runtime": (
        "InvokeAgentRuntime",
        "InvokeAgentRuntimeCommand",
        "InvokeAgentRuntimeCommandShell",
        "InvokeAgentRuntimeForUser",
        "InvokeAgentRuntimeWithWebSocketStream",
        "InvokeAgentRuntimeWithWebSocketStreamForUser",
    ),
    "gateway": ("InvokeGateway",),
    "memory": (
        "BatchCreateMemoryRecords",
        "BatchUpdateMemoryRecords",
        "CreateEvent",
        "RetrieveMemoryRecords",
    ),
}
SHUT_OUT = {
    "runtime": "everybody who starts a session of the agent or sends to one",
    "gateway": "every agent and client that calls a tool through the gateway",
    "memory": "every agent that writes to the memory or searches its records",
}
GOES_ON = {
    "runtime": "a session that runs goes on until it ends: AgentCore lists none of them",
    "gateway": "a call that a target carries out goes on",
    "memory": "events and records that somebody reads by their id, or lists, can still be read",
}

AGENT_CORE = "arn:${AWS::Partition}:bedrock-agentcore:*:${AWS::AccountId}:*"
READ_AGENT_CORE = Statement(
    "ReadAgentCore",
    AGENT_CORE,
    STATE,
    wide="people and events name any runtime, gateway or memory, in any Region",
)
SUSPEND_AGENT_CORE = Statement(
    "SuspendAgentCore", AGENT_CORE, "the deny in the resource's policy, and its removal"
)


def is_pausable(arn: str) -> bool:
    """Is it the ARN of a runtime, a gateway or a memory?"""
    match = ARN.fullmatch(arn)
    return match is not None and match["service"] == "bedrock-agentcore" and _kind(arn) != ""


def _kind(arn: str) -> str:
    resource = arn.split(":", 5)[-1]
    return next((kind for kind, form in NAMES.items() if form.fullmatch(resource)), "")


@dataclass(frozen=True)
class DenyAgentAccess(DenyByPolicy):
    """Add a statement to the resource's policy that denies its use to everybody.

    captured  ``{"policy": text | None, "role": the ARN of the role that it works with, or ""}``
    written   as ``resource_policy`` says, and ``"role"``
    """

    arn: str

    family: ClassVar[str] = "agent"
    sids: ClassVar[tuple[str, ...]] = (SID,)
    limit: ClassVar[int] = LIMIT
    advice: ClassVar[str] = (
        "Deny its use yourself: shorten the policy, or deny the callers and its role by IAM"
    )
    not_found_errors: ClassVar[tuple[str, ...]] = (NOT_FOUND,)
    grants: ClassVar[tuple[Grant, ...]] = (
        READ_AGENT_CORE.allows(
            "bedrock-agentcore:GetAgentRuntime",
            "bedrock-agentcore:GetGateway",
            "bedrock-agentcore:GetMemory",
            "bedrock-agentcore:GetResourcePolicy",
        ),
        SUSPEND_AGENT_CORE.allows(
            "bedrock-agentcore:PutResourcePolicy", "bedrock-agentcore:DeleteResourcePolicy"
        ),
    )

    def __post_init__(self) -> None:
        match = ARN.fullmatch(self.arn)
        here = (self.place.partition, self.place.region, self.place.account)
        if not match or match.group("partition", "region", "account") != here:
            raise ValueError(f"arn: not of {self.place.account} {self.place.region}: {self.arn!r}")
        if not is_pausable(self.arn):
            raise ValueError(f"arn: no runtime, gateway or memory: {self.arn!r}")

    @property
    def resource(self) -> str:
        return self.arn

    @property
    def target(self) -> str:
        return f"agent-core-policy:{self.arn}"

    @property
    def in_words(self) -> str:
        return f"adds a statement to the policy of the {self._is} that denies its use to everybody"

    @property
    def shuts_out(self) -> str:
        return SHUT_OUT[self._is]

    @property
    def caution(self) -> str:
        return GOES_ON[self._is]

    def capture(self, aws: AwsClients) -> Json:
        captured, role = gather(partial(super().capture, aws), partial(self._role, aws))
        self.with_statement(captured[self.setting])
        return {**captured, "role": role}

    def is_as_captured(self, aws: AwsClients, captured: Json) -> bool:
        with self._raising_deleted():
            return self.equal(self.read(aws), captured[self.setting])

    def apply(
        self, aws: AwsClients, captured: Json, written: Json | None, current: Json | None = None
    ) -> Json:
        return {**super().apply(aws, captured, written, current), "role": captured["role"]}

    def note(self, written: Json) -> str:
        if self._is == "memory" or not written["role"]:
            return ""
        return (
            f"{GOES_ON[self._is]}; to cut it off from models and tools, contain its role "
            f"{written['role']} too"
        )

    def read(self, aws: AwsClients) -> Any:
        try:
            response = aws.client("bedrock-agentcore-control").get_resource_policy(
                resourceArn=self.arn
            )
        except ClientError as error:
            if error_code(error) != NOT_FOUND:
                raise
            self._describe(aws)  # no policy, or no resource: this says which
            return None
        return response.get("policy")

    def write(self, aws: AwsClients, setting: Any) -> None:
        if setting is None:
            self._delete(aws)
            return
        aws.client("bedrock-agentcore-control").put_resource_policy(
            resourceArn=self.arn, policy=setting
        )

    def _delete(self, aws: AwsClients) -> None:
        try:
            aws.client("bedrock-agentcore-control").delete_resource_policy(resourceArn=self.arn)
        except ClientError as error:
            if error_code(error) != NOT_FOUND:
                raise
            self._describe(aws)

    @property
    def _is(self) -> str:
        return _kind(self.arn)

    @property
    def statement(self) -> policy_text.Statement:
        return {
            "Sid": SID,
            "Effect": "Deny",
            "Principal": "*",
            "Action": [f"bedrock-agentcore:{name}" for name in DENIED[self._is]],
            "Resource": self.arn,
        }

    def _role(self, aws: AwsClients) -> str:
        with self._raising_deleted():
            return str(self._describe(aws).get("roleArn", ""))

    def _describe(self, aws: AwsClients) -> dict[str, Any]:
        """The resource. Its ClientError where it does not exist."""
        name = self.arn.rpartition("/")[2]
        match self._is:
            case "runtime":
                found = aws.client("bedrock-agentcore-control").get_agent_runtime(
                    agentRuntimeId=name
                )
            case "gateway":
                found = aws.client("bedrock-agentcore-control").get_gateway(gatewayIdentifier=name)
            case _:
                found = aws.client("bedrock-agentcore-control").get_memory(memoryId=name)["memory"]
        return dict(found)
