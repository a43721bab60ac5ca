"""What evidence says of a case, in a row: for the index, and for who decided what.

Only evidence is read: a row of an archive can be made again from it. Texts of findings are hostile;
``tables`` makes them safe for a terminal and a spreadsheet, ``overview`` for a browser.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from console.access_log import DECIDED
from console.audit.period import Wanted
from console.case_evidence import entries
from console.evidence import Copy, Fault
from console.tables import Column, Row
from cordon.playbook import Plan
from cordon.sources.text import one_line

MOST = 300  # characters of a text
CASES = (
    Column("case", whole=True),
    Column("first", whole=True),
    Column("last stage", whole=True, of=lambda row: row["last_stage"]),
    Column("playbook"),
    Column("title"),
    Column(
        "decided by",
        of=lambda row: row["released_by"] or row["rejected_by"] or row["approved_by"],
    ),
    Column("verified", whole=True),
)
DECISIONS = (
    Column("at", whole=True),
    Column("decision", whole=True),
    Column("case", whole=True),
    Column("playbook"),
    Column("title"),
    Column("by"),
    Column("why"),
)
SETTINGS = "settings"  # whose chain is no case's
STAGES = (*DECIDED, "expired")  # in which a person decided, or time did


def is_of(copy: Copy, wanted: Wanted) -> bool:
    """Has anything of the case happened in the period?"""
    return any(wanted.is_at(_text(entry, "at")) for entry in entries(copy))


def case(copy: Copy, faults: tuple[Fault, ...]) -> Row:
    """One row of the index."""
    found = list(entries(copy))
    contents = [entry["content"] for entry in found]
    begun = _begun(copy)
    decided = [*([begun] if begun else []), *contents]
    stages = [_text(entry, "stage") for entry in found]
    first_at = _text(_batch(copy), "at") or next((_text(e, "at") for e in found), "")
    return {
        **_about(copy.chain.case, copy.chain.account, copy.chain.playbook, decided),
        "first": first_at,
        "last": _text(found[-1], "at") if found else first_at,
        "stages": stages,
        "last_stage": stages[-1] if stages else "observed",
        "approved_by": _by(found, "approved", "decided"),
        "rejected_by": _by(found, "rejected"),
        "released_by": _by(found, "releasing", "released"),
        "entries": len(found),
        "sha256": copy.end.hash,
        "verified": "no" if any(not one.warning for one in faults) else "yes",
        "faults": [one.text for one in faults],
    }


def observed(batch: bytes, key: str, wanted: Wanted) -> Iterator[Row]:
    """The cases of a batch that are wanted; each was only observed then."""
    try:
        said = json.loads(batch)
        at, records = str(said["at"]), list(said["observed"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return
    playbook = key.partition("/")[0]  # S3 lets no other role write there; what it says is a text
    if not wanted.is_at(at):
        return
    for one in records:
        if not isinstance(one, Mapping) or not isinstance(one.get("content"), Mapping):
            continue
        about = _about(_text(one, "case"), _text(one, "account"), playbook, [one["content"]])
        if wanted.includes(playbook, about["controls"]):
            yield {
                **about,
                "first": at,
                "last": at,
                "stages": ["observed"],
                "last_stage": "observed",
                **dict.fromkeys(("approved_by", "rejected_by", "released_by"), ""),
                "entries": 0,
                "sha256": "",
                "verified": "yes",
                "faults": [],
                "batch": key,
            }


def decisions(copy: Copy, wanted: Wanted) -> Iterator[Row]:
    """Who decided what of the case in the period, with the request that AWS named."""
    plan, known = "", [_begun(copy) or {}]
    for entry in entries(copy):
        content = entry["content"]
        known.append(content)
        plan = _text(content, "plan_hash") or plan
        stage, by = _text(entry, "stage"), decided_by(content)
        if not by or stage not in STAGES or not wanted.is_at(_text(entry, "at")):
            continue
        witnesses = content.get("witnesses")
        listed = witnesses if isinstance(witnesses, list) else []
        chain = copy.chain
        about = _about(chain.case, chain.account, chain.playbook, known)
        yield {
            "at": _text(entry, "at"),
            "decision": stage,
            **{name: about[name] for name in ("case", "playbook", "title", "resources")},
            **({"title": _text(content, "text")} if chain.playbook == SETTINGS else {}),
            "by": by,
            "why": _text(content, "why"),
            "plan": plan,
            "requests": [_text(one, "request") for one in listed if isinstance(one, Mapping)],
            "entry": copy.chain.key(entry["number"]),
        }


def _about(case: str, account: str, playbook: str, contents: list[Any]) -> dict[str, Any]:
    """What the newest record of the decision says of the finding, the plan and the versions."""
    known: dict[str, Any] = {}
    for content in contents:
        known |= {name: content[name] for name in _DECIDED if name in content}
    finding, plan = _of(known, "finding"), _of(known, "plan")
    return {
        "case": case,
        "account": account,
        "playbook": playbook,
        "region": _text(_of(finding, "place"), "region"),
        "kind": ":".join(filter(None, (_text(finding, "source"), _text(finding, "type")))),
        "severity": _text(_of(finding, "severity"), "label"),
        "title": _text(finding, "title"),
        "resources": _resources(plan),
        "mode": _text(known, "mode"),
        "reason": _text(_of(known, "decision"), "reason"),
        "controls": _texts(known, "supports_evidence_for"),
        "frameworks": [f"{k} {v}" for k, v in sorted(_of(known, "frameworks").items())],
        "cordon": _text(known, "cordon"),
    }


_DECIDED = (
    "cordon",
    "decision",
    "finding",
    "frameworks",
    "mode",
    "plan",
    "supports_evidence_for",
)


def _resources(plan: Mapping[str, Any]) -> list[str]:
    """What the plan changes; nothing where it is none of this version's."""
    try:
        return [one_line(arn, MOST) for arn in Plan.from_json(plan).resources]
    except (KeyError, TypeError, ValueError, AttributeError):
        return []


def _batch(copy: Copy) -> Mapping[str, Any]:
    try:
        said = json.loads(copy.batch or b"{}")
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _begun(copy: Copy) -> Mapping[str, Any] | None:
    """The record of the case in the batch that its chain begins with."""
    records = _batch(copy).get("observed")
    for one in records if isinstance(records, list) else ():
        if isinstance(one, Mapping) and one.get("case") == copy.chain.case:
            return _of(one, "content")
    return None


def _by(found: list[Mapping[str, Any]], *stages: str) -> str:
    """Who decided it last; a person, or what decided without one."""
    said = (decided_by(e["content"]) for e in reversed(found) if _text(e, "stage") in stages)
    return next(filter(None, said), "")


def decided_by(content: Mapping[str, Any]) -> str:
    """Who decided; of a resource that a person named, that person."""
    return _text(content, "by") or _text(content, "named_by")


def _of(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = of.get(name)
    return value if isinstance(value, dict) else {}


def _text(of: Mapping[str, Any], name: str) -> str:
    value = of.get(name)
    return one_line(value, MOST) if isinstance(value, str) else ""


def _texts(of: Mapping[str, Any], name: str) -> list[str]:
    value = of.get(name)
    texts = [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
    return [one_line(text, MOST) for text in texts]
