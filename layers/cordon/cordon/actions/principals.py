"""Roles and users of IAM: their names, what of them may be read, and which roles nobody changes.

Whatever changes a role or a user needs these; what revokes their sessions is beside it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError

from cordon.actions.action import Refused, ResourceDeleted
from cordon.actions.grants import STATE, Statement
from cordon.clients import error_code

NAME = re.compile(r"[A-Za-z0-9_+=,.@-]+")  # IAM names; \w of the service model, ASCII only
TO_SCP = "deny the principal with a service control policy (aws:PrincipalArn)"

# Roles that Cordon must not change, and the manual step instead: (name or path, advice)
_AWS_ROLE = f"AWS owns this role; {TO_SCP}"
_SSO_ROLE = (
    "the role of a permission set cannot be changed in IAM; end the user's sessions in IAM Identity"
    " Center and remove the assignment, or deny identitystore:userId with a service control policy"
)
_ORGANIZATION_ACCESS = (
    "the organization manages the account through this role; a person must decide"
)
PROTECTED_ROLES = (
    (re.compile(r"AWSServiceRoleFor.*"), _AWS_ROLE),
    (re.compile(r"AWSReservedSSO_.*"), _SSO_ROLE),
    (re.compile(r"OrganizationAccountAccessRole|AWSControlTowerExecution"), _ORGANIZATION_ACCESS),
    (re.compile(r"AWSCloudFormationStackSet.*|stacksets-exec-.*"), _ORGANIZATION_ACCESS),
)
PROTECTED_PATHS = (
    ("/aws-service-role/", _AWS_ROLE),
    ("/aws-reserved/", _SSO_ROLE),
)

ROLES = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/*"
USERS = "arn:${AWS::Partition}:iam::${AWS::AccountId}:user/*"
READ_ROLES = Statement(
    "ReadRoles", ROLES, STATE, wide="findings name any role; protected ones are denied below"
)
READ_USERS = Statement(
    "ReadUsers",
    USERS,
    STATE,
    wide="findings name any user; those of ProtectedResources are denied",
)


def require_iam_name(field: str, name: str, max_length: int) -> None:
    """Raise ValueError unless ``name`` is a valid IAM name."""
    if not NAME.fullmatch(name) or len(name) > max_length:
        raise ValueError(f"{field}: not an IAM name: {name[:max_length]!r}")


def require_changeable(role: str, path: str, resource: str) -> None:
    """Raise Refused for a role that only AWS or the organization may change."""
    for name, advice in PROTECTED_ROLES:
        if name.fullmatch(role):
            raise Refused(f"{resource}: {advice}")
    for start, advice in PROTECTED_PATHS:
        if path.startswith(start):
            raise Refused(f"{resource}: {advice}")


@contextmanager
def raising_deleted(resource: str) -> Iterator[None]:
    """IAM's NoSuchEntity of a call means here that there is no such role or user."""
    try:
        yield
    except ClientError as error:
        if error_code(error) == "NoSuchEntity":
            raise ResourceDeleted(f"{resource} no longer exists") from error
        raise
