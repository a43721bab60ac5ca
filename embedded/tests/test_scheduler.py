"""Virtual time, and one task at a time in a fixed order."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from embedded import scheduler
from embedded.scheduler import Clock, Deadlock, Scheduler

START = datetime(2026, 11, 24, 6, tzinfo=UTC)


@pytest.fixture
def machine() -> Iterator[Scheduler]:
    made = Scheduler(Clock(START))
    with made.clock.shown():
        scheduler.enter(made)
        try:
            yield made
        finally:
            scheduler.leave()


def seconds(machine: Scheduler) -> float:
    return (machine.clock.now - START).total_seconds()


def test_tasks_run_in_order_until_they_block(machine: Scheduler) -> None:
    seen: list[str] = []
    door = scheduler.make_event()

    def first() -> None:
        seen.append("first")
        door.wait()
        seen.append("first again")

    def second() -> None:
        seen.append("second")
        door.set()

    scheduler.make_thread(target=first).start()
    scheduler.make_thread(target=second).start()
    assert seen == []
    machine.run()
    assert seen == ["first", "second", "first again"]


def test_a_sleep_takes_no_real_time(machine: Scheduler) -> None:
    woke: list[float] = []

    def sleeps() -> None:
        scheduler.sleep(7200)
        woke.append(seconds(machine))

    scheduler.make_thread(target=sleeps).start()
    machine.run()
    assert woke == []
    assert machine.next_pause() == START + timedelta(hours=2)
    machine.clock.move_to(START + timedelta(hours=2))
    machine.run()
    assert woke == [7200]


def test_a_timeout_is_no_pause(machine: Scheduler) -> None:
    results: list[bool] = []
    door = scheduler.make_event()
    scheduler.make_thread(target=lambda: results.append(door.wait(60))).start()
    machine.run()
    assert machine.next_pause() is None
    assert machine.next_moment() == START + timedelta(seconds=60)
    machine.clock.move_to(START + timedelta(seconds=59))
    machine.run()
    assert results == []
    machine.clock.move_to(START + timedelta(seconds=60))
    machine.run()
    assert results == [False]


def test_the_main_thread_may_wait(machine: Scheduler) -> None:
    thread = scheduler.make_thread(target=lambda: scheduler.sleep(5))
    thread.start()
    thread.join()
    assert not thread.is_alive()
    assert seconds(machine) == 5


def test_an_endless_wait_is_an_error(machine: Scheduler) -> None:
    with pytest.raises(Deadlock):
        scheduler.make_event().wait()


def test_a_task_inherits_its_owner(machine: Scheduler) -> None:
    seen: list[object] = []

    def outer() -> None:
        machine.owner = "outer"
        scheduler.make_thread(target=lambda: seen.append(machine.owner)).start()

    scheduler.make_thread(target=outer).start()
    machine.run()
    assert seen == ["outer"]
    assert machine.owner is None


def test_a_failure_reaches_the_main_thread(machine: Scheduler) -> None:
    def fails() -> None:
        raise KeyError("x")

    scheduler.make_thread(target=fails).start()
    with pytest.raises(KeyError):
        machine.run()


def test_leaving_ends_blocked_tasks() -> None:
    made = Scheduler(Clock(START))
    scheduler.enter(made)
    ended: list[str] = []

    def waits() -> None:
        try:
            scheduler.make_event().wait()
        finally:
            ended.append("ended")

    scheduler.make_thread(target=waits).start()
    made.run()
    scheduler.leave()
    assert ended == ["ended"]


def test_a_condition_wakes_its_waiters(machine: Scheduler) -> None:
    condition = scheduler.make_condition()
    seen: list[bool] = []

    def waits() -> None:
        with condition:
            seen.append(condition.wait())

    scheduler.make_thread(target=waits).start()
    machine.run()
    assert seen == []
    condition.notify_all()
    machine.run()
    assert seen == [True]


def test_every_clock_has_virtual_time(machine: Scheduler) -> None:
    assert datetime.now(UTC) == datetime.now().replace(tzinfo=UTC) == START
    machine.clock.sleep(3)
    machine.clock.move_to(START)
    assert time.time() == START.timestamp() + 3


def test_time_is_real_without_an_account() -> None:
    event = scheduler.make_event()
    event.set()
    assert event.wait(1)
    thread = scheduler.make_thread(target=lambda: None, daemon=True)
    thread.start()
    thread.join()
    real = datetime.fromtimestamp(time.clock_gettime(time.CLOCK_REALTIME), UTC)
    assert abs(datetime.now(UTC) - real) < timedelta(minutes=1)
