"""What IAM refuses and moto lets through: inline policy quotas, and roles only AWS may change.

Sources: IAM and AWS STS quotas (white space is not counted); Using service-linked roles; IAM
Identity Center (AWSReservedSSO roles cannot be edited in IAM).
"""

import re
from typing import Any

from moto.iam.models import iam_backends

from embedded.backends.registry import Params, Refusal, Where, checks

ROLE_CHARACTERS = 10_240
USER_CHARACTERS = 2_048
GROUP_CHARACTERS = 5_120
PROTECTED_PATHS = ("/aws-service-role/", "/aws-reserved/")
_ROLE_CHANGES = (
    "AttachRolePolicy",
    "DeleteRole",
    "DeleteRolePermissionsBoundary",
    "DeleteRolePolicy",
    "DetachRolePolicy",
    "PutRolePermissionsBoundary",
    "PutRolePolicy",
    "UpdateAssumeRolePolicy",
    "UpdateRole",
)


def _iam(where: Where) -> Any:
    return iam_backends[where.account][where.partition]


def _role(name: str, where: Where) -> Any:
    """moto's role. None if there is none: moto then refuses with NoSuchEntity itself."""
    return next((role for role in _iam(where).roles.values() if role.name == name), None)


def _protected(operation: str) -> None:
    @checks("iam", operation)
    def check(params: Params, where: Where) -> None:
        role = _role(params["RoleName"], where)
        if role is not None and role.path.startswith(PROTECTED_PATHS):
            text = (
                f"Cannot perform the operation on the protected role '{role.name}' - "
                "this role is only modifiable by AWS"
            )
            raise Refusal("UnmodifiableEntity", text)
        if operation == "PutRolePolicy" and role is not None:
            _fits(role.policies, params, ROLE_CHARACTERS, f"role {role.name}")


for _operation in _ROLE_CHANGES:
    _protected(_operation)


@checks("iam", "PutUserPolicy")
def put_user_policy(params: Params, where: Where) -> None:
    """All inline policies of a user together."""
    user = _iam(where).users.get(params["UserName"])
    if user is not None:
        _fits(user.policies, params, USER_CHARACTERS, f"user {user.name}")


@checks("iam", "PutGroupPolicy")
def put_group_policy(params: Params, where: Where) -> None:
    """All inline policies of a group together."""
    group = _iam(where).groups.get(params["GroupName"])
    if group is not None:
        _fits(group.policies, params, GROUP_CHARACTERS, f"group {group.name}")


def _fits(kept: dict[str, str], params: Params, most: int, whose: str) -> None:
    after = {**kept, params["PolicyName"]: params["PolicyDocument"]}
    if sum(len(re.sub(r"\s", "", text)) for text in after.values()) > most:
        raise Refusal("LimitExceeded", f"Maximum policy size of {most} bytes exceeded for {whose}")
