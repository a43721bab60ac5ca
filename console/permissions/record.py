"""The recorded uses in docs/permissions.json. The tests write them; page and checks read them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from console.permissions.used import Uses, merged

RECORD = Path("docs") / "permissions.json"


@dataclass(frozen=True)
class Record:
    """The content of docs/permissions.json."""

    roads: Mapping[str, Uses] = field(default_factory=dict)  # scenarios, by function
    denied: Mapping[str, Mapping[str, list[str]]] = field(default_factory=dict)
    # Sid of a deny → resource or action → [operation, refused call, allowed call]
    deployed: Uses = field(default_factory=dict)  # in the end-to-end tests

    @classmethod
    def read(cls, root: Path) -> "Record":
        """The checked-in record; an empty one if there is none."""
        path = root / RECORD
        return cls(**json.loads(path.read_text())) if path.exists() else cls()

    def write(self, root: Path) -> None:
        """Write the record to its file."""
        content = {"deployed": self.deployed, "denied": self.denied, "roads": self.roads}
        (root / RECORD).write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")

    @property
    def replayed(self) -> Uses:
        """The uses in replay."""
        return merged(*self.roads.values())

    def with_roads(self, function: str, uses: Uses) -> "Record":
        """A copy with the uses in one function's scenarios."""
        return replace(self, roads={**self.roads, function: uses})

    def with_deployed(self, uses: Uses) -> "Record":
        """A copy with the uses in the end-to-end tests."""
        return replace(self, deployed=uses)

    def with_denied(self, sid: str, tried: Mapping[str, list[str]]) -> "Record":
        """A copy with the tries of one deny."""
        return replace(self, denied={**self.denied, sid: dict(tried)})
