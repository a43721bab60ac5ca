"""Rules with a schedule: they fire when a test says so."""

import time
import uuid
from typing import Any

import control
from ministack.core.responses import request_scope
from ministack.services import eventbridge


def install() -> None:
    """All repairs of this file."""
    schedules_on_command()


def schedules_on_command() -> None:
    """A rule with a schedule fires by the real clock, in the middle of a test that knows nothing of
    it. Here it fires when the test says so, with the event that EventBridge would send (Creating
    a rule that runs on a schedule, EventBridge user guide)."""
    assert callable(eventbridge._tick_scheduled_rules)
    eventbridge._tick_scheduled_rules = lambda: None
    control.ROUTES["tick"] = _tick


def _tick(request: Any) -> dict[str, Any]:
    """Let a rule fire: ``rule`` is its name, in an account and Region. Says whether it is on."""
    place = (request["account"], request["region"])
    with request_scope(*place):
        key = eventbridge._rule_key(request["rule"], "default")
        rule = eventbridge._rules[key]
        if not rule.get("ScheduleExpression"):
            raise ValueError(f"{request['rule']} has no schedule")
        if rule["State"] != "ENABLED":
            return {"fired": False}
        event = {
            "EventId": str(uuid.uuid4()),
            "Source": "aws.events",
            "DetailType": "Scheduled Event",
            "Detail": "{}",
            "EventBusName": "default",
            "Time": time.time(),
            "Resources": [rule["Arn"]],
            "Account": place[0],
            "Region": place[1],
        }
        view = eventbridge._pattern_event_view(event)
        for target in eventbridge._targets[key]:
            eventbridge._invoke_target(target, event, rule, view)
    return {"fired": True}
