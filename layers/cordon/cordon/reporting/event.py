"""The event ``Cordon Case Status Change`` on the default bus, for whatever channel people like.

docs/case-status-change.schema.json describes its detail. Text of the finding is escaped, as in all
that people see. ``previous`` is the status that the last event named: where a case moved on twice
before it was reported, the status in between is on the bus in no event.

Source: Amazon EventBridge API Reference, "PutEvents" (10 entries, 256 KB together; it responds 200
and says of each entry whether it failed, in order).
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from cordon.clock import to_iso
from cordon.finding import ARN, canonical_json
from cordon.memory.cases import Case
from cordon.reporting.escape import escaped_line
from cordon.reporting.projection import Client, Report, Sending, in_parts, sha256

SOURCE = "cordon"
DETAIL_TYPE = "Cordon Case Status Change"
SCHEMA_VERSION = 1
MOST = 10
MOST_BYTES = 250_000
REASON = 2000  # characters
ID = 1024
RESOURCES = 48  # as many as a plan has targets
CHANGES = 48


class Events:
    """Puts on the bus what no event has said yet."""

    name = "event"

    def __init__(self, client: Client) -> None:
        self.client = client

    def due(self, report: Report) -> bool:
        """Is there a change that no event has named?"""
        return _digest(report) != report.shown.event

    def show(self, due: Sequence[Report], sending: Sending) -> None:
        """Put them on the bus, up to ten with one call."""
        for part in in_parts(
            due, MOST, MOST_BYTES, lambda report: len(canonical_json(_of(report)))
        ):
            sending(part, partial(self._put, sending=sending))

    def _put(self, reports: Sequence[Report], sending: Sending) -> None:
        events = self.client("events")
        response = events.put_events(Entries=[_entry(report) for report in reports])
        for report, entry in zip(reports, response["Entries"], strict=True):
            if code := entry.get("ErrorCode"):
                sending.fail(report, f"{code}: {entry.get('ErrorMessage', '')}")
                continue
            status = str(report.case.status)
            report.shown = replace(report.shown, event=_digest(report), status=status)


def detail(case: Case, previous: str) -> dict[str, Any]:
    """What the event says. ``previous``: the status of the last event, "" where there is none."""
    finding = case.finding
    arns = [r.arn for r in finding.resources if ARN.fullmatch(r.arn)]
    planned = {action.target: action.resource for action in case.plan.actions}
    return {
        "schema_version": SCHEMA_VERSION,
        "case": case.id,
        "playbook": case.playbook,
        "account": finding.place.account,
        "region": finding.place.region,
        "status": str(case.status),
        "previous": previous or None,
        "round": case.round,
        "version": case.version,
        "severity": str(finding.severity.label),
        "finding": {
            "id": escaped_line(finding.id, ID),
            "kind": escaped_line(finding.kind, ID),
            "title": escaped_line(finding.title, ID),
        },
        "resources": list(dict.fromkeys([*case.plan.resources, *arns]))[:RESOURCES],
        "plan_hash": case.plan_hash,
        "decided_by": escaped_line(case.decided_by, ID),
        "reason": escaped_line(case.decided_why or case.reason, REASON),
        "changed_at": to_iso(case.changed_at or case.opened_at),
        "changes": [
            {
                "action": result.action,
                "target": result.target,
                "resource": planned.get(result.target, ""),
                "status": str(result.status),
                "reason": escaped_line(result.reason, REASON),
            }
            for result in case.results[:CHANGES]
        ],
    }


def _of(report: Report) -> dict[str, Any]:
    return detail(report.case, report.shown.status)


def _digest(report: Report) -> str:
    """Of what is new to those who listen: not the row's number, nor when it was written."""
    return sha256({**detail(report.case, ""), "version": 0, "changed_at": ""})


def _entry(report: Report) -> dict[str, Any]:
    content = _of(report)
    return {
        "Source": SOURCE,
        "DetailType": DETAIL_TYPE,
        "Time": report.case.changed_at or report.case.opened_at,
        "Resources": content["resources"],
        "Detail": canonical_json(content),
    }
