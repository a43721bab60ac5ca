"""Functions that read the stream of a table; ministack plays them in outline only.

What ministack keeps stays where it is: the records of a table, and how far each mapping has read.
Batches, retries and discarded records are played here, as Using AWS Lambda with Amazon DynamoDB
(Lambda developer guide) has them.
"""

import dataclasses
import functools
import json
import sys
import threading
import time
import zlib
from typing import Any

import control
import discarded
import ministack.core.iam_evaluator as evaluator
import ministack.core.lambda_runtime as runtime
import under_way
from ministack.core.concurrency import esm_wake
from ministack.core.responses import error_response_json, request_scope
from ministack.services import dynamodb, lambda_svc
from ministack.services.cloudformation import provisioners

from embedded import event_patterns

WINDOWS = 0.1  # of a mapping's batching window: a test would only wait
POLLED = 1  # a second: how often ministack polls where nothing wakes it
PAUSE, LONGEST_PAUSE = 0.05, 0.5  # seconds before a batch is tried again
MOST_BYTES = 6 * 1024 * 1024  # of an invocation's payload (Lambda quotas)
READS = ("GetRecords", "GetShardIterator", "DescribeStream")
POSITIONS = lambda_svc._dynamodb_stream_positions

Record = dict[str, Any]


def install() -> None:
    """All repairs of this file."""
    batches_of_streams()
    refused_mappings()


def batches_of_streams() -> None:
    """A mapping of a table's stream knows no partial batch response, retry count, bisect, batching
    window, ParallelizationFactor or S3 destination, reads with nobody's rights, and what waits in
    the stream is forgotten by no checkpoint (Using AWS Lambda with Amazon DynamoDB, Lambda
    developer guide)."""
    assert callable(lambda_svc._poll_dynamodb_streams)
    STREAMS.enforce = evaluator.enforce  # not yet noted: as with queues, reading is no call of ours
    lambda_svc._poll_dynamodb_streams = STREAMS.poll
    lambda_svc._update_esm = STREAMS.between_polls(lambda_svc._update_esm)
    control.SOURCES["records"] = STREAMS


def refused_mappings() -> None:
    """A mapping is made although its function's role may not read the stream, or its filter is no
    pattern; Lambda refuses both (CreateEventSourceMapping, Lambda API reference)."""
    original = lambda_svc._create_esm

    @functools.wraps(original)
    def create(data: dict[str, Any]) -> Any:
        made = original(data)
        if made[0] >= 400:
            return made
        identifier = json.loads(made[2])["UUID"]
        if refusal := _refusal(lambda_svc._esms[identifier]):
            lambda_svc._delete_esm(identifier)
            return error_response_json("InvalidParameterValueException", refusal, 400)
        return made

    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]
    by_template = handlers["create"]

    @functools.wraps(by_template)
    def deploy(logical: str, props: dict[str, Any], stack: str) -> Any:
        made = by_template(logical, props, stack)
        if refusal := _refusal(lambda_svc._esms[made[0]]):
            lambda_svc._delete_esm(made[0])
            raise ValueError(refusal)
        return made

    lambda_svc._create_esm = create
    handlers["create"] = deploy


def _refusal(mapping: dict[str, Any]) -> str:
    """Why Lambda would not make this mapping; empty where it would."""
    for one in _patterns(mapping):
        try:
            event_patterns.check(one)
        except event_patterns.BadPattern as error:
            return f"Invalid filter pattern definition. {error}"
    if not _of_a_stream(mapping):
        return ""
    denied = Reader(mapping, lambda_svc.get_account_id(), lambda_svc.get_region()).denied()
    return f"Cannot access stream. The function's role may not: {denied}" if denied else ""


def _of_a_stream(mapping: dict[str, Any]) -> bool:
    arn = mapping["EventSourceArn"]
    return ":dynamodb:" in arn and "/stream/" in arn


def _patterns(mapping: dict[str, Any]) -> list[Any]:
    filters = (mapping.get("FilterCriteria") or {}).get("Filters") or []
    return [json.loads(one["Pattern"]) for one in filters]


@dataclasses.dataclass
class Lane:
    """Records of one order: those whose keys have the same remainder. One batch runs at a time."""

    waiting: list[Record] = dataclasses.field(default_factory=list)
    since: float = 0.0  # when the first of them came
    running: bool = False


@dataclasses.dataclass(frozen=True)
class Tried:
    """An invocation: how many of its records, from the first on, were handled."""

    handled: int
    failed: bool = False
    throttled: bool = False


class Reader:
    """One mapping: what it has read and not yet delivered to its function."""

    def __init__(self, mapping: dict[str, Any], account: str, region: str) -> None:
        self.mapping, self.account, self.region = mapping, account, region
        self.lanes: list[Lane] = []

    @property
    def table(self) -> str:
        return str(self.mapping["EventSourceArn"].split("/stream/")[0].rpartition("/")[2])

    @property
    def enabled(self) -> bool:
        """Is it switched on, and its stream the table's?"""
        kept = dynamodb._tables.get_scoped(self.account, self.region, self.table)
        current = kept and kept.get("LatestStreamArn") == self.mapping["EventSourceArn"]
        return bool(current and self.mapping.get("Enabled", True))

    def number(self, name: str, default: int) -> int:
        """A property of the mapping; ``default`` where it is absent or -1, which is no limit."""
        given = self.mapping.get(name)
        return default if given is None or int(given) < 0 else int(given)

    # ---- reading ----

    def unread(self) -> list[Record]:
        """The records of the stream that this mapping has not read, and is there for."""
        start = max(self._position(), dynamodb.stream_start_position(self.table))
        records = dynamodb.stream_records_since(self.table, start, sys.maxsize)
        patterns = _patterns(self.mapping)
        return [
            one
            for one in records
            if not patterns or any(event_patterns.matches(p, one) for p in patterns)
        ]

    def _position(self) -> int:
        return int(POSITIONS.get(self.mapping["UUID"], dynamodb.stream_end_position(self.table)))

    def read(self) -> None:
        """Take what is new in the stream into the lanes."""
        records, factor = self.unread(), self.number("ParallelizationFactor", 1)
        if factor != len(self.lanes) and not any(lane.running for lane in self.lanes):
            records = [one for lane in self.lanes for one in lane.waiting] + records
            self.lanes = [Lane() for _ in range(factor)]
        for record in records:
            key = json.dumps(record["dynamodb"]["Keys"], sort_keys=True)
            lane = self.lanes[zlib.crc32(key.encode()) % len(self.lanes)]
            if not lane.waiting:
                lane.since = time.monotonic()
            lane.waiting.append(record)
        end = dynamodb.stream_end_position(self.table)
        POSITIONS[self.mapping["UUID"]] = end

    def denied(self) -> str:
        """The first thing the function's role may not do that reading needs; empty where it may."""
        key = runtime.execution_credentials(self._function()["config"])["AWS_ACCESS_KEY_ID"]
        wanted = [(f"dynamodb:{name}", self.mapping["EventSourceArn"]) for name in READS]
        for action, resource in [*wanted, ("dynamodb:ListStreams", "*")]:
            call = (key, action, "dynamodb", self.region)
            if STREAMS.enforce(*call, resource_arn=resource):
                evaluator.enforce(*call, resource_arn=resource)  # so that it is among the calls
                return action
        return ""

    def _function(self) -> dict[str, Any]:
        name, qualifier = self.mapping["FunctionName"], self.mapping.get("Qualifier")
        found, config = lambda_svc._get_func_record_for_qualifier(name, qualifier)
        return dict(lambda_svc._execution_record_for_config(found, config))

    def due(self, lane: Lane) -> list[Record]:
        """The next batch of a lane: when it is full, or its window is over. Else none."""
        if lane.running or not lane.waiting:
            return []
        size, window = self.number("BatchSize", 100), self._window()
        left = lane.since + window - time.monotonic()
        if len(lane.waiting) < size and left > 0:
            if left < POLLED:
                threading.Timer(left, esm_wake.set).start()
            return []
        batch: list[Record] = []
        total = 0
        for one in lane.waiting[:size]:
            total += len(json.dumps(one))
            if batch and total > MOST_BYTES:
                break
            batch.append(one)
        return batch

    def _window(self) -> float:
        return self.number("MaximumBatchingWindowInSeconds", 0) * WINDOWS

    # ---- delivering ----

    def deliver(self, batch: list[Record], goes_on: Any) -> list[Record]:
        """Invoke until each record is handled or discarded. Returns what is left when this account
        is another one, or the mapping is switched off."""
        work: list[tuple[list[Record], int]] = [(batch, 0)]
        pause = PAUSE
        while work:
            records, retries = work.pop(0)
            if not goes_on() or not self.enabled:
                return [one for part, _ in [(records, 0), *work] for one in part]
            records = self._young(records, retries)
            if not records:
                continue
            tried = self._invoke(records)
            if tried.handled == len(records):
                pause = PAUSE
                continue
            work[:0] = self._again(records, tried, retries)
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        return []

    def _young(self, records: list[Record], retries: int) -> list[Record]:
        """Without those that are older than the mapping allows, which are discarded."""
        oldest = time.time() - self.number("MaximumRecordAgeInSeconds", 24 * 3600)
        old = [one for one in records if discarded.made(one) < oldest]
        if old:
            self._discard(old, "RecordAgeExceeded", retries)
        return [one for one in records if discarded.made(one) >= oldest]

    def _again(
        self, records: list[Record], tried: Tried, retries: int
    ) -> list[tuple[list[Record], int]]:
        """What is tried again of a batch. A batch that is split uses up no retry; the retries of a
        batch of which a part was handled are those of the first record that failed, as in the
        embedded account: the guide does not say."""
        rest = records[tried.handled :]
        if tried.throttled:
            return [(rest, retries)]
        splits = self.mapping.get("BisectBatchOnFunctionError") and tried.failed
        if splits and len(rest) > 1:
            middle = len(rest) // 2
            return [(rest[:middle], retries), (rest[middle:], retries)]
        used = 0 if tried.handled else retries
        if used < self.number("MaximumRetryAttempts", sys.maxsize):
            return [(rest, used + 1)]
        self._discard(rest, "RetryAttemptsExhausted", used + 1)
        return []

    def _discard(self, records: list[Record], condition: str, invocations: int) -> None:
        batch = discarded.Batch(records, condition, invocations, self._function()["config"])
        batch.deliver(self.mapping, self.account, self.region)

    def _invoke(self, records: list[Record]) -> Tried:
        event = json.loads(json.dumps({"Records": records}))
        result = lambda_svc._execute_function_with_config_scope(self._function(), event)
        if result.get("error") or result.get("throttle"):
            return Tried(0, failed=True, throttled=bool(result.get("throttle")))
        if "ReportBatchItemFailures" not in self.mapping.get("FunctionResponseTypes", []):
            return Tried(len(records))
        return Tried(_handled(records, result.get("body")))


def _handled(records: list[Record], body: Any) -> int:
    """How many are before the first that the function names (Configuring partial batch response
    with DynamoDB and Lambda, Lambda developer guide). A name it cannot know fails the batch."""
    if body is not None and not isinstance(body, dict):
        return 0
    failures = (body or {}).get("batchItemFailures") or []
    places = {one["dynamodb"]["SequenceNumber"]: place for place, one in enumerate(records)}
    named = [places.get(failure.get("itemIdentifier"), 0) for failure in failures]
    return min(named, default=len(records))


class Streams:
    """All mappings of streams."""

    def __init__(self) -> None:
        self.enforce: Any = None
        self._readers: dict[str, Reader] = {}
        self._lock = threading.RLock()
        self._account = object()  # another one after each restore
        self._paused = False
        self._kept: dict[str, Any] = {}

    def poll(self) -> bool:
        """Read, and start what is due. Was there anything?"""
        with self._lock:
            return not self._paused and any(
                [self._start(one) for one in self._all() if one.enabled]
            )

    def between_polls(self, change: Any) -> Any:
        """Once a change of a mapping has its response, nothing is read by what it was before."""

        @functools.wraps(change)
        def changed(*given: Any) -> Any:
            with self._lock:
                return change(*given)

        return changed

    def pending(self) -> int:
        """Records that a mapping is there for, and has not handled."""
        with self._lock:
            return sum(self._behind(one) for one in self._all() if one.enabled)

    def _all(self) -> list[Reader]:
        mappings = list(lambda_svc._iter_all_esms())
        found = [(a, region, one) for a, region, one in mappings if _of_a_stream(one)]
        for account, region, one in found:
            if one["UUID"] not in self._readers:
                self._readers[one["UUID"]] = Reader(one, account, region)
        return [self._readers[one["UUID"]] for _, _, one in found]

    def _behind(self, reader: Reader) -> int:
        with request_scope(reader.account, reader.region):
            lanes = sum(len(lane.waiting) + lane.running for lane in reader.lanes)
            return lanes + len(reader.unread())

    def _start(self, reader: Reader) -> bool:
        with request_scope(reader.account, reader.region):
            reader.read()
            due = [(lane, batch) for lane in reader.lanes if (batch := reader.due(lane))]
            if not due or reader.denied():
                return False
            for lane, batch in due:
                lane.waiting[: len(batch)] = []
                lane.running, lane.since = True, time.monotonic()
                under_way.beside(self._run, reader, lane, batch, self._account)
        return True

    def _run(self, reader: Reader, lane: Lane, batch: list[Record], account: object) -> None:
        left: list[Record] = batch
        try:
            with request_scope(reader.account, reader.region):
                left = reader.deliver(batch, lambda: self._account is account)
        finally:
            with self._lock:
                if self._account is account:
                    lane.waiting[:0] = left
                    lane.running = False
            esm_wake.set()

    # ---- checkpoints ----

    def checkpoint(self) -> None:
        """Remember how far each mapping has read, and what it has read but not handled."""
        with self._lock:
            lanes = {
                key: [list(lane.waiting) for lane in one.lanes]
                for key, one in self._readers.items()
            }
            self._kept = {"lanes": lanes, "positions": dict(POSITIONS._data)}

    def pause(self) -> None:
        """Start nothing more, and give up what is under way."""
        with self._lock:
            self._paused, self._account = True, object()

    def restore(self) -> None:
        """Go on from the checkpoint."""
        with self._lock:
            POSITIONS._data.clear()
            POSITIONS._data.update(self._kept["positions"])
            for key, one in self._readers.items():
                kept = self._kept["lanes"].get(key, [])
                one.lanes = [Lane(list(waiting)) for waiting in kept]
            self._paused = False
        esm_wake.set()


STREAMS = Streams()
