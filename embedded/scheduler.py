"""Virtual time and one task at a time: what makes an embedded account deterministic.

moto runs every Step Functions execution in threads that sleep and wait on the real clock. The
scheduler replaces the primitives they use. Only one task runs; it runs until it blocks or ends,
then the next in line runs. A blocked task may have a moment at which it continues by itself:

    a *pause*      a Wait state, the back-off of a retry: nothing else can end it
    a *time-out*   a task token, a heartbeat: somebody may still respond before it

When every task is blocked, only the clock can move, and the account decides how far:

    task A   run ──► Wait 90 s ─────────────────────► run ──► token, 2 h ······► timed out
    task B        run ──► ended
    clock    06:00:00 ........................... 06:01:30 ...................... 08:01:30
                      settle() moves it over pauses         advance() also over time-outs
"""

import datetime as real
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Literal

import time_machine

Kind = Literal["pause", "time-out"]
FOREVER = real.timedelta(days=366)  # longer than a standard execution may live


class Deadlock(RuntimeError):
    """A call waits for something that can no longer happen."""


class _Retired(BaseException):
    """Ends the threads of an account that has been left."""


@dataclass
class Clock:
    """The moment it is in the embedded account. It moves only by these methods."""

    now: real.datetime
    _traveller: time_machine.Traveller | None = None

    def move_to(self, moment: real.datetime) -> None:
        """Time never runs backwards."""
        self._set(max(self.now, moment))

    def sleep(self, seconds: float) -> None:
        """A sleep of the code under test: only the clock moves."""
        self._set(self.now + real.timedelta(seconds=max(seconds, 0)))

    def _set(self, moment: real.datetime) -> None:
        if self._traveller is not None:
            self._traveller.shift(moment - self.now)
        self.now = moment

    @contextmanager
    def shown(self) -> Iterator[None]:
        """While it lasts, every clock of this process shows this moment, in UTC."""
        with time_machine.travel(self.now, tick=False) as self._traveller:
            try:
                yield
            finally:
                self._traveller = None


@dataclass(eq=False)
class Task:
    """A thread of the interpreter. ``owner`` is the role that its calls are made under."""

    run: Callable[[], object]
    owner: Any
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    done: bool = False


@dataclass(eq=False)
class _Waiter:
    """A blocked task: wakes when ``ready``, or at ``until``."""

    task: Task | None  # None is the caller's own thread
    ready: Callable[[], bool]
    until: real.datetime | None
    kind: Kind
    order: int

    def due(self, now: real.datetime) -> bool:
        return self.ready() or (self.until is not None and self.until <= now)


class Scheduler:
    """Runs tasks in the order in which they became able to run."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._ready: deque[Task] = deque()
        self._waiting: list[_Waiter] = []
        self._current: Task | None = None
        self._turn = threading.Semaphore(0)
        self._count = itertools.count()
        self._retired = False
        self.main_owner: Any = None
        self.failures: list[BaseException] = []

    @property
    def owner(self) -> Any:
        """The owner of the code that runs: the current task's, or the main thread's."""
        return self.main_owner if self._current is None else self._current.owner

    @owner.setter
    def owner(self, owner: Any) -> None:
        if self._current is None:
            self.main_owner = owner
        else:
            self._current.owner = owner

    def spawn(self, run: Callable[[], object]) -> Task:
        """A task that runs when those before it have blocked or ended."""
        task = Task(run, self.owner)
        threading.Thread(target=self._body, args=(task,), daemon=True).start()
        self._ready.append(task)
        return task

    def _body(self, task: Task) -> None:
        task.go.acquire()
        try:
            if not self._retired:
                task.run()
        except _Retired:
            pass
        except BaseException as failure:  # noqa: BLE001 raised in the main thread
            self.failures.append(failure)
        finally:
            task.done = True
            self._turn.release()

    def block(
        self, ready: Callable[[], bool], seconds: float | None = None, *, kind: Kind = "time-out"
    ) -> bool:
        """Let others run until ``ready``; False when ``seconds`` of virtual time went by first."""
        if ready():
            return True
        waiter = _Waiter(self._current, ready, self._moment(seconds), kind, next(self._count))
        self._waiting.append(waiter)
        if self._current is None:
            self._run_until(waiter)
        else:
            self._yield(self._current)
        return ready()

    def _moment(self, seconds: float | None) -> real.datetime | None:
        if seconds is None or seconds >= FOREVER.total_seconds():
            return None
        return self.clock.now + real.timedelta(seconds=seconds)

    def _yield(self, task: Task) -> None:
        self._turn.release()
        task.go.acquire()
        if self._retired:
            raise _Retired

    def _run_until(self, own: _Waiter) -> None:
        """The main thread waits: run the other tasks, over pauses and its own time-out."""
        while own in self._waiting:
            if self._step() or own not in self._waiting:
                continue
            times = [w.until for w in self._waiting if w.until and (w.kind == "pause" or w is own)]
            if not times:
                self._waiting.remove(own)
                raise Deadlock("the call waits for something that can no longer happen")
            self.clock.move_to(min(times))

    def _wake(self) -> None:
        due = [w for w in self._waiting if w.due(self.clock.now)]
        for waiter in sorted(due, key=lambda w: (w.until or self.clock.now, w.order)):
            self._waiting.remove(waiter)
            if waiter.task is not None:
                self._ready.append(waiter.task)

    def _step(self) -> bool:
        """Run one task until it blocks or ends. False when none can run."""
        self._wake()
        if not self._ready:
            return False
        task, before = self._ready.popleft(), self._current
        self._current = task
        task.go.release()
        self._turn.acquire()
        self._current = before
        if self.failures:
            raise self.failures.pop(0)
        return True

    def run(self) -> bool:
        """Run every task as far as it goes without the clock moving; True if any ran."""
        ran = False
        while self._step():
            ran = True
        return ran

    def next_pause(self) -> real.datetime | None:
        """When the first pause ends."""
        return min((w.until for w in self._waiting if w.kind == "pause" and w.until), default=None)

    def next_moment(self) -> real.datetime | None:
        """When the first pause or time-out ends."""
        return min((w.until for w in self._waiting if w.until), default=None)

    def retire(self) -> None:
        """End all tasks: the account is being left."""
        self._retired = True
        tasks = [*self._ready, *(w.task for w in self._waiting if w.task)]
        self._ready.clear()
        self._waiting.clear()
        for task in tasks:
            task.go.release()
            self._turn.acquire()


real_sleep = time.sleep
_entered: list[Scheduler] = []


def active() -> Scheduler | None:
    """The scheduler of the entered account, or None."""
    return _entered[-1] if _entered else None


def enter(scheduler: Scheduler) -> None:
    """From now on the interpreter's threads are this scheduler's."""
    _entered.append(scheduler)


def leave() -> None:
    """Back to real threads."""
    _entered.pop().retire()


class _Event:
    """threading.Event over the scheduler."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._flag = False
        self._sets = 0

    def is_set(self) -> bool:
        return self._flag

    def set(self) -> None:
        self._flag = True
        self._sets += 1

    def clear(self) -> None:
        self._flag = False

    def wait(self, timeout: float | None = None, *, kind: Kind = "time-out") -> bool:
        seen = self._sets
        return self._scheduler.block(lambda: self._flag or self._sets > seen, timeout, kind=kind)


class _Thread:
    """threading.Thread over the scheduler."""

    def __init__(
        self,
        scheduler: Scheduler,
        target: Callable[..., object],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        self._scheduler = scheduler
        self._run = lambda: target(*args, **(kwargs or {}))
        self._task: Task | None = None
        self.native_id = 0

    def start(self) -> None:
        self._task = self._scheduler.spawn(self._run)

    def is_alive(self) -> bool:
        return self._task is not None and not self._task.done

    def join(self, timeout: float | None = None) -> None:
        self._scheduler.block(lambda: not self.is_alive(), timeout)


class _Condition:
    """threading.Condition over the scheduler. One task runs at a time: there is nothing to lock."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._notified = 0

    def __enter__(self) -> "_Condition":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        return None

    def notify_all(self) -> None:
        self._notified += 1

    notify = notifyAll = notify_all

    def wait(self, timeout: float | None = None) -> bool:
        seen = self._notified
        return self._scheduler.block(lambda: self._notified > seen, timeout)


def make_event() -> Any:
    """An Event: the scheduler's while an account is entered, else a real one."""
    scheduler = active()
    return _Event(scheduler) if scheduler else threading.Event()


def make_thread(
    *_: object, target: Any = None, args: Any = (), kwargs: Any = None, **named: Any
) -> Any:
    """A Thread: the scheduler's while an account is entered, else a real one."""
    scheduler = active()
    if scheduler is None:
        return threading.Thread(target=target, args=args, kwargs=kwargs, **named)
    return _Thread(scheduler, target, args, kwargs)


def make_condition() -> Any:
    """A Condition: the scheduler's while an account is entered, else a real one."""
    scheduler = active()
    return _Condition(scheduler) if scheduler else threading.Condition()


def virtual_threading_module() -> ModuleType:
    """A stand-in for ``import threading``; locks stay real, since nothing blocks holding one."""
    module = ModuleType("threading")
    vars(module).update({k: v for k, v in vars(threading).items() if not k.startswith("__")})
    vars(module).update(Thread=make_thread, Event=make_event, Condition=make_condition)
    return module


def sleep(seconds: float) -> None:
    """time.sleep of the interpreter: a pause of the running task."""
    scheduler = active()
    if scheduler is None:
        real_sleep(seconds)
    else:
        scheduler.block(lambda: False, seconds, kind="pause")


def virtual_time_module() -> ModuleType:
    """A stand-in for ``import time``."""
    module = ModuleType("time")
    vars(module).update({k: v for k, v in vars(time).items() if not k.startswith("__")})
    vars(module).update(sleep=sleep)
    return module
