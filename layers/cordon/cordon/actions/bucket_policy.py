"""Bucket policies as text: put statements of ours in, take them out again. Pure.

A policy is the text S3 keeps, or None where the bucket has none. ``base`` is always the policy
without our part. Our statements are told by their Sid, and a Sid that the base already uses is
never ours: ours is numbered instead. So whatever a person wrote, even under a name of ours, stays.

Source: Amazon S3 User Guide, "Bucket policies" (20 KB limit); IAM User Guide, "IAM JSON policy
elements reference" (Id, Sid, Principal, Statement).
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Statement = Mapping[str, Any]

LIMIT = 20 * 1024  # bytes of one bucket policy
REPLACEMENT = "CordonStandsIn"  # Id of a policy of ours that stands where the base stood
VERSION = "2012-10-17"
_ROOT = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):root")


class Unreadable(ValueError):
    """The text is not a policy document."""


def merge(base: str | None, ours: Sequence[Statement]) -> str:
    """The base with our statements added. Everything else in it stays as it is."""
    document = {"Version": VERSION, "Statement": []} if base is None else _parse(base)
    return _text({**document, "Statement": [*_statements(document), *_named(base, ours)]})


def replacement(base: str, ours: Sequence[Statement]) -> str:
    """Our statements alone, where the base cannot stay beside them. It says so in its Id."""
    return _text({"Version": VERSION, "Id": _replacement_id(base), "Statement": _named(base, ours)})


def unmerge(current: str | None, base: str | None, sids: Iterable[str]) -> str | None:
    """The current policy without our part: the base to the byte, unless a person changed it.

    ``sids`` are all the Sids our statements may have.
    """
    if current is None:
        return None
    document = _parse(current)
    taken = _sids(base)
    ours = {_unused_sid(sid, taken) for sid in sids}
    kept = [s for s in _statements(document) if s.get("Sid") not in ours]
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


def equal(one: str | None, other: str | None) -> bool:
    """Do both say the same? Order, single values in lists and account spellings do not count.

    A principal that S3 shows as an id (AIDA…, AROA…), because it was deleted, is a difference.
    """
    if one is None or other is None:
        return one is other
    return one == other or _canonical(_parse(one)) == _canonical(_parse(other))


def size(policy: str) -> int:
    """Bytes, as the limit counts them."""
    return len(policy.encode())


def sids(policy: str | None) -> tuple[str, ...]:
    """The Sids in a policy, sorted: for telling people what it holds."""
    return tuple(sorted(_sids(policy)))


def check(policy: str | None) -> None:
    """Raises Unreadable unless ``policy`` is None or a document with statements."""
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
    found = document.get("Statement", [])
    statements = [found] if isinstance(found, dict) else found
    if not isinstance(statements, list) or not all(isinstance(s, dict) for s in statements):
        raise Unreadable("Statement is neither an object nor a list of objects")
    return statements


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))


def _sids(policy: str | None) -> set[str]:
    if policy is None:
        return set()
    return {str(s["Sid"]) for s in _statements(_parse(policy)) if "Sid" in s}


def _named(base: str | None, ours: Sequence[Statement]) -> list[dict[str, Any]]:
    taken = _sids(base)
    return [{**statement, "Sid": _unused_sid(statement["Sid"], taken)} for statement in ours]


def _unused_sid(name: str, taken: set[str]) -> str:
    """The name, numbered when the base uses it: CordonDenyAll, CordonDenyAll2, …"""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}{number}"
    return free


def _replacement_id(base: str) -> str:
    return _unused_sid(REPLACEMENT, {str(_parse(base).get("Id", ""))})


def _canonical(value: Any) -> Any:
    """One spelling for all that IAM reads alike."""
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
    plain = _canonical(value)
    if not isinstance(plain, dict) or "AWS" not in plain:
        return plain
    named = plain["AWS"] if isinstance(plain["AWS"], list) else [plain["AWS"]]
    plain["AWS"] = _canonical([_ROOT.sub(r"\1", name) for name in named])
    return "*" if plain == {"AWS": "*"} else plain
