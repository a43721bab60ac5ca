"""The policy document that denies sessions issued before a given time. Pure.

Its form and name are those of the IAM console (IAM User Guide, "Revoke IAM role temporary security
credentials"): an inline policy ``AWSRevokeOlderSessions`` with one statement that denies
everything if ``aws:TokenIssueTime`` is earlier than that time. ``aws:TokenIssueTime`` exists only
for temporary credentials, so the policy does not affect long-term keys.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cordon.clock import from_iso, to_iso

POLICY_NAME = "AWSRevokeOlderSessions"
MARGIN = timedelta(seconds=30)  # also covers sessions issued while IAM distributes the policy


def statement(before: datetime) -> dict[str, Any]:
    """The only statement of the policy."""
    return {
        "Effect": "Deny",
        "Action": ["*"],
        "Resource": ["*"],
        "Condition": {"DateLessThan": {"aws:TokenIssueTime": to_iso(before)}},
    }


def revoked_before(policy: str | None) -> datetime | None:
    """The latest time before which a policy already revokes sessions; None if it revokes none."""
    times = [revoked for s in _statements(policy) if (revoked := _revoked_before(s)) is not None]
    return max(times, default=None)


def other_statements(policy: str | None) -> list[Mapping[str, Any]]:
    """The statements of a policy that are not revocations: a person wrote them."""
    return [s for s in _statements(policy) if _revoked_before(s) is None]


def without_revocation(policy: str | None) -> str | None:
    """The policy without its revocations; None if no statement remains.

    A policy without revocations is returned unchanged.
    """
    return (
        policy
        if revoked_before(policy) is None
        else _with_statements(policy, other_statements(policy))
    )


def revoking(policy: str | None, before: datetime) -> str:
    """The policy with a revocation of sessions issued before ``before``.

    A person's own statements in a policy of this name are kept. Otherwise it is the console's form.
    """
    kept = other_statements(policy)
    base = policy if kept else None
    return str(_with_statements(base, [*kept, statement(before)]))


def revoke_before(policy: str | None, now: datetime) -> datetime:
    """The time before which to revoke, in whole seconds. Never earlier than the policy's own."""
    existing = revoked_before(policy)
    soon = now + MARGIN
    return soon if existing is None else max(_round_up(existing), soon)


def same(left: str | None, right: str | None) -> bool:
    """Are two policies equal, apart from white space?"""
    return bool(_parsed(left) == _parsed(right))


def _revoked_before(candidate: Mapping[str, Any]) -> datetime | None:
    """The time in a statement that is exactly a revocation (``"*"`` or ``["*"]``); else None."""
    try:
        written = candidate["Condition"]["DateLessThan"]["aws:TokenIssueTime"]
        time = from_iso(written)
    except (KeyError, TypeError, ValueError):
        return None  # not a revocation, or a date that Cordon cannot read: not changed
    revocation = statement(time)
    revocation["Condition"]["DateLessThan"]["aws:TokenIssueTime"] = written
    lists = {name: _as_list(candidate.get(name)) for name in ("Action", "Resource")}
    return time if {**candidate, **lists} == revocation else None


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _round_up(time: datetime) -> datetime:
    return time.replace(microsecond=0) + timedelta(seconds=1 if time.microsecond else 0)


def _parsed(policy: str | None) -> Any:
    return None if policy is None else json.loads(policy)


def _statements(policy: str | None) -> list[Mapping[str, Any]]:
    raw = (_parsed(policy) or {}).get("Statement", [])
    return raw if isinstance(raw, list) else [raw]


def _with_statements(policy: str | None, statements: list[Mapping[str, Any]]) -> str | None:
    if not statements:
        return None
    document = {**(_parsed(policy) or {"Version": "2012-10-17"}), "Statement": statements}
    return json.dumps(document, separators=(",", ":"))
