"""The policy document that ends sessions issued before a moment. Pure.

Form and name are the IAM console's own (IAM User Guide, "Revoke IAM role temporary security
credentials"): an inline policy ``AWSRevokeOlderSessions`` with one statement that denies
everything when ``aws:TokenIssueTime`` is earlier than a moment. ``aws:TokenIssueTime`` exists only
for temporary credentials, so long-term keys are untouched by it.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cordon.clock import from_iso, to_iso

POLICY_NAME = "AWSRevokeOlderSessions"
MARGIN = timedelta(seconds=30)  # sessions issued while IAM still spreads the policy are caught too


def statement(before: datetime) -> dict[str, Any]:
    """The one statement of the canonical policy."""
    return {
        "Effect": "Deny",
        "Action": ["*"],
        "Resource": ["*"],
        "Condition": {"DateLessThan": {"aws:TokenIssueTime": to_iso(before)}},
    }


def revoked_before(policy: str | None) -> datetime | None:
    """The latest moment that a policy text already revokes sessions before; None for none."""
    moments = [revoked for s in _statements(policy) if (revoked := _moment(s)) is not None]
    return max(moments, default=None)


def other_statements(policy: str | None) -> list[Mapping[str, Any]]:
    """The statements of a policy text that are not revocations: what a person put there."""
    return [s for s in _statements(policy) if _moment(s) is None]


def without_revocation(policy: str | None) -> str | None:
    """The policy text with its revocations taken out; None where nothing is left.

    To the byte as it is where there are none.
    """
    return (
        policy
        if revoked_before(policy) is None
        else _with_statements(policy, other_statements(policy))
    )


def revoking(policy: str | None, before: datetime) -> str:
    """The policy text that also revokes sessions before a moment.

    The canonical form, unless a person's own statements stand under that name: they are kept.
    """
    kept = other_statements(policy)
    base = policy if kept else None
    return str(_with_statements(base, [*kept, statement(before)]))


def revoke_before(policy: str | None, now: datetime) -> datetime:
    """The moment to revoke before: never earlier than one already there, in whole seconds."""
    there = revoked_before(policy)
    soon = now + MARGIN
    return soon if there is None else max(_whole(there), soon)


def same(one: str | None, other: str | None) -> bool:
    """True when two policy texts say the same, whatever their white space."""
    return bool(_parsed(one) == _parsed(other))


def _moment(said: Mapping[str, Any]) -> datetime | None:
    """When a statement is exactly a revocation, in either spelling of ``*``: its moment."""
    try:
        written = said["Condition"]["DateLessThan"]["aws:TokenIssueTime"]
        when = from_iso(written)
    except (KeyError, TypeError, ValueError):
        return None  # something else, or a date that we cannot read: it is left as it is
    canonical_json = statement(when)
    canonical_json["Condition"]["DateLessThan"]["aws:TokenIssueTime"] = written
    spelled = {name: _listed(said.get(name)) for name in ("Action", "Resource")}
    return when if {**said, **spelled} == canonical_json else None


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _whole(when: datetime) -> datetime:
    return when.replace(microsecond=0) + timedelta(seconds=1 if when.microsecond else 0)


def _parsed(policy: str | None) -> Any:
    return None if policy is None else json.loads(policy)


def _statements(policy: str | None) -> list[Mapping[str, Any]]:
    said = (_parsed(policy) or {}).get("Statement", [])
    return said if isinstance(said, list) else [said]


def _with_statements(policy: str | None, statements: list[Mapping[str, Any]]) -> str | None:
    if not statements:
        return None
    document = {**(_parsed(policy) or {"Version": "2012-10-17"}), "Statement": statements}
    return json.dumps(document, separators=(",", ":"))
