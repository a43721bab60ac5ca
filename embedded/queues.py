"""The queues of a stack, and the messages in them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from embedded.place import Place
from embedded.stack import Resource, Stack


@dataclass(frozen=True)
class Queue:
    """A queue of the template."""

    logical: str
    name: str
    arn: str
    url: str
    redrive: str = ""  # ARN of its dead-letter queue
    receives: int = 0  # maxReceiveCount


def queues_of(stack: Stack) -> dict[str, Queue]:
    """The queues of a stack."""
    return {r.logical: _queue(r) for r in stack.of("AWS::SQS::Queue")}


def _queue(resource: Resource) -> Queue:
    redrive = resource.properties.get("RedrivePolicy", {})
    return Queue(
        logical=resource.logical,
        name=resource.physical.rsplit("/", 1)[-1],
        arn=resource.arn,
        url=resource.physical,
        redrive=redrive.get("deadLetterTargetArn", ""),
        receives=int(redrive.get("maxReceiveCount", 0)),
    )


def url_of(arn: str, place: Place) -> str:
    """The URL of a queue in this place's Region."""
    return f"https://sqs.{place.region}.{place.suffix}/{arn.split(':')[4]}/{arn.split(':')[5]}"


def messages_in(queue: Queue, place: Place) -> Iterator[Any]:
    """What is in a queue, visible or not, oldest first, as moto keeps it."""
    from moto.sqs.models import sqs_backends

    yield from sqs_backends[place.account][place.region].queues[queue.name]._messages
