"""The stack these tests look at: template.yaml as written, and as AWS would see it."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from console.account import cordon_stack
from embedded.place import Place
from embedded.stack import Stack
from embedded.template import load

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "template.yaml"
PLACE = Place("111122223333", "eu-central-1")
EMERGENCY = "arn:aws:iam::111122223333:role/Emergency"
NAMED = "arn:aws:s3:::payroll-archive"
FULL = {  # every optional parameter given
    "AiWorkloads": "team=mlops",
    "AllowedRegions": "eu-central-1",
    "Assess": "TwentyFour_Hours",
    "EnforcedGuardrail": "abcdefghijkl:1",
    "RequiredTags": "owner,scope",
    "BreakGlassRoles": EMERGENCY,
    "ContactEmail": "security@example.com",
    "DigestKey": "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-0000-4000-8000-000000000000",
    "ExternalId": "d3adb33f",
    "MemberRole": "Member",
    "OrganizationId": "o-a1b2c3d4e5",
    "ProtectedResources": NAMED,
}
PLAYBOOKS = sorted(p.parent.name for p in (ROOT / "functions").glob("*/playbook.py"))


def source() -> str:
    """The template's text."""
    return TEMPLATE.read_text()


@cache
def raw() -> Any:
    """The template as written, intrinsics as CloudFormation's long forms."""
    return load(source())


@cache
def stack(*, full: bool = False, place: Place = PLACE) -> Stack:
    """The synthesised stack, with no parameter given or with all."""
    return cordon_stack(place, FULL if full else {})


def logical(playbook: str) -> str:
    """``close_database`` → ``CloseDatabase``."""
    return "".join(word.capitalize() for word in playbook.split("_"))


def policies(playbook: str, *, full: bool = True) -> list[Mapping[str, Any]]:
    """Every policy document of a playbook's role, managed and inline."""
    built = stack(full=full)
    role = built.resources[f"{logical(playbook)}Role"].properties
    managed = {m.physical: m for m in built.of("AWS::IAM::ManagedPolicy")}
    name = built.resources[f"{logical(playbook)}Role"].physical
    attached = [
        m.properties["PolicyDocument"]
        for m in managed.values()
        if m.physical in role.get("ManagedPolicyArns", ()) or name in m.properties.get("Roles", ())
    ]
    return [*attached, *(p["PolicyDocument"] for p in role["Policies"])]


def statements(documents: list[Mapping[str, Any]], effect: str) -> Iterator[Mapping[str, Any]]:
    """The statements of one effect."""
    for document in documents:
        yield from (s for s in document["Statement"] if s["Effect"] == effect)


def listed(value: Any) -> list[Any]:
    """A single value or a list, as a list."""
    return value if isinstance(value, list) else [value]


def compact(value: Any) -> str:
    """JSON without spaces, as services count it."""
    return json.dumps(value, separators=(",", ":"))


def source_arns(condition: Mapping[str, Any]) -> list[str]:
    """The ARNs or patterns of aws:SourceArn, whichever operator compares them."""
    (keys,) = condition.values()
    return list(keys["aws:SourceArn"])
