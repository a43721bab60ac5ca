"""Adds Cordon's statements to the text of a resource's policy and removes them again. Pure.

A policy is the text that the service stores, or None if the resource has none. ``base`` is always
the policy without Cordon's statements. Cordon recognises its statements by their Sid. If the base
already uses a Sid, Cordon's statement gets a number. So a person's statement always stays, even if
it has one of Cordon's Sids.

A *replacement* takes the place of a base that the service does not take beside Cordon's
statements: these, and a part of the base's. Its Id says which statements of the base are not in
it, so that nothing else must be known to restore the base, or to see what a person changed.
Statements of the base have numbers, from 1.

The law: ``unmerge(merge(base, added), base, sids) == base``, and the same for every replacement.

Source: IAM User Guide, "IAM JSON policy elements reference" (Id, Sid, Principal, Statement).
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import deepcopy
from functools import lru_cache
from hashlib import sha256
from typing import Any

Statement = Mapping[str, Any]

REPLACEMENT = "CordonReplacement"  # how the Id of a replacement begins
MOST_NAMES = 12  # of statements in a message; with more, the middle is counted
VERSION = "2012-10-17"
KEPT = 16  # policies whose parsed form is kept: one that is too long is looked at very often
_WITHOUT = " without statements "
_ROOT = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):root")
_RANGES = re.compile(r"[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*")
_DELETED = re.compile(r'"(A(?:IDA|ROA)[A-Z0-9]{12,})"')


class Unreadable(ValueError):
    """The text is not a policy document."""


def merge(base: str | None, added: Sequence[Statement]) -> str:
    """The base with Cordon's statements added. Nothing else in it changes."""
    document = {"Version": VERSION, "Statement": []} if base is None else _parse(base)
    return _text(
        {**document, "Statement": [*_statements(document), *_with_unused_sids(base, added)]}
    )


def replacement(base: str, added: Sequence[Statement], kept: Collection[int]) -> str:
    """Cordon's statements, then the base's with the numbers ``kept``: each Deny before any Allow.

    With all of the base's statements nothing is left out: that is the merged policy.
    """
    left_out = set(numbers(base)) - set(kept)
    if not left_out:
        return merge(base, added)
    own = _statements(_parse(base))
    in_order = [own[number - 1] for number in denies_first(base) if number in kept]
    return _text(
        {
            "Version": _parse(base).get("Version", VERSION),
            "Id": f"{_replacement_id(base)}{_WITHOUT}{_ranges(left_out)}",
            "Statement": [*_with_unused_sids(base, added), *in_order],
        }
    )


def part(base: str, kept: Collection[int]) -> str:
    """The base with the statements of these numbers only."""
    document = _parse(base)
    own = [s for number, s in enumerate(_statements(document), 1) if number in kept]
    return _text({**document, "Statement": own})


def unmerge(current: str | None, base: str | None, sids: Iterable[str]) -> str | None:
    """The current policy without Cordon's statements: exactly the base, unless a person changed it.

    ``sids`` are all the Sids that Cordon's statements may have. What a person added to a
    replacement is added to the base, and what they took out of it is taken out.
    """
    if current is None:
        return None
    document = _parse(current)
    base_sids = _sids(base)
    cordon_sids = {_unused_sid(sid, base_sids) for sid in sids}
    kept = [s for s in _statements(document) if s.get("Sid") not in cordon_sids]
    left_out = None if base is None else _left_out(document, base)
    if base is not None and left_out is not None:
        return _without_replacement(kept, base, left_out)
    text = _text({**document, "Statement": kept})
    if equal(text, base):
        return base
    if len(kept) == len(_statements(document)):
        return current
    return text if kept else None


def numbers(policy: str) -> range:
    """The numbers of a policy's statements."""
    return range(1, len(_statements(_parse(policy))) + 1)


def denies_first(policy: str) -> list[int]:
    """The numbers of a policy's statements: those of each Deny, then the others."""
    own = _statements(_parse(policy))
    return sorted(
        numbers(policy), key=lambda number: (own[number - 1].get("Effect") != "Deny", number)
    )


def denies(policy: str) -> set[int]:
    """The numbers of the statements that deny."""
    own = _statements(_parse(policy))
    return {number for number in numbers(policy) if own[number - 1].get("Effect") == "Deny"}


def names(policy: str, chosen: Collection[int]) -> list[str]:
    """What a person calls these statements: their Sid, else their number."""
    own = _statements(_parse(policy))
    return [str(own[n - 1].get("Sid") or f"number {n}") for n in sorted(chosen)]


def listed(all_names: Sequence[str]) -> str:
    """Names for a message. Of many, the middle is counted, and no name is cut.

    >>> listed([str(number) for number in range(20)])
    '0, 1, 2, 3, 4, 5, (8 more), 14, 15, 16, 17, 18, 19'
    """
    half = MOST_NAMES // 2
    if len(all_names) <= MOST_NAMES:
        return ", ".join(all_names)
    counted = f"({len(all_names) - 2 * half} more)"
    return ", ".join([*all_names[:half], counted, *all_names[-half:]])


def open_to_everybody(policy: str) -> set[int]:
    """The statements that allow everybody, without any condition: S3 calls the policy public."""
    return {
        number
        for number, statement in enumerate(_statements(_parse(policy)), 1)
        if statement.get("Effect") == "Allow"
        and not statement.get("Condition")
        and ("NotPrincipal" in statement or _principal(statement.get("Principal")) == "*")
    }


def deleted_principals(policy: str) -> dict[int, list[str]]:
    """The unique ids that are where principals were that no longer exist, by statement.

    Source: IAM User Guide, "AWS JSON policy elements: Principal".
    """
    own = enumerate(_statements(_parse(policy)), 1)
    found = {number: _DELETED.findall(_principals_text(statement)) for number, statement in own}
    return {number: ids for number, ids in found.items() if ids}


def equal(left: str | None, right: str | None) -> bool:
    """Do both policies mean the same? Order, one-item lists and account spellings do not count.

    S3 shows a deleted principal as an id (AIDA…, AROA…). That counts as a difference.
    """
    if left is None or right is None:
        return left is right
    return left == right or _key_of(left) == _key_of(right)


def same_but_for_deleted(left: str, right: str) -> bool:
    """Are both equal, apart from principals that were deleted, which S3 shows as ids?

    ``left`` is the one with the ids.
    """
    ours, theirs = deepcopy(_parse(left)), deepcopy(_parse(right))
    pairs = zip(_statements(ours), _statements(theirs), strict=False)
    for one, other in pairs:
        for kind in ("Principal", "NotPrincipal"):
            _drop_deleted(one, other, kind)
    return equal(_text(ours), _text(theirs))


def missing(policy: str, base: str) -> set[int] | None:
    """The base's statements that the policy lacks; None if that is not the only difference."""
    document, own = _parse(policy), _parse(base)
    left = [_key(statement) for statement in _statements(document)]
    absent = set()
    for number, statement in enumerate(_statements(own), 1):
        if _key(statement) in left:
            left.remove(_key(statement))
        else:
            absent.add(number)
    same = _key({**document, "Statement": []}) == _key({**own, "Statement": []})
    return absent if same and not left else None


def digest(policy: str | None) -> str | None:
    """Equal policies have equal digests, and no others. None is absent."""
    if policy is None:
        return None
    return sha256(_key_of(policy).encode()).hexdigest()


def size(policy: str) -> int:
    """The size in bytes, the unit of the limit."""
    return len(policy.encode())


def sids(policy: str | None) -> tuple[str, ...]:
    """The Sids in a policy, sorted, for messages."""
    return tuple(sorted(_sids(policy)))


def added_sids(base: str | None, added: Sequence[Statement]) -> list[str]:
    """The Sids that Cordon's statements have beside this base."""
    return [str(statement["Sid"]) for statement in _with_unused_sids(base, added)]


def check(policy: str | None) -> None:
    """Raise Unreadable unless ``policy`` is None or a document with statements."""
    if policy is not None:
        _statements(_parse(policy))


@lru_cache(maxsize=KEPT)
def _parse(policy: str) -> dict[str, Any]:
    """The policy as data, which nobody changes: the next call returns the same."""
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
    """How the Id of a replacement for this base begins: not as the base's own Id does."""
    own = str(_parse(base).get("Id", ""))
    number, name = 1, REPLACEMENT
    while own.startswith(name):
        number += 1
        name = f"{REPLACEMENT}{number}"
    return name


def _ranges(chosen: Collection[int]) -> str:
    """Numbers as text: 1,3-5."""
    runs: list[list[int]] = []
    for number in sorted(chosen):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def _left_out(document: Mapping[str, Any], base: str) -> set[int] | None:
    """The base's statements that are not in its replacement; None where this is no replacement."""
    name, without, listed_numbers = str(document.get("Id", "")).partition(_WITHOUT)
    if not without or name != _replacement_id(base) or not _RANGES.fullmatch(listed_numbers):
        return None
    ends = [run.split("-") for run in listed_numbers.split(",")]
    return {n for n in numbers(base) if any(int(run[0]) <= n <= int(run[-1]) for run in ends)}


def _without_replacement(kept: list[dict[str, Any]], base: str, left_out: set[int]) -> str | None:
    """The base, with a person's changes to its replacement; ``kept`` is not Cordon's there."""
    document = _parse(base)
    own = _statements(document)
    missing = [_key(s) for number, s in enumerate(own, 1) if number not in left_out]
    theirs = []
    for statement in kept:
        if _key(statement) in missing:
            missing.remove(_key(statement))
        else:
            theirs.append(statement)
    if not theirs and not missing:
        return base
    rest = []
    for number, statement in enumerate(own, 1):
        if number not in left_out and _key(statement) in missing:
            missing.remove(_key(statement))
        else:
            rest.append(statement)
    used = {str(s["Sid"]) for s in rest if "Sid" in s}
    rest += [{**s, "Sid": _unused_sid(str(s["Sid"]), used)} if "Sid" in s else s for s in theirs]
    return _text({**document, "Statement": rest}) if rest else None


@lru_cache(maxsize=KEPT)
def _key_of(policy: str) -> str:
    """The key of a whole policy."""
    return _key(_parse(policy))


def _key(value: Any) -> str:
    """Equal for all that IAM treats as equal."""
    return json.dumps(_canonical(value), sort_keys=True)


def _drop_deleted(one: dict[str, Any], other: dict[str, Any], kind: str) -> None:
    """Take the ids out of one, and as many ARNs that it lacks out of the other."""
    ids, arns = (_aws_principals(statement, kind) for statement in (one, other))
    deleted = {name for name in ids if _DELETED.fullmatch(f'"{name}"')}
    lost = arns - ids
    if deleted and len(lost) == len(deleted):
        one[kind] = {**one[kind], "AWS": sorted(ids - deleted)}
        other[kind] = {**other[kind], "AWS": sorted(arns - lost)}


def _aws_principals(statement: Statement, kind: str) -> set[str]:
    principal = statement.get(kind)
    found = principal.get("AWS", []) if isinstance(principal, dict) else []
    return {str(name) for name in (found if isinstance(found, list) else [found])}


def _principals_text(statement: Statement) -> str:
    return json.dumps([statement.get("Principal"), statement.get("NotPrincipal")])


def _canonical(value: Any) -> Any:
    """One form for all values that IAM treats as equal."""
    if isinstance(value, dict):
        return _canonical_object(value)
    if isinstance(value, list):
        forms = [_canonical(item) for item in value]
        items = {json.dumps(form, sort_keys=True): form for form in forms}
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
