"""OpsCenter: OpsItems, with deduplication.

Sources: CreateOpsItem, GetOpsItem, UpdateOpsItem, DescribeOpsItems (Systems Manager API
Reference); Managing duplicate OpsItems (user guide).
"""

import json
from collections.abc import Mapping
from typing import Any

from console.embedded.backends.registry import (
    Answer,
    NotModelled,
    Params,
    Refusal,
    Where,
    answers,
    here,
)
from moto.moto_api._internal import mock_random

from cordon import clock

OpsItem = dict[str, Any]
PAGE = 50
VALUE_BYTES = 20 * 1024
_ALIVE = ("Open", "InProgress")
_SETTABLE = ("Open", "InProgress", "Resolved")
_RESERVED = ("aws", "amazon", "amzn")
_RESERVED_KEYS = ("amazon", "aws", "amzn", "ssm", "/amazon", "/aws", "/amzn", "/ssm")
_OURS_TO_SET = ("/aws/dedup", "/aws/resources", "/aws/automations")
_SUMMARY = (
    "CreatedBy",
    "CreatedTime",
    "LastModifiedBy",
    "LastModifiedTime",
    "Priority",
    "Source",
    "Status",
    "OpsItemId",
    "Title",
    "Category",
    "Severity",
    "OpsItemType",
)
_FILTERS = ("Status", "Source", "Title", "OpsItemId", "Category", "Severity", "Priority")


def _items(where: Where) -> dict[str, OpsItem]:
    return where.table("ssm opsitems")


def _invalid(name: str, why: str) -> Refusal:
    return Refusal("OpsItemInvalidParameterException", f"{name}: {why}", ParameterNames=[name])


@answers("ssm", "CreateOpsItem")
def create_ops_item(params: Params, where: Where) -> Answer:
    """An open OpsItem with the same deduplication string and resources is not made twice."""
    if params.get("AccountId", where.account) != where.account:
        raise NotModelled("ssm CreateOpsItem: OpsItems in another account")
    if any(word in params["Source"].lower() for word in _RESERVED):
        raise _invalid("Source", "must not contain aws, amazon or amzn")
    data = params.get("OperationalData", {})
    _check_data(data)
    _not_twice(data, where)
    item = _opened(params, where)
    _items(where)[item["OpsItemId"]] = item
    return {"OpsItemId": item["OpsItemId"], "OpsItemArn": item["OpsItemArn"]}


def _opened(params: Params, where: Where) -> OpsItem:
    number = f"oi-{mock_random.get_random_hex(12)}"
    caller, now = where.arn("iam", "root", region=""), clock.now()
    given = {k: v for k, v in params.items() if k not in ("AccountId", "Tags")}
    return {
        "OpsItemType": "/aws/issue",
        **given,
        "CreatedBy": caller,
        "CreatedTime": now,
        "LastModifiedBy": caller,
        "LastModifiedTime": now,
        "OpsItemArn": where.arn("ssm", f"opsitem/{number}"),
        "OpsItemId": number,
        "Status": "Open",
        "Version": "1",
    }


def _check_data(data: Mapping[str, Mapping[str, str]]) -> None:
    for key, entry in data.items():
        if key not in _OURS_TO_SET and key.lower().startswith(_RESERVED_KEYS):
            raise _invalid("OperationalData", f"the key {key} is reserved")
        if len(entry.get("Value", "").encode()) > VALUE_BYTES:
            raise _invalid("OperationalData", f"the value of {key} is larger than 20 KB")
    _json(data, "/aws/dedup", dict)
    for resource in _json(data, "/aws/resources", list) or []:
        if not isinstance(resource, dict) or "arn" not in resource:
            raise _invalid("OperationalData", '/aws/resources is a list of {"arn": "..."}')


def _json(data: Mapping[str, Mapping[str, str]], key: str, kind: type) -> Any:
    if key not in data:
        return None
    try:
        value = json.loads(data[key].get("Value", ""))
    except ValueError:
        raise _invalid("OperationalData", f"the value of {key} is not JSON") from None
    if not isinstance(value, kind):
        raise _invalid("OperationalData", f"the value of {key} has the wrong form")
    return value


def _fingerprint(data: Mapping[str, Mapping[str, str]]) -> tuple[str, frozenset[str]] | None:
    """Deduplication string, in lower case, and the resources; None where there is no string."""
    dedup = (_json(data, "/aws/dedup", dict) or {}).get("dedupString")
    if not dedup:
        return None
    resources = _json(data, "/aws/resources", list) or []
    return str(dedup).lower(), frozenset(r["arn"] for r in resources)


def _not_twice(data: Mapping[str, Mapping[str, str]], where: Where) -> None:
    fingerprint = _fingerprint(data)
    if fingerprint is None:
        return
    for item in _items(where).values():
        if (
            item["Status"] in _ALIVE
            and _fingerprint(item.get("OperationalData", {})) == fingerprint
        ):
            number = item["OpsItemId"]
            text = f"The OpsItem already exists: {number}"
            raise Refusal("OpsItemAlreadyExistsException", text, OpsItemId=number)


def _item(params: Params, where: Where) -> OpsItem:
    """By id; another account's only where its ARN is given and it is shared (not modelled)."""
    place = where
    if "OpsItemArn" in params:
        _, _, _, region, account, _ = params["OpsItemArn"].split(":", 5)
        place = here(account, region)
    item = _items(place).get(params["OpsItemId"])
    if item is None:
        raise Refusal("OpsItemNotFoundException", f"OpsItem {params['OpsItemId']} does not exist")
    if place.account != where.account:
        raise NotModelled("ssm: an OpsItem of another account")
    return item


@answers("ssm", "GetOpsItem")
def get_ops_item(params: Params, where: Where) -> Answer:
    """The whole OpsItem, with its operational data."""
    return {"OpsItem": _item(params, where)}


@answers("ssm", "UpdateOpsItem")
def update_ops_item(params: Params, where: Where) -> Answer:
    """Operational data is merged key by key; the deduplication string cannot be changed."""
    item = _item(params, where)
    if params.get("Status", "Open") not in _SETTABLE:
        raise _invalid("Status", f"an /aws/issue can be {', '.join(_SETTABLE)}")
    data = params.get("OperationalData", {})
    _check_data(data)
    if "/aws/dedup" in {*data, *params.get("OperationalDataToDelete", ())}:
        raise _invalid("OperationalData", "the deduplication string cannot be changed")
    merged = {**item.get("OperationalData", {}), **data}
    for key in params.get("OperationalDataToDelete", ()):
        merged.pop(key, None)
    left_out = ("OpsItemId", "OpsItemArn", "OperationalData", "OperationalDataToDelete")
    item.update({k: v for k, v in params.items() if k not in left_out})
    item.update(
        OperationalData=merged,
        LastModifiedTime=clock.now(),
        Version=str(int(item["Version"]) + 1),
    )
    return {}


@answers("ssm", "DescribeOpsItems")
def describe_ops_items(params: Params, where: Where) -> Answer:
    """Newest first. Filters are joined by AND, the values of one by OR."""
    found = [i for i in _items(where).values() if _matches(i, params.get("OpsItemFilters", []))]
    found.reverse()
    token = params.get("NextToken", "0")
    start = int(token) if token.isdigit() else len(found)
    end = start + params.get("MaxResults", PAGE)
    more = {"NextToken": str(end)} if end < len(found) else {}
    return {"OpsItemSummaries": [_summary(i) for i in found[start:end]], **more}


def _matches(item: OpsItem, filters: list[Mapping[str, Any]]) -> bool:
    return all(_passes(item, one) for one in filters)


def _passes(item: OpsItem, one: Mapping[str, Any]) -> bool:
    key, operator = one["Key"], one["Operator"]
    if key == "OperationalDataKey":
        have = list(_searchable(item))
    elif key == "OperationalDataValue":
        have = [entry["Value"] for entry in _searchable(item).values()]
    elif key == "OperationalData":
        return any(_holds(item, json.loads(value)) for value in one["Values"])
    elif key in _FILTERS:
        have = [str(item.get(key, ""))]
    else:
        raise NotModelled(f"ssm DescribeOpsItems: the filter {key}")
    if operator == "Equal":
        return any(value in have for value in one["Values"])
    if operator == "Contains":
        return any(value in text for value in one["Values"] for text in have)
    raise NotModelled(f"ssm DescribeOpsItems: {operator}")


def _holds(item: OpsItem, pair: Mapping[str, str]) -> bool:
    return _searchable(item).get(pair["key"], {}).get("Value") == pair["value"]


def _searchable(item: OpsItem) -> dict[str, dict[str, str]]:
    data = item.get("OperationalData", {})
    return {k: v for k, v in data.items() if v.get("Type") == "SearchableString"}


def _summary(item: OpsItem) -> OpsItem:
    short = {name: item[name] for name in _SUMMARY if name in item}
    return {**short, "OperationalData": _searchable(item)}
