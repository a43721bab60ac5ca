"""How an event says that a sweep sent it, so that its finding is one of the backlog.

EventBridge writes an event's members, and a finding has its own below ``detail`` (EventBridge User
Guide, "Events"): no rule brings this one, whatever a finding says. Who may send to a queue is in
the queue's policy.
"""

from collections.abc import Mapping
from typing import Any

from cordon.errors import Malformed

MEMBER = "cordon-backlog"
MOST = 80  # characters of an execution's name (Step Functions API Reference, "StartExecution")


def of_sweep(event: Mapping[str, Any], sweep: str) -> dict[str, Any]:
    """The event as a sweep of this name sends it."""
    return {**event, MEMBER: sweep}


def sweep_of(event: object) -> str:
    """The name of the sweep that sent the event; "" of one that a rule brought.

    Raises Malformed for a name that is none: such an event is neither.
    """
    if not isinstance(event, Mapping) or MEMBER not in event:
        return ""
    name = event[MEMBER]
    if not isinstance(name, str) or not 0 < len(name) <= MOST or not name.isprintable():
        raise Malformed(MEMBER, "is not the name of a sweep")
    return name
