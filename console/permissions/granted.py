"""What the roles of the template allow and deny.

A grant is one action on one resource pattern in one statement of a role.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedded.place import Place
from embedded.policy_evaluation import Request, applies, listed, statements
from embedded.stack import Resource, Stack
from embedded.template import synthesise

FUNCTION, MACHINE = "AWS::Lambda::Function", "AWS::StepFunctions::StateMachine"
ROLE, MANAGED = "AWS::IAM::Role", "AWS::IAM::ManagedPolicy"
BUCKETS = ("EvidenceBucket", "FailedRecords")  # of the stack

# The parameters for the page: every optional parameter is set, names are those of the template.
ANY_PLACE = Place("ACCOUNT", "REGION")
ANY_STACK = "STACK"
ALL_PARAMETERS = {
    "BreakGlassRoles": "arn:aws:iam::*:role/BreakGlassRoles",
    "DigestKey": "arn:aws:kms:us-east-1:111122223333:key/DigestKey",
    "ExternalId": "ExternalId",
    "MemberRole": "MemberRole",
    "OrganizationId": "o-organization",
    "ProtectedResources": "arn:aws:s3:::ProtectedResources",
}


At = tuple[str, str, str, int]  # caller, Sid, action, index of the resource


@dataclass(frozen=True)
class Grant:
    """One action on one resource pattern, as a statement of a role allows it."""

    caller: str  # logical id of the function or state machine
    policy: str  # logical id of the managed policy, or name of the inline one
    sid: str
    action: str
    resource: str
    number: int  # index in the statement's resources
    condition: Mapping[str, Any] = field(hash=False, compare=False)

    @property
    def at(self) -> At:
        """Identifies the grant in every account, independent of names and ids."""
        return self.caller, self.sid, self.action, self.number

    @property
    def text(self) -> str:
        """The grant as the record has it."""
        return f"{self.action} {self.resource}"

    def covers(self, action: str, resource: str) -> bool:
        """Do action and resource match? Conditions do not matter: the call was allowed."""
        statement = {"Action": self.action, "Resource": self.resource}
        return action == self.action and applies(statement, Request("", action, resource))


def stack_with_all_parameters(root: Path) -> Stack:
    """The template with every optional parameter set, as on the page."""
    return synthesise(root / "template.yaml", ANY_PLACE, parameters=ALL_PARAMETERS, stack=ANY_STACK)


def callers(stack: Stack) -> list[str]:
    """Logical ids of the functions, then of the state machines."""
    return [item.logical for kind in (FUNCTION, MACHINE) for item in stack.of(kind)]


def role_of(stack: Stack, caller: str) -> Resource:
    """The role of a function or state machine."""
    properties = stack.resources[caller].properties
    arn = properties["Role" if "Role" in properties else "RoleArn"]
    return next(role for role in stack.of(ROLE) if role.arn == arn)


def documents(stack: Stack, caller: str) -> dict[str, Mapping[str, Any]]:
    """The policies of a caller's role: managed by logical id, inline by name."""
    made = role_of(stack, caller)
    role, named = made.properties, made.physical
    attached = [
        policy
        for policy in stack.of(MANAGED)
        if policy.physical in role.get("ManagedPolicyArns", [])
        or named in policy.properties.get("Roles", [])
    ]
    inline = {p["PolicyName"]: p["PolicyDocument"] for p in role.get("Policies", [])}
    return {**{p.logical: p.properties["PolicyDocument"] for p in attached}, **inline}


def statements_of(stack: Stack, caller: str, effect: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each (policy, statement) of this effect in a caller's role."""
    for name, document in documents(stack, caller).items():
        yield from ((name, s) for s in statements(document) if s["Effect"] == effect)


def grants(stack: Stack, caller: str) -> list[Grant]:
    """Everything that the role of a function or state machine allows."""
    return [
        Grant(caller, policy, s["Sid"], action, readable(resource), number, s.get("Condition", {}))
        for policy, s in statements_of(stack, caller, "Allow")
        for action in listed(s["Action"])
        for number, resource in enumerate(listed(s["Resource"]))
    ]


def readable(text: str, stack: str = ANY_STACK) -> str:
    """The text with generated names of this stack replaced by their logical ids.

    CloudFormation names a state machine without the stack: it is known by the page's account.
    """
    before = ("stateMachine", "execution")
    machine = "|".join(f"(?<={ANY_PLACE.account}:{kind}:)" for kind in before)
    named = rf"(?:{stack}-|{machine})(\w+?)-[0-9A-F]{{12}}"
    generated = re.compile(named, re.IGNORECASE)
    logical = generated.sub(lambda match: _logical(match[1]), text)
    return logical.replace("/stream/embedded", "/stream/MOMENT")  # when it was made


def _logical(name: str) -> str:
    """Bucket names are in lower case."""
    return {one.lower(): one for one in BUCKETS}.get(name, name)


def denies(stack: Stack) -> list[tuple[str, dict[str, Any]]]:
    """The denies of the two protecting policies and of the evidence bucket's policy."""
    names = ("ProtectedPolicy", "ProtectOwnRolesPolicy", "EvidenceBucketPolicy")
    policies = (stack.resources[name].properties["PolicyDocument"] for name in names)
    every = (statement for policy in policies for statement in statements(policy))
    return [(s["Sid"], s) for s in every if s["Effect"] == "Deny"]


def tried_resources(statement: Mapping[str, Any]) -> list[str]:
    """What the tests must try for a deny: each resource, or each action where it names none."""
    if "Principal" in statement or "NotResource" in statement:
        return [str(action) for action in listed(statement["Action"])]
    return [readable(resource) for resource in listed(statement["Resource"])]
