"""The data of docs/coverage: what people wrote of frameworks, findings, scopes and promises.

An id is ``framework control``: ``OWASP LLM 2026 LLM06``, ``SOC 2 CC7.3``. What headers say is not
here: their layers, kinds and controls are held against this data, and nothing of it is deployed.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path("docs") / "coverage"
OWASP = "OWASP "  # how the ids of the lists of risks begin
TECHNIQUES = "MITRE "


@dataclass(frozen=True)
class Control:
    """A control, a risk or a technique of a framework."""

    framework: str
    name: str  # within the framework
    title: str
    responsibility: str  # customer, shared, AWS

    @property
    def id(self) -> str:
        """As headers write it."""
        return f"{self.framework} {self.name}"


@dataclass(frozen=True)
class Framework:
    """A standard, a law or a list, in one version."""

    id: str
    title: str
    version: str
    source: str  # URL
    controls: tuple[Control, ...]


@dataclass(frozen=True)
class About:
    """What findings of some kinds are about."""

    kinds: tuple[str, ...]  # patterns over Finding.kind
    ids: tuple[str, ...]

    def matches(self, kind: str) -> bool:
        """``kind``: of a finding, or a header's pattern, which must be within one of these."""
        return any(fnmatchcase(kind, pattern) for pattern in self.kinds)


@dataclass(frozen=True)
class Data:
    """All of it, as it was read."""

    frameworks: Mapping[str, Framework]
    findings: tuple[About, ...]
    derived: Mapping[str, str]  # pattern of kinds without a row → why they need none
    same: Mapping[str, tuple[str, ...]]  # id of 2026 → ids of the years before
    near: Mapping[str, tuple[str, ...]]  # id of 2026 → ids of the agentic list
    none: Mapping[str, str]  # id → why no playbook handles it
    scopes: Mapping[str, Any]
    promises: Mapping[str, Any]

    @property
    def controls(self) -> Mapping[str, Control]:
        """Every control by its id."""
        return {one.id: one for of in self.frameworks.values() for one in of.controls}

    def ids(self, kind: str) -> frozenset[str]:
        """What a finding of this kind is about, in the years before as well."""
        named = {id for row in self.findings if row.matches(kind) for id in row.ids}
        return frozenset(named | {old for id in named for old in self.same.get(id, ())})

    def reason(self, id: str) -> str:
        """Why no playbook handles this risk; "" where nobody has written it."""
        newer = (new for new, old in self.same.items() if id in old)
        return next((self.none[one] for one in (id, *newer) if one in self.none), "")


@cache
def read(root: Path) -> Data:
    """The data below the repository's root."""
    frameworks, findings, scopes, promises = (
        json.loads((root / FOLDER / f"{name}.json").read_text())
        for name in ("frameworks", "findings", "scopes", "promises")
    )
    same = findings["same"]
    return Data(
        {one.id: one for one in _frameworks(frameworks["frameworks"])},
        tuple(About(tuple(row["kinds"]), tuple(row["ids"])) for row in findings["findings"]),
        findings["derived"],
        {id: tuple(row["same"]) for id, row in same.items()},
        {id: tuple(row["near"]) for id, row in same.items()},
        findings["none"],
        scopes,
        promises,
    )


def _frameworks(raw: Mapping[str, Any]) -> Iterator[Framework]:
    for id, one in raw.items():
        controls = (Control(id, name, *said) for name, said in one["controls"].items())
        yield Framework(id, one["title"], one["version"], one["source"], tuple(controls))
