"""Sends dead letters back to where they came from, counted, so many a request.

What each queue keeps, and so how it goes back:

=================  =================================================================================
UndeliveredEvents  an event, with its target as an attribute (EventBridge User Guide, "Using
                   dead-letter queues to process undelivered events"): to that target
FailedInvocations  Lambda's record of an asynchronous invocation (Lambda Developer Guide, "Capturing
                   records of Lambda asynchronous invocations"): invoked again with its payload
FailedBulkEvents   a message of a bulk queue: to the queue that SQS names as its source (SQS API
                   Reference, "ReceiveMessage", DeadLetterQueueSourceArn)
FailedReports      a message of the reports' queue: to that queue
FailedRecords      no queue but a bucket: see ``failed_records``
=================  =================================================================================

A letter is deleted only when its target has taken it. What names no target of ours stays where it
is, and is counted as left: anybody who may write to the queue may name any target.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cordon.deciding.custom_actions import on_custom_action
from cordon.deciding.desk import Desk, Response
from cordon.deciding.failed_records import FailedRecords, Unusable
from cordon.deciding.request import BadRequest, Caller
from cordon.deciding.request import Redeliver as Body
from cordon.errors import Malformed
from cordon.sources.text import one_line

MOST_LETTERS = 100  # of one request: API Gateway waits for 30 seconds at most
HIDDEN_SECONDS = 60  # a letter that is left is not received again by the same request
RESERVED_MS = 8000  # no further letters when less of the function's time is left
RECORDS = "FailedRecords"
Letter = Mapping[str, Any]


class Left(Exception):
    """The letter stays where it is; the text says why."""


@dataclass
class Count:
    """What became of the letters."""

    redelivered: int = 0
    left: int = 0
    why: set[str] = field(default_factory=set)


def redeliver(
    body: Body, caller: Caller, desk: Desk, milliseconds_left: Callable[[], int]
) -> Response:
    """Redeliver what a queue holds. Raises BadRequest where there is no such queue."""
    person = desk.person(caller)
    queues = desk.deployment.dead_letters
    count, more = Count(), True
    if body.queue == RECORDS:
        _records(count, caller, desk, milliseconds_left)
    elif body.queue in queues and body.queue in SENDERS:
        while more and count.redelivered + count.left < MOST_LETTERS:
            more = milliseconds_left() > RESERVED_MS and _some(body.queue, count, desk)
    else:
        known = ", ".join(sorted({*(queues.keys() & SENDERS.keys()), RECORDS}))
        raise BadRequest("queue", f"must be one of {known}")
    done = {"queue": body.queue, "by": caller.arn, "person": person.id}
    numbers = {"redelivered": count.redelivered, "left": count.left, "why": sorted(count.why)}
    full = count.redelivered + count.left >= MOST_LETTERS
    late = milliseconds_left() <= RESERVED_MS
    desk.logger.info("redelivered", extra=done | numbers)
    return Response(200, {**done, **numbers, "more": full or late})


def _some(queue: str, count: Count, desk: Desk) -> bool:
    """Up to ten letters; False where there were none."""
    url, sqs = desk.deployment.dead_letters[queue], desk.client("sqs")
    letters = sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        VisibilityTimeout=HIDDEN_SECONDS,
        MessageAttributeNames=["TARGET_ARN"],
        MessageSystemAttributeNames=["DeadLetterQueueSourceArn"],
    ).get("Messages", [])
    for letter in letters:
        try:
            SENDERS[queue](letter, desk)
        except Left as why:
            count.left += 1
            count.why.add(one_line(str(why), 300))
        else:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=letter["ReceiptHandle"])
            count.redelivered += 1
    return bool(letters)


def _records(count: Count, caller: Caller, desk: Desk, left: Callable[[], int]) -> None:
    """Objects of the bucket, each a letter."""
    kept = FailedRecords.of(desk)
    for key in kept.waiting():
        if count.redelivered >= MOST_LETTERS or left() <= RESERVED_MS:
            return  # what is left is not counted: it comes first again with the next request
        try:
            kept.redeliver(key, caller.arn)
        except Unusable as why:
            count.left += 1
            count.why.add(str(why))
        else:
            count.redelivered += 1


def _to_target(letter: Letter, desk: Desk) -> None:
    attributes = letter.get("MessageAttributes", {})
    target = str(attributes.get("TARGET_ARN", {}).get("StringValue", ""))
    if ":sqs:" in target:
        _to_queue(target, letter, desk)
    else:
        _invoke(target, _json(letter), desk)


def _to_function(letter: Letter, desk: Desk) -> None:
    record = _json(letter)
    context = record.get("requestContext")
    named = context.get("functionArn", "") if isinstance(context, Mapping) else ""
    if not isinstance(record.get("requestPayload"), Mapping):
        raise Left("a letter is not a record of an invocation")
    _invoke(str(named), record["requestPayload"], desk)


def _to_source(letter: Letter, desk: Desk) -> None:
    source = letter.get("Attributes", {}).get("DeadLetterQueueSourceArn", "")
    _to_queue(str(source), letter, desk)


def _to_reports(letter: Letter, desk: Desk) -> None:
    desk.client("sqs").send_message(
        QueueUrl=desk.deployment.reports_queue, MessageBody=letter["Body"]
    )


SENDERS: Mapping[str, Callable[[Letter, Desk], None]] = {
    "UndeliveredEvents": _to_target,
    "FailedInvocations": _to_function,
    "FailedBulkEvents": _to_source,
    "FailedReports": _to_reports,
}
PLACES = (*SENDERS, RECORDS)


def _to_queue(arn: str, letter: Letter, desk: Desk) -> None:
    """To a bulk queue of ours. The URL ends with the queue's name, as its ARN does."""
    name = arn.rpartition(":")[2]
    urls = {url.rpartition("/")[2]: url for url in desk.parts.bulk_queues.values()}
    if name not in urls:
        raise Left(f"a letter names the queue {name or 'of nobody'}, which is no bulk queue")
    desk.client("sqs").send_message(QueueUrl=urls[name], MessageBody=letter["Body"])


def _invoke(arn: str, payload: Mapping[str, Any], desk: Desk) -> None:
    """A playbook is invoked. An event for the desk itself is handled here and now."""
    function = ":".join(arn.split(":")[:7])  # without the version or alias
    if function in desk.parts.functions.values():
        desk.client("lambda").invoke(
            FunctionName=function, InvocationType="Event", Payload=json.dumps(payload)
        )
    elif payload.get("detail-type") == "Security Hub Findings - Custom Action":
        try:
            on_custom_action(payload, desk)
        except Malformed as why:
            raise Left(f"a letter cannot be read: {why}") from None
    else:
        raise Left(f"a letter names the function {function or 'of nobody'}, which is no playbook")


def _json(letter: Letter) -> Mapping[str, Any]:
    try:
        parsed = json.loads(letter["Body"])
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, Mapping):
        raise Left("a letter is no JSON object")
    return parsed
