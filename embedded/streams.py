"""How Lambda reads a DynamoDB stream and invokes a function with its records.

Lambda developer guide: "Using AWS Lambda with Amazon DynamoDB", "Lambda parameters for Amazon
DynamoDB event source mappings", "Configuring partial batch response with DynamoDB and Lambda",
"Retain discarded records for a DynamoDB event source in Lambda", "Control which events Lambda
sends to your function". A table has one shard. The records of one partition key keep their
order: a batch that fails holds back what comes after it, in its lane of ParallelizationFactor.

The guide does not say how long Lambda waits before it tries a batch again; here it is a second,
then twice as long each time, at most five minutes. Nor does it say what counts as a retry when a
part of a batch succeeded; here the retries are those of the first record that failed.
"""

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from embedded import event_patterns
from embedded.backends.streams import KEPT, Change, Shard, shard_of
from embedded.functions import Function, InvocationResult, Runtime
from embedded.journal import Dropped, Journal
from embedded.place import Place
from embedded.scheduler import Clock
from embedded.stack import Resource, Stack, Unresolved

SHARD = "shardId-00000001541626099285-f35f62ef"  # moto has this one
FIRST_PAUSE, LONGEST_PAUSE = 1, 300  # seconds between the tries of a batch
ENDLESS = -1  # of MaximumRetryAttempts and MaximumRecordAgeInSeconds


@dataclass(frozen=True)
class StreamMapping:
    """An event source mapping from a table's stream to a function."""

    logical: str
    id: str  # UUID
    table: str  # name
    stream: str  # ARN
    function: Function
    batch: int
    window: timedelta
    filters: tuple[Mapping[str, Any], ...]
    partial: bool  # ReportBatchItemFailures
    retries: int
    bisect: bool
    max_age: timedelta | None
    on_failure: str  # ARN, "" where there is no destination
    lanes: int  # ParallelizationFactor
    enabled: bool


def stream_mappings(stack: Stack, runtime: Runtime) -> Iterator[StreamMapping]:
    """The mappings of a stack whose source is a stream."""
    for resource in stack.of("AWS::Lambda::EventSourceMapping"):
        if is_stream(resource.properties["EventSourceArn"]):
            yield _mapping(resource, stack, runtime)


def is_stream(arn: str) -> bool:
    """Whether an ARN is that of a DynamoDB stream."""
    return arn.split(":")[2] == "dynamodb"


def _mapping(resource: Resource, stack: Stack, runtime: Runtime) -> StreamMapping:
    properties = resource.properties
    stream = str(properties["EventSourceArn"])
    table = stream.split("/")[1]
    function = runtime.find(str(properties["FunctionName"]))
    known = [one for one in stack.of("AWS::DynamoDB::Table") if one.physical == table]
    if function is None or not known:
        raise Unresolved(f"{resource.logical}: only tables and functions of the stack")
    if "StreamSpecification" not in known[0].properties:
        raise Unresolved(f"{resource.logical}: {known[0].logical} has no stream")
    age = int(properties.get("MaximumRecordAgeInSeconds", ENDLESS))
    patterns = properties.get("FilterCriteria", {}).get("Filters", [])
    return StreamMapping(
        logical=resource.logical,
        id=resource.physical,
        table=table,
        stream=stream,
        function=function,
        batch=int(properties.get("BatchSize", 100)),
        window=timedelta(seconds=int(properties.get("MaximumBatchingWindowInSeconds", 0))),
        filters=tuple(json.loads(one["Pattern"]) for one in patterns),
        partial="ReportBatchItemFailures" in properties.get("FunctionResponseTypes", []),
        retries=int(properties.get("MaximumRetryAttempts", ENDLESS)),
        bisect=str(properties.get("BisectBatchOnFunctionError", False)).lower() == "true",
        max_age=None if age == ENDLESS else timedelta(seconds=age),
        on_failure=properties.get("DestinationConfig", {})
        .get("OnFailure", {})
        .get("Destination", ""),
        lanes=int(properties.get("ParallelizationFactor", 1)),
        enabled=str(properties.get("Enabled", True)).lower() == "true",
    )


@dataclass(frozen=True)
class Discarded:
    """Records that Lambda gives up, with the outcome of their last invocation, if there was one."""

    mapping: StreamMapping
    records: tuple[Change, ...]
    condition: str  # RetryAttemptsExhausted, RecordAgeExceeded
    tries: int
    outcome: InvocationResult | None
    reason: str


@dataclass
class _Batch:
    """Records that go to the function together. ``failures``: how often the first has failed."""

    records: tuple[Change, ...]
    due: datetime
    failures: int = 0
    outcome: InvocationResult | None = None


@dataclass
class _Lane:
    """Records of the same partition keys, in their order."""

    waiting: deque[Change] = field(default_factory=deque)
    since: datetime | None = None  # when the batching window began
    batches: deque[_Batch] = field(default_factory=deque)  # those that failed, the first one first


class Reader:
    """Reads one stream for one mapping."""

    def __init__(self, mapping: StreamMapping, place: Place, clock: Clock) -> None:
        self.mapping = mapping
        self.enabled = mapping.enabled
        self._place = place
        self._clock = clock
        self._lanes = [_Lane() for _ in range(mapping.lanes)]
        shard = shard_of(place.account, place.region, mapping.table)
        self._made = shard.created_on if shard else None
        self._next = shard.next_number if shard else 0

    def _shard(self) -> Shard | None:
        """None where the table was deleted, even if there is a new one of that name."""
        shard = shard_of(self._place.account, self._place.region, self.mapping.table)
        return shard if shard is not None and shard.created_on == self._made else None

    def read(self) -> int:
        """Take what is new in the stream. Returns how many records expired unread."""
        shard = self._shard()
        if not self.enabled or shard is None or shard.next_number == self._next:
            return 0
        found = shard.since(self._next)
        expired = shard.next_number - self._next - len(found)
        self._next = shard.next_number
        for change in found:
            if self._wanted(change, shard.view):
                lane = self._lanes[self._lane_of(change)]
                lane.waiting.append(change)
                lane.since = lane.since or self._clock.now
        return expired

    def _wanted(self, change: Change, view: str) -> bool:
        filters = self.mapping.filters
        if not filters:
            return True
        leaves = event_patterns.flat(self.event([change], view)["Records"][0])
        return any(event_patterns.matches_flat(one, leaves) for one in filters)

    def _lane_of(self, change: Change) -> int:
        """By the partition key: it comes first among the keys."""
        key = json.dumps(next(iter(change.keys.values())), sort_keys=True)
        return int(hashlib.sha256(key.encode()).hexdigest(), 16) % len(self._lanes)

    def event(self, changes: Iterable[Change], view: str = "") -> dict[str, Any]:
        """The event that the function gets for these records."""
        shard = self._shard()
        seen = view or (shard.view if shard else "KEYS_ONLY")
        return {"Records": [self._record(one, seen) for one in changes]}

    def _record(self, change: Change, view: str) -> dict[str, Any]:
        record = change.record(view, self._place.region)
        record["dynamodb"]["ApproximateCreationDateTime"] = int(change.at.timestamp())
        return {**record, "eventSourceARN": self.mapping.stream}

    def due(self) -> tuple[_Lane, _Batch] | None:
        """A batch that goes now: one that failed and is due again, or a full one, or a late one."""
        if not self.enabled:
            return None
        for lane in self._lanes:
            if lane.batches:
                if lane.batches[0].due <= self._clock.now:
                    return lane, lane.batches[0]
            elif lane.waiting and self._ripe(lane) <= self._clock.now:
                lane.batches.append(self._taken(lane))
                return lane, lane.batches[0]
        return None

    def _ripe(self, lane: _Lane) -> datetime:
        """When what waits in a lane goes: at once if it fills a batch, else after the window."""
        since = lane.since or self._clock.now
        return since if len(lane.waiting) >= self.mapping.batch else since + self.mapping.window

    def _taken(self, lane: _Lane) -> _Batch:
        size = min(self.mapping.batch, len(lane.waiting))
        records = tuple(lane.waiting.popleft() for _ in range(size))
        lane.since = self._clock.now if lane.waiting else None
        return _Batch(records, self._clock.now)

    def next_moment(self) -> datetime | None:
        """When the next batch is due. None if nothing waits, or if the mapping is off."""
        if not self.enabled:
            return None
        moments = [
            lane.batches[0].due if lane.batches else self._ripe(lane)
            for lane in self._lanes
            if lane.batches or lane.waiting
        ]
        return min(moments, default=None)


Discard = Callable[[Discarded, Reader], None]


class StreamDelivery:
    """The readers of all streams of a stack. ``discard`` sends what was given up on."""

    def __init__(
        self, stack: Stack, runtime: Runtime, clock: Clock, journal: Journal, discard: Discard
    ) -> None:
        self._place = stack.place
        self._runtime, self._clock, self._journal = runtime, clock, journal
        self._discard = discard
        self.mappings = tuple(stream_mappings(stack, runtime))
        self.readers: dict[str, Reader] = {}  # by the mapping's logical id

    def begin(self) -> None:
        """Read from now on. What the streams hold by now is deleted: a deployment made it."""
        for mapping in self.mappings:
            if shard := shard_of(self._place.account, self._place.region, mapping.table):
                shard.clear()
        self.readers = {m.logical: Reader(m, self._place, self._clock) for m in self.mappings}

    def work(self) -> bool:
        """Invoke a function with one batch that is due. False if none is."""
        for reader in self.readers.values():
            if expired := reader.read():
                reason = f"{expired} records expired unread"
                self._journal.write(Dropped(reader.mapping.stream, "", reason))
            if due := reader.due():
                self._go(reader, *due)
                return True
        return False

    def next_moment(self) -> datetime | None:
        """When the next batch is due."""
        moments = (reader.next_moment() for reader in self.readers.values())
        return min((one for one in moments if one is not None), default=None)

    def _go(self, reader: Reader, lane: _Lane, batch: _Batch) -> None:
        lane.batches.popleft()
        batch.records = self._young(reader.mapping, batch)
        if not batch.records:
            return
        event = reader.event(batch.records)
        outcome = self._runtime.invoke(reader.mapping.function, event, attempt=batch.failures + 1)
        left = _left(outcome, batch.records, reader.mapping.partial)
        if left:
            lane.batches.extendleft(reversed(self._again(reader.mapping, batch, left, outcome)))

    def _young(self, mapping: StreamMapping, batch: _Batch) -> tuple[Change, ...]:
        """Without the records that have become too old."""
        now = self._clock.now
        expired = [one for one in batch.records if now - one.at > KEPT]
        if expired:
            reason = f"{len(expired)} records expired after {batch.failures} tries"
            self._journal.write(Dropped(mapping.stream, json.dumps(_numbers(expired)), reason))
        rest = [one for one in batch.records if now - one.at <= KEPT]
        limit = mapping.max_age or KEPT
        aged = tuple(one for one in rest if now - one.at > limit)
        if aged:
            self._give_up(mapping, batch, aged, "RecordAgeExceeded", batch.outcome)
        return tuple(one for one in rest if now - one.at <= limit)

    def _again(
        self,
        mapping: StreamMapping,
        batch: _Batch,
        left: tuple[Change, ...],
        outcome: InvocationResult,
    ) -> list[_Batch]:
        """The batches that come next in place of one that failed, wholly or from a record on."""
        moved_on = len(left) < len(batch.records)
        if mapping.bisect and not moved_on and len(left) > 1 and outcome.failed:
            due = self._clock.now + _pause(1)
            halves = (left[: len(left) // 2], left[len(left) // 2 :])
            return [_Batch(half, due, batch.failures, outcome) for half in halves]
        failures = 1 if moved_on else batch.failures + 1
        tried = _Batch(left, self._clock.now + _pause(failures), failures, outcome)
        if mapping.retries == ENDLESS or failures <= mapping.retries:
            return [tried]
        self._give_up(mapping, tried, left, "RetryAttemptsExhausted", outcome)
        return []

    def _give_up(
        self,
        mapping: StreamMapping,
        batch: _Batch,
        records: tuple[Change, ...],
        condition: str,
        outcome: InvocationResult | None,
    ) -> None:
        why = (outcome.error if outcome else "") or "reported as failed"
        reason = f"{condition}: {why}" if outcome else condition
        given_up = Discarded(mapping, records, condition, batch.failures, outcome, reason)
        self._discard(given_up, self.readers[mapping.logical])


def _numbers(records: Iterable[Change]) -> list[str]:
    return [str(one.number) for one in records]


def _pause(failures: int) -> timedelta:
    return timedelta(seconds=min(FIRST_PAUSE * 2 ** (failures - 1), LONGEST_PAUSE))


def _left(
    outcome: InvocationResult, records: tuple[Change, ...], partial: bool
) -> tuple[Change, ...]:
    """The records to try again: all, none, or those from the first one that was reported."""
    if outcome.failed:
        return records
    if not partial:
        return ()
    failures = _failures(json.loads(outcome.payload))
    if failures is None:
        return records
    numbers = {str(one.number): at for at, one in enumerate(records)}
    if any(name not in numbers for name in failures):
        return records
    return records[min(numbers[name] for name in failures) :] if failures else ()


def _failures(result: Any) -> list[Any] | None:
    """The sequence numbers of a partial batch response. None for a malformed one."""
    if result is None:
        return []
    listed = result.get("batchItemFailures") if isinstance(result, Mapping) else ()
    if listed is None:
        return []
    if not isinstance(listed, list):
        return None
    return [one.get("itemIdentifier") if isinstance(one, Mapping) else None for one in listed]


def batch_info(given_up: Discarded) -> dict[str, Any]:
    """Where the records are in the stream: all that a queue gets of them."""
    first, last = given_up.records[0], given_up.records[-1]
    return {
        "shardId": SHARD,
        "startSequenceNumber": str(first.number),
        "endSequenceNumber": str(last.number),
        "approximateArrivalOfFirstRecord": _second(first.at),
        "approximateArrivalOfLastRecord": _second(last.at),
        "batchSize": len(given_up.records),
        "streamArn": given_up.mapping.stream,
    }


def _second(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def invocation_record(given_up: Discarded, now: datetime, request: str) -> dict[str, Any]:
    """What a destination gets of discarded records, without the records themselves."""
    outcome = given_up.outcome
    failed = {"functionError": "Unhandled"} if outcome and outcome.failed else {}
    invoked = {"statusCode": 200, "executedVersion": "$LATEST", **failed} if outcome else None
    return {
        "requestContext": {
            "requestId": request,
            "functionArn": given_up.mapping.function.arn,
            "condition": given_up.condition,
            "approximateInvokeCount": given_up.tries,
        },
        "responseContext": invoked,
        "version": "1.0",
        "timestamp": now.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "DDBStreamBatchInfo": batch_info(given_up),
    }


def object_key(mapping: StreamMapping, now: datetime, request: str) -> str:
    """The key of the object that a bucket gets: mapping, shard, day, second and a unique end."""
    return f"aws/lambda/{mapping.id}/{SHARD}/{now:%Y/%m/%d}/{now:%Y-%m-%dT%H.%M.%S}-{request}"
