"""What a case's evidence says of its changes: how each target was, what was written, and when.

Evidence has what was written, and of a bucket's policy only its digest. The policy itself is made
anew then, as the action makes it, and shown only where it has this digest.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from console.evidence import Copy, counted
from cordon.actions import Action, policy_text
from cordon.actions.s3.deny_access import DenyBucketAccess
from cordon.actions.s3.deny_statements import denials
from cordon.evidence import sha256
from cordon.memory.cases import Case
from cordon.sources.text import one_line

DIGEST = re.compile(r"[0-9a-f]{64}")
ONLY_DIGEST = "evidence has only the sha256 of what was written"
CAPTURED = "captured"
ALIASES = "aliases"
OF_PARTS = frozenset({"tags", "state", "settings", "keys", "credentials", ALIASES})


class NotAsWritten(Exception):
    """An entry is not of the form that Cordon writes."""


@dataclass(frozen=True)
class Written:
    """One change, as evidence has it. What was not captured or not written is None."""

    action: Action
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    until: datetime | None = None  # before that moment an undo would do harm
    at: str = ""  # when it was written
    noted: Mapping[str, Any] | None = None  # as the playbook has noted what it wrote


def entries(copy: Copy) -> Iterator[Mapping[str, Any]]:
    """The entries in order, each with ``number``, ``stage``, ``at`` and ``content``."""
    for number, body in sorted(copy.entries.items()):
        try:
            entry = json.loads(body)
        except (ValueError, RecursionError):
            continue  # ``verify`` says so
        if isinstance(entry, dict) and isinstance(entry.get("content"), dict):
            yield {"number": number, **entry}


def changes(case: Case, copy: Copy) -> list[Written]:
    """Each change of the case's plan, with the newest that evidence says of its target.

    Raises NotAsWritten. Verify the copy first: what is not verified may be anybody's.
    """
    captured: dict[str, Any] = {}
    written: dict[str, tuple[Any, str]] = {}
    for entry in entries(copy):
        listed = entry["content"].get("changes", ())
        for one in listed if isinstance(listed, list) else ():
            target = str(one.get("target"))
            if entry.get("stage") == CAPTURED and isinstance(one.get("captured"), dict):
                captured[target] = one["captured"]
                written.pop(target, None)  # an attempt began: what it wrote comes after it
            elif isinstance(one.get("written"), dict):
                written[target] = (one["written"], str(entry.get("at", "")))
    try:
        return [
            _written(action, captured.get(action.target), *written.get(action.target, (None, "")))
            for action in case.plan.actions
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotAsWritten(f"{type(error).__name__}: {error}") from None


def _written(action: Action, before: Any, wrote: Any, at: str) -> Written:
    if before is None or wrote is None:
        return Written(action, before, None)
    after = state_after(action, before, wrote)
    return Written(action, before, after, action.until_safe_to_undo(before, wrote), at, wrote)


def state_after(
    action: Action, before: Mapping[str, Any], wrote: Mapping[str, Any]
) -> dict[str, Any]:
    """Each captured property as it is after the change; of a policy perhaps only that it is."""
    names = [name for name in before if name in wrote and name != "base"]
    return {name: _after(action, before, wrote, name) for name in names}


def _after(action: Action, before: Mapping[str, Any], wrote: Mapping[str, Any], name: str) -> Any:
    was, now = before[name], wrote[name]
    if isinstance(now, str) and DIGEST.fullmatch(now) and now != was:
        return _policy(action, wrote.get("base_policy", was), now) or ONLY_DIGEST
    return with_parts(name, was, now)


def with_parts(name: str, was: Any, now: Any) -> Any:
    """A property of which only some parts were written: the others are as they were.

    An alias of an agent has more parts than the one that is written.
    """
    if name not in OF_PARTS or not isinstance(was, Mapping) or not isinstance(now, Mapping):
        return now
    if name == ALIASES:
        now = {one: _alias(was.get(one), state) for one, state in now.items()}
    return {part: one for part, one in {**was, **now}.items() if one is not None}


def _alias(was: Any, state: Any) -> Any:
    return {**was, "aliasInvocationState": state} if isinstance(was, Mapping) else state


def _policy(action: Action, base: Any, digest: str) -> str:
    """The bucket's policy with our statements, where it has this digest; else ""."""
    if not isinstance(action, DenyBucketAccess) or not isinstance(base, str | None):
        return ""
    added = denials(action.place, action.bucket, action.levels, action.exempt, action.organization)
    merged = policy_text.merge(base, added)
    return merged if policy_text.digest(merged) == digest else ""


def timeline(copy: Copy) -> list[str]:
    """One line an entry: when, what, by whom and why."""
    return [one_line(" ".join(one).rstrip(), 2000) for one in moments(copy)]


def moments(copy: Copy) -> Iterator[tuple[str, str, str]]:
    """Of each entry when, which stage, and by whom and why: others' text, not bounded."""
    for entry in entries(copy):
        yield str(entry.get("at")), str(entry.get("stage")), _words(entry["content"])


def rows(copy: Copy) -> Iterator[dict[str, Any]]:
    """Each link of the chain, for programs. What is no entry of ours has no stage and no moment."""
    known = {entry["number"]: entry for entry in entries(copy)}
    for number, body in sorted(copy.entries.items()):
        entry = known.get(number, {})
        yield {
            "case": copy.chain.case,
            "entry": number,
            "at": one_line(str(entry.get("at", "")), 64),
            "stage": one_line(str(entry.get("stage", "")), 64),
            "what": one_line(_words(entry["content"]), 2000) if entry else "",
            "previous": one_line(str(entry.get("previous", "")), 64),
            "sha256": sha256(body),
            "key": copy.chain.key(number),
        }


def listed(copy: Copy) -> list[str]:
    """One line an entry: its number, sha256 and key."""
    return [
        one_line(f"{number} {sha256(body)} {copy.chain.key(number)}", 2000)
        for number, body in sorted(copy.entries.items())
    ]


def _words(content: Mapping[str, Any]) -> str:
    decision = content.get("decision")
    decided = decision if isinstance(decision, dict) else {}
    result = content.get("result")
    ended = result if isinstance(result, dict) else {}
    said = [
        f"by {content['by']}" if content.get("by") else "",
        str(content.get("why") or content.get("reason") or ""),
        f"{decided.get('verdict')}: {decided.get('reason')}" if decided else "",
        f"{ended.get('action')} {ended.get('status')}" if ended else "",
        counted(len(content["changes"]), "change") if content.get("changes") else "",
    ]
    return ", ".join(filter(None, said))
