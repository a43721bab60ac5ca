"""AWS's own event schemas, and every way in which an event differs from its schema.

They are in the npm package ``@aws-cdk/aws-service-spec``, as ``db.json.gz``: a database whose
tables ``event`` and ``eventTypeDefinition`` are lists of rows that refer to each other by ``$id``.
"""

import gzip
import json
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGE = "@aws-cdk/aws-service-spec"
_DATABASE = "package/db.json.gz"
_SCALARS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
}

Event = Mapping[str, Any]


def downloaded(version: str, into: Path) -> dict[str, Any]:
    """The database of this version, by npm, which compares the package with its hash."""
    command = ["npm", "pack", "--silent", f"{PACKAGE}@{version}"]
    packed = subprocess.run(command, cwd=into, check=True, capture_output=True, text=True)
    with tarfile.open(into / packed.stdout.strip()) as archive:
        member = archive.extractfile(_DATABASE)
        if member is None:
            raise FileNotFoundError(_DATABASE)
        database: dict[str, Any] = json.loads(gzip.decompress(member.read()))
    return database


@dataclass(frozen=True)
class Schemas:
    """The schemas of a database."""

    by_event: Mapping[tuple[str, str], str]  # source and detail-type: the root's id
    types: Mapping[str, Mapping[str, Any]]  # by id: members

    @classmethod
    def of(cls, database: Mapping[str, Any]) -> "Schemas":
        """Those of a database as it is read."""
        schema = database["schema"]
        events = schema["event"]["entities"]
        types = schema["eventTypeDefinition"]["entities"]
        return cls(
            {(e["source"], e["detailType"]): e["rootProperty"]["$ref"] for e in events},
            {one["$id"]: one["properties"] for one in types},
        )

    def has(self, event: Event) -> bool:
        """Is there a schema of such an event?"""
        return (event["source"], event["detail-type"]) in self.by_event

    def differences(self, event: Event) -> list[str]:
        """Each difference once: indices are left out. KeyError where there is no schema."""
        root = self.by_event[event["source"], event["detail-type"]]
        found = self._members(event["detail"], root, "detail")
        return list(dict.fromkeys(found))

    def _members(self, value: Any, id: str, path: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{path}: is no object"
            return
        known = self.types[id]
        yield from (
            f"{path}.{name}: missing"
            for name, member in known.items()
            if member.get("required") and name not in value
        )
        for name, item in value.items():
            if name in known:
                yield from self._value(item, known[name]["type"], f"{path}.{name}")
            else:
                yield f"{path}.{name}: unknown"

    def _value(self, value: Any, type: Mapping[str, Any], path: str) -> Iterator[str]:
        kind = type["type"]
        if kind == "ref":
            yield from self._members(value, type["reference"]["$ref"], path)
        elif kind == "union":
            each = [list(self._value(value, one, path)) for one in type["types"]]
            yield from min(each, key=len, default=[])
        elif kind in ("array", "map"):
            container = list if kind == "array" else dict
            if not isinstance(value, container):
                yield f"{path}: is no {kind}"
                return
            for item in value.values() if isinstance(value, dict) else value:
                yield from self._value(item, type["element"], path)
        elif kind in _SCALARS and not _is(value, kind):
            yield f"{path}: is no {kind}"


def _is(value: Any, kind: str) -> bool:
    number_for_boolean = isinstance(value, bool) and kind != "boolean"
    return isinstance(value, _SCALARS[kind]) and not number_for_boolean
