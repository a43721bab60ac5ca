"""How Lambda reads a queue and invokes a function with its messages.

Lambda developer guide: "Using Lambda with Amazon SQS", "Handling errors for an SQS event source",
"Control which events Lambda sends to your function". What a function has not handled stays in its
queue, which gives it up after so many receives.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from embedded import event_patterns
from embedded.clients import Clients
from embedded.dead_letters import DeadLetters
from embedded.functions import Function, Runtime
from embedded.place import Place
from embedded.queues import Queue, messages_in
from embedded.stack import Stack, Unresolved
from embedded.streams import is_stream

MILLISECOND = timedelta(milliseconds=1)  # moto shows a message after its moment, not at it


@dataclass(frozen=True)
class SourceMapping:
    """An event source mapping from a queue to a function."""

    logical: str
    queue: Queue
    function: Function
    batch: int
    partial: bool  # ReportBatchItemFailures
    filters: tuple[Mapping[str, Any], ...] = ()
    enabled: bool = True


def queue_mappings(
    stack: Stack, runtime: Runtime, queues: Iterable[Queue]
) -> Iterator[SourceMapping]:
    """The mappings of a stack whose source is a queue."""
    by_arn = {q.arn: q for q in queues}
    for resource in stack.of("AWS::Lambda::EventSourceMapping"):
        properties = resource.properties
        if is_stream(properties["EventSourceArn"]):
            continue
        function = runtime.find(str(properties["FunctionName"]))
        queue = by_arn.get(properties["EventSourceArn"])
        if function is None or queue is None:
            raise Unresolved(f"{resource.logical}: only queues, tables and functions here")
        patterns = properties.get("FilterCriteria", {}).get("Filters", [])
        yield SourceMapping(
            resource.logical,
            queue,
            function,
            batch=int(properties.get("BatchSize", 10)),
            partial="ReportBatchItemFailures" in properties.get("FunctionResponseTypes", []),
            filters=tuple(json.loads(p["Pattern"]) for p in patterns),
            enabled=str(properties.get("Enabled", True)).lower() == "true",
        )


class QueueDelivery:
    """The mappings of a stack whose sources are queues."""

    def __init__(
        self,
        mappings: Iterable[SourceMapping],
        place: Place,
        runtime: Runtime,
        client: Clients,
        dead_letters: DeadLetters,
    ) -> None:
        self.mappings = tuple(mappings)
        self._place = place
        self._runtime = runtime
        self._client = client
        self._dead_letters = dead_letters
        self._off: set[str] = set()  # logical ids of mappings

    def begin(self) -> None:
        """Each mapping is on or off as the template has it."""
        self._off = {one.logical for one in self.mappings if not one.enabled}

    def set_mapping(self, logical: str, *, enabled: bool) -> None:
        """Switch a mapping on or off. Raises LookupError for an unknown one."""
        if logical not in {one.logical for one in self.mappings}:
            raise LookupError(logical)
        if enabled:
            self._off.discard(logical)
        else:
            self._off.add(logical)

    def work(self) -> bool:
        """Handle one batch that is visible now. False if none is."""
        return any(self._poll(one) for one in self.mappings)

    def next_moment(self) -> datetime | None:
        """When the first message of a mapped queue becomes visible."""
        moments = [
            max(message.visible_at, message.delayed_until)
            for one in self.mappings
            if one.logical not in self._off
            for message in messages_in(one.queue, self._place)
        ]
        if not moments:
            return None
        return datetime.fromtimestamp(min(moments) / 1000, UTC) + MILLISECOND

    def _poll(self, one: SourceMapping) -> bool:
        """Receive one batch and invoke the function with it. False if nothing is visible."""
        if one.logical in self._off or next(messages_in(one.queue, self._place), None) is None:
            return False
        sqs = self._client("sqs")
        messages = sqs.receive_message(
            QueueUrl=one.queue.url,
            MaxNumberOfMessages=min(one.batch, 10),
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        if not messages:
            return False
        wanted = [m for m in messages if _passes(m, one.filters)]
        failed = self._batch(one, wanted) if wanted else set()
        for message in messages:
            if message["MessageId"] not in failed:
                sqs.delete_message(QueueUrl=one.queue.url, ReceiptHandle=message["ReceiptHandle"])
        return True

    def _batch(self, one: SourceMapping, messages: list[dict[str, Any]]) -> set[str]:
        """Invoke the function; return the ids of the messages that stay in the queue."""
        everything = {m["MessageId"] for m in messages}
        records = {"Records": [_record(m, one.queue) for m in messages]}
        outcome = self._runtime.invoke(
            one.function, records, attempt=int(messages[0]["Attributes"]["ApproximateReceiveCount"])
        )
        for name in everything:
            self._dead_letters.failed(name, one.queue, outcome.error or "reported as failed")
        if outcome.failed:
            return everything
        return _reported(json.loads(outcome.payload), everything) if one.partial else set()


def _passes(message: Mapping[str, Any], filters: tuple[Mapping[str, Any], ...]) -> bool:
    if not filters:
        return True
    try:
        body = json.loads(message["Body"])
    except ValueError:
        body = message["Body"]
    leaves = event_patterns.flat({"body": body})
    return any(event_patterns.matches_flat(f, leaves) for f in filters)


def _record(message: Mapping[str, Any], queue: Queue) -> dict[str, Any]:
    """An SQS record as Lambda passes it to a function (Lambda developer guide, SQS)."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message["Attributes"]),
        "messageAttributes": {
            k: {"stringValue": v.get("StringValue"), "dataType": v["DataType"]}
            for k, v in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.arn,
        "awsRegion": queue.arn.split(":")[3],
    }


def _reported(result: Any, everything: set[str]) -> set[str]:
    """Partial batch response; a malformed one fails the whole batch (Lambda developer guide)."""
    failures = (result or {}).get("batchItemFailures") or []
    names = {str(f.get("itemIdentifier")) if isinstance(f, Mapping) else "" for f in failures}
    return names if names <= everything else everything
