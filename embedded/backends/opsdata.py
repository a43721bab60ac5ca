"""The operational data of OpsItems: what it may hold, deduplication, and what can be searched."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from embedded.backends.registry import NotModelled, Refusal

VALUE_BYTES = 20 * 1024
_RESERVED_KEYS = ("amazon", "aws", "amzn", "ssm", "/amazon", "/aws", "/amzn", "/ssm")
_OURS_TO_SET = ("/aws/dedup", "/aws/resources", "/aws/automations")
_FILTERS = (
    "Status",
    "Source",
    "Title",
    "OpsItemId",
    "Category",
    "CreatedBy",
    "Severity",
    "Priority",
)
_TIMES = {"CreatedTime", "LastModifiedTime"}

Data = Mapping[str, Mapping[str, str]]
OpsItem = dict[str, Any]


def invalid(name: str, why: str) -> Refusal:
    """The refusal of one parameter."""
    return Refusal("OpsItemInvalidParameterException", f"{name}: {why}", ParameterNames=[name])


def check_data(data: Data) -> None:
    """Keys that are reserved, values that are too large or no JSON (CreateOpsItem)."""
    for key, entry in data.items():
        if key not in _OURS_TO_SET and key.lower().startswith(_RESERVED_KEYS):
            raise invalid("OperationalData", f"the key {key} is reserved")
        if len(entry.get("Value", "").encode()) > VALUE_BYTES:
            raise invalid("OperationalData", f"the value of {key} is larger than 20 KB")
    _json(data, "/aws/dedup", dict)
    for resource in _json(data, "/aws/resources", list) or []:
        if not isinstance(resource, dict) or "arn" not in resource:
            raise invalid("OperationalData", '/aws/resources is a list of {"arn": "..."}')


def _json(data: Data, key: str, kind: type) -> Any:
    if key not in data:
        return None
    try:
        value = json.loads(data[key].get("Value", ""))
    except ValueError:
        raise invalid("OperationalData", f"the value of {key} is not JSON") from None
    if not isinstance(value, kind):
        raise invalid("OperationalData", f"the value of {key} has the wrong form")
    return value


def fingerprint(data: Data) -> tuple[str, frozenset[str]] | None:
    """Deduplication string, in lower case, and the resources; None where there is no string."""
    dedup = (_json(data, "/aws/dedup", dict) or {}).get("dedupString")
    if not dedup:
        return None
    resources = _json(data, "/aws/resources", list) or []
    return str(dedup).lower(), frozenset(r["arn"] for r in resources)


def matches(item: OpsItem, filters: list[Mapping[str, Any]]) -> bool:
    """Whether every filter lets the item through."""
    return all(_passes(item, one) for one in filters)


def _passes(item: OpsItem, one: Mapping[str, Any]) -> bool:
    key, operator = one["Key"], one["Operator"]
    if key in _TIMES:
        return any(_follows(item[key], operator, value) for value in one["Values"])
    if key == "OperationalData":
        return any(_holds(item, json.loads(value)) for value in one["Values"])
    have = _texts(item, key)
    if operator == "Equal":
        return any(value in have for value in one["Values"])
    if operator == "Contains":
        return any(value in text for value in one["Values"] for text in have)
    raise NotModelled(f"ssm DescribeOpsItems: {operator}")


def _texts(item: OpsItem, key: str) -> list[str]:
    """What a filter compares with."""
    if key == "OperationalDataKey":
        return list(searchable(item))
    if key == "OperationalDataValue":
        return [entry["Value"] for entry in searchable(item).values()]
    if key == "ResourceId":
        resources = _json(item.get("OperationalData", {}), "/aws/resources", list) or []
        return [str(resource["arn"]) for resource in resources]
    if key in _FILTERS:
        return [str(item.get(key, ""))]
    raise NotModelled(f"ssm DescribeOpsItems: the filter {key}")


def _follows(at: datetime, operator: str, value: str) -> bool:
    """Whether a moment is after or before another, in ISO 8601."""
    if operator not in ("GreaterThan", "LessThan"):
        raise NotModelled(f"ssm DescribeOpsItems: {operator} for a time")
    try:
        other = datetime.fromisoformat(value)
    except ValueError:
        raise NotModelled(f"ssm DescribeOpsItems: the time {value}") from None
    return at > other if operator == "GreaterThan" else at < other


def _holds(item: OpsItem, pair: Mapping[str, str]) -> bool:
    return searchable(item).get(pair["key"], {}).get("Value") == pair["value"]


def searchable(item: OpsItem) -> dict[str, dict[str, str]]:
    """The operational data that is shown and found in lists."""
    data = item.get("OperationalData", {})
    return {k: v for k, v in data.items() if v.get("Type") == "SearchableString"}
