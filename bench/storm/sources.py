"""How what has arrived reaches a function: asynchronously, by a queue, by a table's stream.

Each gives ``work`` what it has, and is given back what failed. Nothing is thrown away unseen: what
is given up goes to ``dead``. Sources: the pages that quotas.py names.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import simpy

from bench.storm.numbers import FunctionNumbers, QueueNumbers, StreamNumbers
from bench.storm.quotas import QUOTAS
from bench.storm.sandboxes import Sandboxes, Steps

T = TypeVar("T")
RETRIES = (QUOTAS["first retry"].rate, QUOTAS["second retry"].rate)
FIRST, LONGEST = QUOTAS["first throttle wait"].rate, QUOTAS["longest throttle wait"].rate
POLL = 1 / QUOTAS["stream polls"].rate
LOOKS = 10  # at a batch in its window: is it full?


def throttle_wait(before: int) -> float:
    """Seconds until the next try, after so many that were throttled."""
    return min(FIRST * 2.0 ** min(before, 32), LONGEST)


def asynchronous(
    env: simpy.Environment,
    function: str,
    numbers: FunctionNumbers,
    sandboxes: Sandboxes,
    work: Callable[[bool], Steps],
    dead: Callable[[], None],
) -> Steps:
    """An event in a function's own queue: ``work(cold)`` is True when the function succeeded."""
    began, failures, throttled = env.now, 0, 0
    while env.now - began <= numbers.max_age:
        cold = sandboxes.start(function)
        if cold is None:
            yield env.timeout(throttle_wait(throttled))
            throttled += 1
            continue
        done = yield from work(cold)
        sandboxes.end(function)
        if done:
            return
        if failures == numbers.retries:
            break
        yield env.timeout(RETRIES[min(failures, len(RETRIES) - 1)])
        failures += 1
    dead()


class Queue(Generic[T]):
    """A queue and the mapping that reads it. ``work(messages, cold)`` gives back what failed."""

    def __init__(
        self,
        env: simpy.Environment,
        function: str,
        numbers: QueueNumbers,
        sandboxes: Sandboxes,
        work: Callable[[Sequence[T], bool], Steps],
        dead: Callable[[T], None],
    ) -> None:
        self._env, self._function, self._numbers = env, function, numbers
        self._sandboxes, self._work, self._dead = sandboxes, work, dead
        self._waiting: deque[tuple[T, int]] = deque()  # with how often it was received
        self._pollers, self._busy_since = 0, 0.0
        self.deepest = 0

    @property
    def waiting(self) -> int:
        """How many messages are visible."""
        return len(self._waiting)

    def put(self, message: T, *, delay: float | None = None, received: int = 0) -> None:
        """A new message, after the queue's own delay; or one that comes back after another."""
        seconds = self._numbers.delay if delay is None else delay
        if seconds:
            self._env.process(self._later(message, seconds, received))
        else:
            self._arrive(message, received)

    def _later(self, message: T, seconds: float, received: int) -> Steps:
        yield self._env.timeout(seconds)
        self._arrive(message, received)

    def _arrive(self, message: T, received: int) -> None:
        if received == self._numbers.receives:
            self._dead(message)
            return
        self._waiting.append((message, received))
        self.deepest = max(self.deepest, len(self._waiting))
        if self._pollers == 0:
            self._busy_since = self._env.now
        if self._pollers < min(self._numbers.concurrency, self._allowed()):
            self._pollers += 1
            self._env.process(self._poll())

    def _allowed(self) -> float:
        more = QUOTAS["more pollers"].rate * (self._env.now - self._busy_since)
        return QUOTAS["first pollers"].rate + more

    def _poll(self) -> Steps:
        while self._waiting:
            yield from self._gather()
            size = min(self._numbers.batch, len(self._waiting))
            batch = [self._waiting.popleft() for _ in range(size)]
            if batch:
                yield from self._invoke(batch)
        self._pollers -= 1

    def _gather(self) -> Steps:
        for _ in range(LOOKS):
            if len(self._waiting) >= self._numbers.batch:
                return
            yield self._env.timeout(self._numbers.window / LOOKS)

    def _invoke(self, batch: Sequence[tuple[T, int]]) -> Steps:
        """What is throttled or fails is seen again when its visibility timeout is over."""
        began = self._env.now
        failed = [message for message, _ in batch]
        throttled = 0
        while (cold := self._sandboxes.start(self._function)) is None:
            yield self._env.timeout(throttle_wait(throttled))
            throttled += 1
            if self._env.now - began > self._numbers.visibility:
                break
        if cold is not None:
            failed = yield from self._work([message for message, _ in batch], cold)
            self._sandboxes.end(self._function)
        left = max(self._numbers.visibility - (self._env.now - began), 0)
        for message, received in batch:
            if message in failed:
                self.put(message, delay=left, received=received + 1)


class Stream(Generic[T]):
    """A table's stream and the mapping that reads it, in lanes by key.

    ``work(names, cold)`` is True where the batch is done: a record only names a row.
    """

    def __init__(
        self,
        env: simpy.Environment,
        function: str,
        numbers: StreamNumbers,
        shards: int,
        sandboxes: Sandboxes,
        work: Callable[[Sequence[T], bool], Steps],
        dead: Callable[[T], None],
    ) -> None:
        self._env, self._function, self._numbers = env, function, numbers
        self._sandboxes, self._work, self._dead = sandboxes, work, dead
        self._lanes: list[deque[T]] = [deque() for _ in range(shards * numbers.lanes)]
        self._busy = [False] * len(self._lanes)
        self.batches = 0

    def ring(self, key: int, record: T) -> None:
        """A row was written."""
        lane = key % len(self._lanes)
        self._lanes[lane].append(record)
        if not self._busy[lane]:
            self._busy[lane] = True
            self._env.process(self._read(lane))

    def _read(self, lane: int) -> Steps:
        waiting, size = self._lanes[lane], self._numbers.batch
        while waiting:
            yield self._env.timeout(POLL / 2)  # half of the time between two polls, on average
            for _ in range(LOOKS):
                if len(waiting) >= size:
                    break
                yield self._env.timeout(self._numbers.window / LOOKS)
            batch = [waiting.popleft() for _ in range(min(size, len(waiting)))]
            yield from self._invoke(batch)
        self._busy[lane] = False

    def _invoke(self, batch: Sequence[T]) -> Steps:
        failures = throttled = 0
        while True:
            cold = self._sandboxes.start(self._function)
            if cold is None:  # tried again until the record expires, a day later
                yield self._env.timeout(throttle_wait(throttled))
                throttled += 1
                continue
            self.batches += 1
            done = yield from self._work(batch, cold)
            self._sandboxes.end(self._function)
            if done:
                return
            if failures == self._numbers.retries:
                break
            yield self._env.timeout(throttle_wait(failures))
            failures += 1
        for record in batch:
            self._dead(record)
