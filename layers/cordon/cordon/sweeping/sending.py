"""Sends a page's findings to the queues of the playbooks whose they are.

What is sent waits behind what rules bring: a queue that already holds many gets nothing, and the
workflow tries again a little later. So a live finding never waits behind more than a few pages.

Source: Amazon SQS API Reference, "SendMessageBatch" (10 entries, 1 MiB), "GetQueueAttributes".
"""

import json
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cordon.backlog import of_sweep
from cordon.clock import now, to_iso
from cordon.deployment import Deployment
from cordon.errors import Malformed, RunIncomplete
from cordon.finding import Finding, State
from cordon.playbook import Playbook
from cordon.sources import read

MOST_WAITING = 500  # messages of a queue that is still sent to
ENTRIES = 10
MOST_BYTES = 1_000_000  # of a request, below SQS's 1 MiB
# Why a finding is sent to nobody, as the summary says it.
UNREADABLE = "unreadable"
THREAT = "a threat"
NOT_ACTIVE = "no longer active"
NOBODY = "no playbook handles it"
SAME_CASE = "of a case that the page has already"  # found by two queries, or of two standards


@dataclass(frozen=True)
class Sender:
    """One invocation's tools."""

    deployment: Deployment
    playbooks: Mapping[str, Playbook]
    queues: Mapping[str, str]  # playbook → URL
    sqs: Any  # a client

    def send(self, findings: Iterable[Any], sweep: str) -> Counter[str] | None:
        """Send them; how many to which playbook, or why not. None where a queue holds too many.

        Raises RunIncomplete where a queue did not take all: the page is then sent again.
        """
        counts: Counter[str] = Counter()
        bodies: dict[str, dict[str, str]] = {}  # by playbook, then by case
        for raw in findings:
            event = self._event(raw, sweep)
            for name, case in self._cases(event, counts):
                if case in bodies.setdefault(name, {}):
                    counts[SAME_CASE] += 1
                else:
                    bodies[name][case] = json.dumps(event)
                    counts[name] += 1
            counts["findings"] += 1
        if any(self._waiting(name) > MOST_WAITING for name in bodies):
            return None
        for name, texts in bodies.items():
            for entries in _requests(texts.values()):
                self._send(name, entries)
        return counts

    def _event(self, finding: Any, sweep: str) -> dict[str, Any]:
        """As Security Hub sends it (Security Hub User Guide, "EventBridge event formats")."""
        id = finding.get("Id", "") if isinstance(finding, Mapping) else ""
        event = {
            "version": "0",
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{sweep}/{id}")),
            "detail-type": "Security Hub Findings - Imported",
            "source": "aws.securityhub",
            "account": self.deployment.account,
            "time": to_iso(now()),
            "region": self.deployment.region,
            "resources": [id],
            "detail": {"findings": [finding]},
        }
        return of_sweep(event, sweep)

    def _cases(self, event: Mapping[str, Any], counts: Counter[str]) -> list[tuple[str, str]]:
        """The playbooks that handle it by a queue, and its case there; else why not is counted."""
        try:
            finding = read(event, self.deployment)
        except Malformed:
            counts[UNREADABLE] += 1
            return []
        names = [name for name in self.queues if self._is_for(name, finding)]
        if not finding.is_compliance:
            counts[THREAT] += 1
        elif finding.state is not State.ACTIVE:
            counts[NOT_ACTIVE] += 1
        elif not names:
            counts[NOBODY] += 1
        else:
            return [(name, self.playbooks[name].case_id(finding)) for name in names]
        return []

    def _is_for(self, name: str, finding: Finding) -> bool:
        return name in self.playbooks and self.playbooks[name].matches(finding)

    def _waiting(self, name: str) -> int:
        """How many messages the playbook's queue holds, about."""
        attribute = "ApproximateNumberOfMessages"
        found = self.sqs.get_queue_attributes(
            QueueUrl=self.queues[name], AttributeNames=[attribute]
        )
        return int(found["Attributes"][attribute])

    def _send(self, name: str, texts: list[str]) -> None:
        entries = [{"Id": str(n), "MessageBody": text} for n, text in enumerate(texts)]
        response = self.sqs.send_message_batch(QueueUrl=self.queues[name], Entries=entries)
        if failed := response.get("Failed"):
            codes = ", ".join(sorted({str(one["Code"]) for one in failed}))
            raise RunIncomplete(f"{len(failed)} messages to {name} were not taken: {codes}")


def _requests(texts: Iterable[str]) -> Iterator[list[str]]:
    """So many messages as one request may have."""
    part: list[str] = []
    size = 0
    for text in texts:
        if part and (len(part) == ENTRIES or size + len(text) > MOST_BYTES):
            yield part
            part, size = [], 0
        part.append(text)
        size += len(text)  # ASCII: json.dumps escapes the rest
    if part:
        yield part
