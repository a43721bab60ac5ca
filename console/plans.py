"""What ``cordon plan`` prints of an event, and writes beside it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from console import expected
from console.event_files import ReplayEvent
from cordon.settings import Mode


class CannotPlan(Exception):
    """Why there is no plan, or no file for it, in one line."""


def planned(event: ReplayEvent, mode: Mode) -> list[dict[str, Any]]:
    """Where each finding of the event leads, as it is printed; ``CannotPlan`` for no event."""
    if event.fault:
        raise CannotPlan(event.fault)
    try:
        led = expected.lead_to(json.loads(event.text), mode)
    except Exception as error:  # noqa: BLE001 whatever it is, the other events are planned
        raise CannotPlan(f"cannot be planned: {type(error).__name__}: {error}") from None
    return [_printed(event, mode, one) for one in led]


def _printed(event: ReplayEvent, mode: Mode, one: expected.Expectation) -> dict[str, Any]:
    note = {"note": event.note} if event.note else {}
    made = one.to_json()
    if not one.rules and one.outcome != expected.NOT_DELIVERED:
        made["reason"] = f"not delivered by any rule; {made['reason']}"
    return {"event": str(event), **note, "mode": mode, "rules": list(one.rules), **made}


def unreadable(event: ReplayEvent, printed: Sequence[Mapping[str, Any]]) -> str:
    """Why no parser reads the event; "" where one does, or where the plan beside it says so."""
    unread = (one["reason"] for one in printed if one["outcome"] == expected.UNREADABLE)
    reason = str(next(unread, ""))
    if not reason or not event.is_file:
        return reason
    try:
        beside = expected.beside(event.path) or {}
    except ValueError as error:
        raise CannotPlan(f"the plan beside it is not JSON: {error}") from None
    return "" if beside.get("outcome") == expected.UNREADABLE else reason


def write(event: ReplayEvent) -> None:
    """Write the plan beside its event."""
    if event.fault:
        raise CannotPlan(event.fault)
    if not event.is_file:
        raise CannotPlan("not written: a plan is beside a file that is one event")
    try:
        expected.write(event.path, expected.expectation(event.path))
    except Exception as error:  # noqa: BLE001 whatever it is, the other plans are written
        raise CannotPlan(f"not written: {type(error).__name__}: {error}") from None
