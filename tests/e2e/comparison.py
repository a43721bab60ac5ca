"""Where two sides differ (sides.py), but for what is chance."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cordon.actions.s3.general_purpose import LOOKED_UP
from tests.e2e.sides import Call

LOOK_UPS = {name for grant in LOOKED_UP for name in grant.permissions}
READ = re.compile(r":(?:Get|List|Describe)")
ON_THE_WAY = ("containing", "releasing")
REPORTER = "ReportCases"
NOT_SHOWN = ("ssm:UpdateOpsItem", "sqs:SendMessage")
MEMORY = ("dynamodb:", "refused dynamodb:")


def last_events(events: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The last event of each case and status, but for what goes over by itself.

    Of two writes in one window of the stream the reporter sees the later: whether it has seen a
    case *containing* before it was *contained* is chance, and so is what the status before was.
    """
    return {
        f"{one['case']} {one['status']}": {k: v for k, v in one.items() if k != "previous"}
        for one in events
        if one["status"] not in ON_THE_WAY
    }


def changes(calls: Sequence[Call]) -> dict[str, list[str]]:
    """What each function changes outside its memory, in order: evidence, resources, reports."""
    found: dict[str, list[str]] = {}
    for function, action, resource in calls:
        if function != REPORTER and not READ.search(action) and not action.startswith(MEMORY):
            found.setdefault(function, []).append(f"{action} {resource}")
    return found


def shown(calls: Sequence[Call]) -> list[str]:
    """What the reporter changes where people look, each once.

    How many calls that takes, and in which order, follows from which writes one window of the
    stream has gathered. So does whether it opens an incident and then changes it, or opens it as it
    is at the end. What it keeps for its next try, in the queue Reports, nobody is shown.
    """
    called = {
        f"{action} {resource}"
        for function, action, resource in calls
        if function == REPORTER and not READ.search(action) and not action.startswith(MEMORY)
    }
    return sorted(one for one in called if not one.startswith(NOT_SHOWN))


def by_resource(calls: Sequence[Call]) -> dict[str, list[list[str]]]:
    """What each function requests of each resource, in order.

    Calls that need not wait for each other may go out at once, and then chance orders them: one
    reading of a resource and the next, and the rows of memory. Look-ups are left out: a function
    that is warm has kept them from an event before, and replay's account is new each time.
    """
    found: dict[str, list[list[str]]] = {}
    for function, action, resource in calls:
        if action in LOOK_UPS or function == REPORTER:
            continue
        groups = found.setdefault(f"{function} {resource}", [])
        if groups and _orderless(action) and _orderless(groups[-1][0]):
            groups[-1] = sorted([*groups[-1], action])
        else:
            groups.append([action])
    return found


def _orderless(action: str) -> bool:
    return bool(READ.search(action)) or action.startswith(MEMORY)


def differences(ours: Any, theirs: Any, where: str = "") -> Iterator[str]:
    """Where two JSON values differ: the path, what replay has, what e2e has."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(ours.keys() | theirs.keys()):
            yield from differences(ours.get(key), theirs.get(key), f"{where}/{key}")
    elif ours != theirs:
        yield f"{where}: replay {json.dumps(ours)}, e2e {json.dumps(theirs)}"
