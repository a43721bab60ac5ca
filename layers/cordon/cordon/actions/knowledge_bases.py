"""Close a managed knowledge base: a deny in its policy of what is read from it.

Only a managed knowledge base (type MANAGED) has a policy of its own; one with a vector store takes
none. The policy may deny, and names just two actions; ``Resource`` is the exact ARN. Whom it binds
follows IAM's evaluation, so that a deny of everybody wins over every allow. Source: Amazon Bedrock
User Guide, "Resource policies for managed knowledge bases"; Agents for Amazon Bedrock API
Reference, "PutResourcePolicy" (20,480 characters), "GetResourcePolicy", "DeleteResourcePolicy".

The service refuses a write with an old revision id. Ours names none: what a person puts between our
reading and our writing is lost, and evidence has not seen it.

captured  ``{"policy": text | None}``
written   as ``resource_policy`` says
"""

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from cordon.actions import policy_text
from cordon.actions.action import Json, Refused
from cordon.actions.grants import STATE, Grant, Statement
from cordon.actions.resource_policy import DenyByPolicy
from cordon.clients import AwsClients, error_code

ID = re.compile(r"[0-9a-zA-Z]{10}")
MANAGED = "MANAGED"
NOT_FOUND = "ResourceNotFoundException"  # of no policy, and of no knowledge base
SID = "CordonPause"
DENIED = ("bedrock:GetDocumentContent", "bedrock:Retrieve")  # all that the policy may name
_BASES = "arn:${AWS::Partition}:bedrock:*:${AWS::AccountId}:knowledge-base/*"
_READ = Statement(
    "ReadKnowledgeBases", _BASES, STATE, wide="people name any knowledge base, in any Region"
)
_CLOSE = Statement(
    "CloseKnowledgeBases", _BASES, "the deny in the knowledge base's policy, and its removal"
)


@dataclass(frozen=True)
class DenyKnowledgeBase(DenyByPolicy):
    """Add a statement to the policy of a managed knowledge base that denies everybody to read."""

    base: str  # its id

    family: ClassVar[str] = "agent"
    sids: ClassVar[tuple[str, ...]] = (SID,)
    limit: ClassVar[int] = 20_480
    advice: ClassVar[str] = "Shorten the policy, or deny bedrock:Retrieve to its callers by IAM"
    not_found_errors: ClassVar[tuple[str, ...]] = (NOT_FOUND,)
    grants: ClassVar[tuple[Grant, ...]] = (
        _READ.allows("bedrock:GetKnowledgeBase", "bedrock:GetResourcePolicy"),
        _CLOSE.allows("bedrock:DeleteResourcePolicy", "bedrock:PutResourcePolicy"),
    )

    def __post_init__(self) -> None:
        if not ID.fullmatch(self.base):
            raise ValueError(f"base: no id of a knowledge base: {self.base[:64]!r}")

    @property
    def resource(self) -> str:
        return self.place.arn("bedrock", f"knowledge-base/{self.base}")

    @property
    def target(self) -> str:
        return f"knowledge-base-policy:{self.resource}"

    @property
    def in_words(self) -> str:
        return "adds a statement to the knowledge base's policy that denies everybody to read it"

    @property
    def shuts_out(self) -> str:
        return "every agent and application that retrieves from it"

    @property
    def caution(self) -> str:
        return "what was retrieved before stays where it is; ingestion jobs go on"

    @property
    def statement(self) -> policy_text.Statement:
        return {
            "Sid": SID,
            "Effect": "Deny",
            "Principal": "*",
            "Action": list(DENIED),
            "Resource": self.resource,
        }

    def capture(self, aws: AwsClients) -> Json:
        with self._raising_deleted():
            kind = self._described(aws)["knowledgeBaseConfiguration"]["type"]
        if kind != MANAGED:
            raise Refused(
                f"{self.resource} is of type {kind}, and only a managed knowledge base has a "
                "policy: take it from the agents that use it, or contain their roles"
            )
        captured = super().capture(aws)
        self.with_statement(captured[self.setting])
        return captured

    def is_as_captured(self, aws: AwsClients, captured: Json) -> bool:
        with self._raising_deleted():
            return self.equal(self.read(aws), captured[self.setting])

    def read(self, aws: AwsClients) -> Any:
        try:
            found = aws.client("bedrock-agent").get_resource_policy(resourceArn=self.resource)
        except ClientError as error:
            if error_code(error) != NOT_FOUND:
                raise
            self._described(aws)  # no policy, or no knowledge base: this says which
            return None
        return found["policy"]

    def write(self, aws: AwsClients, setting: Any) -> None:
        agents = aws.client("bedrock-agent")
        if setting is not None:
            agents.put_resource_policy(resourceArn=self.resource, policy=setting)
            return
        try:
            agents.delete_resource_policy(resourceArn=self.resource)
        except ClientError as error:
            if error_code(error) != NOT_FOUND:
                raise
            self._described(aws)

    def _described(self, aws: AwsClients) -> Any:
        """The knowledge base. Its ClientError where it does not exist."""
        agents = aws.client("bedrock-agent")
        return agents.get_knowledge_base(knowledgeBaseId=self.base)["knowledgeBase"]
