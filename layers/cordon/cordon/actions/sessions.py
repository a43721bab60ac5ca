"""Revokes sessions: the code that ``RevokeRoleSessions`` and ``RevokeUserSessions`` share.

The action writes the inline policy of ``revocation_policy``. Where that is not enough, and only
where the plan says so in ``deny_all_if``, it attaches the AWS managed policy ``AWSDenyAll`` too: a
full stop, which also stops new sessions. It is for the causes in ``CAUSES``.

captured  ``{"arn", "policy": text | None, "deny_all": was attached, "ways_in": {cause: names}}``
written   ``{"before": time, "policy": text | None, "base": text | None, "deny_all": attached,
          "still_open": names}``; ``policy`` is None where it never had room, ``base`` is the policy
          without Cordon's part, ``still_open`` are the ways in that nothing stops

The longest session decides when the denial may be lifted (``until_safe_to_undo``), whatever
MaxSessionDuration says now: it can be lowered after a session began, and it does not bind what EC2
or Lambda give their workloads (IAM API Reference, "UpdateRole"; Lambda Developer Guide, "Lambda
execution role"; Amazon EC2 User Guide, "Retrieve security credentials from instance metadata"). The
sessions of chained roles end after 1 hour ("AssumeRole"); those of root too, and no policy of IAM
limits them ("GetSessionToken"; "Disabling permissions for temporary security credentials").

IAM distributes a change within seconds to minutes ("Disabling permissions for temporary security
credentials"; "Troubleshoot IAM": changes are not always visible at once). ``verify`` reads what IAM
keeps. That proves that the denial is written, not that every Region enforces it already.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar, Self

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
from cordon.actions.principals import TO_SCP, raising_deleted
from cordon.actions.revocation_policy import (
    MARGIN,
    other_statements,
    revoke_before,
    revoked_before,
    revoking,
    same,
    without_revocation,
)
from cordon.clients import AwsClients, error_code
from cordon.concurrency import gather

NO_ROOM = "no_room_for_inline_policy"
CONSOLE_PASSWORD = "console_password"
OTHER_CREDENTIALS = "other_credentials"
# Why AWSDenyAll is attached, and how an approver reads it. Quotas: 10,240 characters of inline
# policies for a role, 2,048 for a user (IAM User Guide, "IAM and AWS STS quotas").
CAUSES = {
    CONSOLE_PASSWORD: "the user has a console password",
    OTHER_CREDENTIALS: "the user has an active API key of a service (Bedrock, CodeCommit, ...), SSH"
    " key or signing certificate",
    NO_ROOM: "the inline policies have no room for the revocation",
}


def policy_text(get: Callable[[], Mapping[str, Any]]) -> str | None:
    """The exact text of the inline policy that ``get`` gets; None if there is none."""
    try:
        return str(get()["PolicyText"])  # cordon.clients keeps it
    except ClientError as error:
        if error_code(error) == "NoSuchEntity":
            return None
        raise


@dataclass(frozen=True)
class RevokeOlderSessions(Action):
    """Base of RevokeRoleSessions and RevokeUserSessions, which make the calls to IAM."""

    deny_all_if: tuple[str, ...] = field(default=(), kw_only=True)  # names of CAUSES

    longest_session: ClassVar[timedelta]
    causes: ClassVar[tuple[str, ...]]  # that can apply to this kind of principal

    def __post_init__(self) -> None:
        wanted = tuple(cause for cause in self.causes if cause in self.deny_all_if)
        if wanted != self.deny_all_if:
            raise ValueError(f"deny_all_if: not some of {self.causes}: {self.deny_all_if}")

    @property
    def caution(self) -> str:
        if not self.deny_all_if:
            return ""
        causes = ", or ".join(CAUSES[cause] for cause in self.deny_all_if)
        return f"attaches AWSDenyAll, a full stop until the release, if {causes}"

    def note(self, written: Json) -> str:
        if not written["deny_all"]:
            return ""
        return "AWSDenyAll is attached: a full stop of the principal until the release"

    def combine(self, other: Self) -> Self:
        both = {*self.deny_all_if, *other.deny_all_if}
        return replace(self, deny_all_if=tuple(cause for cause in self.causes if cause in both))

    def capture(self, aws: AwsClients) -> Json:
        iam = aws.client("iam")
        principal, policy, deny_all, ways_in = gather(
            partial(self._existing, iam),
            partial(self._policy, iam),
            partial(self._denied_all, iam),
            partial(self._ways_in, iam),
        )
        self._require_revocable(principal["Path"])
        return {
            "arn": principal["Arn"],
            "policy": policy,
            "deny_all": deny_all,
            "ways_in": ways_in,
        }

    def apply(
        self, aws: AwsClients, captured: Json, written: Json | None, current: Json | None = None
    ) -> Json:
        """The policy first: whether it has room is known only then. Nothing is refused after a
        change: what AWSDenyAll was meant for and could not be attached for is in ``still_open``.
        """
        iam = aws.client("iam")
        shown = self.capture(aws) if current is None else current
        before = revoke_before(shown["policy"], clock.now())
        if written is not None:
            before = max(before, clock.from_iso(written["before"]))
        revoked = self._revoke(iam, captured, shown, before)
        if revoked is None and NO_ROOM not in self.deny_all_if:
            advice = f"the plan does not allow AWSDenyAll; shorten a policy, or {TO_SCP}"
            raise Refused(f"{self.resource}: the quota for inline policies is reached, {advice}")
        needed = self._needs_deny_all(captured, shown, written, revoked)
        attached = needed and self._attached_now(iam)
        if revoked is None and not attached:
            full = "the quotas for inline and for managed policies are both reached"
            raise Refused(f"{self.resource}: {full}; detach a policy, or {TO_SCP}")
        names = [name for names in shown["ways_in"].values() for name in names]
        return {
            "policy": None,
            "base": None,
            **(written or {}),
            **(revoked or {}),
            "before": clock.to_iso(before),
            "deny_all": attached,
            "still_open": [] if attached else names,
        }

    def verify(self, aws: AwsClients, captured: Json, written: Json) -> None:
        """Without AWSDenyAll the ways in are read again: whoever is fast makes one meanwhile."""
        iam = aws.client("iam")
        denied = written["deny_all"]
        ways_in, *_ = gather(
            (lambda: {}) if denied else partial(self._ways_in, iam),
            *([partial(self._verify_revoked, iam, written)] if written["policy"] else []),
            *([partial(self._verify_denied, iam, True)] if denied else []),
        )
        open_now = [name for names in ways_in.values() for name in names]
        if still_open := dict.fromkeys([*written["still_open"], *open_now]):
            ways = ", ".join(still_open)
            raise NotVerified(
                f"{self.resource}: older sessions are denied, but not what can still be used: "
                f"{ways}. AWSDenyAll was not attached. Disable these yourself, or detach a managed "
                "policy where its quota is reached"
            )

    def undo(self, aws: AwsClients, captured: Json, written: Json) -> UndoResult:
        iam = aws.client("iam")
        try:
            self._existing(iam)
            parts = [
                *([self._undo_deny_all(iam, captured)] if written["deny_all"] else []),
                *(
                    [self._undo_policy(iam, captured["policy"], written)]
                    if written["policy"]
                    else []
                ),
            ]
        except ResourceDeleted as deleted:
            return UndoResult(Undone.RESOURCE_DELETED, str(deleted))
        drifted = any(part.state is Undone.DRIFTED for part in parts)
        return UndoResult(
            Undone.DRIFTED if drifted else Undone.RESTORED,
            "; ".join(part.reason for part in parts if part.reason),
            {name: value for part in parts for name, value in (part.left or {}).items()},
        )

    def unnoted(self, aws: AwsClients, captured: Json, written: Json) -> Json | None:
        """A later date in what was written, or AWSDenyAll. The date says how long an undo waits."""
        iam = aws.client("iam")
        shown, denied = gather(partial(self._policy, iam), partial(self._denied_all, iam))
        more = dict(written)
        if denied and self.deny_all_if and not captured["deny_all"]:
            more["deny_all"] = True
        date, policy = revoked_before(shown), written["policy"]
        if policy is not None and other_statements(shown) == other_statements(policy):
            before = revoke_before(shown, clock.from_iso(written["before"]) - MARGIN)
            if date is not None and before > clock.from_iso(written["before"]):
                more |= {"policy": shown, "before": clock.to_iso(before)}
        return more if more != written else None

    def again(self, since: datetime, written: Json) -> bool:
        """True for activity that the denial does not cover: a later session's, or an older one's
        that IAM did not deny yet. AWSDenyAll has no date: it need not be attached anew.
        """
        return not written["deny_all"] and since >= clock.from_iso(written["before"])

    def reaches(self, since: datetime, written: Json) -> bool:
        """A later date denies more, and what began since was not seen to do harm."""
        return not self.again(since, written)

    def until_safe_to_undo(self, captured: Json, written: Json) -> datetime | None:
        """The time when the last revoked session has expired.

        None if the captured policy denies the same sessions and more: an undo keeps it, and so
        restores access for no session. AWSDenyAll that was attached before is no such reason: a
        person may detach it any time, and a session that lives would be let in.
        """
        before = clock.from_iso(written["before"])
        already = revoked_before(captured["policy"])
        if already is not None and already >= before:
            return None
        return before + self.longest_session

    @property
    def deny_all(self) -> str:
        """ARN of the AWS managed policy that denies everything."""
        return f"arn:{self.place.partition}:iam::aws:policy/AWSDenyAll"

    def _revoke(
        self, iam: Any, captured: Json, shown: Json, before: datetime
    ) -> dict[str, str | None] | None:
        """What was written, as ``policy`` and ``base``; None where the policy has no room."""
        policy = shown["policy"]
        kept = other_statements(policy) == other_statements(captured["policy"])
        base = captured["policy"] if kept else without_revocation(policy)
        text = revoking(base, before)
        text = str(policy) if same(text, policy) else text
        try:
            self._put(iam, text)
        except ClientError as error:
            match error_code(error):
                case "LimitExceeded":
                    return None
                case "NoSuchEntity":
                    raise ResourceDeleted(f"{self.resource} no longer exists") from error
                case "UnmodifiableEntity":
                    raise Refused(f"{self.resource}: only AWS can change it; {TO_SCP}") from error
            raise
        return {"policy": text, "base": base}

    def _needs_deny_all(
        self, captured: Json, shown: Json, written: Json | None, revoked: Json | None
    ) -> bool:
        """A cause that the plan names applies, or an earlier apply has attached it."""
        if written is not None:
            ours = bool(written["deny_all"])
        else:  # attached since the capture, and nothing noted: by an attempt of ours that died
            ours = shown["deny_all"] and not captured["deny_all"]
        causes = {*shown["ways_in"], *((NO_ROOM,) if revoked is None else ())}
        return ours or bool(causes & {*self.deny_all_if})

    def _attached_now(self, iam: Any) -> bool:
        """Attach AWSDenyAll. False if the quota for managed policies is reached."""
        try:
            self._attach(iam)
        except ClientError as error:
            if error_code(error) == "LimitExceeded":
                return False
            self._existing(iam)  # NoSuchEntity can mean the principal or the policy
            raise
        return True

    def _verify_revoked(self, iam: Any, written: Json) -> None:
        """What the written policy says. Where there was no room since, ``before`` is later."""
        expected, revoked = revoked_before(written["policy"]), revoked_before(self._policy(iam))
        if revoked is None:
            self._existing(iam)
            raise NotVerified(f"{self.resource}: no inline policy revokes its sessions")
        if expected is not None and revoked < expected:
            words = f"sessions before {revoked} are revoked, expected before {expected}"
            raise NotVerified(f"{self.resource}: {words}")

    def _verify_denied(self, iam: Any, wanted: bool) -> None:
        if self._denied_all(iam) is not wanted:
            words = "not attached" if wanted else "still attached"
            raise NotVerified(f"{self.resource}: {self.deny_all} is {words}")

    def verify_undone(self, aws: AwsClients, left: Json) -> None:
        iam = aws.client("iam")
        if "deny_all" in left:
            self._verify_denied(iam, left["deny_all"])
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
        with raising_deleted(self.resource):
            return self._attached(iam)

    def _existing(self, iam: Any) -> dict[str, Any]:
        """The role or user. Raises ResourceDeleted if there is none."""
        with raising_deleted(self.resource):
            return self._get_principal(iam)

    def _require_revocable(self, path: str) -> None:
        """Raise Refused for a principal that only AWS or the organization may change."""

    def _ways_in(self, iam: Any) -> dict[str, list[str]]:
        """What can be used in spite of the revocation: cause → names. None for a role."""
        return {}

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
