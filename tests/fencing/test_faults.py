"""The engine meets every fault at every call, reads too: of the table, evidence and resource.

Whatever happened, the case ends as an undisturbed one or its error rises; nothing is said that is
not so; once the fault is over the delivery that comes again completes it; and a release restores.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest

from cordon import actions
from cordon.actions import Action, Json
from cordon.memory.cases import ActionResult, ActionStatus, Case
from cordon.memory.table import Row
from cordon.statuses import CONTAIN_ENDED, Status
from embedded.iam_guard import SandboxDied
from tests.faults import DENIED, DIED, FAULTS, LOST, Breakage, Fault, nothing
from tests.fencing.account import ORIGINAL, MemoryAccount, memory_account
from tests.fencing.resources import MemoryLock, MemoryResources, MemoryTag, lock, tag
from tests.fencing.stand_ins import MemoryBucket, MemoryTable
from tests.make import PLACE

T = TypeVar("T")
LOCKED_FOR = timedelta(hours=36)
TRIES = 3  # Lambda's, of one event; the state machines' are more


@dataclass(frozen=True)
class Sign(MemoryTag):
    """A tag of the resource that the lock contains."""

    @property
    def resource(self) -> str:
        return "arn:aws:memory:::data"


@dataclass(frozen=True)
class TimedLock(MemoryLock):
    """An undo would do harm before a moment, as that of a denial of sessions."""

    def until_safe_to_undo(self, captured: Json, written: Json) -> datetime | None:
        return datetime.fromisoformat("2026-11-24T12:00:00+00:00") + LOCKED_FOR


SHAPES: Mapping[str, tuple[Action, ...]] = {
    "quarantine": (lock("data", "x"), lock("side", "y"), Sign(PLACE, "mark", ("a",))),
    "revoke": (lock("data", "x"), TimedLock(PLACE, "side", ("y",))),
    "tag": (tag("mark", "a"),),
}
PHASES = {
    "quarantine": ("deliver", "again", "release"),
    "revoke": ("deliver", "release"),
    "tag": ("deliver", "release", "passes"),
}
# A step takes a lasting throttle or breakdown as it takes a lasting denial: the call is refused.
LASTING = (DENIED, LOST, DIED)
KINDS = [
    *(pytest.param(fault, False, id=f"{fault}") for fault in FAULTS),
    *(pytest.param(fault, True, id=f"{fault}-lasting") for fault in LASTING),
]
EACH = [(shape, phase) for shape, phases in PHASES.items() for phase in phases]


class BrokenTable(MemoryTable):
    """Its calls go through a breakage."""

    def __init__(self, breakage: Breakage) -> None:
        super().__init__()
        self.breakage = breakage

    def get(self, *keys: str) -> dict[str, Row]:
        return self._call("BatchGetItem", lambda: MemoryTable.get(self, *keys))

    def put(self, row: Row, condition: str = "", **values: Any) -> None:
        self._call("PutItem", lambda: MemoryTable.put(self, row, condition, **values))

    def update(self, key: str, expression: str, condition: str = "", **parts: Any) -> Row:
        change = lambda: MemoryTable.update(self, key, expression, condition, **parts)  # noqa: E731
        return self._call("UpdateItem", change)

    def delete(self, key: str, condition: str, **parts: Any) -> None:
        self._call("DeleteItem", lambda: MemoryTable.delete(self, key, condition, **parts))

    def transact(self, writes: Any) -> None:
        self._call("TransactWriteItems", lambda: MemoryTable.transact(self, writes))

    def _call(self, operation: str, go: Callable[[], T]) -> T:
        return self.breakage.call("dynamodb", operation, go)


class BrokenBucket(MemoryBucket):
    """The same for evidence."""

    def __init__(self, breakage: Breakage) -> None:
        super().__init__()
        self.breakage = breakage

    def put_object(self, **put: Any) -> None:
        self.breakage.call("s3", "PutObject", lambda: MemoryBucket.put_object(self, **put))

    def get_object(self, **get: Any) -> dict[str, Any]:
        return self.breakage.call("s3", "GetObject", lambda: MemoryBucket.get_object(self, **get))


class BrokenResources(MemoryResources):
    """The same for what is contained: each resource has a read and a write of its own."""

    breakage: Breakage

    def read(self, name: str) -> Any:
        return self.breakage.call("s3", f"Get {name}", lambda: MemoryResources.read(self, name))

    def write(self, name: str, value: Any) -> None:
        put = lambda: MemoryResources.write(self, name, value)  # noqa: E731
        self.breakage.call("s3", f"Put {name}", put)


class BrokenAccount(MemoryAccount):
    """An account of which a process's calls may be broken."""

    breakage: Breakage
    known: int  # the version of the row as it was

    @classmethod
    def of(cls, account: MemoryAccount, breakage: Breakage) -> "BrokenAccount":
        """A copy of the account."""
        broken = cls(account.clock, account.plans)
        broken.breakage = breakage
        broken.table, broken.bucket = BrokenTable(breakage), BrokenBucket(breakage)
        broken.resources = BrokenResources(**account.resources.values)
        broken.resources.breakage = breakage
        broken.table.rows.update(account.table.rows)
        broken.bucket.objects.update(account.bucket.objects)
        broken.known = case.version if (case := broken.case("a")) is not None else 0
        return broken

    def comes(self, phase: str) -> str:
        """Come again as Lambda does, minutes later. The last error; "" where it ended well."""
        risen = ""
        for _ in range(TRIES):
            try:
                with self.breakage.process():
                    self._carry_out(phase)
            except (Exception, SandboxDied) as error:  # noqa: BLE001 - whatever rises is an alarm
                risen = f"{type(error).__name__}: {error}"
                self.clock.passes(minutes=2)
            else:
                return ""
        return risen

    def _carry_out(self, phase: str) -> None:
        if phase in ("release", "passes"):
            self._undo(self.release if phase == "release" else self.passes)
            return
        case = self.case("a")
        unfinished = case is None or case.status is Status.CONTAINING or bool(case.failed)
        self.deliver("a") if phase == "deliver" or unfinished else self.again("a")

    def _undo(self, verb: Callable[[str], Case | None]) -> None:
        case = verb("a")
        if case is not None and case.not_before is not None:
            self.clock.at = max(self.clock.at, case.not_before)
            verb("a")

    def untrue(self) -> list[str]:
        """What the row says that is not so, if anybody has written it."""
        case = self.case("a")
        if case is None or case.version == self.known:
            return []
        shown = {a.target: self._is_changed(a) for a in case.plan.actions}
        ended, undone = case.status in CONTAIN_ENDED, (Status.RELEASED, Status.REOPENED)
        return [
            *(f"{r.target} is not verified" for r in case.results if ended and _untrue(r, shown)),
            *(f"{t} is not restored" for t in shown if case.status in undone and shown[t]),
            *(f"{r.target} failed without a reason" for r in case.failed if not r.reason),
        ]

    def _is_changed(self, action: Action) -> bool:
        thing = action.thing  # type: ignore[attr-defined]
        return bool(self.resources.values[thing] != ORIGINAL[thing])

    def left(self) -> list[str]:
        """What is not as it was before the case."""
        held = [key for key in self.table.rows if key.startswith("hold#")]
        left = [name for name, value in self.resources.values.items() if value != ORIGINAL[name]]
        return [f"{one} is left" for one in (*held, *left)]


def _untrue(result: ActionResult, shown: Mapping[str, bool]) -> bool:
    return result.status is ActionStatus.VERIFIED and not shown[result.target]


@contextmanager
def at_the_begin_of(shape: str, phase: str) -> Iterator[MemoryAccount]:
    """An account in which all before the phase is over, undisturbed."""
    with memory_account({"a": SHAPES[shape]}) as account, pytest.MonkeyPatch.context() as patch:
        for kind in (Sign, TimedLock):
            patch.setitem(actions.LOADED, kind.name(), kind)
        if phase != "deliver":
            account.deliver("a")
            account.clock.passes(minutes=5)
        if phase == "again":
            account.resources.values["data"] = ORIGINAL["data"]  # somebody undid it
        yield account


def wrong(account: BrokenAccount, shape: str, phase: str, *, redelivered: bool) -> Iterator[str]:
    """What is wrong after a fault, and after all that follows on it."""
    breakage, end = account.breakage, ends(shape, phase)
    risen, status = account.comes(phase), account.status("a")
    yield from account.untrue()
    if risen and not breakage.lasting:
        yield f"a fault that is over is not survived: {risen}"
    if not risen and status != end:
        yield f"it ends as {status}, and no error rises"
    breakage.mend()
    if redelivered:
        if risen := account.comes(phase):
            yield f"it fails though all is mended: {risen}"
        if account.status("a") != end:
            yield f"all is mended, and it ends as {account.status('a')}"
        yield from (*account.faults(), *account.untrue())
    if risen := account.comes("release"):
        yield f"it cannot be released: {risen}"
    yield from (*account.left(), *account.faults(), *account.untrue())


def ends(shape: str, phase: str) -> Status:
    """How an undisturbed phase ends."""
    released = {"release": Status.REOPENED, "passes": Status.RELEASED}
    return released.get(phase, Status.TAGGED if shape == "tag" else Status.CONTAINED)


def every_call(start: MemoryAccount, phase: str) -> range:
    """The calls of an undisturbed phase."""
    undisturbed, began = BrokenAccount.of(start, nothing()), start.clock.at
    assert undisturbed.comes(phase) == ""
    start.clock.at = began
    return range(len(undisturbed.breakage.seen))


@pytest.mark.drawn(1 / 10)
@pytest.mark.parametrize(("fault", "lasting"), KINDS)
@pytest.mark.parametrize(("shape", "phase"), EACH)
def test_every_fault_at_every_call(shape: str, phase: str, fault: Fault, lasting: bool) -> None:
    with at_the_begin_of(shape, phase) as start:
        began, found = start.clock.at, {}
        for number in every_call(start, phase):
            for redelivered in (True, False) if lasting else (True,):
                start.clock.at = began
                account = BrokenAccount.of(start, Breakage(fault, number, lasting))
                if faults := [*wrong(account, shape, phase, redelivered=redelivered)]:
                    found[account.breakage.where, redelivered] = faults
        assert found == {}
