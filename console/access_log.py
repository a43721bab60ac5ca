"""Is who decided, by evidence, who the desk's API has logged? Its log is a second witness.

API Gateway writes the log, not our function: whoever invokes the function directly, or writes a
decision's row past it, leaves no line there. Nor can they name the request of somebody else: the
line has Lambda's own id of the invocation that this request led to, and the entry has that of the
invocation that decided. Source: API Gateway Developer Guide, "Customize HTTP API access logs".
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from console.evidence import Copy, Fault
from console.stack import NotPossible, Stack
from cordon.release import FINDING_SOURCE

DECIDED = {  # stage of an entry → the verbs that may have led to it
    "approved": ("approve",),
    "rejected": ("reject",),
    "releasing": ("release",),
    "released": ("release",),
    "decided": ("contain",),
    "setting_decided": ("settings", "stop"),
}
ONLY_BY_REQUEST = ("approved", "rejected", "decided")  # nothing but a person's request leads there


def compared(copy: Copy, deployed: Stack) -> list[Fault]:
    """A line for each decision in evidence that the access log does not know.

    Raises NotPossible where the stack has no such log. Each request is one logs:FilterLogEvents.
    """
    group = deployed.outputs.get("DeskLog", "")
    if not group:
        raise NotPossible("the stack has no output DeskLog: there is nothing to compare with")
    logs, known = deployed.client("logs"), {}
    faults = list(_without_request(copy))
    for number, stage, witness in _witnesses(copy):
        request = str(witness.get("request", ""))
        if not witness.get("api"):
            if stage in DECIDED:
                faults.append(
                    Fault(f"entry {number}: {witness.get('by')} came by no API", warning=True)
                )
            continue
        if request not in known:
            known[request] = _lines(logs, group, request)
        if why := _differs(known[request], stage, witness):
            faults.append(Fault(f"entry {number}: {why}"))
    return faults


def _without_request(copy: Copy) -> Iterator[Fault]:
    """Who decided, by the entry, and of whom no entry names a request: the row was written past
    the desk. A release goes on with the request that it began with; an incident ends a case, too.
    """
    named = set()
    for number, stage, content in _entries(copy):
        by = content.get("by") or content.get("named_by")
        if _requests(content):
            named.add(by)
        elif stage in DECIDED and by and by != FINDING_SOURCE:
            alone = stage in ONLY_BY_REQUEST
            if alone or by not in named:
                yield Fault(f"entry {number}: it names no request of {by}", warning=not alone)


def _witnesses(copy: Copy) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
    """Number and stage of each entry that names who decided, with each request."""
    for number, stage, content in _entries(copy):
        for one in _requests(content):
            yield number, stage, one


def _entries(copy: Copy) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
    """Number, stage and content of each entry; what is no entry is said by ``verify``."""
    for number, body in sorted(copy.entries.items()):
        try:
            entry = json.loads(body)
            content, stage = entry["content"], str(entry["stage"])
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
        if isinstance(content, dict):
            yield number, stage, content


def _requests(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    witnesses = content.get("witnesses", ())
    listed = witnesses if isinstance(witnesses, list) else ()
    return [one for one in listed if isinstance(one, dict)]


def _lines(logs: Any, group: str, request: str) -> list[Mapping[str, Any]]:
    """The log's lines of one request."""
    pattern = f"{{ $.requestId = {json.dumps(request)} }}"
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, filterPattern=pattern
    )
    messages = (event["message"] for page in pages for event in page["events"])
    parsed = (json.loads(message) for message in messages)
    return [line for line in parsed if line.get("requestId") == request]


def _differs(lines: list[Mapping[str, Any]], stage: str, witness: Mapping[str, Any]) -> str:
    """How the log differs from the entry; "" where it says the same."""
    request, by = witness.get("request"), witness.get("by")
    if not lines:
        return (
            f"the access log does not know the request {request} of {by}: it is older than the "
            "log is kept (LogDays), or it did not come by the API"
        )
    (line,) = lines[:1]
    if line.get("userArn") != by:
        return f"the access log has {line.get('userArn')} for the request {request}, not {by}"
    invocation = line.get("invocation", "-")
    if invocation not in ("-", witness.get("invocation")):
        return f"the request {request} of {by} did not lead to this: it was used a second time"
    routes = tuple(f"POST /{verb}" for verb in DECIDED.get(stage, ()))
    if routes and line.get("routeKey") not in routes:
        return f"the access log has {line.get('routeKey')} for the request {request} of {by}"
    return ""
