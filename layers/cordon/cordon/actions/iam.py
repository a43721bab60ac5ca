"""Stop stolen credentials: the sessions of a role, the sessions of a user.

A deny of sessions may be removed only after the denied sessions have expired. If it is removed
earlier, the thief can use them again. ``until_safe_to_undo`` returns that time.

Of a user the keys come first (``access_keys``), so that none of them gets a new session, then the
sessions. What else can start one, or needs none, calls for AWSDenyAll (``sessions.CAUSES``): a
console password, a service-specific credential (Bedrock API key, Git, Keyspaces), an SSH key, a
signing certificate.

Targets contain account and name, not the ARN: findings name a role or user without its path, and
names are unique in an account. For the same reason ``resource`` is the ARN without the path. The
full ARN is in ``captured``.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from cordon.actions.grants import Grant, Statement
from cordon.actions.principals import (
    READ_ROLES,
    READ_USERS,
    ROLES,
    USERS,
    raising_deleted,
    require_changeable,
    require_iam_name,
)
from cordon.actions.revocation_policy import POLICY_NAME
from cordon.actions.sessions import (
    CONSOLE_PASSWORD,
    NO_ROOM,
    OTHER_CREDENTIALS,
    RevokeOlderSessions,
    policy_text,
)
from cordon.clients import error_code
from cordon.concurrency import gather

AWS_DENY_ALL = {"ArnEquals": {"iam:PolicyARN": "arn:${AWS::Partition}:iam::aws:policy/AWSDenyAll"}}
REVOKE_ROLES = Statement(
    "RevokeRoles", ROLES, "the inline policy that denies older sessions, and its removal"
)
REVOKE_USERS = Statement(
    "RevokeUsers",
    USERS,
    "the inline policy that denies older sessions, and its removal",
)
DENY_ALL_TO_ROLES = Statement(
    "DenyAllToRoles",
    ROLES,
    "AWSDenyAll if the inline policy exceeds the quota, and its removal",
    AWS_DENY_ALL,
)
DENY_ALL_TO_USERS = Statement(
    "DenyAllToUsers",
    USERS,
    "AWSDenyAll as the plan says it, for a console password say; its removal",
    AWS_DENY_ALL,
)


@dataclass(frozen=True)
class RevokeRoleSessions(RevokeOlderSessions):
    """Deny everything to the sessions of a role that were issued before now.

    Every user of the role loses access and must assume the role again.
    """

    role: str

    family: ClassVar[str] = "role"
    causes: ClassVar[tuple[str, ...]] = (NO_ROOM,)
    longest_session: ClassVar[timedelta] = timedelta(hours=12)  # AssumeRole, "DurationSeconds"
    grants: ClassVar[tuple[Grant, ...]] = (
        READ_ROLES.allows("iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies"),
        REVOKE_ROLES.allows("iam:PutRolePolicy", "iam:DeleteRolePolicy"),
        DENY_ALL_TO_ROLES.allows("iam:AttachRolePolicy", "iam:DetachRolePolicy"),
    )
    looked_up: ClassVar[tuple[Grant, ...]] = (READ_ROLES.allows("iam:GetRole"),)

    def __post_init__(self) -> None:
        super().__post_init__()
        require_iam_name("role", self.role, 64)

    @property
    def target(self) -> str:
        return f"iam-role-sessions:{self.place.account}:{self.role}"

    @property
    def in_words(self) -> str:
        return "denies everything to the sessions of the role that began before the change"

    @property
    def shuts_out(self) -> str:
        return (
            "everybody who uses the role, until they assume it again; a workload of EC2, Lambda,"
            " ECS or SageMaker with this role stops until its credentials are renewed"
        )

    @property
    def resource(self) -> str:
        return self.place.arn("iam", f"role/{self.role}", region="")

    def _require_revocable(self, path: str) -> None:
        require_changeable(self.role, path, self.resource)

    def _get_principal(self, iam: Any) -> dict[str, Any]:
        return dict(iam.get_role(RoleName=self.role)["Role"])

    def _policy(self, iam: Any) -> str | None:
        return policy_text(lambda: iam.get_role_policy(RoleName=self.role, PolicyName=POLICY_NAME))

    def _put(self, iam: Any, policy: str) -> None:
        iam.put_role_policy(RoleName=self.role, PolicyName=POLICY_NAME, PolicyDocument=policy)

    def _delete(self, iam: Any) -> None:
        iam.delete_role_policy(RoleName=self.role, PolicyName=POLICY_NAME)

    def _attached(self, iam: Any) -> bool:
        pages = iam.get_paginator("list_attached_role_policies").paginate(RoleName=self.role)
        return any(
            p["PolicyArn"] == self.deny_all for page in pages for p in page["AttachedPolicies"]
        )

    def _attach(self, iam: Any) -> None:
        iam.attach_role_policy(RoleName=self.role, PolicyArn=self.deny_all)

    def _detach(self, iam: Any) -> None:
        iam.detach_role_policy(RoleName=self.role, PolicyArn=self.deny_all)


@dataclass(frozen=True)
class RevokeUserSessions(RevokeOlderSessions):
    """Deny everything to a user's temporary credentials that were issued before now.

    Credentials from GetSessionToken and GetFederationToken stay valid after their access key is
    disabled, so disabling the key is not enough.
    """

    user: str

    family: ClassVar[str] = "user"
    causes: ClassVar[tuple[str, ...]] = (CONSOLE_PASSWORD, OTHER_CREDENTIALS, NO_ROOM)
    longest_session: ClassVar[timedelta] = timedelta(hours=36)  # GetSessionToken, "DurationSeconds"
    grants: ClassVar[tuple[Grant, ...]] = (
        READ_USERS.allows(
            "iam:GetLoginProfile",
            "iam:GetUser",
            "iam:GetUserPolicy",
            "iam:ListAttachedUserPolicies",
            "iam:ListServiceSpecificCredentials",
            "iam:ListSigningCertificates",
            "iam:ListSSHPublicKeys",
        ),
        REVOKE_USERS.allows("iam:PutUserPolicy", "iam:DeleteUserPolicy"),
        DENY_ALL_TO_USERS.allows("iam:AttachUserPolicy", "iam:DetachUserPolicy"),
    )
    looked_up: ClassVar[tuple[Grant, ...]] = (READ_USERS.allows("iam:GetUser"),)

    def __post_init__(self) -> None:
        super().__post_init__()
        require_iam_name("user", self.user, 64)

    @property
    def target(self) -> str:
        return f"iam-user-sessions:{self.place.account}:{self.user}"

    @property
    def in_words(self) -> str:
        return "denies everything to the temporary credentials of the user that began before it"

    @property
    def shuts_out(self) -> str:
        return "whoever uses temporary credentials of this user"

    @property
    def resource(self) -> str:
        return self.place.arn("iam", f"user/{self.user}", region="")

    def _ways_in(self, iam: Any) -> dict[str, list[str]]:
        ssh_keys = iam.get_paginator("list_ssh_public_keys")
        certificates = iam.get_paginator("list_signing_certificates")
        password, *others = gather(
            partial(self._console_password, iam),
            partial(self._service_credentials, iam),
            partial(self._listed, ssh_keys, "SSHPublicKey", "SSH key"),
            partial(self._listed, certificates, "Certificate", "signing certificate"),
        )
        named = {
            CONSOLE_PASSWORD: password,
            OTHER_CREDENTIALS: [n for some in others for n in some],
        }
        return {cause: names for cause, names in named.items() if names}

    def _console_password(self, iam: Any) -> list[str]:
        """A user without a login profile has none (IAM API Reference, "GetLoginProfile")."""
        try:
            iam.get_login_profile(UserName=self.user)
        except ClientError as error:
            if error_code(error) == "NoSuchEntity":
                return []
            raise
        return ["console password"]

    def _service_credentials(self, iam: Any) -> list[str]:
        """One page: a service has at most two for a user ("CreateServiceSpecificCredential")."""
        with raising_deleted(self.resource):
            listed = iam.list_service_specific_credentials(UserName=self.user)
        return [
            f"{one['ServiceName']} credential {one['ServiceSpecificCredentialId']}"
            for one in listed["ServiceSpecificCredentials"]
            if one["Status"] == "Active"
        ]

    def _listed(self, paginator: Any, kind: str, words: str) -> list[str]:
        with raising_deleted(self.resource):
            pages = list(paginator.paginate(UserName=self.user))
        return [
            f"{words} {one[f'{kind}Id']}"
            for page in pages
            for one in page[f"{kind}s"]
            if one["Status"] == "Active"
        ]

    def _get_principal(self, iam: Any) -> dict[str, Any]:
        return dict(iam.get_user(UserName=self.user)["User"])

    def _policy(self, iam: Any) -> str | None:
        return policy_text(lambda: iam.get_user_policy(UserName=self.user, PolicyName=POLICY_NAME))

    def _put(self, iam: Any, policy: str) -> None:
        iam.put_user_policy(UserName=self.user, PolicyName=POLICY_NAME, PolicyDocument=policy)

    def _delete(self, iam: Any) -> None:
        iam.delete_user_policy(UserName=self.user, PolicyName=POLICY_NAME)

    def _attached(self, iam: Any) -> bool:
        pages = iam.get_paginator("list_attached_user_policies").paginate(UserName=self.user)
        return any(
            p["PolicyArn"] == self.deny_all for page in pages for p in page["AttachedPolicies"]
        )

    def _attach(self, iam: Any) -> None:
        iam.attach_user_policy(UserName=self.user, PolicyArn=self.deny_all)

    def _detach(self, iam: Any) -> None:
        iam.detach_user_policy(UserName=self.user, PolicyArn=self.deny_all)
