"""The messages of dead-letter queues: why each is there, and where it came from.

Amazon SQS developer guide, "Using dead-letter queues in Amazon SQS". EventBridge and Lambda write
their own attributes into those that they send.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from embedded.clients import Clients
from embedded.journal import DeadLettered, Journal
from embedded.place import Place
from embedded.queues import Queue, messages_in, url_of
from embedded.stack import Unresolved


@dataclass
class DeadLetters:
    """What is known of the messages that nobody could handle."""

    place: Place
    journal: Journal
    client: Clients
    queues: Mapping[str, Queue]
    _rested: set[str] = field(default_factory=set)
    _reasons: dict[str, str] = field(default_factory=dict)  # by message id
    _came_from: dict[str, str] = field(default_factory=dict)  # message id -> queue ARN

    def send(self, arn: str, body: str, reason: str, attributes: Mapping[str, str]) -> None:
        """Put into a queue what could not be delivered."""
        sent = self.client("sqs").send_message(
            QueueUrl=url_of(arn, self.place),
            MessageBody=body,
            MessageAttributes={
                k: {"DataType": "String", "StringValue": v} for k, v in attributes.items() if v
            },
        )
        self._reasons[sent["MessageId"]] = reason

    def failed(self, message: str, queue: Queue, reason: str) -> None:
        """A message (its id) was received and not handled: SQS may move it in the end."""
        self._reasons[message] = reason
        self._came_from[message] = queue.arn

    def note(self, queues: Iterable[Queue]) -> None:
        """Journal the messages that reached one of the queues since the last check."""
        for queue in queues:
            for message in messages_in(queue, self.place):
                if message.id not in self._rested:
                    self._rested.add(message.id)
                    reason = self._reasons.get(message.id, "maxReceiveCount")
                    self.journal.write(DeadLettered(queue.arn, message.body, reason))

    def name_sources(self, params: Mapping[str, Any], messages: Iterable[dict[str, Any]]) -> None:
        """Add to dead letters what moto does not: the queue that gave each up, where requested.

        Source: Amazon SQS API Reference, "ReceiveMessage", DeadLetterQueueSourceArn.
        """
        wanted = {*params.get("AttributeNames", ()), *params.get("MessageSystemAttributeNames", ())}
        if not wanted & {"All", "DeadLetterQueueSourceArn"}:
            return
        here = str(params["QueueUrl"])
        redriven = [queue for queue in self.queues.values() if queue.redrive]
        for message in messages:
            source = self._came_from.get(message["MessageId"], "")
            if any(q.arn == source and url_of(q.redrive, self.place) == here for q in redriven):
                message.setdefault("Attributes", {})["DeadLetterQueueSourceArn"] = source

    def source_of(self, queue: Queue, message: Mapping[str, Any]) -> Queue:
        """The queue that gave a message up. Raises Unresolved where none redrives to this one."""
        source = self._came_from.get(message["MessageId"])
        sources = [q for q in self.queues.values() if q.redrive == queue.arn]
        home = next((q for q in sources if q.arn == source), sources[0] if sources else None)
        if home is None:
            raise Unresolved(f"nothing names {queue.logical} as its dead-letter queue")
        return home
