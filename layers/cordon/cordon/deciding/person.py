"""Whom a caller counts as. Pure.

A user is one person. The session of an IAM Identity Center role is one too, because Identity Center
names the session after its user (AWS IAM Identity Center User Guide, "Attributes for access
control"; IAM User Guide, "AWS STS and source identity"). So is the session of a role that the
operator names, whose trust policy fixes the session's name (``sts:RoleSessionName``). Every other
role is one person, however many sessions it has: who assumes it chooses the session's name.

What this cannot see: that one human being has two users, or may assume two roles.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from cordon.deployment import Deployment
from cordon.finding import Finding, Principal, ResourceRole
from cordon.unsupported import ROLE_TYPES

IDENTITY_CENTER = "AWSReservedSSO_"  # roles of it are named so, and lie below a path of its own
IDENTITY_CENTER_PATH = "/aws-reserved/sso.amazonaws.com/"
USER_TYPES = ("IAMUser", "FederatedUser")  # GuardDuty names the user behind a federated one
_CALLER = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):(?:iam|sts)::(?P<account>[0-9]{12}):"
    r"(?P<kind>root|user|assumed-role|federated-user)(?:/(?P<rest>[!-~]+))?"
)


class Kind(StrEnum):
    """What kind of principal calls."""

    ROOT = "root"
    USER = "user"
    ROLE = "role"


class NotAPerson(Exception):
    """The caller may not decide; the text says why, and what to do."""


@dataclass(frozen=True)
class Person:
    """Whom a request counts for."""

    id: str  # ARN of the root, of the user, of the named session, or of the role without its path
    arn: str  # of the caller, as AWS names it
    account: str
    kind: Kind
    name: str = ""  # of the user or role, without its path
    access_key: str = ""


def person_of(
    arn: str,
    access_key: str,
    deployment: Deployment,
    is_identity_center: Callable[[str], bool],
) -> Person:
    """The person behind a caller. Raises NotAPerson.

    ``is_identity_center(name)``: does a role of our account with such a name lie below Identity
    Center's own path? Its name alone proves nothing: anybody who makes roles may choose it.
    """
    named = _CALLER.fullmatch(arn)
    if named is None:
        raise NotAPerson("AWS names no user and no role as the caller")
    if named["kind"] == "federated-user":
        raise NotAPerson(
            "who calls GetFederationToken chooses a federated user's name: sign as the user or as "
            "a role"
        )
    prefix = f"arn:{named['partition']}:iam::{named['account']}"
    common = {"arn": arn, "account": named["account"], "access_key": access_key}
    rest = named["rest"] or ""
    if named["kind"] == "root" and not rest:
        return Person(id=f"{prefix}:root", kind=Kind.ROOT, **common)
    if named["kind"] == "user" and rest:
        return Person(id=arn, kind=Kind.USER, name=rest.rpartition("/")[2], **common)
    role, _, session = rest.partition("/")
    if named["kind"] != "assumed-role" or not role or not session:
        raise NotAPerson("AWS names no user and no role as the caller")
    if _is_own(role, named["account"], deployment):
        raise NotAPerson(f"{role} is a role of Cordon: no function decides for people")
    session_is_a_person = _names_sessions(role, named["account"], deployment) or (
        role.startswith(IDENTITY_CENTER) and is_identity_center(role)
    )
    counted = arn if session_is_a_person else f"{prefix}:role/{role}"
    return Person(id=counted, kind=Kind.ROLE, name=role, **common)


def _is_own(role: str, account: str, deployment: Deployment) -> bool:
    return any(arn.rpartition("/")[2] == role for arn in deployment.own_roles_in(account))


def _names_sessions(role: str, account: str, deployment: Deployment) -> bool:
    """Within an account a role's name is its own, so that account and name are the role."""
    named = ((arn.split(":")[4], arn.rpartition("/")[2]) for arn in deployment.person_roles)
    return (account, role) in named


def same_person(first: str, second: str) -> bool:
    """Do two ids of people count as one?

    Also where the names of a user and of a session, or of sessions of two roles, are the same: one
    user of Identity Center has a session of each permission set, and a role whose trust fixes the
    session's name fixes it to the user's.

    >>> same_person("arn:aws:iam::111122223333:user/ada",
    ...             "arn:aws:sts::111122223333:assumed-role/Approver/ada")
    True
    """
    if first == second:
        return True
    one, other = _own_name(first), _own_name(second)
    return bool(one) and one == other


def _own_name(person: str) -> str:
    """The name of a user or of a session; "" where the person is a root user or a whole role."""
    named = _CALLER.fullmatch(person)
    if named is None or named["kind"] not in ("user", "assumed-role"):
        return ""
    return (named["rest"] or "").rpartition("/")[2].casefold()


def is_actor(person: Person, finding: Finding) -> bool:
    """Did the person's user or role, in whatever session, do what was found?

    Who is under suspicion does not decide about it.
    """
    home = finding.place.account
    if any(_is_principal(person, principal, home) for principal in finding.principals):
        return True
    return any(
        (resource.type, resource.name, resource.place.account)
        == (f"AWS::IAM::{person.kind.capitalize()}", person.name, person.account)
        or (resource.type == "AWS::IAM::AccessKey" and resource.name == person.access_key)
        for resource in finding.resources
        if resource.role is ResourceRole.ACTOR and resource.name
    )


def _is_principal(person: Person, principal: Principal, home: str) -> bool:
    if person.access_key and person.access_key == principal.access_key_id:
        return True
    if person.account != (principal.account or _account_of(principal.issuer) or home):
        return False
    match person.kind:
        case Kind.ROOT:
            return principal.user_type == "Root"
        case Kind.USER:
            return principal.user_type in USER_TYPES and principal.name == person.name
        case Kind.ROLE:
            issuer = principal.issuer.rpartition("/")[2]
            is_role = principal.user_type in ROLE_TYPES and principal.name == person.name
            return is_role or (bool(issuer) and issuer == person.name)


def _account_of(arn: str) -> str:
    parts = arn.split(":")
    return parts[4] if len(parts) > 4 else ""
