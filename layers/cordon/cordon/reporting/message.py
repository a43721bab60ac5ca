"""The message of an incident, to the topic: once for each status that it comes to in a round.

The hours that people have for a decision count from this message. Plain text, whole: what an
OpsItem has no room for is here.

Source: Amazon SNS API Reference, "PublishBatch" (10 entries, 256 KB together; it responds 200 and
lists what it refused in ``Failed``), "Publish".
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from cordon.clock import now, to_iso
from cordon.deployment import Deployment
from cordon.finding import canonical_json
from cordon.memory.cases import Case
from cordon.reporting.escape import escape_markdown, escaped_line
from cordon.reporting.incident import (
    LOWEST,
    SEVERITY,
    SOURCE,
    TITLE,
    TROUBLES,
    body,
    elsewhere,
    title,
    wanted,
)
from cordon.reporting.projection import Client, Report, Sending, by_id, in_parts
from cordon.statuses import Status

SUBJECT = 99
MESSAGE = 60_000  # characters, 4 bytes each at most
MOST = 10
MOST_BYTES = 250_000
# A message is sent when a case comes to one of these, once in a round.
MESSAGE_STATUSES = frozenset(
    {Status.AWAITING_APPROVAL, Status.CONTAINED, Status.TAGGED, Status.RESOURCE_DELETED, *TROUBLES}
)


class Messages:
    """Sends what people were not informed of yet."""

    name = "message"

    def __init__(self, deployment: Deployment, client: Client) -> None:
        self._deployment = deployment
        self.client = client

    def due(self, report: Report) -> bool:
        """Is it the first time in this round that the case comes to this status from another?

        A question is sent whatever incidents the playbook has: else its hours never begin.
        """
        case, shown = report.case, report.shown
        if case.status is Status.AWAITING_APPROVAL:
            return shown.informed_of_question(case) is None
        if not wanted(case, report.playbook) or case.status not in MESSAGE_STATUSES:
            return False
        return shown.message != _sent(case)

    def show(self, due: Sequence[Report], sending: Sending) -> None:
        """Publish them, up to ten with one call."""
        for part in in_parts(due, MOST, MOST_BYTES, self._size):
            sending(part, partial(self._publish, sending=sending))

    def _publish(self, reports: Sequence[Report], sending: Sending) -> None:
        sns, at = self.client("sns"), now()
        moments = [max(at, report.case.question_at or at) for report in reports]
        entries = [
            {"Id": str(n), **self._entry(report, moment)}
            for n, (report, moment) in enumerate(zip(reports, moments, strict=True))
        ]
        response = sns.publish_batch(
            TopicArn=self._deployment.topic, PublishBatchRequestEntries=entries
        )
        failed = by_id(response.get("Failed", ()))
        for entry, report, moment in zip(entries, reports, moments, strict=True):
            if why := failed.get(entry["Id"]):
                sending.fail(report, f"{why['Code']}: {why.get('Message', '')}")
            else:
                report.shown = replace(report.shown, message=_sent(report.case), informed_at=moment)

    def _entry(self, report: Report, at: datetime) -> dict[str, Any]:
        """The incident's number comes first, for those who cut the rest."""
        case, ops_item = report.case, report.shown.ops_item
        number = f"{ops_item}\n\n" if ops_item else ""  # OpsCenter may have refused
        until = to_iso(at + timedelta(hours=self._deployment.approval_hours))
        text = escape_markdown(body(case, report.playbook, self._deployment, until), MESSAGE)
        values = {
            "case": case.id,
            "playbook": case.playbook,
            "status": str(case.status),
            "severity": SEVERITY.get(case.finding.severity.label, LOWEST),
            "ops_item": ops_item,
        }
        return {
            "Subject": subject(title(case)),
            "Message": f"{number}{text}{elsewhere(case, self._deployment)}",
            "MessageAttributes": {
                k: {"DataType": "String", "StringValue": v} for k, v in values.items() if v
            },
        }

    def _size(self, report: Report) -> int:
        """In bytes: at most what the escaped form of the entry has."""
        return len(canonical_json(self._entry(report, report.case.opened_at)))


def _sent(case: Case) -> str:
    return f"{case.status} {case.round}"


def subject(title: str) -> str:
    """A subject that SNS takes: printable ASCII on one line, fewer than 100 characters."""
    ascii_only = escaped_line(title, TITLE).encode("ascii", "replace").decode()
    return ascii_only[:SUBJECT].strip() or SOURCE
