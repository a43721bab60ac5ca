"""Stop stolen credentials: the sessions of a role, the sessions of a user, an access key.

A deny of sessions may be removed only after the denied sessions have expired. If it is removed
earlier, the thief can use them again. ``until_safe_to_undo`` returns that time.

Targets contain account and name, not the ARN: findings name a role or user without its path, and
names are unique in an account. For the same reason ``resource`` is the ARN without the path. The
full ARN is in ``captured``.
"""

import re
from dataclasses import dataclass
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
from cordon.actions.revocation_policy import POLICY_NAME
from cordon.actions.sessions import (
    TO_SCP,
    RevokeSessions,
    policy_text,
    require_iam_name,
)
from cordon.clients import AwsClients, error_code

ACCESS_KEY = re.compile(r"AKIA[A-Z0-9]{12,124}")  # long-term keys only: ASIA cannot be disabled
MAX_ROLE_SESSION = 43_200  # seconds: the maximum of MaxSessionDuration
MAX_USER_SESSION = 129_600  # GetSessionToken and GetFederationToken: up to 36 hours

# Roles that Cordon must not revoke, and the manual step instead: (name or path, advice)
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


@dataclass(frozen=True)
class RevokeRoleSessions(RevokeSessions):
    """Deny everything to the sessions of a role that were issued before now.

    Every user of the role loses access and must assume the role again.
    """

    role: str

    family: ClassVar[str] = "role"
    permissions: ClassVar[tuple[str, ...]] = (
        "iam:AttachRolePolicy",
        "iam:DeleteRolePolicy",
        "iam:DetachRolePolicy",
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:ListAttachedRolePolicies",
        "iam:PutRolePolicy",
    )

    def __post_init__(self) -> None:
        require_iam_name("role", self.role, 64)

    @property
    def target(self) -> str:
        return f"iam-role-sessions:{self.place.account}:{self.role}"

    @property
    def resource(self) -> str:
        return self.place.arn("iam", f"role/{self.role}", region="")

    def _require_revocable(self, path: str) -> None:
        for name, advice in PROTECTED_ROLES:
            if name.fullmatch(self.role):
                raise Refused(f"{self.resource}: {advice}")
        for start, advice in PROTECTED_PATHS:
            if path.startswith(start):
                raise Refused(f"{self.resource}: {advice}")

    def _longest_session(self, principal: dict[str, Any]) -> int:
        return int(principal.get("MaxSessionDuration", MAX_ROLE_SESSION))

    def _get_principal(self, iam: Any) -> dict[str, Any]:
        return dict(iam.get_role(RoleName=self.role)["Role"])

    def _policy(self, iam: Any) -> str | None:
        names = {"RoleName": self.role, "PolicyName": POLICY_NAME}
        return policy_text(iam, "GetRolePolicy", **names)

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
class RevokeUserSessions(RevokeSessions):
    """Deny everything to a user's temporary credentials that were issued before now.

    Credentials from GetSessionToken and GetFederationToken stay valid after their access key is
    disabled, so disabling the key is not enough.
    """

    user: str

    family: ClassVar[str] = "user"
    permissions: ClassVar[tuple[str, ...]] = (
        "iam:AttachUserPolicy",
        "iam:DeleteUserPolicy",
        "iam:DetachUserPolicy",
        "iam:GetUser",
        "iam:GetUserPolicy",
        "iam:ListAttachedUserPolicies",
        "iam:PutUserPolicy",
    )

    def __post_init__(self) -> None:
        require_iam_name("user", self.user, 64)

    @property
    def target(self) -> str:
        return f"iam-user-sessions:{self.place.account}:{self.user}"

    @property
    def resource(self) -> str:
        return self.place.arn("iam", f"user/{self.user}", region="")

    def _longest_session(self, principal: dict[str, Any]) -> int:
        return MAX_USER_SESSION

    def _get_principal(self, iam: Any) -> dict[str, Any]:
        return dict(iam.get_user(UserName=self.user)["User"])

    def _policy(self, iam: Any) -> str | None:
        names = {"UserName": self.user, "PolicyName": POLICY_NAME}
        return policy_text(iam, "GetUserPolicy", **names)

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


@dataclass(frozen=True)
class DisableAccessKey(Action):
    """Set a user's long-term access key to Inactive. Reversible: nothing is deleted.

    captured and written: ``{"status": "Active" | "Inactive" | "Expired"}``.
    """

    user: str
    key_id: str

    family: ClassVar[str] = "user"
    permissions: ClassVar[tuple[str, ...]] = ("iam:ListAccessKeys", "iam:UpdateAccessKey")

    def __post_init__(self) -> None:
        require_iam_name("user", self.user, 64)
        if not ACCESS_KEY.fullmatch(self.key_id):
            raise ValueError(f"key_id: not a long-term access key: {self.key_id[:20]!r}")

    @property
    def target(self) -> str:
        return f"iam-access-key:{self.place.account}:{self.key_id}"

    @property
    def resource(self) -> str:
        return self.place.arn("iam", f"user/{self.user}", region="")

    def capture(self, aws: AwsClients) -> Json:
        return {"status": self._status(aws)}

    def apply(
        self, aws: AwsClients, captured: Json, written: Json | None, current: Json | None = None
    ) -> Json:
        status = self._status(aws) if current is None else current["status"]
        if "Active" not in (status, captured["status"]):
            return {"status": status}  # it cannot be used already, and we never changed it
        self._set(aws, "Inactive")
        return {"status": "Inactive"}

    def verify(self, aws: AwsClients, captured: Json, written: Json) -> None:
        status = self._status(aws)
        if status == "Active":
            raise NotVerified(f"access key {self.key_id} is Active, expected {written['status']}")

    def undo(self, aws: AwsClients, captured: Json, written: Json) -> UndoResult:
        try:
            return self._undo(aws, captured["status"], written["status"])
        except ResourceDeleted as deleted:
            return UndoResult(Undone.RESOURCE_DELETED, str(deleted))

    def _undo(self, aws: AwsClients, captured: str, written: str) -> UndoResult:
        """Set again also where a reading shows it already: it may be old."""
        status = self._status(aws)
        if status not in (captured, written):
            kept = f"a person set the key to {status}: it was not changed"
            return UndoResult(Undone.DRIFTED, kept, {"status": status})
        if captured != written:
            self._set(aws, captured)
        return UndoResult(Undone.RESTORED, left={"status": captured})

    def verify_undone(self, aws: AwsClients, left: Json) -> None:
        status = self._status(aws)
        if status != left["status"]:
            raise NotVerified(f"access key {self.key_id} is {status}, not {left['status']}")

    def _status(self, aws: AwsClients) -> str:
        pages = aws.client("iam").get_paginator("list_access_keys").paginate(UserName=self.user)
        try:
            keys = {
                k["AccessKeyId"]: k["Status"] for page in pages for k in page["AccessKeyMetadata"]
            }
        except ClientError as error:
            if error_code(error) == "NoSuchEntity":
                raise ResourceDeleted(self.resource) from error
            raise
        if self.key_id not in keys:
            raise ResourceDeleted(f"{self.resource} has no access key {self.key_id}")
        return str(keys[self.key_id])

    def _set(self, aws: AwsClients, status: str) -> None:
        try:
            aws.client("iam").update_access_key(
                UserName=self.user, AccessKeyId=self.key_id, Status=status
            )
        except ClientError as error:
            if error_code(error) == "NoSuchEntity":
                raise ResourceDeleted(f"{self.resource} has no access key {self.key_id}") from error
            raise
