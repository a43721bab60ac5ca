"""The template's own numbers: how its functions, queues and stream are read and tried again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.account import cordon_stack
from embedded.place import Place
from embedded.stack import Resource, Stack

HOME = Place("111122223333", "us-east-1", "aws")
REPORTER = "ReportCases"


@dataclass(frozen=True)
class FunctionNumbers:
    """A function. ``retries`` and ``max_age``: of what invokes it asynchronously."""

    timeout: float
    memory: int
    reserved: int | None  # ReservedConcurrentExecutions
    retries: int
    max_age: float


@dataclass(frozen=True)
class QueueNumbers:
    """A queue with the mapping that reads it."""

    batch: int
    window: float
    concurrency: int
    delay: float
    visibility: float
    receives: int


@dataclass(frozen=True)
class StreamNumbers:
    """The mapping that reads the table's stream."""

    batch: int
    window: float
    lanes: int
    retries: int


@dataclass(frozen=True)
class Numbers:
    """By logical id of the function. ``queues``: those of compliance findings."""

    functions: Mapping[str, FunctionNumbers]
    queues: Mapping[str, QueueNumbers]
    stream: StreamNumbers
    reports: QueueNumbers
    budget: int


def read(root: Path) -> Numbers:
    """The numbers of ``root``'s template, with its defaults for parameters."""
    stack = cordon_stack(HOME, root=root)
    mapped = {m.logical: m.properties for m in stack.of("AWS::Lambda::EventSourceMapping")}
    functions = {f.physical: f.logical for f in stack.of("AWS::Lambda::Function")}
    queues: dict[str, QueueNumbers] = {}
    streams = []
    for properties in mapped.values():
        function = functions[str(properties["FunctionName"])]
        if ":sqs:" in properties["EventSourceArn"]:
            queues[function] = _queue(properties, stack)
        else:
            streams.append(_stream(properties))
    (stream,) = streams
    reports = queues.pop(REPORTER)
    budget = int(stack.parameters["BudgetPerHour"])
    return Numbers(dict(_functions(stack)), queues, stream, reports, budget)


def _functions(stack: Stack) -> Iterator[tuple[str, FunctionNumbers]]:
    invoked = {
        str(one.properties["FunctionName"]): one.properties
        for one in stack.of("AWS::Lambda::EventInvokeConfig")
    }
    for function in stack.of("AWS::Lambda::Function"):
        properties, asynchronous = function.properties, invoked.get(function.physical, {})
        reserved = properties.get("ReservedConcurrentExecutions")
        yield (
            function.logical,
            FunctionNumbers(
                timeout=float(properties["Timeout"]),
                memory=int(properties["MemorySize"]),
                reserved=None if reserved is None else int(reserved),
                retries=int(asynchronous.get("MaximumRetryAttempts", 2)),
                max_age=float(asynchronous.get("MaximumEventAgeInSeconds", 21_600)),
            ),
        )


def _queue(mapping: Mapping[str, Any], stack: Stack) -> QueueNumbers:
    queue: Resource = next(
        q for q in stack.of("AWS::SQS::Queue") if q.arn == mapping["EventSourceArn"]
    )
    return QueueNumbers(
        batch=int(mapping["BatchSize"]),
        window=float(mapping.get("MaximumBatchingWindowInSeconds", 0)),
        concurrency=int(mapping["ScalingConfig"]["MaximumConcurrency"]),
        delay=float(queue.properties.get("DelaySeconds", 0)),
        visibility=float(queue.properties["VisibilityTimeout"]),
        receives=int(queue.properties["RedrivePolicy"]["maxReceiveCount"]),
    )


def _stream(mapping: Mapping[str, Any]) -> StreamNumbers:
    return StreamNumbers(
        batch=int(mapping["BatchSize"]),
        window=float(mapping.get("MaximumBatchingWindowInSeconds", 0)),
        lanes=int(mapping.get("ParallelizationFactor", 1)),
        retries=int(mapping["MaximumRetryAttempts"]),
    )
