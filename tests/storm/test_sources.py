"""How what arrives reaches a function, and what is throttled: each part of the model alone."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest
import simpy

from bench.storm.numbers import FunctionNumbers, QueueNumbers, StreamNumbers
from bench.storm.quotas import QUOTAS, Quota
from bench.storm.sandboxes import Bucket, Calls, Sandboxes, Steps
from bench.storm.sources import Queue, Stream, asynchronous

FUNCTION = FunctionNumbers(timeout=45, memory=512, reserved=None, retries=2, max_age=3600)
QUEUE = QueueNumbers(batch=10, window=5, concurrency=2, delay=0, visibility=400, receives=5)
STREAM = StreamNumbers(batch=100, window=1, lanes=2, retries=5)


def sandboxes(env: simpy.Environment, limit: int = 100, **of: FunctionNumbers) -> Sandboxes:
    return Sandboxes(env, of or {"f": FUNCTION}, limit, QUOTAS["lambda scaling"])


class Work:
    """A function that takes a second, and succeeds from its n-th time on."""

    def __init__(self, env: simpy.Environment, succeeds_at: int = 1) -> None:
        self.env, self.succeeds_at = env, succeeds_at
        self.began: list[float] = []
        self.batches: list[list[Any]] = []
        self.cold: list[bool] = []

    def alone(self, cold: bool) -> Steps:
        self.began.append(self.env.now)
        self.cold.append(cold)
        yield self.env.timeout(1)
        return len(self.began) >= self.succeeds_at

    def batch(self, batch: Sequence[Any], cold: bool) -> Steps:
        self.batches.append(list(batch))
        return [] if (yield from self.alone(cold)) else list(batch)

    def records(self, batch: Sequence[Any], cold: bool) -> Steps:
        return not (yield from self.batch(batch, cold))


# ---- token buckets and clients ----


def test_bucket_has_a_burst_and_a_rate() -> None:
    env = simpy.Environment()
    bucket = Bucket(env, Quota("q", 10, "", "", burst=30))
    assert [bucket.take() for _ in range(31)] == [True] * 30 + [False]
    env.timeout(1)
    env.run()
    assert [bucket.take() for _ in range(11)] == [True] * 10 + [False]


def test_bucket_says_how_long_to_wait() -> None:
    bucket = Bucket(simpy.Environment(), Quota("q", 2, "", "", burst=1))
    assert [bucket.delay() for _ in range(3)] == [0, 0.5, 1]


def made(rate: float, tries: int) -> list[bool]:
    """How so many calls of one client end, one after the other."""
    env = simpy.Environment()
    calls = Calls(env, {"q": Bucket(env, Quota("q", rate, "", "", burst=1))}, Random(1))
    ended: list[bool] = []

    def run() -> Steps:
        for _ in range(tries):
            ended.append((yield from calls.make("q")))

    env.process(run())
    env.run()
    return ended


def test_throttled_call_is_tried_again() -> None:
    assert made(rate=5, tries=20) == [True] * 20
    assert made(rate=0.01, tries=2) == [True, False]


def test_client_that_is_always_throttled_stops_trying() -> None:
    """500 tokens pay for a hundred tries more (botocore, retries/quota.py)."""
    env = simpy.Environment()
    bucket = Bucket(env, Quota("q", 1e-9, "", "", burst=0))
    calls = Calls(env, {"q": bucket}, Random(1))

    def run() -> Steps:
        for _ in range(50):
            yield from calls.make("q")

    env.process(run())
    env.run()
    assert bucket.refused == 50 + 100


# ---- environments ----


def test_environments_stay_warm_and_the_limit_holds() -> None:
    env = simpy.Environment()
    there = sandboxes(env, limit=2)
    assert [there.start("f") for _ in range(3)] == [True, True, None]
    there.end("f")
    assert there.start("f") is False


def test_reserved_executions_are_kept_and_are_a_limit() -> None:
    env = simpy.Environment()
    two = {"kept": replace(FUNCTION, reserved=1), "other": FUNCTION}
    there = sandboxes(env, limit=3, **two)
    assert [there.start("other") for _ in range(3)] == [True, True, None]
    assert [there.start("kept") for _ in range(2)] == [True, None]


def test_new_environments_have_a_rate() -> None:
    env = simpy.Environment()
    there = sandboxes(env, limit=5_000)
    started = [there.start("f") for _ in range(1_001)]
    assert (started.count(True), started[-1]) == (1_000, None)


# ---- asynchronous ----


def invoked(work: Work, numbers: FunctionNumbers = FUNCTION, limit: int = 100) -> int:
    """Dead letters of one event."""
    dead: list[int] = []
    there = sandboxes(work.env, limit, f=numbers)
    steps = asynchronous(work.env, "f", numbers, there, work.alone, lambda: dead.append(1))
    work.env.process(steps)
    work.env.run()
    return len(dead)


def test_function_error_is_tried_again_after_one_and_two_minutes() -> None:
    work = Work(simpy.Environment(), succeeds_at=3)
    assert invoked(work) == 0
    assert work.began == [0, 61, 182]
    assert work.cold == [True, False, False]


@pytest.mark.parametrize(("retries", "tries"), [(0, 1), (1, 2), (2, 3)])
def test_event_is_given_up_after_its_retries(retries: int, tries: int) -> None:
    work = Work(simpy.Environment(), succeeds_at=99)
    assert invoked(work, replace(FUNCTION, retries=retries)) == 1
    assert len(work.began) == tries


def test_throttled_event_waits_until_it_is_too_old() -> None:
    work = Work(simpy.Environment())
    assert invoked(work, limit=0) == 1
    assert work.began == []
    assert work.env.now > FUNCTION.max_age


# ---- a queue ----


def read(work: Work, numbers: QueueNumbers, messages: int, limit: int = 100) -> list[int]:
    """The dead letters of so many messages."""
    dead: list[int] = []
    queue: Queue[int] = Queue(
        work.env, "f", numbers, sandboxes(work.env, limit), work.batch, dead.append
    )
    for message in range(messages):
        queue.put(message)
    work.env.run()
    return dead


def test_queue_is_read_in_full_batches_by_so_many_at_once() -> None:
    work = Work(simpy.Environment())
    assert read(work, QUEUE, 40) == []
    assert sorted(map(len, work.batches)) == [10] * 4
    assert work.began == [0, 0, 1, 1]


def test_part_of_a_batch_waits_for_the_window() -> None:
    work = Work(simpy.Environment())
    read(work, QUEUE, 3)
    assert (work.batches, work.began) == ([[0, 1, 2]], [5])


@pytest.mark.parametrize("receives", [1, 5])
def test_failing_message_comes_back_until_it_is_dead(receives: int) -> None:
    work = Work(simpy.Environment(), succeeds_at=99)
    numbers = replace(QUEUE, receives=receives, window=0)
    assert read(work, numbers, 1) == [0]
    assert work.began == [400 * n for n in range(receives)]


def test_new_message_waits_for_the_delay() -> None:
    work = Work(simpy.Environment())
    read(work, replace(QUEUE, delay=15, window=0), 1)
    assert work.began == [15]


def test_throttled_batch_is_no_dead_letter_while_it_may_be_received() -> None:
    work = Work(simpy.Environment())
    assert read(work, QUEUE, 1, limit=0) == [0]
    assert work.began == []


# ---- a stream ----


def streamed(
    work: Work, records: int, numbers: StreamNumbers = STREAM, shards: int = 1
) -> list[int]:
    """The records that were given up."""
    dead: list[int] = []
    stream: Stream[int] = Stream(
        work.env, "f", numbers, shards, sandboxes(work.env), work.records, dead.append
    )
    for record in range(records):
        stream.ring(record, record)
    work.env.run()
    return dead


def test_lanes_are_read_at_the_same_time_and_in_order() -> None:
    work = Work(simpy.Environment())
    assert streamed(work, 250) == []
    assert [len(batch) for batch in work.batches] == [100, 100, 25, 25]
    assert work.batches[0] + work.batches[2] == list(range(0, 250, 2))


def test_each_shard_has_its_lanes() -> None:
    work = Work(simpy.Environment())
    streamed(work, 40, shards=4)
    assert [len(batch) for batch in work.batches] == [5] * 8


def test_batch_that_always_fails_is_given_up() -> None:
    work = Work(simpy.Environment(), succeeds_at=99)
    assert streamed(work, 1) == [0]
    assert len(work.began) == STREAM.retries + 1
