"""What is handled, and by whom: derived from the headers and from the sample events.

A playbook is named for a risk only where a sample event of such a kind is handled by it: the plan
beside the event says so, ``tests/test_plans.py`` makes that plan from the event and compares them,
and ``tests/promises/test_samples.py`` sends the event through the template.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from console.coverage.data import Data
from console.logical_names import calls_parameter
from console.plan_files import SUFFIX
from cordon.playbook import Playbook


@dataclass(frozen=True)
class Sample:
    """A sample event whose plan is beside it."""

    name: str  # of its file, which is one of a kind
    event: str  # its detail-type
    kind: str  # of its finding
    playbooks: tuple[str, ...]  # that handle it; () where all ignore it


@dataclass(frozen=True)
class Handled:
    """One playbook that handles something, with the samples that show it."""

    playbook: str
    samples: tuple[str, ...]
    where: str = ""  # the parameter without which it does not; "" where it always does

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {"playbook": self.playbook, "samples": list(self.samples), "where": self.where}


def samples(root: Path) -> tuple[Sample, ...]:
    """The samples with a finding, by folder and name."""
    found = []
    for path in sorted((root / "events").glob(f"*/*{SUFFIX}")):
        beside = json.loads(path.read_text())
        if beside.get("finding"):
            said = (beside, *beside.get("others", ()))
            names = tuple(one["playbook"] for one in said if one.get("playbook"))
            name = path.name.removesuffix(SUFFIX)
            event = json.loads(path.with_name(f"{name}.json").read_text())
            found.append(Sample(name, event["detail-type"], beside["finding"]["kind"], names))
    return tuple(found)


def by(kinds: Sequence[Sample], headers: Mapping[str, Playbook]) -> tuple[Handled, ...]:
    """Who handles these samples; who takes over what others cannot change comes last."""
    found: dict[str, list[Sample]] = {}
    for sample in kinds:
        for name in sample.playbooks:
            found.setdefault(name, []).append(sample)
    ordered = sorted(found, key=lambda name: (headers[name].takes_over, name))
    return tuple(_handled(headers[name], found[name]) for name in ordered)


def _handled(header: Playbook, shown: Sequence[Sample]) -> Handled:
    only_where_said = all(is_optional(header, sample.kind) for sample in shown)
    where = calls_parameter(header.name) if only_where_said else ""
    return Handled(header.name, tuple(sample.name for sample in shown), where)


def is_optional(header: Playbook, kind: str) -> bool:
    """Does it hear this kind only where a parameter says so?"""
    return is_one_of(kind, header.optional) and not is_one_of(
        kind, (*header.handles, *header.handles_high)
    )


def risks(
    data: Data, shown: Sequence[Sample], headers: Mapping[str, Playbook], family: str
) -> Iterator[dict[str, Any]]:
    """The ids of a family of frameworks, each with who handles it or why nobody does."""
    ids = {kind: data.ids(kind) for kind in {one.kind for one in shown}}
    for control in data.controls.values():
        if not control.framework.startswith(family):
            continue
        handled = by([one for one in shown if control.id in ids[one.kind]], headers)
        yield {
            "id": control.id,
            "title": control.title,
            "responsibility": control.responsibility,
            "by": [one.to_json() for one in handled],
            "none": "" if handled else data.reason(control.id),
        }


def layers(data: Data, headers: Mapping[str, Playbook]) -> Iterator[dict[str, Any]]:
    """The seven layers, each with its playbooks. ValueError for a header's layer that is none.

    A playbook whose kinds are of several layers is named in each of them.
    """
    known = {word for row in data.scopes["layers"] for word in row["headers"]}
    for header in headers.values():
        if unknown := sorted(_layers_of(header) - known):
            raise ValueError(f"{header.name}: {', '.join(unknown)} is no layer of scopes.json")
    for row in data.scopes["layers"]:
        names = [one.name for one in headers.values() if _layers_of(one) & {*row["headers"]}]
        yield {"layer": row["layer"], "playbooks": names, "none": "" if names else row["none"]}


def _layers_of(header: Playbook) -> set[str]:
    return {header.defence_layer, *(layer for layer, _ in header.layers)}


def controls(data: Data, headers: Mapping[str, Playbook]) -> Iterator[dict[str, Any]]:
    """Each framework whose controls headers name, each control with its playbooks.

    ValueError for a header's control that the data has no title of.
    """
    known = data.controls.keys()
    for header in headers.values():
        if unknown := [one for one in header.controls if one not in known]:
            raise ValueError(f"{header.name}: docs/coverage/frameworks.json has no {unknown}")
    for framework in data.frameworks.values():
        if framework.id.startswith(("OWASP ", "MITRE ")):
            continue
        rows = [
            {
                "id": one.id,
                "title": one.title,
                "responsibility": one.responsibility,
                "playbooks": [h.name for h in headers.values() if one.id in h.controls],
            }
            for one in framework.controls
        ]
        yield {"framework": framework.id, "title": framework.title, "controls": rows}


def needs(data: Data, headers: Mapping[str, Playbook]) -> Iterator[dict[str, Any]]:
    """What must be switched on, with what the playbooks hear only then."""
    for row in data.scopes["needs"]:
        heard = {
            name: kinds
            for name, header in headers.items()
            if (kinds := [kind for kind in kinds_of(header) if _within(kind, row)])
        }
        yield {**row, "for": heard}


def kinds_of(header: Playbook) -> tuple[str, ...]:
    """Every pattern that it hears, whatever the severity."""
    return (*header.handles, *header.handles_high, *header.optional)


def _within(kind: str, row: Mapping[str, Any]) -> bool:
    return is_one_of(kind, row["kinds"]) and not is_one_of(kind, row["except"])


def nobody(shown: Sequence[Sample]) -> list[str]:
    """The kinds of samples that no playbook handles in any sample."""
    handled = {sample.kind for sample in shown if sample.playbooks}
    return sorted({sample.kind for sample in shown} - handled)


def is_one_of(kind: str, patterns: Sequence[str]) -> bool:
    """Is a kind one of these patterns?"""
    return any(fnmatchcase(kind, pattern) for pattern in patterns)
