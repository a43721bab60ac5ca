"""OpsCenter: OpsItems, with deduplication.

Sources: CreateOpsItem, GetOpsItem, UpdateOpsItem, DescribeOpsItems (Systems Manager API
Reference); Managing duplicate OpsItems (user guide).
"""

from collections.abc import Mapping

from moto.moto_api._internal import mock_random

from embedded.backends import opsdata, times
from embedded.backends.opsdata import OpsItem
from embedded.backends.registry import (
    NotModelled,
    Params,
    Refusal,
    Response,
    Where,
    here,
    implements,
)

PAGE = 50
_ALIVE = ("Open", "InProgress")
_SETTABLE = ("Open", "InProgress", "Resolved")
_RESERVED = ("aws", "amazon", "amzn")
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


def _items(where: Where) -> dict[str, OpsItem]:
    return where.table("ssm opsitems")


@implements("ssm", "CreateOpsItem")
def create_ops_item(params: Params, where: Where) -> Response:
    """An open OpsItem with the same deduplication string and resources is not made twice."""
    if params.get("AccountId", where.account) != where.account:
        raise NotModelled("ssm CreateOpsItem: OpsItems in another account")
    if any(word in params["Source"].lower() for word in _RESERVED):
        raise opsdata.invalid("Source", "must not contain aws, amazon or amzn")
    data = params.get("OperationalData", {})
    opsdata.check_data(data)
    _not_twice(data, where)
    item = _opened(params, where)
    _items(where)[item["OpsItemId"]] = item
    return {"OpsItemId": item["OpsItemId"], "OpsItemArn": item["OpsItemArn"]}


def _opened(params: Params, where: Where) -> OpsItem:
    number = f"oi-{mock_random.get_random_hex(12)}"
    caller, now = where.arn("iam", "root", region=""), times.now()
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


def _not_twice(data: Mapping[str, Mapping[str, str]], where: Where) -> None:
    fingerprint = opsdata.fingerprint(data)
    if fingerprint is None:
        return
    for number, item in list(_items(where).items()):  # calls may come at the same time
        kept = opsdata.fingerprint(item.get("OperationalData", {}))
        if item["Status"] in _ALIVE and kept == fingerprint:
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


@implements("ssm", "GetOpsItem")
def get_ops_item(params: Params, where: Where) -> Response:
    """The whole OpsItem, with its operational data."""
    return {"OpsItem": _item(params, where)}


@implements("ssm", "UpdateOpsItem")
def update_ops_item(params: Params, where: Where) -> Response:
    """Operational data is merged key by key; the deduplication string cannot be changed."""
    item = _item(params, where)
    if params.get("Status", "Open") not in _SETTABLE:
        raise opsdata.invalid("Status", f"an /aws/issue can be {', '.join(_SETTABLE)}")
    data = params.get("OperationalData", {})
    opsdata.check_data(data)
    if "/aws/dedup" in {*data, *params.get("OperationalDataToDelete", ())}:
        raise opsdata.invalid("OperationalData", "the deduplication string cannot be changed")
    merged = {**item.get("OperationalData", {}), **data}
    for key in params.get("OperationalDataToDelete", ()):
        merged.pop(key, None)
    left_out = ("OpsItemId", "OpsItemArn", "OperationalData", "OperationalDataToDelete")
    item.update({k: v for k, v in params.items() if k not in left_out})
    item.update(
        OperationalData=merged,
        LastModifiedTime=times.now(),
        Version=str(int(item["Version"]) + 1),
    )
    return {}


@implements("ssm", "DescribeOpsItems")
def describe_ops_items(params: Params, where: Where) -> Response:
    """Newest first. Filters are joined by AND, the values of one by OR."""
    filters = params.get("OpsItemFilters", [])
    found = [item for item in _items(where).values() if opsdata.matches(item, filters)]
    found.reverse()
    token = params.get("NextToken", "0")
    start = int(token) if token.isdigit() else len(found)
    end = start + params.get("MaxResults", PAGE)
    more = {"NextToken": str(end)} if end < len(found) else {}
    return {"OpsItemSummaries": [_summary(i) for i in found[start:end]], **more}


def _summary(item: OpsItem) -> OpsItem:
    short = {name: item[name] for name in _SUMMARY if name in item}
    return {**short, "OperationalData": opsdata.searchable(item)}
