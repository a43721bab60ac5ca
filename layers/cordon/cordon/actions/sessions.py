"""Revokes sessions: the code that ``RevokeRoleSessions`` and ``RevokeUserSessions`` share.

The action writes the inline policy of ``revocation_policy``. If that exceeds the quota for inline
policies (LimitExceeded: 10,240 characters for a role, 2,048 for a user), the action attaches the
AWS managed policy ``AWSDenyAll`` instead, which also stops new sessions.

captured  ``{"arn", "policy": text | None, "deny_all": was attached, "max_session": seconds}``
written   ``{"form": "older_sessions", "before": time, "policy": text, "base": text | None}`` or
          ``{"form": "deny_all", "before": time}``; ``base`` is the policy without Cordon's part
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import unquote

from botocore.exceptions import ClientError

from cordon import clock
from cordon.actions.action import (
    Action,
    Json,
    NotVerified,
    Refused,
    ResourceDeleted,
    Undone,
    UndoResult,
)
from cordon.actions.revocation_policy import (
    other_statements,
    revoke_before,
    revoked_before,
    revoking,
    same,
    without_revocation,
)
from cordon.clients import AwsClients, error_code
from cordon.concurrency import gather

NAME = re.compile(r"[A-Za-z0-9_+=,.@-]+")  # IAM names; \w of the service model, ASCII only
TO_SCP = "deny the principal with a service control policy (aws:PrincipalArn)"


def require_iam_name(field: str, name: str, max_length: int) -> None:
    """Raise ValueError unless ``name`` is a valid IAM name."""
    if not NAME.fullmatch(name) or len(name) > max_length:
        raise ValueError(f"{field}: not an IAM name: {name[:max_length]!r}")


def policy_text(iam: Any, operation: str, **names: str) -> str | None:
    """The exact text of an inline policy; None if there is none.

    boto3 returns only the parsed document. This handler copies the text before boto3 parses it:
    handlers of an operation run before the handlers of the whole service.
    ``operation`` is GetRolePolicy or GetUserPolicy.
    """
    event = f"after-call.iam.{operation}"
    iam.meta.events.register(event, _keep_text, unique_id=f"cordon-{operation}")
    call = {"GetRolePolicy": "get_role_policy", "GetUserPolicy": "get_user_policy"}[operation]
    try:
        return str(getattr(iam, call)(**names)["PolicyText"])
    except ClientError as error:
        if error_code(error) == "NoSuchEntity":
            return None
        raise


def _keep_text(parsed: dict[str, Any], **_: Any) -> None:
    if "PolicyDocument" in parsed:
        parsed["PolicyText"] = unquote(parsed["PolicyDocument"])


@dataclass(frozen=True)
class RevokeSessions(Action):
    """Base of RevokeRoleSessions and RevokeUserSessions, which make the calls to IAM."""

    def capture(self, aws: AwsClients) -> Json:
        iam = aws.client("iam")
        principal, policy, deny_all = gather(
            partial(self._existing, iam),
            partial(self._policy, iam),
            partial(self._denied_all, iam),
        )
        self._require_revocable(principal["Path"])
        return {
            "arn": principal["Arn"],
            "policy": policy,
            "deny_all": deny_all,
            "max_session": self._longest_session(principal),
        }

    def apply(
        self, aws: AwsClients, captured: Json, written: Json | None, current: Json | None = None
    ) -> Json:
        iam = aws.client("iam")
        shown = self._policy(iam) if current is None else current["policy"]
        before = revoke_before(shown, clock.now())
        if written and written["form"] == "deny_all":
            return self._deny_all(iam, before)
        kept = other_statements(shown) == other_statements(captured["policy"])
        base = captured["policy"] if kept else without_revocation(shown)
        policy = revoking(base, before)
        policy = str(shown) if same(policy, shown) else policy
        written = {"form": "older_sessions", "before": clock.to_iso(before), "base": base}
        try:
            self._put(iam, policy)
        except ClientError as error:
            return self._put_failed(error, iam, before)
        return {**written, "policy": policy}

    def verify(self, aws: AwsClients, captured: Json, written: Json) -> None:
        iam = aws.client("iam")
        if written["form"] == "deny_all":
            if not self._denied_all(iam):
                raise NotVerified(f"{self.resource}: {self.deny_all} is not attached")
            return
        revoked = revoked_before(self._policy(iam))
        if revoked is None:
            self._existing(iam)
            raise NotVerified(f"{self.resource}: no inline policy revokes its sessions")
        if revoked < clock.from_iso(written["before"]):
            raise NotVerified(
                f"{self.resource}: sessions before {revoked} are revoked, "
                f"expected before {written['before']}"
            )

    def undo(self, aws: AwsClients, captured: Json, written: Json) -> UndoResult:
        iam = aws.client("iam")
        try:
            self._existing(iam)
            if written["form"] == "deny_all":
                return self._undo_deny_all(iam, captured)
            return self._undo_policy(iam, captured["policy"], written)
        except ResourceDeleted as deleted:
            return UndoResult(Undone.RESOURCE_DELETED, str(deleted))

    def until_safe_to_undo(self, captured: Json, written: Json) -> datetime | None:
        """The time when the last revoked session has expired.

        None if the captured policy was as strict: an undo then restores access for no session.
        """
        before = clock.from_iso(written["before"])
        already = revoked_before(captured["policy"])
        if already is not None and already >= before:
            return None
        return before + timedelta(seconds=captured["max_session"])

    @property
    def deny_all(self) -> str:
        """ARN of the AWS managed policy that denies everything."""
        return f"arn:{self.place.partition}:iam::aws:policy/AWSDenyAll"

    def _put_failed(self, error: ClientError, iam: Any, before: datetime) -> Json:
        match error_code(error):
            case "LimitExceeded":
                return self._deny_all(iam, before)
            case "NoSuchEntity":
                raise ResourceDeleted(self.resource) from error
            case "UnmodifiableEntity":
                raise Refused(f"{self.resource}: only AWS can change it; {TO_SCP}") from error
            case _:
                raise error

    def _deny_all(self, iam: Any, before: datetime) -> Json:
        try:
            self._attach(iam)
        except ClientError as error:
            if error_code(error) == "LimitExceeded":
                full = "the quotas for inline and for managed policies are both reached"
                raise Refused(f"{self.resource}: {full}; detach a policy, or {TO_SCP}") from error
            self._existing(iam)  # NoSuchEntity can mean the principal or the policy
            raise
        return {"form": "deny_all", "before": clock.to_iso(before)}

    def verify_undone(self, aws: AwsClients, left: Json) -> None:
        iam = aws.client("iam")
        if "deny_all" in left and self._denied_all(iam) is not left["deny_all"]:
            raise NotVerified(f"{self.resource}: {self.deny_all} is not as it was left")
        if "policy" in left and not same(self._policy(iam), left["policy"]):
            raise NotVerified(f"{self.resource}: its inline policy is not as it was left")

    def _undo_policy(self, iam: Any, captured: str | None, written: Json) -> UndoResult:
        """The base is written back also where a reading shows it already: it may be old."""
        current = self._policy(iam)
        if not same(current, captured) and not same(current, written["policy"]):
            kept = "a person changed the policy: it was not changed"
            return UndoResult(Undone.DRIFTED, kept, {"policy": current})
        restored = captured if same(current, captured) else written["base"]
        self._restore(iam, restored)
        if same(restored, captured):
            return UndoResult(Undone.RESTORED, left={"policy": restored})
        removed = "a person changed the policy: only Cordon's statement was removed"
        return UndoResult(Undone.DRIFTED, removed, {"policy": restored})

    def _restore(self, iam: Any, policy: str | None) -> None:
        """A policy that is absent already cannot be deleted: IAM says NoSuchEntity."""
        if policy is not None:
            self._put(iam, policy)
            return
        try:
            self._delete(iam)
        except ClientError as error:
            if error_code(error) != "NoSuchEntity":
                raise

    def _undo_deny_all(self, iam: Any, captured: Json) -> UndoResult:
        denied = self._denied_all(iam)
        if captured["deny_all"] and not denied:
            kept = f"a person detached {self.deny_all}: it was not attached again"
            return UndoResult(Undone.DRIFTED, kept, {"deny_all": False})
        if not captured["deny_all"]:
            self._remove_deny_all(iam)
        return UndoResult(Undone.RESTORED, left={"deny_all": captured["deny_all"]})

    def _remove_deny_all(self, iam: Any) -> None:
        """Detached also where a reading shows it already detached: IAM then says NoSuchEntity."""
        try:
            self._detach(iam)
        except ClientError as error:
            if error_code(error) != "NoSuchEntity":
                raise

    def _denied_all(self, iam: Any) -> bool:
        try:
            return self._attached(iam)
        except ClientError as error:
            if error_code(error) == "NoSuchEntity":
                raise ResourceDeleted(self.resource) from error
            raise

    def _existing(self, iam: Any) -> dict[str, Any]:
        """The role or user. Raises ResourceDeleted if there is none."""
        try:
            return self._get_principal(iam)
        except ClientError as error:
            if error_code(error) == "NoSuchEntity":
                raise ResourceDeleted(self.resource) from error
            raise

    def _require_revocable(self, path: str) -> None:
        """Raise Refused for a principal that only AWS or the organization may change."""

    def _longest_session(self, principal: dict[str, Any]) -> int:
        """The longest lifetime of a session of this principal, in seconds."""
        raise NotImplementedError

    def _get_principal(self, iam: Any) -> dict[str, Any]:
        raise NotImplementedError

    def _policy(self, iam: Any) -> str | None:
        raise NotImplementedError

    def _put(self, iam: Any, policy: str) -> None:
        raise NotImplementedError

    def _delete(self, iam: Any) -> None:
        raise NotImplementedError

    def _attached(self, iam: Any) -> bool:
        raise NotImplementedError

    def _attach(self, iam: Any) -> None:
        raise NotImplementedError

    def _detach(self, iam: Any) -> None:
        raise NotImplementedError
