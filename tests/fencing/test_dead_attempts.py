"""What an attempt leaves when it dies: its words in evidence, and a write without a note (A7)."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from cordon.attempt import begin, lease
from cordon.errors import ContainFailed, CordonError, NothingToChange, Refused
from cordon.statuses import Event
from tests.fencing.account import ORIGINAL, MemoryAccount, memory_account
from tests.fencing.turns import Side


@pytest.fixture
def account() -> Iterator[MemoryAccount]:
    with memory_account() as account:
        yield account


@pytest.mark.parametrize("calls", range(1, 20))
def test_dead_contain_is_undone(account: MemoryAccount, calls: int) -> None:
    """Wherever it died, and whatever it noted: release restores what was captured."""
    Side(partial(account.deliver, "a")).step(calls).die()
    account.clock.passes(minutes=5)
    account.release("a")
    case = account.case("a")
    assert account.resources.values == ORIGINAL
    assert account.faults() == []
    assert case is None or "drifted" not in {str(result.status) for result in case.results}


def test_orphaned_entry_stays_in_the_chain(account: MemoryAccount) -> None:
    """Died between evidence and hold: the successor's capture names the successor's entry."""
    calls = 0
    while not account.bucket.chain("a"):
        calls += 1
        account = account.copy()
        account.table.rows.clear()
        Side(partial(account.deliver, "a")).step(calls).die()
    assert len(account.bucket.chain("a")) == 1
    account.clock.passes(minutes=5)
    case = account.deliver("a")
    stages = [json.loads(entry)["stage"] for entry in account.bucket.chain("a")]
    hold = account.hold(case.plan.actions[0])
    assert stages == ["captured", "captured", "contained"]
    assert hold is not None and hold.capture is not None
    assert hold.capture.key.endswith("/a/000002.json")
    assert account.faults() == []


@pytest.mark.parametrize("reading", [Refused, NothingToChange])
def test_refused_successor_keeps_the_hold(
    account: MemoryAccount, reading: type[CordonError]
) -> None:
    """An earlier attempt wrote and died; now nothing can be read, or is found: it stays held."""
    data = account.plans["a"][0]
    calls = 0
    while account.resources.values == ORIGINAL:
        calls += 1
        account = account.copy()
        account.table.rows.clear()
        account.bucket.objects.clear()
        Side(partial(account.deliver, "a")).step(calls).die()
    account.clock.passes(minutes=5)
    with pytest.MonkeyPatch.context() as patch:

        def refuse(*_: Any) -> Any:
            raise reading("no room")

        patch.setattr(type(data), "capture", refuse)
        account.deliver("a")
    assert account.status("a") == "contained"
    assert account.faults() == []


def test_unverified_write_contains_nothing(
    account: MemoryAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service took the write, and it did not come into force."""
    monkeypatch.setattr(account.resources, "write", lambda name, value: None)
    with pytest.raises(ContainFailed, match="NotVerified"):
        account.deliver("a")
    assert account.status("a") == "failed"


def test_ending_lease_starts_no_effect(
    account: MemoryAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading took so long that an effect could outlive the attempt; the next one contains."""
    read = account.resources.read

    def slowly(name: str) -> Any:
        account.clock.passes(seconds=28)
        return read(name)

    monkeypatch.setattr(account.resources, "read", slowly)
    with pytest.raises(ContainFailed, match="AttemptOver"):
        account.deliver("a")
    assert account.resources.values == ORIGINAL
    monkeypatch.setattr(account.resources, "read", read)
    assert account.deliver("a").status == "contained"
    assert account.faults() == []


def test_failed_attempt_gives_its_lease_up(
    account: MemoryAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next delivery need not wait for the lease's end."""
    put = account.bucket.put_object

    def fail(**_: Any) -> None:
        raise ConnectionError("evidence is out of reach")

    monkeypatch.setattr(account.bucket, "put_object", fail)
    with pytest.raises(ConnectionError):
        account.deliver("a")
    monkeypatch.setattr(account.bucket, "put_object", put)
    assert account.deliver("a").status == "contained"
    assert account.faults() == []


def test_meeting_another_captures_nothing_twice(
    account: MemoryAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another case came between the write and its note: what was captured is in evidence once."""
    write = account.resources.write
    came: list[str] = []

    def meanwhile(name: str, value: Any) -> None:
        write(name, value)
        if not came:
            came.append(name)
            begin(account._new("b", None), None, Event.CLAIM, account.services())

    monkeypatch.setattr(account.resources, "write", meanwhile)
    account.deliver("a")
    stages = [json.loads(entry)["stage"] for entry in account.bucket.chain("a")]
    assert stages == ["captured", "contained"]
    hold = account.hold(account.plans["a"][0])
    assert hold is not None and hold.cases == {"a", "b"}


def test_late_failure_leaves_the_successors_lease(account: MemoryAccount) -> None:
    """An attempt that failed after its time gives up its own lease only."""
    late = Side(partial(account.deliver, "a")).step(4)
    overslept = account.case("a")
    assert overslept is not None
    account.clock.passes(minutes=5)
    successor = begin(overslept, overslept, Event.CLAIM, account.services())
    with pytest.raises(RuntimeError), lease(overslept, account.services()):
        raise RuntimeError
    now = account.case("a")
    assert now is not None and now.live
    assert now.lease_until == successor.lease_until
    late.die()


def test_lost_evidence_keeps_no_other_case_from_containing(account: MemoryAccount) -> None:
    """What was captured and written is in the hold's row; evidence is for restoring."""
    account.deliver("a")
    account.bucket.objects.clear()
    assert account.deliver("b").status == "contained"
    assert account.resources.values["data"] == ["owner", "cordon:x", "cordon:y"]
