"""What the roles of the template allow, and what they are denied.

A grant is one action on one resource pattern in one statement of a role.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedded.place import Place
from embedded.policy_evaluation import Request, applies, listed, statements
from embedded.template import Resource, Stack, synthesise

FUNCTION, MACHINE = "AWS::Lambda::Function", "AWS::StepFunctions::StateMachine"
ROLE, MANAGED = "AWS::IAM::Role", "AWS::IAM::ManagedPolicy"

# The template as the page shows it: every optional parameter given, names as in the template.
ANYWHERE = Place("ACCOUNT", "REGION")
ANY = "STACK"
EVERYTHING = {
    "BreakGlassRoles": "arn:aws:iam::*:role/BreakGlassRoles",
    "ExternalId": "ExternalId",
    "MemberRole": "MemberRole",
    "OrganizationId": "o-organization",
    "ProtectedResources": "arn:aws:s3:::ProtectedResources",
}


At = tuple[str, str, str, int]  # caller, Sid, action, which of the resources


@dataclass(frozen=True)
class Grant:
    """One action on one resource pattern, as a statement of a role allows it."""

    caller: str  # logical id of the function or state machine
    policy: str  # logical id of the managed policy, or name of the inline one
    sid: str
    action: str
    resource: str
    number: int  # which of the statement's resources
    condition: Mapping[str, Any] = field(hash=False, compare=False)

    @property
    def at(self) -> At:
        """The same in every account, whatever names and ids are there."""
        return self.caller, self.sid, self.action, self.number

    @property
    def text(self) -> str:
        """How the record names it."""
        return f"{self.action} {self.resource}"

    def covers(self, action: str, resource: str) -> bool:
        """Do action and resource match? Conditions are not asked: the call was let through."""
        statement = {"Action": self.action, "Resource": self.resource}
        return action == self.action and applies(statement, Request("", action, resource))


def shown(root: Path) -> Stack:
    """The template as the page shows it."""
    return synthesise(root / "template.yaml", ANYWHERE, parameters=EVERYTHING, stack=ANY)


def callers(stack: Stack) -> list[str]:
    """Logical ids of the functions, then of the state machines."""
    return [one.logical for kind in (FUNCTION, MACHINE) for one in stack.of(kind)]


def role_of(stack: Stack, caller: str) -> Resource:
    """The role that a function or state machine acts under."""
    properties = stack.resources[caller].properties
    arn = properties["Role" if "Role" in properties else "RoleArn"]
    return next(role for role in stack.of(ROLE) if role.arn == arn)


def documents(stack: Stack, caller: str) -> dict[str, Mapping[str, Any]]:
    """The policies of a caller's role: managed by logical id, inline by name."""
    role = role_of(stack, caller).properties
    managed = {one.physical: one for one in stack.of(MANAGED)}
    attached = [managed[arn] for arn in role.get("ManagedPolicyArns", [])]
    inline = {p["PolicyName"]: p["PolicyDocument"] for p in role.get("Policies", [])}
    return {**{one.logical: one.properties["PolicyDocument"] for one in attached}, **inline}


def said(stack: Stack, caller: str, effect: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(policy, statement) of one effect."""
    for name, document in documents(stack, caller).items():
        yield from ((name, s) for s in statements(document) if s["Effect"] == effect)


def grants(stack: Stack, caller: str) -> list[Grant]:
    """Everything that a function's or state machine's role allows."""
    return [
        Grant(caller, policy, s["Sid"], action, readable(resource), number, s.get("Condition", {}))
        for policy, s in said(stack, caller, "Allow")
        for action in listed(s["Action"])
        for number, resource in enumerate(listed(s["Resource"]))
    ]


def readable(text: str, stack: str = ANY) -> str:
    """Made-up names by the logical ids they stand for, in a stack of this name."""
    made_up = re.compile(rf"{stack}-(\w+?)-[0-9A-F]{{12}}", re.IGNORECASE)
    return made_up.sub(lambda match: _logical(match[1]), text)


def _logical(name: str) -> str:
    """The names of buckets are in lower case; the evidence bucket is the only one of the stack."""
    return "EvidenceBucket" if name == "evidencebucket" else name


def denies(stack: Stack) -> list[tuple[str, dict[str, Any]]]:
    """The denies of the policy Protected, and of the evidence bucket's own policy."""
    protected = stack.resources["ProtectedPolicy"].properties["PolicyDocument"]
    evidence = stack.resources["EvidenceBucketPolicy"].properties["PolicyDocument"]
    both = [*statements(protected), *statements(evidence)]
    return [(s["Sid"], s) for s in both if s["Effect"] == "Deny"]


def tried_on(statement: Mapping[str, Any]) -> list[str]:
    """What must each be tried of a deny: its resources, or its actions where it names a few."""
    if "Principal" in statement:
        return [str(action) for action in listed(statement["Action"])]
    return [readable(resource) for resource in listed(statement["Resource"])]
