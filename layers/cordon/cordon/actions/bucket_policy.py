"""Adds Cordon's statements to the text of a bucket policy and removes them again. Pure.

A policy is the text that S3 stores, or None if the bucket has none. ``base`` is always the policy
without Cordon's statements. Cordon recognises its statements by their Sid. If the base already
uses a Sid, Cordon's statement gets a number. So a person's statement always stays, even if it has
one of Cordon's Sids.

The law: ``unmerge(merge(base, added), base, sids) == base``.

Source: Amazon S3 User Guide, "Bucket policies" (20 KB limit); IAM User Guide, "IAM JSON policy
elements reference" (Id, Sid, Principal, Statement).
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Statement = Mapping[str, Any]

LIMIT = 20 * 1024  # bytes of one bucket policy
REPLACEMENT = "CordonReplacement"  # Id of a policy that replaces the base
VERSION = "2012-10-17"
_ROOT = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):root")


class Unreadable(ValueError):
    """The text is not a policy document."""


def merge(base: str | None, added: Sequence[Statement]) -> str:
    """The base with Cordon's statements added. Nothing else in it changes."""
    document = {"Version": VERSION, "Statement": []} if base is None else _parse(base)
    return _text(
        {**document, "Statement": [*_statements(document), *_with_unused_sids(base, added)]}
    )


def replacement(base: str, added: Sequence[Statement]) -> str:
    """Cordon's statements alone, for a base that S3 rejects beside them. The Id marks it."""
    return _text(
        {
            "Version": VERSION,
            "Id": _replacement_id(base),
            "Statement": _with_unused_sids(base, added),
        }
    )


def unmerge(current: str | None, base: str | None, sids: Iterable[str]) -> str | None:
    """The current policy without Cordon's statements: exactly the base, unless a person changed it.

    ``sids`` are all the Sids that Cordon's statements may have.
    """
    if current is None:
        return None
    document = _parse(current)
    base_sids = _sids(base)
    cordon_sids = {_unused_sid(sid, base_sids) for sid in sids}
    kept = [s for s in _statements(document) if s.get("Sid") not in cordon_sids]
    is_replacement = base is not None and document.get("Id") == _replacement_id(base)
    if is_replacement and not kept:
        return base
    rest = {k: v for k, v in document.items() if k != "Id" or not is_replacement}
    text = _text({**rest, "Statement": kept})
    if equal(text, base):
        return base
    if len(kept) == len(_statements(document)):
        return current
    return text if kept else None


def equal(left: str | None, right: str | None) -> bool:
    """Do both policies mean the same? Order, one-item lists and account spellings do not count.

    S3 shows a deleted principal as an id (AIDA…, AROA…). That counts as a difference.
    """
    if left is None or right is None:
        return left is right
    return left == right or _canonical(_parse(left)) == _canonical(_parse(right))


def size(policy: str) -> int:
    """The size in bytes, the unit of the limit."""
    return len(policy.encode())


def sids(policy: str | None) -> tuple[str, ...]:
    """The Sids in a policy, sorted, for messages."""
    return tuple(sorted(_sids(policy)))


def check(policy: str | None) -> None:
    """Raise Unreadable unless ``policy`` is None or a document with statements."""
    if policy is not None:
        _statements(_parse(policy))


def _parse(policy: str) -> dict[str, Any]:
    try:
        document = json.loads(policy)
    except json.JSONDecodeError as error:
        raise Unreadable(f"not JSON: {error}") from error
    if not isinstance(document, dict):
        raise Unreadable("not a JSON object")
    return document


def _statements(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    raw = document.get("Statement", [])
    statements = [raw] if isinstance(raw, dict) else raw
    if not isinstance(statements, list) or not all(isinstance(s, dict) for s in statements):
        raise Unreadable("Statement is neither an object nor a list of objects")
    return statements


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))


def _sids(policy: str | None) -> set[str]:
    if policy is None:
        return set()
    return {str(s["Sid"]) for s in _statements(_parse(policy)) if "Sid" in s}


def _with_unused_sids(base: str | None, added: Sequence[Statement]) -> list[dict[str, Any]]:
    used = _sids(base)
    return [{**statement, "Sid": _unused_sid(statement["Sid"], used)} for statement in added]


def _unused_sid(name: str, used: set[str]) -> str:
    """The name, with a number if the base uses it: CordonDenyAll, CordonDenyAll2, …"""
    number, sid = 1, name
    while sid in used:
        number += 1
        sid = f"{name}{number}"
    return sid


def _replacement_id(base: str) -> str:
    return _unused_sid(REPLACEMENT, {str(_parse(base).get("Id", ""))})


def _canonical(value: Any) -> Any:
    """One form for all values that IAM treats as equal."""
    if isinstance(value, dict):
        return _canonical_object(value)
    if isinstance(value, list):
        items = {json.dumps(_canonical(item), sort_keys=True): _canonical(item) for item in value}
        return next(iter(items.values())) if len(items) == 1 else [items[k] for k in sorted(items)]
    if isinstance(value, bool):
        return str(value).lower()
    return value if value is None else str(value)


def _canonical_object(value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _principal(item) if name in ("Principal", "NotPrincipal") else _canonical(item)
        for name, item in value.items()
    }


def _principal(value: Any) -> Any:
    """``{"AWS": "*"}`` is ``"*"``, and an account id is the ARN of its root."""
    principal = _canonical(value)
    if not isinstance(principal, dict) or "AWS" not in principal:
        return principal
    arns = principal["AWS"] if isinstance(principal["AWS"], list) else [principal["AWS"]]
    principal["AWS"] = _canonical([_ROOT.sub(r"\1", arn) for arn in arns])
    return "*" if principal == {"AWS": "*"} else principal
