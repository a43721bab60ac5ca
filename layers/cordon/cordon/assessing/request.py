"""What AWS Config sends to the function of a rule.

Source: AWS Config Developer Guide, "Example Events for AWS Config Rules": ``invokingEvent`` and
``ruleParameters`` are JSON texts; the event of a periodic rule has the messageType
ScheduledNotification and the time at which it was triggered.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cordon.clock import from_iso
from cordon.errors import Malformed
from cordon.finding import ARN

SCHEDULED = "ScheduledNotification"


@dataclass(frozen=True)
class Request:
    """One evaluation that Config wants: by which rule, and the token that its results go with."""

    rule: str
    partition: str
    account: str
    token: str
    at: datetime
    parameters: Mapping[str, str]

    @classmethod
    def of(cls, event: Any) -> "Request":
        """Raises Malformed for what Config would not send to a periodic rule."""
        invoking = _object(event, "invokingEvent")
        if invoking.get("messageType") != SCHEDULED:
            raise Malformed("invokingEvent.messageType", f"is not {SCHEDULED}")
        parameters = _object(event, "ruleParameters") if event.get("ruleParameters") else {}
        try:
            at = from_iso(_text(invoking, "notificationCreationTime"))
        except ValueError as error:
            raise Malformed("invokingEvent.notificationCreationTime", "is no time") from error
        return cls(
            rule=_text(event, "configRuleName"),
            partition=_partition(_text(event, "configRuleArn")),
            account=_text(event, "accountId"),
            token=_text(event, "resultToken"),
            at=at,
            parameters={name: str(value) for name, value in parameters.items()},
        )

    def listed(self, name: str) -> tuple[str, ...]:
        """A parameter that is a list: its items. Raises Malformed where there are none."""
        items = tuple(filter(None, map(str.strip, self.parameters.get(name, "").split(","))))
        if not items:
            raise Malformed(f"ruleParameters.{name}", "is missing")
        return items


def _partition(arn: str) -> str:
    match = ARN.fullmatch(arn)
    if match is None:
        raise Malformed("configRuleArn", "is no ARN")
    return match["partition"]


def _object(event: Any, name: str) -> Mapping[str, Any]:
    try:
        found = json.loads(_text(event, name))
    except ValueError as error:
        raise Malformed(name, "is not JSON") from error
    if not isinstance(found, dict):
        raise Malformed(name, "is no object")
    return found


def _text(within: Any, name: str) -> str:
    value = within.get(name) if isinstance(within, Mapping) else None
    if not isinstance(value, str) or not value:
        raise Malformed(name, "is missing, or no text")
    return value
