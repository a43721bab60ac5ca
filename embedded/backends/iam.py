"""What IAM refuses and moto lets through, and the service-specific credentials that moto lacks.

Refused: policies over the quotas, and changes of roles that only AWS may change.

Sources: IAM and AWS STS quotas (white space is not counted); Using service-linked roles; IAM
Identity Center (AWSReservedSSO roles cannot be edited in IAM); CreateServiceSpecificCredential,
ListServiceSpecificCredentials, UpdateServiceSpecificCredential (IAM API Reference).
"""

import re
from datetime import UTC, datetime
from typing import Any

from moto.iam.models import iam_backends
from moto.moto_api._internal import mock_random

from embedded.backends.registry import (
    NotModelled,
    Params,
    Refusal,
    Response,
    Where,
    checks,
    here,
    implements,
    tables,
)

ROLE_CHARACTERS = 10_240
USER_CHARACTERS = 2_048
ROLE_POLICIES = 20  # managed ones, attached; the default quota
USER_POLICIES = 10
_TABLE = "service_specific_credentials"
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
        if operation == "AttachRolePolicy" and role is not None:
            _has_room(role.managed_policies, params, ROLE_POLICIES, "PoliciesPerRole")


for _operation in _ROLE_CHANGES:
    _protected(_operation)


@checks("iam", "PutUserPolicy")
def put_user_policy(params: Params, where: Where) -> None:
    """All inline policies of a user together."""
    user = _iam(where).users.get(params["UserName"])
    if user is not None:
        _fits(user.policies, params, USER_CHARACTERS, f"user {user.name}")


@checks("iam", "AttachUserPolicy")
def attach_user_policy(params: Params, where: Where) -> None:
    """So many managed policies for a user."""
    user = _iam(where).users.get(params["UserName"])
    if user is not None:
        _has_room(user.managed_policies, params, USER_POLICIES, "PoliciesPerUser")


def _credentials(where: Where) -> dict[str, dict[str, Any]]:
    """Service-specific credentials by id. IAM is global: one table, whichever Region is called."""
    return here(where.account, "us-east-1").table(_TABLE)


def _existing_user(name: str, where: Where) -> str:
    if name not in _iam(where).users:
        raise Refusal("NoSuchEntity", f"The user with name {name} cannot be found.")
    return name


@implements("iam", "CreateServiceSpecificCredential")
def create_service_specific_credential(params: Params, where: Where) -> Response:
    """At most two of one service for one user."""
    user, service = _existing_user(params["UserName"], where), params["ServiceName"]
    made = [c for c in _credentials(where).values() if c["UserName"] == user]
    if sum(c["ServiceName"] == service for c in made) >= 2:
        raise Refusal("LimitExceeded", "Cannot exceed quota for ServiceSpecificCredentials: 2")
    number = "ACCA" + str(mock_random.get_random_hex(17)).upper()
    return {"ServiceSpecificCredential": make_credential(number, user, service, where)}


def make_credential(number: str, user: str, service: str, where: Where) -> dict[str, Any]:
    """An active one with this id: no API makes one with a given id."""
    credential = {
        "UserName": user,
        "Status": "Active",
        "ServiceName": service,
        "ServiceUserName": f"{user}-at-{where.account}",
        "ServiceSpecificCredentialId": number,
        "CreateDate": datetime.now(UTC),
    }
    return _credentials(where).setdefault(number, credential)


def service_of(number: str, where: Where) -> str:
    """The service that a credential is for; "" where there is none with this id."""
    return str(_credentials(where).get(number, {}).get("ServiceName", ""))


def all_credentials() -> dict[str, str]:
    """The status of every service-specific credential, by id."""
    every = [one for table in tables(_TABLE) for one in table.values()]
    return {one["ServiceSpecificCredentialId"]: one["Status"] for one in every}


@implements("iam", "ListServiceSpecificCredentials")
def list_service_specific_credentials(params: Params, where: Where) -> Response:
    """Of one user. Who calls is not modelled, so the name must be given."""
    user = _existing_user(params["UserName"], where)
    found = [
        c
        for c in _credentials(where).values()
        if c["UserName"] == user and params.get("ServiceName", c["ServiceName"]) == c["ServiceName"]
    ]
    return {"ServiceSpecificCredentials": found}


@implements("iam", "UpdateServiceSpecificCredential")
def update_service_specific_credential(params: Params, where: Where) -> Response:
    """Active or Inactive. Of one that is expired, no page says what happens."""
    kept = _credentials(where).get(params["ServiceSpecificCredentialId"])
    if kept is None or params.get("UserName", kept["UserName"]) != kept["UserName"]:
        raise Refusal("NoSuchEntity", "The service-specific credential cannot be found.")
    if "Expired" in (kept["Status"], params["Status"]):
        raise NotModelled("IAM UpdateServiceSpecificCredential, of one that is or shall be Expired")
    kept["Status"] = params["Status"]
    return {}


def _fits(kept: dict[str, str], params: Params, most: int, whose: str) -> None:
    after = {**kept, params["PolicyName"]: params["PolicyDocument"]}
    if sum(len(re.sub(r"\s", "", text)) for text in after.values()) > most:
        raise Refusal("LimitExceeded", f"Maximum policy size of {most} bytes exceeded for {whose}")


def _has_room(attached: dict[str, Any], params: Params, most: int, quota: str) -> None:
    """One that is attached already is not counted again."""
    if params["PolicyArn"] not in attached and len(attached) >= most:
        raise Refusal("LimitExceeded", f"Cannot exceed quota for {quota}: {most}")
