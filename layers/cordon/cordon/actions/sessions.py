"""What revoking the sessions of a role and of a user have in common.

Contained by the inline policy of ``revocation_policy``. Where the inline policies of the
principal leave no room for it (LimitExceeded: 10,240 characters for a role, 2,048 for a user), by
attaching the AWS managed policy ``AWSDenyAll``, which also stops new sessions.

captured  ``{"arn", "policy": text | None, "deny_all": was attached, "max_session": seconds}``
wrote     ``{"form": "older_sessions", "before": stamp, "policy": text, "base": text | None}`` or
          ``{"form": "deny_all", "before": stamp}``; ``base`` is the policy without our part
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
from cordon.clients import AwsClients
from cordon.concurrency import gather

NAME = re.compile(r"[A-Za-z0-9_+=,.@-]+")  # IAM names; \w of the service model, ASCII only
TO_SCP = "deny the principal by a service control policy (aws:PrincipalArn)"


def error_code(error: ClientError) -> str:
    """The error code of a ClientError."""
    return str(error.response["Error"]["Code"])


def require_iam_name(what: str, name: str, longest: int) -> None:
    """ValueError unless ``name`` is one that IAM can have given."""
    if not NAME.fullmatch(name) or len(name) > longest:
        raise ValueError(f"{what}: not an IAM name: {name[:longest]!r}")


def policy_text(iam: Any, operation: str, **names: str) -> str | None:
    """An inline policy as it was written, byte for byte; None where there is none.

    boto3 hands out the parsed document. The text is taken beforehand, while it is still there:
    handlers of one operation run before those of the whole service.
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
    """Base of RevokeRoleSessions and RevokeUserSessions, which say how IAM is called."""

    def capture(self, aws: AwsClients) -> Json:
        iam = aws.client("iam")
        found, policy, deny_all = gather(
            partial(self._existing, iam),
            partial(self._policy, iam),
            partial(self._denied_all, iam),
        )
        self._require_revocable(found["Path"])
        return {
            "arn": found["Arn"],
            "policy": policy,
            "deny_all": deny_all,
            "max_session": self._longest_session(found),
        }

    def apply(self, aws: AwsClients, captured: Json, written: Json | None) -> Json:
        iam = aws.client("iam")
        current = self._policy(iam)
        before = revoke_before(current, clock.now())
        if written and written["form"] == "deny_all":
            return self._deny_all(iam, before)
        kept = other_statements(current) == other_statements(captured["policy"])
        base = captured["policy"] if kept else without_revocation(current)
        policy = revoking(base, before)
        written = {"form": "older_sessions", "before": clock.to_iso(before), "base": base}
        if same(policy, current):
            return {**written, "policy": current}
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
        shown = revoked_before(self._policy(iam))
        if shown is None:
            self._existing(iam)
            raise NotVerified(f"{self.resource}: no policy revokes sessions")
        if shown < clock.from_iso(written["before"]):
            raise NotVerified(f"{self.resource}: revokes before {shown}, not {written['before']}")

    def undo(self, aws: AwsClients, captured: Json, written: Json) -> UndoResult:
        iam = aws.client("iam")
        try:
            self._existing(iam)
            if written["form"] == "deny_all":
                return self._undo_deny_all(iam, captured)
            return self._undo_policy(iam, captured["policy"], written)
        except ResourceDeleted as gone:
            return UndoResult(Undone.RESOURCE_DELETED, str(gone))

    def until_safe_to_undo(self, captured: Json, written: Json) -> datetime | None:
        """When the last session that this revoked has ended by itself.

        None where the policy found was already as strict: undoing lets no session back in.
        """
        before = clock.from_iso(written["before"])
        found = revoked_before(captured["policy"])
        if found is not None and found >= before:
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
                full = "no room for an inline policy nor for one more managed policy"
                raise Refused(f"{self.resource}: {full}; detach one, or {TO_SCP}") from error
            self._existing(iam)  # NoSuchEntity may mean the principal, or the policy
            raise
        return {"form": "deny_all", "before": clock.to_iso(before)}

    def _undo_policy(self, iam: Any, captured: str | None, written: Json) -> UndoResult:
        current = self._policy(iam)
        if same(current, captured):
            return UndoResult(Undone.RESTORED)
        if not same(current, written["policy"]):
            return UndoResult(Undone.DRIFTED, "a person changed the policy: it is left as it is")
        self._restore(iam, written["base"])
        if same(written["base"], captured):
            return UndoResult(Undone.RESTORED)
        return UndoResult(
            Undone.DRIFTED, "a person changed the policy: only our statement was taken out"
        )

    def _restore(self, iam: Any, policy: str | None) -> None:
        if policy is None:
            self._delete(iam)
        else:
            self._put(iam, policy)

    def _undo_deny_all(self, iam: Any, captured: Json) -> UndoResult:
        denied = self._denied_all(iam)
        if captured["deny_all"] and not denied:
            return UndoResult(Undone.DRIFTED, f"a person detached {self.deny_all}: it is left so")
        if denied and not captured["deny_all"]:
            self._detach(iam)
        return UndoResult(Undone.RESTORED)

    def _denied_all(self, iam: Any) -> bool:
        try:
            return self._attached(iam)
        except ClientError as error:
            if error_code(error) == "NoSuchEntity":
                raise ResourceDeleted(self.resource) from error
            raise

    def _existing(self, iam: Any) -> dict[str, Any]:
        """The role or user; Gone where there is none."""
        try:
            return self._get_principal(iam)
        except ClientError as error:
            if error_code(error) == "NoSuchEntity":
                raise ResourceDeleted(self.resource) from error
            raise

    def _require_revocable(self, path: str) -> None:
        """Refused for a principal that IAM or we must not change."""
        raise NotImplementedError

    def _longest_session(self, found: dict[str, Any]) -> int:
        """How long a session may still live that was issued just before the moment, seconds."""
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
