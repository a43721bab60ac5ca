"""What Security Hub CSPM requires of a finding.

Sources: AWS Security Finding Format (ASFF), required and optional attributes;
BatchImportFindings; BatchUpdateFindings.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Asff = dict[str, Any]

MAX_BYTES = 240 * 1024
NOTE_LENGTH = 512
TYPES = 50
FINDING_TYPES = (
    "Software and Configuration Checks",
    "TTPs",
    "Effects",
    "Unusual Behaviors",
    "Sensitive Data Identifications",
)
_LENGTHS = {
    "Id": 512,
    "ProductArn": 2048,
    "ProductName": 128,
    "CompanyName": 128,
    "GeneratorId": 512,
    "Title": 256,
    "Description": 1024,
}
_COUNTS = {"Resources": 32, "RelatedFindings": 10, "ThreatIntelIndicators": 5, "Malware": 5}
_MAPS = {"ProductFields": (50, 128, 2048), "UserDefinedFields": (50, 128, 1024)}
_TIMES = ("CreatedAt", "UpdatedAt", "FirstObservedAt", "LastObservedAt")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)")
_FLOORS = {"INFORMATIONAL": 0, "LOW": 1, "MEDIUM": 40, "HIGH": 70, "CRITICAL": 90}


def faults(finding: Mapping[str, Any]) -> list[str]:
    """Why Security Hub would refuse this finding. Empty if it would accept it."""
    return [
        *_lengths(finding),
        *_times(finding),
        *_provided(finding),
        *map_faults(finding),
        *_size(finding),
    ]


def _lengths(finding: Mapping[str, Any]) -> Iterator[str]:
    if finding["SchemaVersion"] != "2018-10-08":
        yield "SchemaVersion must be 2018-10-08"
    for name, most in _LENGTHS.items():
        if len(finding.get(name, "")) > most:
            yield f"{name} must not be longer than {most} characters"
    for name, most in _COUNTS.items():
        if len(finding.get(name, ())) > most:
            yield f"{name} must not hold more than {most} items"
    if not finding["Resources"]:
        yield "Resources must hold at least one item"


def _times(finding: Mapping[str, Any]) -> Iterator[str]:
    for name in _TIMES:
        if name in finding and not _RFC3339.fullmatch(finding[name]):
            yield f"{name} must be an RFC 3339 timestamp with a time zone"


def _provided(finding: Mapping[str, Any]) -> Iterator[str]:
    """Severity and Types are required, at the top or as the provider's."""
    provided = finding.get("FindingProviderFields", {})
    severity = provided.get("Severity") or finding.get("Severity") or {}
    if not severity.keys() & {"Label", "Original", "Normalized", "Product"}:
        yield "Severity is required"
    types = provided.get("Types") or finding.get("Types") or []
    if not types:
        yield "Types is required"
    yield from type_faults(types)


def type_faults(types: list[str]) -> Iterator[str]:
    """Types are ``namespace/category/classifier``; the namespaces are fixed."""
    if len(types) > TYPES:
        yield f"Types must not hold more than {TYPES} items"
    for kind in types:
        if kind.split("/")[0] not in FINDING_TYPES or kind.count("/") > 2:
            yield f"Types: {kind!r} is not namespace/category/classifier"


def map_faults(finding: Mapping[str, Any]) -> Iterator[str]:
    """ProductFields and UserDefinedFields: pairs, key and value lengths."""
    for name, (pairs, keys, values) in _MAPS.items():
        fields = finding.get(name, {})
        if len(fields) > pairs:
            yield f"{name} must not hold more than {pairs} pairs"
        if any(len(k) > keys or len(v) > values for k, v in fields.items()):
            yield f"{name}: keys have at most {keys}, values at most {values} characters"


def _size(finding: Mapping[str, Any]) -> Iterator[str]:
    if len(json.dumps(finding).encode()) > MAX_BYTES:
        yield "the finding is larger than 240 KB"


def severity(given: Mapping[str, Any]) -> dict[str, Any]:
    """Label and Normalized follow each other (ASFF, Severity)."""
    full = dict(given)
    if "Label" in full:
        full["Normalized"] = _FLOORS[full["Label"]]
    elif "Normalized" in full:
        reached = [label for label, floor in _FLOORS.items() if full["Normalized"] >= floor]
        full["Label"] = reached[-1]
    return full
