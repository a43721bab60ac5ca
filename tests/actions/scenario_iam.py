"""Scenarios of stolen roles, users and access keys."""

import json
from collections.abc import Callable
from typing import Any

from moto.iam.models import AWSManagedPolicy, IAMBackend, iam_backends

from cordon.actions.access_keys import DisableAccessKeys
from cordon.actions.action import Undone
from cordon.actions.iam import RevokeRoleSessions, RevokeUserSessions
from cordon.actions.revocation_policy import POLICY_NAME
from cordon.clients import AwsClients
from embedded import backends
from tests.actions.scenario import PLACE, Scenario

backends.install()  # quotas; before any session is made, which is in the first test

ROLE, USER = "scorer", "ada"
KEY, SECOND_KEY, LATER_KEY = (f"AKIAI44QH8DHBEXAMPL{n}" for n in "123")
DENY_ALL = "arn:aws:iam::aws:policy/AWSDenyAll"
REVOKE_ROLE = RevokeRoleSessions(PLACE, ROLE, deny_all_if=RevokeRoleSessions.causes)
REVOKE_USER = RevokeUserSessions(PLACE, USER, deny_all_if=RevokeUserSessions.causes)
ONLY_ROLE, ONLY_USER = RevokeRoleSessions(PLACE, ROLE), RevokeUserSessions(PLACE, USER)
ROOM_ONLY_USER = RevokeUserSessions(PLACE, USER, deny_all_if=("no_room_for_inline_policy",))
DISABLE_KEYS = DisableAccessKeys(PLACE, USER)

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
# A person's policy, with their own spacing.
MANUAL_POLICY = """{
  "Version" : "2012-10-17",
  "Id": "kept",
  "Statement": { "Sid": "Manual", "Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*" }
}
"""
# The policy that the IAM console writes.
REVOKED = """{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Deny",
            "Action": [
                "*"
            ],
            "Resource": [
                "*"
            ],
            "Condition": {
                "DateLessThan": {
                    "aws:TokenIssueTime": "%s"
                }
            }
        }
    ]
}"""

ALLOW = (
    '{"Version":"2012-10-17","Statement":'
    '[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/%s"}]}'
)


def backend() -> IAMBackend:
    return iam_backends[PLACE.account]["aws"]


# The exact texts of a principal's policies: boto3 returns only parsed policies.


def read_role(aws: AwsClients) -> dict[str, Any]:
    return _policies(backend().get_role(ROLE))


def read_user(aws: AwsClients) -> dict[str, Any]:
    return _policies(backend().get_user(USER))


def _policies(principal: Any) -> dict[str, Any]:
    inline = principal.policies
    return {"inline": dict(inline), "attached": sorted(principal.managed_policies)}


def read_key(aws: AwsClients) -> dict[str, str]:
    keys = aws.client("iam").list_access_keys(UserName=USER)["AccessKeyMetadata"]
    return {key["AccessKeyId"]: key["Status"] for key in keys}


# Preparation of the bad state.


def a_role(policy: str | None = None) -> Callable[[AwsClients], None]:
    def prepare(aws: AwsClients) -> None:
        trust = json.dumps(TRUST)
        aws.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust)
        if policy is not None:
            put_role_policy(aws, policy)

    return prepare


def a_user(policy: str | None = None) -> Callable[[AwsClients], None]:
    def prepare(aws: AwsClients) -> None:
        aws.client("iam").create_user(UserName=USER)
        if policy is not None:
            put_user_policy(aws, policy)

    return prepare


def full(prepare: Callable[[AwsClients], None]) -> Callable[[AwsClients], None]:
    """A principal whose inline policies reach the quota."""

    def prepare_full(aws: AwsClients) -> None:
        prepare(aws)
        with_deny_all()
        fill(aws)

    return prepare_full


def fill(aws: AwsClients) -> None:
    """Fill to 100 characters below the quota. A revocation needs 150."""
    iam, name = aws.client("iam"), "work"
    if backend().roles:
        text = policy_of(10_240 - 100)
        iam.put_role_policy(RoleName=ROLE, PolicyName=name, PolicyDocument=text)
    if backend().users:
        text = policy_of(2_048 - 100)
        iam.put_user_policy(UserName=USER, PolicyName=name, PolicyDocument=text)


def policy_of(size: int) -> str:
    """A policy of this size. The quotas count all inline policies together."""
    empty = ALLOW % ""
    return ALLOW % ("x" * (size - len(empty)))


def with_deny_all() -> None:
    """Load only the AWS managed policy that is needed: all of them take a second per account."""
    denied = {"Effect": "Deny", "Action": "*", "Resource": "*"}
    data = {
        "Document": {"Version": "2012-10-17", "Statement": [denied]},
        "DefaultVersionId": "v1",
        "Path": "/",
        "CreateDate": "2019-05-01T22:36:14+00:00",
        "UpdateDate": "2019-05-01T22:36:14+00:00",
    }
    backend().managed_policies[DENY_ALL] = AWSManagedPolicy.from_data(
        "AWSDenyAll", PLACE.account, PLACE.region, data
    )


def denied_already(prepare: Callable[[AwsClients], None]) -> Callable[[AwsClients], None]:
    """A person has attached AWSDenyAll."""

    def prepare_denied(aws: AwsClients) -> None:
        full(prepare)(aws)
        aws.client("iam").attach_role_policy(RoleName=ROLE, PolicyArn=DENY_ALL)

    return prepare_denied


def keys(**statuses: str) -> Callable[[AwsClients], None]:
    """A user with these keys: ``keys(KEY="Active")``."""

    def prepare(aws: AwsClients) -> None:
        a_user()(aws)
        for name, status in statuses.items():
            make_key(globals()[name], status)(aws)

    return prepare


def make_key(key: str, status: str = "Active") -> Callable[[AwsClients], None]:
    def make(aws: AwsClients) -> None:
        made = backend().create_access_key(user_name=USER)
        backend().access_keys.pop(made.access_key_id, None)
        made.access_key_id = key
        backend().access_keys[key] = made
        set_key(status, key)(aws)

    return make


def with_password(prepare: Callable[[AwsClients], None]) -> Callable[[AwsClients], None]:
    """Somebody can sign in to the console as this user."""

    def prepare_password(aws: AwsClients) -> None:
        prepare(aws)
        with_deny_all()
        aws.client("iam").create_login_profile(UserName=USER, Password="correct horse 1!")

    return prepare_password


def with_api_key(prepare: Callable[[AwsClients], None]) -> Callable[[AwsClients], None]:
    """The user has a Bedrock API key."""

    def prepare_api_key(aws: AwsClients) -> None:
        prepare(aws)
        with_deny_all()
        aws.client("iam").create_service_specific_credential(
            UserName=USER, ServiceName="bedrock.amazonaws.com"
        )

    return prepare_api_key


# Manual changes.


def put_role_policy(aws: AwsClients, text: str = MANUAL_POLICY) -> None:
    aws.client("iam").put_role_policy(RoleName=ROLE, PolicyName=POLICY_NAME, PolicyDocument=text)


def put_user_policy(aws: AwsClients, text: str = MANUAL_POLICY) -> None:
    aws.client("iam").put_user_policy(UserName=USER, PolicyName=POLICY_NAME, PolicyDocument=text)


def change_policy_manually(aws: AwsClients) -> None:
    """A person changes the policy: it is then neither Cordon's nor the captured one."""
    put_role_policy(aws, MANUAL_POLICY.replace("DeleteBucket", "DeleteObject"))


def detach_role(aws: AwsClients) -> None:
    aws.client("iam").detach_role_policy(RoleName=ROLE, PolicyArn=DENY_ALL)


def detach_user(aws: AwsClients) -> None:
    aws.client("iam").detach_user_policy(UserName=USER, PolicyArn=DENY_ALL)


def set_key(status: str, key: str = KEY) -> Callable[[AwsClients], None]:
    def set_status(aws: AwsClients) -> None:
        aws.client("iam").update_access_key(UserName=USER, AccessKeyId=key, Status=status)

    return set_status


def delete_role(aws: AwsClients) -> None:
    backend().roles.clear()


def delete_user(aws: AwsClients) -> None:
    backend().users.clear()


def delete_key(aws: AwsClients) -> None:
    aws.client("iam").delete_access_key(UserName=USER, AccessKeyId=KEY)


def attached(shown: dict[str, Any]) -> Any:
    return shown["attached"]


def inline(shown: dict[str, Any]) -> Any:
    return shown["inline"]


def later_key_only(shown: dict[str, str]) -> dict[str, str]:
    return {key: status for key, status in shown.items() if key == LATER_KEY}


def without_first_key(shown: dict[str, str]) -> bool:
    return KEY not in shown


SCENARIOS = (
    Scenario(
        "plain",
        REVOKE_ROLE,
        ONLY_ROLE,
        prepare=a_role(),
        read=read_role,
        tamper=put_role_policy,
        missing=delete_role,
    ),
    Scenario(
        "beside-a-persons-statement",
        REVOKE_ROLE,
        ONLY_ROLE,
        prepare=a_role(MANUAL_POLICY),
        read=read_role,
        tamper=change_policy_manually,
        missing=delete_role,
    ),
    Scenario(
        "revoked-long-ago",
        REVOKE_ROLE,
        ONLY_ROLE,
        prepare=a_role(REVOKED % "2026-01-01T00:00:00.085Z"),
        read=read_role,
        tamper=put_role_policy,
        missing=delete_role,
    ),
    Scenario(
        "revoked-into-the-future",
        REVOKE_ROLE,
        ONLY_ROLE,
        prepare=a_role(REVOKED % "2030-01-01T00:00:00Z"),
        read=read_role,
        tamper=put_role_policy,
        missing=delete_role,
        contained_before=True,
    ),
    Scenario(
        "without-room",
        REVOKE_ROLE,
        ONLY_ROLE,
        prepare=full(a_role()),
        read=read_role,
        tamper=detach_role,
        missing=delete_role,
        after_tamper=Undone.RESTORED,
    ),
    Scenario(
        "denied-everything-already",
        REVOKE_ROLE,
        ONLY_ROLE,
        prepare=denied_already(a_role()),
        read=read_role,
        tamper=detach_role,
        missing=delete_role,
        contained_before=True,
    ),
    Scenario(
        "plain",
        REVOKE_USER,
        ROOM_ONLY_USER,
        prepare=a_user(),
        read=read_user,
        tamper=put_user_policy,
        missing=delete_user,
    ),
    Scenario(
        "without-room",
        REVOKE_USER,
        ROOM_ONLY_USER,
        prepare=full(a_user(None)),
        read=read_user,
        tamper=detach_user,
        missing=delete_user,
        after_tamper=Undone.RESTORED,
    ),
    Scenario(
        "with-a-password",
        REVOKE_USER,
        ROOM_ONLY_USER,
        prepare=with_password(a_user(MANUAL_POLICY)),
        read=read_user,
        tamper=detach_user,
        theirs=attached,
        missing=delete_user,
        after_tamper=Undone.RESTORED,
    ),
    Scenario(
        "with-an-api-key",
        REVOKE_USER,
        ONLY_USER,
        prepare=with_api_key(a_user()),
        read=read_user,
        tamper=put_user_policy,
        theirs=inline,
        missing=delete_user,
    ),
    Scenario(
        "active",
        DISABLE_KEYS,
        DISABLE_KEYS,
        prepare=keys(KEY="Active"),
        read=read_key,
        tamper=set_key("Active"),
        missing=delete_user,
        after_tamper=Undone.RESTORED,  # the captured status
    ),
    Scenario(
        "one-of-two",
        DISABLE_KEYS,
        DISABLE_KEYS,
        prepare=keys(KEY="Inactive", SECOND_KEY="Active"),
        read=read_key,
        tamper=set_key("Active"),
        theirs=lambda shown: shown[KEY],
        missing=delete_user,
    ),
    Scenario(
        "deleted-meanwhile",
        DISABLE_KEYS,
        DISABLE_KEYS,
        prepare=keys(KEY="Active", SECOND_KEY="Active"),
        read=read_key,
        tamper=delete_key,
        theirs=without_first_key,
        missing=delete_user,
    ),
    Scenario(
        "created-meanwhile",
        DISABLE_KEYS,
        DISABLE_KEYS,
        prepare=keys(KEY="Active"),
        read=read_key,
        tamper=make_key(LATER_KEY),
        theirs=later_key_only,
        missing=delete_user,
    ),
    Scenario(
        "inactive",
        DISABLE_KEYS,
        DISABLE_KEYS,
        prepare=keys(KEY="Inactive"),
        read=read_key,
        tamper=set_key("Active"),
        missing=delete_user,
        contained_before=True,
    ),
    Scenario(
        "none",
        DISABLE_KEYS,
        DISABLE_KEYS,
        prepare=keys(),
        read=read_key,
        tamper=make_key(LATER_KEY),
        missing=delete_user,
        contained_before=True,
    ),
)
