"""What was seen, kept in docs/permissions.json: written by the tests, read by page and faults."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from console.permissions.used import Uses, merged

RECORD = Path("docs") / "permissions.json"


@dataclass(frozen=True)
class Record:
    """What was seen, as docs/permissions.json keeps it."""

    roads: Mapping[str, Uses] = field(default_factory=dict)  # by the function they are roads of
    denied: Mapping[str, Mapping[str, list[str]]] = field(default_factory=dict)
    # of a deny: resource or key → [operation, what was refused, what beside it was let through]
    deployed: Uses = field(default_factory=dict)  # seen end to end

    @classmethod
    def read(cls, root: Path) -> "Record":
        """The record as it is checked in; an empty one where there is none."""
        path = root / RECORD
        return cls(**json.loads(path.read_text())) if path.exists() else cls()

    def write(self, root: Path) -> None:
        """Keep it."""
        kept = {"deployed": self.deployed, "denied": self.denied, "roads": self.roads}
        (root / RECORD).write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")

    @property
    def replayed(self) -> Uses:
        """What replay saw used."""
        return merged(*self.roads.values())

    def with_roads(self, function: str, seen: Uses) -> "Record":
        """With the uses on one function's roads."""
        return replace(self, roads={**self.roads, function: seen})

    def with_deployed(self, seen: Uses) -> "Record":
        """With the uses that were seen end to end."""
        return replace(self, deployed=seen)

    def with_denied(self, sid: str, tried: Mapping[str, list[str]]) -> "Record":
        """With what was tried against one deny."""
        return replace(self, denied={**self.denied, sid: dict(tried)})
