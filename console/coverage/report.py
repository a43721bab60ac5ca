"""All that is covered, as one document: the table, docs/coverage.md and --output json show it.

``report(root)`` says what the repository handles; with what an account showed, it says that too.
What only an account knows is *not looked at* without one. What no call can show, a person may
attest: it is shown as that person's word, and no check is said to be on because of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from console.coverage import cells, handled
from console.coverage import data as coverage_data
from console.coverage.checks import CHECKS, Result, Saw
from console.coverage.data import OWASP, TECHNIQUES
from console.coverage.handled import Sample
from console.playbooks import playbooks
from cordon.playbook import Playbook

NOT_LOOKED_AT = "not looked at"
Report = dict[str, Any]


@dataclass(frozen=True)
class Looked:
    """An account and Region as the checks saw it, and the modes of the stack there."""

    place: str  # "111122223333 us-east-1"
    results: Mapping[str, Result]  # by check
    modes: Mapping[str, str] = field(default_factory=dict)
    said: str = ""  # of the modes
    attested: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by cell
    attested_says: str = ""  # why it is not known what people attested


def report(root: Path, looked: Looked | None = None) -> Report:
    """The document. ValueError where a header names what the data does not know."""
    data = coverage_data.read(root)
    headers = {one.name: one for one in playbooks(root)}
    shown = handled.samples(root)
    promises = data.promises
    return {
        "place": looked.place if looked else "",
        "modes": looked.said if looked else NOT_LOOKED_AT,
        "attestations": looked.attested_says if looked else NOT_LOOKED_AT,
        "playbooks": [_playbook(one, shown, looked) for one in headers.values()],
        "needs": [_need(row, looked) for row in handled.needs(data, headers)],
        "nobody": handled.nobody(shown),
        "risks": list(handled.risks(data, shown, headers, OWASP)),
        "same": {
            new: {"before": list(old), "near": list(data.near[new])}
            for new, old in data.same.items()
        },
        "layers": list(handled.layers(data, headers)),
        "matrices": [_matrix(one, looked) for one in data.scopes["matrices"]],
        "techniques": list(handled.risks(data, shown, headers, TECHNIQUES)),
        "frameworks": list(handled.controls(data, headers)),
        "versions": [
            {"framework": one.id, "title": one.title, "version": one.version, "source": one.source}
            for one in data.frameworks.values()
        ],
        "events": [_event(row, shown, headers) for row in promises["events"]],
        "promised": [
            *(_promised(row, headers) for row in promises["playbooks"]),
            _sequences(promises["sequences"], shown, headers),
        ],
        "topics": promises["topics"],
    }


def _playbook(header: Playbook, shown: Sequence[Sample], looked: Looked | None) -> Report:
    return {
        "name": header.name,
        "recommended_mode": str(header.recommended_mode),
        "mode": looked.modes.get(header.name, str(Saw.UNKNOWN)) if looked else NOT_LOOKED_AT,
        "layer": header.defence_layer,
        "layers": [layer for layer, _ in header.layers],
        "serves": str(header.serves),
        "handles": list(header.handles),
        "handles_high": list(header.handles_high),
        "handles_critical": header.handles_critical,
        "optional": list(header.optional),
        "by_arn": list(header.by_arn),
        "samples": sum(header.name in sample.playbooks for sample in shown),
        "clocks": [clock.law for clock in header.clocks],
    }


def _need(row: Report, looked: Looked | None) -> Report:
    """What has no check is looked at by nobody."""
    if not row["check"]:
        return {**row, "saw": NOT_LOOKED_AT, "says": ""}
    return {**row, "title": CHECKS[row["check"]].title, **_saw(row["check"], looked)}


def _saw(check: str, looked: Looked | None) -> dict[str, str]:
    if looked is None:
        return {"saw": NOT_LOOKED_AT, "says": ""}
    result = looked.results[check]
    return {"saw": str(result.saw), "says": result.says}


def _matrix(raw: Mapping[str, Any], looked: Looked | None) -> Report:
    rows = [
        {
            "scope": scope["scope"],
            "in_use": [_check(name, looked) for name in scope["in_use"]],
            "seen": _seen([_saw(name, looked)["saw"] for name in scope["in_use"]], looked),
            "attest": scope["attest"],
            **_attested(cells.scope_id(raw, number), looked),
            "cells": [
                {
                    "column": column["name"],
                    "checks": [
                        _check(name, looked)
                        for name in column["checks"]
                        if number >= column["from_scope"]
                    ],
                    "attest": column["attest"],
                    **_attested(cells.cell_id(raw, number, column), looked),
                }
                for column in raw["columns"]
            ],
        }
        for number, scope in enumerate(raw["scopes"], 1)
    ]
    return {"name": raw["name"], "source": raw["source"], "scopes": rows}


def _attested(about: str, looked: Looked | None) -> Report:
    """What a person said of it last; nothing where nobody did."""
    return {"id": about, "attested": dict(looked.attested.get(about, {})) if looked else {}}


def _check(name: str, looked: Looked | None) -> dict[str, str]:
    return {"check": name, "title": CHECKS[name].title, **_saw(name, looked)}


def _seen(saw: Sequence[str], looked: Looked | None) -> str:
    """Is a scope in use here? That nothing of it was seen does not mean that it is not."""
    if looked is None:
        return NOT_LOOKED_AT
    if Saw.ON in saw:
        return "in use"
    if not saw or Saw.UNKNOWN in saw:
        return "unknown"
    return "not seen"


def _event(
    row: Mapping[str, Any], shown: Sequence[Sample], headers: Mapping[str, Playbook]
) -> Report:
    of = [one for one in shown if one.event == row["event"]]
    return {
        "source": row["source"],
        "event": row["event"],
        "by": [one.playbook for one in handled.by(of, headers)],
        "read": bool(of),
        "lacks": row["lacks"],
    }


def _promised(row: Mapping[str, Any], headers: Mapping[str, Playbook]) -> Report:
    """Built or not is what the headers say; why not, and what it lacks, what people wrote."""
    if row["name"] not in headers:
        return {"name": row["name"], "built": False, "says": row.get("why_not", "")}
    return {"name": row["name"], "built": True, "says": row.get("lacks", "")}


def _sequences(
    row: Mapping[str, Any], shown: Sequence[Sample], headers: Mapping[str, Playbook]
) -> Report:
    of = [one for one in shown if handled.is_one_of(one.kind, row["kinds"])]
    names = [one.playbook for one in handled.by(of, headers)]
    says = f"by {', '.join(names)}; no state machine of their own"
    return {"name": "attack sequences", "built": bool(names), "says": says}
