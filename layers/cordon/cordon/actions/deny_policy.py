"""Deny a role or a user some actions, by attaching a managed policy that was made beforehand.

Who may attach one policy and no other (``iam:PolicyARN``) can take rights away and give none, which
a right to write inline policies does not ensure. The policy counts to no quota of inline policies.
What it denies is a ``Purpose``. CloudFormation makes our own account's policy from it, with a name
of its own choice; in a member account whoever makes the member role makes it
(``Deployment.deny_policy``; docs/operating/scope.md, "Where it changes resources").

A policy that denies less than its purpose says would contain nothing: ``capture`` reads the
document of its default version, and refuses.

captured  ``{"arn": of the principal, "attached": was it attached before}``
written   ``{"attached": true}``

IAM distributes a change within seconds to minutes (IAM User Guide, "Troubleshoot IAM": changes are
not always visible at once), and what is authorised when a call begins goes on until it ends.
``verify`` reads what IAM keeps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from cordon.actions.action import (
    Action,
    Json,
    NotVerified,
    Refused,
    ResourceDeleted,
    Undone,
    UndoResult,
)
from cordon.actions.grants import Grant, Statement
from cordon.actions.principals import (
    READ_ROLES,
    READ_USERS,
    ROLES,
    TO_SCP,
    USERS,
    raising_deleted,
    require_changeable,
    require_iam_name,
)
from cordon.clients import AwsClients, error_code
from cordon.concurrency import gather

PATH = "policy/cordon/"
WITHIN_MINUTES = "IAM distributes it within minutes; a call that has begun goes on until it ends"


@dataclass(frozen=True)
class Purpose:
    """What a policy is for: its name within ``Deployment.deny_policies``, and what it denies."""

    name: str
    words: str  # what is denied, for people: "invoking models"
    risk: str  # what an approver must think of
    actions: tuple[str, ...]  # IAM's; a prefix with ``*`` covers what AWS adds later

    @property
    def logical(self) -> str:
        """The logical id of the policy in template.yaml.

        >>> Purpose("agent_tools", "", "", ()).logical
        'DenyAgentToolsPolicy'
        """
        return f"Deny{''.join(map(str.capitalize, self.name.split('_')))}Policy"

    @property
    def document(self) -> dict[str, Any]:
        """The policy document. IAM User Guide, "IAM JSON policy elements: Sid": letters, digits."""
        statement = {
            "Sid": self.logical.removesuffix("Policy"),
            "Effect": "Deny",
            "Action": list(self.actions),
            "Resource": "*",
        }
        return {"Version": "2012-10-17", "Statement": [statement]}

    def missing_in(self, document: Mapping[str, Any]) -> list[str]:
        """Which of its actions a document does not deny to everything, or all if it allows any."""
        statements = _listed(document.get("Statement", []))
        if any(statement.get("Effect") != "Deny" for statement in statements):
            return list(self.actions)
        plain = (s for s in statements if set(s) <= {"Sid", "Effect", "Action", "Resource"})
        whole = [s for s in plain if "*" in _listed(s.get("Resource", []))]
        denied = {action for s in whole for action in _listed(s.get("Action", []))}
        return [action for action in self.actions if action not in denied]


# Service Authorization Reference. Converse and the asynchronous call are authorised as InvokeModel.
# ApplyGuardrail stays: without it a call under an enforced guardrail fails where it should be
# denied, and whoever only checks texts is no misuse of a model.
MODELS = (
    "bedrock:CallWithBearerToken",
    "bedrock:CreateModelInvocationJob",
    "bedrock:InvokeAgent*",
    "bedrock:InvokeFlow*",
    "bedrock:InvokeInlineAgent*",
    "bedrock:InvokeModel*",
    "bedrock:RetrieveAndGenerate*",
    "bedrock-agentcore:InvokeAgentRuntime*",
    "bedrock-agentcore:InvokeGateway*",
    "bedrock-agentcore:InvokeHarness*",
    "bedrock-mantle:CallWithBearerToken",
    "bedrock-mantle:CreateInference",
    "sagemaker:InvokeEndpoint*",
)
INFERENCE = Purpose(
    "inference",
    "invoking models, agents, flows and model endpoints",
    "an application's own role is the usual principal: then it stops the application's inference,"
    " and nothing else",
    MODELS,
)
AGENT_TOOLS = Purpose(
    "agent_tools",
    "invoking models, agents, gateways, functions and tools, using an agent's memory, and getting"
    " credentials for other services",
    "whatever else runs with this role loses the same",
    (
        *MODELS,
        "bedrock:Retrieve",
        "bedrock-agentcore:BatchCreateMemoryRecords",
        "bedrock-agentcore:BatchDeleteMemoryRecords",
        "bedrock-agentcore:BatchUpdateMemoryRecords",
        "bedrock-agentcore:ConnectBrowser*",
        "bedrock-agentcore:CreateEvent",
        "bedrock-agentcore:DeleteEvent",
        "bedrock-agentcore:DeleteMemoryRecord",
        "bedrock-agentcore:GetResourceApiKey",
        "bedrock-agentcore:GetResourceOauth2Token",
        "bedrock-agentcore:GetWorkloadAccessToken*",
        "bedrock-agentcore:InvokeCodeInterpreter",
        "bedrock-agentcore:RetrieveMemoryRecords",
        "bedrock-agentcore:StartBrowserSession",
        "bedrock-agentcore:StartCodeInterpreterSession",
        "lambda:InvokeFunction*",
    ),
)
PURPOSES = (INFERENCE, AGENT_TOOLS)


def _grants(purpose: Purpose, kind: str, read: Statement, principals: str) -> tuple[Grant, ...]:
    sid = purpose.logical.removesuffix("Policy")
    policy = f"${{{purpose.logical}}}"
    attach = Statement(
        f"Attach{sid}To{kind}s",
        principals,
        "the policy that denies it, and its removal: this policy and no other",
        {"ArnEquals": {"iam:PolicyARN": policy}},
    )
    look = Statement(f"Read{sid}", policy, "whether the policy denies what its purpose says")
    return (
        read.allows(f"iam:Get{kind}", f"iam:ListAttached{kind}Policies"),
        look.allows("iam:GetPolicy", "iam:GetPolicyVersion"),
        attach.allows(f"iam:Attach{kind}Policy", f"iam:Detach{kind}Policy"),
    )


@dataclass(frozen=True)
class DenyByPolicy(Action):
    """Base: attaches the policy to the principal that a subclass names.

    A family for each purpose: who may write its holds may attach and detach that policy anyway,
    and no other. The policy's name is in the target, so that two of them hold a principal apart.
    """

    policy: str  # its ARN: in the principal's account, below our path

    purpose: ClassVar[Purpose]
    kind: ClassVar[str]  # "Role" or "User", as IAM's operations spell it
    longest_name: ClassVar[int] = 64  # IAM User Guide, "IAM and AWS STS quotas": both

    def __post_init__(self) -> None:
        require_iam_name(self.kind.lower(), self._name, self.longest_name)
        name = self.policy.removeprefix(self.place.arn("iam", PATH, region=""))
        if name == self.policy:
            raise ValueError(f"policy: not one of ours in this account: {self.policy[:200]!r}")
        require_iam_name("policy", name, 128)

    @property
    def _name(self) -> str:
        raise NotImplementedError

    @property
    def target(self) -> str:
        policy = self.policy.rpartition("/")[2]
        return f"iam-{self.kind.lower()}-policy:{self.place.account}:{self._name}:{policy}"

    @property
    def resource(self) -> str:
        return self.place.arn("iam", f"{self.kind.lower()}/{self._name}", region="")

    @property
    def in_words(self) -> str:
        return f"denies the {self.kind.lower()} {self.purpose.words}; nothing else is denied"

    @property
    def shuts_out(self) -> str:
        kind = self.kind.lower()
        return f"every person and workload that uses the {kind}, for {self.purpose.words}"

    @property
    def caution(self) -> str:
        return f"{self.purpose.risk}; {WITHIN_MINUTES}"

    def note(self, written: Json) -> str:
        return WITHIN_MINUTES

    def capture(self, aws: AwsClients) -> Json:
        iam = aws.client("iam")
        principal, attached, _ = gather(
            partial(self._existing, iam),
            partial(self._attached, iam),
            partial(self._require_denying, iam),
        )
        if self.kind == "Role":
            require_changeable(self._name, principal["Path"], self.resource)
        return {"arn": principal["Arn"], "attached": attached}

    def apply(
        self, aws: AwsClients, captured: Json, written: Json | None, current: Json | None = None
    ) -> Json:
        iam = aws.client("iam")
        try:
            self._call(iam, "attach")
        except ClientError as error:
            match error_code(error):
                case "LimitExceeded":
                    full = "it has as many managed policies as the quota allows"
                    advice = f"detach one, have the quota raised, or {TO_SCP}"
                    raise Refused(f"{self.resource}: {full}; {advice}") from error
                case "UnmodifiableEntity":
                    raise Refused(f"{self.resource}: only AWS can change it; {TO_SCP}") from error
                case "NoSuchEntity":  # the principal or the policy
                    self._existing(iam)
                    self._require_denying(iam)
            raise
        return {"attached": True}

    def verify(self, aws: AwsClients, captured: Json, written: Json) -> None:
        self._verify(aws, attached=True)

    def undo(self, aws: AwsClients, captured: Json, written: Json) -> UndoResult:
        """Detached also where a reading shows it already detached: the reading may be old."""
        iam = aws.client("iam")
        try:
            attached = self._attached(iam)
        except ResourceDeleted as deleted:
            return UndoResult(Undone.RESOURCE_DELETED, str(deleted))
        if not captured["attached"]:
            self._detach(iam)
        elif not attached:
            kept = f"a person detached {self.policy}: it was not attached again"
            return UndoResult(Undone.DRIFTED, kept, {"attached": False})
        return UndoResult(Undone.RESTORED, left={"attached": captured["attached"]})

    def verify_undone(self, aws: AwsClients, left: Json) -> None:
        self._verify(aws, attached=left["attached"])

    def _verify(self, aws: AwsClients, *, attached: bool) -> None:
        if self._attached(aws.client("iam")) is not attached:
            words = "not attached" if attached else "still attached"
            raise NotVerified(f"{self.resource}: {self.policy} is {words}")

    def _detach(self, iam: Any) -> None:
        try:
            self._call(iam, "detach")
        except ClientError as error:
            if error_code(error) != "NoSuchEntity":  # it is not attached
                raise

    def _existing(self, iam: Any) -> dict[str, Any]:
        get = getattr(iam, f"get_{self.kind.lower()}")
        with raising_deleted(self.resource):
            return dict(get(**self._named)[self.kind])

    def _attached(self, iam: Any) -> bool:
        pages = iam.get_paginator(f"list_attached_{self.kind.lower()}_policies")
        with raising_deleted(self.resource):
            listed = [p for page in pages.paginate(**self._named) for p in page["AttachedPolicies"]]
        return any(policy["PolicyArn"] == self.policy for policy in listed)

    def _require_denying(self, iam: Any) -> None:
        try:
            version = iam.get_policy(PolicyArn=self.policy)["Policy"]["DefaultVersionId"]
            found = iam.get_policy_version(PolicyArn=self.policy, VersionId=version)
        except ClientError as error:
            if error_code(error) == "NoSuchEntity":
                raise self._no_policy() from error
            raise
        missing = self.purpose.missing_in(found["PolicyVersion"]["Document"])
        if missing:
            lacks = f"its version {version} does not deny {', '.join(missing)}, or allows something"
            raise Refused(f"{self.policy}: {lacks}. {self._where_it_is_from}")

    def _no_policy(self) -> Refused:
        return Refused(f"{self.policy} does not exist. {self._where_it_is_from}")

    @property
    def _where_it_is_from(self) -> str:
        return (
            f"In our own account the stack makes it ({self.purpose.logical}): deploy it again. In a"
            " member account make it from the file of its name in docs/members"
        )

    def _call(self, iam: Any, verb: str) -> None:
        change = getattr(iam, f"{verb}_{self.kind.lower()}_policy")
        change(**self._named, PolicyArn=self.policy)

    @property
    def _named(self) -> dict[str, str]:
        return {f"{self.kind}Name": self._name}


@dataclass(frozen=True)
class DenyToRole(DenyByPolicy):
    """Base of what is denied to a role."""

    role: str

    kind: ClassVar[str] = "Role"
    looked_up: ClassVar[tuple[Grant, ...]] = (READ_ROLES.allows("iam:GetRole"),)

    @property
    def _name(self) -> str:
        return self.role


@dataclass(frozen=True)
class DenyToUser(DenyByPolicy):
    """Base of what is denied to a user, in whatever group it is."""

    user: str

    kind: ClassVar[str] = "User"
    looked_up: ClassVar[tuple[Grant, ...]] = (READ_USERS.allows("iam:GetUser"),)

    @property
    def _name(self) -> str:
        return self.user


@dataclass(frozen=True)
class DenyInferenceToRole(DenyToRole):
    """Deny a role the use of models."""

    purpose: ClassVar[Purpose] = INFERENCE
    family: ClassVar[str] = "deny_inference"
    grants: ClassVar[tuple[Grant, ...]] = _grants(INFERENCE, "Role", READ_ROLES, ROLES)


@dataclass(frozen=True)
class DenyInferenceToUser(DenyToUser):
    """Deny a user the use of models, by whatever credentials: also by a Bedrock API key."""

    purpose: ClassVar[Purpose] = INFERENCE
    family: ClassVar[str] = "deny_inference"
    grants: ClassVar[tuple[Grant, ...]] = _grants(INFERENCE, "User", READ_USERS, USERS)


@dataclass(frozen=True)
class DenyAgentToolsToRole(DenyToRole):
    """Deny a role, which an agent runs with, models, memory and tools."""

    purpose: ClassVar[Purpose] = AGENT_TOOLS
    family: ClassVar[str] = "deny_agent_tools"
    grants: ClassVar[tuple[Grant, ...]] = _grants(AGENT_TOOLS, "Role", READ_ROLES, ROLES)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
