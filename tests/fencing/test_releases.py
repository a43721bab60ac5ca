"""A release undoes the last change first, and each no sooner than it does no harm."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest

from cordon import actions
from cordon.actions import Json
from cordon.errors import NotYet, ReleaseFailed
from cordon.memory.cases import ActionStatus
from cordon.statuses import Status
from tests.fencing.account import LEASE, memory_account
from tests.fencing.resources import MemoryLock, lock
from tests.make import PLACE


@dataclass(frozen=True)
class SessionLock(MemoryLock):
    """What it denies would come back with an early undo."""

    safe: ClassVar[dict[str, datetime]] = {}

    def until_safe_to_undo(self, captured: Json, written: Json) -> datetime | None:
        return self.safe.get(self.thing)


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(actions.LOADED, SessionLock.name(), SessionLock)
    yield
    SessionLock.safe.clear()


def test_last_change_is_undone_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The block goes before the policy that it would refuse."""
    undone: list[str] = []
    with memory_account({"a": (lock("data", "x"), lock("side", "y"))}) as account:
        account.deliver("a")
        write = account.resources.write

        def noted(name: str, value: Any) -> None:
            undone.append(name)
            write(name, value)

        monkeypatch.setattr(account.resources, "write", noted)
        account.release("a")
    assert undone == ["side", "data"]


def test_undo_waits_until_it_is_safe_and_the_row_says_the_earliest_moment() -> None:
    plan = (SessionLock(PLACE, "data", ("x",)), SessionLock(PLACE, "side", ("y",)))
    with memory_account({"a": plan}) as account:
        account.deliver("a")
        soon = account.clock.now() + timedelta(hours=12)
        SessionLock.safe.update(data=soon + timedelta(hours=24), side=soon)
        case = account.release("a")
        assert case is not None
        assert (case.status, case.not_before) == (Status.RELEASING, soon)
        assert {r.status for r in case.results} == {ActionStatus.WAITING}
        assert account.resources.values["side"] == ["cordon:y"]
        account.clock.at = soon
        case = account.release("a")
        assert case is not None
        assert (case.status, case.not_before) == (Status.RELEASING, SessionLock.safe["data"])
        assert account.resources.values["side"] == []
        assert account.resources.values["data"] == ["owner", "cordon:x"]
        account.clock.at = SessionLock.safe["data"]
        case = account.release("a")
        assert case is not None
        assert case.status is Status.REOPENED
        assert account.resources.values["data"] == ["owner"]
        assert account.faults() == []


@pytest.mark.parametrize("noted", [True, False])
def test_release_of_many_that_are_deleted_ends_within_its_lease(noted: bool) -> None:
    """Each is looked for three times: the pauses of all are longer than an attempt may take."""
    things = [f"bucket-{number}" for number in range(48)]
    with memory_account({"a": tuple(lock(thing, "x") for thing in things)}) as account:
        account.resources.values.update({thing: ["owner"] for thing in things})
        account.resources.errors = {} if noted else {things[0]: TimeoutError("the process died")}
        with suppress(TimeoutError):
            account.deliver("a")
        account.resources.values.clear()
        for _ in range(4):
            begun = account.clock.now()
            with suppress(ReleaseFailed):
                account.release("a")
            assert account.clock.now() <= begun + LEASE
            account.clock.passes(minutes=5)
        case = account.case("a")
        assert case is not None
        deleted = [one for one in case.results if one.status is ActionStatus.RESOURCE_DELETED]
        assert (case.status, len(deleted)) == (Status.RELEASED, len(things))


def test_what_was_deleted_while_a_change_waits_is_deleted_once_it_is_released(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with memory_account({"a": (lock("data", "x"), lock("side", "y"))}) as account:
        write = account.resources.write

        def waits(name: str, value: Any) -> None:
            if name == "side":
                raise NotYet(account.clock.now() + timedelta(minutes=1), "it needs time")
            write(name, value)

        monkeypatch.setattr(account.resources, "write", waits)
        account.resources.values.pop("data")
        assert account.deliver("a").status is Status.CONTAINING
        case = account.release("a")
        assert case is not None
        assert {r.status for r in case.results if "data" in r.target} == {
            ActionStatus.RESOURCE_DELETED
        }


def test_what_was_deleted_once_may_have_been_written_since(monkeypatch: pytest.MonkeyPatch) -> None:
    """The attempt after the one that said so has died: what it wrote is looked for."""
    with memory_account({"a": (lock("data", "x"),)}) as account:
        case, looked = account.deliver("a"), list[str]()
        deleted = tuple(replace(r, status=ActionStatus.RESOURCE_DELETED) for r in case.results)
        account.services().cases.write(replace(case, status=Status.CONTAINING, results=deleted))

        def unnoted(action: MemoryLock, aws: Any, captured: Json, written: Json) -> None:
            looked.append(action.thing)

        monkeypatch.setattr(MemoryLock, "unnoted", unnoted)
        account.release("a")
    assert looked == ["data"]
