"""Which recorded JSON is an event, and the envelope of a finding that was recorded without one.

``aws securityhub get-findings`` and ``get-findings-v2``, ``aws guardduty get-findings``, ``aws
macie2 get-findings`` and exports to S3 give findings, not events. The envelope is made as if a
stack in the finding's own account and Region had received it; whoever shows the event says so.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import botocore.session

from console.expected import partition_of
from cordon.sources.text import one_line

MEMBERS = ("account", "region", "detail", "source", "detail-type")
ACCOUNT_DIGITS = 12
NAMES = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "a truth value",
    type(None): "null",
}
MADE = "the envelope was made by Cordon: the command gives findings, not events"
NO_FINDING = "nor a finding of Security Hub, GuardDuty or Macie, for which an envelope is made"


class NotAnEvent(ValueError):
    """Why this JSON is no EventBridge event."""

    def __init__(self, why: str) -> None:
        super().__init__(f"not an EventBridge event: {why}")


def event_of(recorded: Any) -> tuple[dict[str, Any], str]:
    """The event, and what was added to it ("" for an event as EventBridge sends it)."""
    if not isinstance(recorded, dict):
        raise NotAnEvent(f"it is {_kind(recorded)}")
    make = next((make for needed, make in _FINDINGS if needed <= recorded.keys()), None)
    if make is None or "detail" in recorded:
        return _fit(recorded), ""
    try:
        made = make(recorded)
    except (LookupError, TypeError):
        raise NotAnEvent("it is only a part of a finding") from None
    return _fit(made), MADE


def _kind(value: Any) -> str:
    return NAMES.get(type(value), "a number")


def _fit(event: dict[str, Any]) -> dict[str, Any]:
    """The event, where EventBridge could have sent it to a stack."""
    missing = [name for name in MEMBERS if name not in event]
    if missing:
        neither = f", {NO_FINDING}" if "detail" in missing else ""
        raise NotAnEvent(f"{', '.join(missing)} missing{neither}")
    for name in MEMBERS:
        wanted = dict if name == "detail" else str
        if not isinstance(event[name], wanted):
            raise NotAnEvent(f"{name} is {_kind(event[name])}, not {NAMES[wanted]}")
    account, region = event["account"], event["region"]
    if not (len(account) == ACCOUNT_DIGITS and account.isascii() and account.isdigit()):
        raise NotAnEvent(f"account {_quoted(account)} is not {ACCOUNT_DIGITS} digits")
    if not partition_of(region):
        raise NotAnEvent(f"there is no Region {_quoted(region)}")
    return event


def _quoted(text: str) -> str:
    return json.dumps(one_line(text, 80), ensure_ascii=False)


def _envelope(source: str, kind: str, place: tuple[str, str], detail: Any) -> dict[str, Any]:
    account, region = place
    return {
        "version": "0",
        "id": str(uuid5(NAMESPACE_URL, json.dumps(detail, sort_keys=True))),
        "detail-type": kind,
        "source": source,
        "account": account,
        "region": region,
        "resources": [],
        "detail": detail,
    }


def _hub(finding: Mapping[str, Any]) -> dict[str, Any]:
    """ASFF. Source: Security Hub User Guide, "EventBridge event formats"."""
    region = str(finding["ProductArn"]).split(":")[3]
    place = (finding["AwsAccountId"], region or finding["Region"])
    kind = "Security Hub Findings - Imported"
    return _envelope("aws.securityhub", kind, place, {"findings": [finding]})


def _ocsf(finding: Mapping[str, Any]) -> dict[str, Any]:
    """OCSF. Source: Security Hub User Guide, "EventBridge event formats" (V2)."""
    cloud = finding["cloud"]
    place = (cloud["account"]["uid"], cloud["region"])
    return _envelope("aws.securityhub", "Findings Imported V2", place, {"findings": [finding]})


def _macie(finding: Mapping[str, Any]) -> dict[str, Any]:
    """The members of the API are those of the event. Source: botocore macie2 ``Finding``."""
    place = (finding["accountId"], finding["region"])
    return _envelope("aws.macie", "Macie Finding", place, finding)


def _guardduty_export(finding: Mapping[str, Any]) -> dict[str, Any]:
    """As GuardDuty exports it to S3, and as its events have it."""
    place = (finding["accountId"], finding["region"])
    return _envelope("aws.guardduty", "GuardDuty Finding", place, finding)


def _guardduty(finding: Mapping[str, Any]) -> dict[str, Any]:
    """The command prints the model's names, an event has those of the wire."""
    return _guardduty_export(_on_the_wire(finding, _finding_shape()))


@cache
def _finding_shape() -> Any:
    """botocore guardduty ``Finding``."""
    return botocore.session.Session().get_service_model("guardduty").shape_for("Finding")


def _on_the_wire(value: Any, shape: Any) -> Any:
    """A value as GuardDuty's API sends it: its names, and moments as seconds since 1970."""
    if shape.type_name == "structure" and isinstance(value, dict):
        return dict(_member(name, one, shape) for name, one in value.items())
    if shape.type_name == "list" and isinstance(value, list):
        return [_on_the_wire(one, shape.member) for one in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {key: _on_the_wire(one, shape.value) for key, one in value.items()}
    return _seconds(value) if shape.type_name == "timestamp" else value


def _member(name: str, value: Any, shape: Any) -> tuple[str, Any]:
    member = shape.members.get(name)
    if member is None:  # newer than the model: GuardDuty's names begin with a small letter
        return name[:1].lower() + name[1:], value
    return member.serialization.get("name", name), _on_the_wire(value, member)


def _seconds(value: Any) -> Any:
    try:
        return datetime.fromisoformat(value).timestamp()
    except (TypeError, ValueError):
        return value


# The members by which a finding is known, and the envelope that its event would have.
_FINDINGS: tuple[tuple[set[str], Callable[[Mapping[str, Any]], dict[str, Any]]], ...] = (
    ({"SchemaVersion", "ProductArn", "AwsAccountId"}, _hub),
    ({"class_uid", "finding_info", "cloud"}, _ocsf),
    ({"AccountId", "Arn", "Region", "Type", "Service", "Resource"}, _guardduty),
    ({"accountId", "arn", "region", "type", "service", "resource"}, _guardduty_export),
    ({"accountId", "region", "type", "category", "resourcesAffected"}, _macie),
)
