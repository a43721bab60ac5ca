"""How a change may end besides verified and restored: not true, not yet, kept, too big."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar

import pytest
from botocore.exceptions import ClientError

import tests.fencing.account
from cordon import actions, clock
from cordon.actions import Action, Json, NotVerified, NotYet, Undone, UndoResult
from cordon.errors import ContainFailed, ReleaseFailed
from cordon.memory.cases import ActionStatus, Case
from cordon.memory.holds import MOST_IN_ROW
from cordon.release import FINDING_SOURCE
from cordon.statuses import Status
from tests.fencing.account import PERSON, MemoryAccount, memory_account
from tests.fencing.resources import MemoryLock, MemoryResources, MemoryTag, lock, tag
from tests.make import PLACE, a_finding

DENIED = ClientError({"Error": {"Code": "AccessDenied"}}, "PutSomething")


@dataclass(frozen=True)
class SlowLock(MemoryLock):
    """Its service needs ten minutes, both ways."""

    ready: ClassVar[list[datetime]] = []

    def verify(self, aws: Any, captured: Json, written: Json) -> None:
        self._wait()
        super().verify(aws, captured, written)

    def undo(self, aws: Any, captured: Json, written: Json) -> UndoResult:
        self._wait()
        return super().undo(aws, captured, written)

    def _wait(self) -> None:
        for moment in self.ready:
            raise NotYet(moment, "it is stopping")


@dataclass(frozen=True)
class LateLock(SlowLock):
    """Its service takes nothing for ten minutes."""

    def apply(
        self, aws: Any, captured: Json, written: Json | None, current: Json | None = None
    ) -> Json:
        self._wait()
        return super().apply(aws, captured, written, current)


@dataclass(frozen=True)
class LaggingLock(MemoryLock):
    """Its service shows the old value for some time after each write."""

    lags_until: ClassVar[list[datetime]] = []

    def verify(self, aws: Any, captured: Json, written: Json) -> None:
        if any(clock.now() < moment for moment in self.lags_until):
            raise NotVerified("it shows the old value")
        super().verify(aws, captured, written)


@dataclass(frozen=True)
class OneWayLock(MemoryLock):
    """To undo it would do harm."""

    def undo(self, aws: Any, captured: Json, written: Json) -> UndoResult:
        return UndoResult(Undone.KEPT, "detection stays on")


@dataclass(frozen=True)
class LostLock(MemoryLock):
    """Its undo does not come into force."""

    def undo(self, aws: Any, captured: Json, written: Json) -> UndoResult:
        return UndoResult(Undone.RESTORED, left=captured)


@dataclass(frozen=True)
class MetLock(MemoryLock):
    """While it is undone, somebody else does something."""

    meanwhile: ClassVar[list[Callable[[], Any]]] = []
    ends: ClassVar[list[Undone]] = []

    def undo(self, aws: Any, captured: Json, written: Json) -> UndoResult:
        while self.meanwhile:
            self.meanwhile.pop()()
        return replace(super().undo(aws, captured, written), state=self.ends[0])


@dataclass(frozen=True)
class SideLock(MemoryLock):
    """Another setting of the same resource."""

    @property
    def resource(self) -> str:
        return "arn:aws:memory:::data"


@dataclass(frozen=True)
class Sign(MemoryTag):
    """A tag of the resource that a lock contains, kept apart from it."""

    @property
    def resource(self) -> str:
        return "arn:aws:memory:::data"


@dataclass(frozen=True)
class MarkedLock(MemoryLock):
    """It contains only what a tag marks."""

    only_tagged = True


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = (SlowLock, LateLock, LaggingLock)
    for kind in (*slow, OneWayLock, LostLock, MetLock, SideLock, Sign, MarkedLock):
        monkeypatch.setitem(actions.LOADED, kind.name(), kind)
    monkeypatch.setattr(SlowLock, "ready", [])
    monkeypatch.setattr(LaggingLock, "lags_until", [])
    monkeypatch.setattr(MetLock, "ends", [])


def account_of(*plan: Any) -> Any:
    return memory_account({"a": plan})


@pytest.fixture
def signed() -> Iterator[MemoryAccount]:
    with account_of(Sign(PLACE, "mark", ("a",)), lock("data", "x")) as account:
        yield account


def ends(account: MemoryAccount) -> dict[str, ActionStatus]:
    case = account.case("a")
    assert case is not None
    return {result.action: result.status for result in case.results}


def the_case(account: MemoryAccount) -> Case:
    case = account.case("a")
    assert case is not None
    return case


class TestTags:
    def test_tag_comes_after_verified_containment(
        self, signed: MemoryAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        writes: list[str] = []
        write = MemoryResources.write

        def noted(resources: MemoryResources, name: str, value: Any) -> None:
            writes.append(name)
            write(resources, name, value)

        monkeypatch.setattr(MemoryResources, "write", noted)
        signed.deliver("a")
        assert writes == ["data", "mark"]
        assert ends(signed) == {"sign": "verified", "memory_lock": "verified"}

    def test_no_tag_says_what_is_not_so(self, signed: MemoryAccount) -> None:
        """The block was refused, and the bucket said quarantined all the same (A1)."""
        signed.resources.errors["data"] = DENIED
        with pytest.raises(ContainFailed):
            signed.deliver("a")
        assert ends(signed) == {"sign": "skipped", "memory_lock": "failed"}
        assert signed.resources.values["mark"] == "before"
        assert the_case(signed).status is Status.FAILED
        del signed.resources.errors["data"]
        signed.deliver("a")
        assert ends(signed) == {"sign": "verified", "memory_lock": "verified"}
        assert the_case(signed).status is Status.CONTAINED

    def test_tag_that_became_untrue_is_taken_off(self, signed: MemoryAccount) -> None:
        signed.deliver("a")
        signed.resources.values["data"] = ["owner"]  # a person opened it, and we may not shut it
        signed.resources.errors["data"] = DENIED
        with pytest.raises(ContainFailed):
            signed.again("a")
        assert ends(signed) == {"sign": "skipped", "memory_lock": "failed"}
        assert signed.resources.values["mark"] == "before"

    @pytest.mark.parametrize(
        ("tag", "ended"),
        [(Sign(PLACE, "mark", ("a",)), "verified"), (tag("mark", "a"), "skipped")],
        ids=["of the resource", "of another"],
    )
    def test_what_only_a_tag_marks_is_contained_with_it(self, tag: Any, ended: str) -> None:
        with account_of(tag, MarkedLock(PLACE, "data", ("x",))) as account:
            account.deliver("a")
            assert ends(account)["marked_lock"] == ended
            assert (the_case(account).status is Status.CONTAINED) is (ended == "verified")

    def test_case_that_failed_is_released(self, signed: MemoryAccount) -> None:
        signed.resources.errors["data"] = DENIED
        with pytest.raises(ContainFailed):
            signed.deliver("a")
        del signed.resources.errors["data"]
        signed.release("a")
        assert signed.table.rows.keys() & {"hold#memory#sign:mark"} == set()
        assert signed.resources.values["mark"] == "before"


class TestNotYet:
    def test_change_waits_and_goes_on(self) -> None:
        with account_of(SlowLock(PLACE, "data", ("x",))) as account:
            until = account.clock.now() + timedelta(minutes=10)
            SlowLock.ready.append(until)
            case = account.deliver("a")
            assert (case.status, case.not_before) == (Status.CONTAINING, until)
            assert case.lease_until is None
            assert ends(account) == {"slow_lock": "waiting"}
            assert account.resources.values["data"] == ["owner", "cordon:x"]
            SlowLock.ready.clear()
            case = account.deliver("a")
            assert (case.status, case.not_before) == (Status.CONTAINED, None)
            assert ends(account) == {"slow_lock": "verified"}

    def test_what_comes_after_it_waits_too(self) -> None:
        """The plan's order means something; so does a tag."""
        side = SideLock(PLACE, "side", ("y",))
        with account_of(
            LateLock(PLACE, "data", ("x",)), side, Sign(PLACE, "mark", ("a",))
        ) as account:
            account.resources.values["side"] = []
            SlowLock.ready.append(account.clock.now() + timedelta(minutes=10))
            account.deliver("a")
            assert set(ends(account).values()) == {"waiting"}
            assert account.resources.values == {"data": ["owner"], "mark": "before", "side": []}
            SlowLock.ready.clear()
            account.deliver("a")
            assert set(ends(account).values()) == {"verified"}
            assert account.resources.values["mark"] == "a"

    def test_change_of_another_resource_does_not_wait(self) -> None:
        with account_of(LateLock(PLACE, "data", ("x",)), lock("side", "y")) as account:
            SlowLock.ready.append(account.clock.now() + timedelta(minutes=10))
            account.deliver("a")
            assert ends(account) == {"late_lock": "waiting", "memory_lock": "verified"}
            assert account.resources.values["side"] == ["cordon:y"]

    def test_attempt_that_waits_has_not_ended(self) -> None:
        """When it was contained is what later activity is measured by."""
        with account_of(SlowLock(PLACE, "data", ("x",))) as account:
            SlowLock.ready.append(account.clock.now() + timedelta(minutes=10))
            assert account.deliver("a").contained_at is None
            SlowLock.ready.clear()
            assert account.deliver("a").contained_at is not None

    def test_death_while_it_waits_is_taken_up(self) -> None:
        with account_of(SlowLock(PLACE, "data", ("x",))) as account:
            SlowLock.ready.append(account.clock.now() + timedelta(minutes=10))
            account.deliver("a")
            SlowLock.ready.clear()
            account.settle()
            assert account.faults() == []
            account.release("a")
            assert account.resources.values["data"] == ["owner"]

    def test_undo_waits_and_keeps_the_hold(self) -> None:
        """What another case keeps cannot be put back yet (B11)."""
        with account_of(SlowLock(PLACE, "data", ("x",))) as account:
            account.deliver("a")
            until = account.clock.now() + timedelta(hours=1)
            SlowLock.ready.append(until)
            case = account.release("a")
            assert case is not None
            assert (case.status, case.not_before) == (Status.RELEASING, until)
            assert account.resources.values["data"] == ["owner", "cordon:x"]
            assert "hold#memory#slow_lock:data" in account.table.rows
            SlowLock.ready.clear()
            case = account.release("a")
            assert case is not None
            assert (case.status, case.not_before) == (Status.REOPENED, None)
            assert account.resources.values["data"] == ["owner"]


def test_service_that_lags_by_seconds_is_given_them() -> None:
    """S3 and IAM show the old value for some seconds: that is no failure."""
    with account_of(LaggingLock(PLACE, "data", ("x",))) as account:
        LaggingLock.lags_until.append(account.clock.now() + timedelta(seconds=3))
        account.deliver("a")
        assert ends(account) == {"lagging_lock": "verified"}


def test_service_that_lags_by_a_minute_has_failed() -> None:
    with account_of(LaggingLock(PLACE, "data", ("x",))) as account:
        LaggingLock.lags_until.append(account.clock.now() + timedelta(minutes=1))
        with pytest.raises(ContainFailed, match="it shows the old value"):
            account.deliver("a")
        assert ends(account) == {"lagging_lock": "failed"}


@pytest.mark.parametrize(
    "source, status, verdict, held_back",
    [
        ("guardduty", Status.AWAITING_APPROVAL, "ask", False),
        ("config", Status.OBSERVED, "observe", True),
    ],
)
def test_row_says_what_a_used_up_budget_decided(
    source: str, status: Status, verdict: str, held_back: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was claimed to be contained, and is not: whoever takes it up reads what was decided."""
    monkeypatch.setattr(tests.fencing.account, "a_finding", partial(a_finding, source=source))
    with memory_account({"a": (lock("data", "x"),)}, budget=0) as account:
        account.deliver("a")
        case = the_case(account)
        assert (case.status, case.verdict, case.held_back) == (status, verdict, held_back)
        assert "budget of 0" in case.reason
        assert case.lease_until is None
        assert (case.question_at is not None) == (status is Status.AWAITING_APPROVAL)
        assert account.resources.values["data"] == ["owner"]


@pytest.mark.parametrize("ends_as", [Undone.RESTORED, Undone.DRIFTED, Undone.PARTLY_RESTORED])
def test_case_that_comes_while_another_is_undone_stays_contained(ends_as: Undone) -> None:
    """However the undo ended, it went over what the other case had made of the target."""
    plans: dict[str, tuple[Action, ...]] = {
        name: (MetLock(PLACE, "data", (name,)),) for name in "ab"
    }
    with memory_account(plans) as account:
        account.deliver("a")
        MetLock.ends.append(ends_as)
        MetLock.meanwhile.append(lambda: account.deliver("b"))
        account.release("a")
        assert account.status("b") == "contained"
        assert account.resources.values["data"] == ["owner", "cordon:b"]


def test_deleted_resource_is_released() -> None:
    with account_of(lock("data", "x")) as account:
        account.deliver("a")
        del account.resources.values["data"]
        account.release("a")
        assert ends(account) == {"memory_lock": "resource_deleted"}
        assert the_case(account).status is Status.RELEASED
        assert not [key for key in account.table.rows if key.startswith("hold#")]


def test_what_a_person_made_of_it_stays() -> None:
    with account_of(MemoryTag(PLACE, "mark", ("a",))) as account:
        account.deliver("a")
        account.resources.values["mark"] = "theirs"
        account.release("a")
        assert ends(account) == {"memory_tag": "drifted"}
        assert account.resources.values["mark"] == "theirs"


@pytest.mark.parametrize("by, released_by", [(PERSON, PERSON), (FINDING_SOURCE, "")])
def test_row_names_the_person_who_released(by: str, released_by: str) -> None:
    """What a person released is theirs to decide again; what its source ended is not."""
    with account_of(lock("data", "x")) as account:
        account.deliver("a")
        account.release("a", by=by)
        assert the_case(account).released_by == released_by
        assert (the_case(account).decided_by, the_case(account).decided_why) == (by, "a test")


def test_one_way_change_is_kept() -> None:
    with account_of(OneWayLock(PLACE, "data", ("x",))) as account:
        account.deliver("a")
        account.release("a")
        assert ends(account) == {"one_way_lock": "kept"}
        assert the_case(account).status is Status.RELEASED
        assert account.resources.values["data"] == ["owner", "cordon:x"]
        assert not [key for key in account.table.rows if key.startswith("hold#")]


def test_undo_that_does_not_come_into_force_is_no_release() -> None:
    with account_of(LostLock(PLACE, "data", ("x",))) as account:
        account.deliver("a")
        with pytest.raises(ReleaseFailed, match="cordon:x"):
            account.release("a")
        assert the_case(account).status is Status.RELEASING
        assert [key for key in account.table.rows if key.startswith("hold#")]


class TestBig:
    """A customer's settings may be bigger than their share of a row (B12)."""

    BIG: ClassVar[list[str]] = ["owner", "x" * (2 * MOST_IN_ROW)]

    @pytest.fixture
    def big(self) -> Iterator[MemoryAccount]:
        with memory_account({"a": (lock("data", "x"),), "b": (lock("data", "y"),)}) as account:
            account.resources.values["data"] = list(self.BIG)
            yield account

    def test_big_capture_is_read_from_evidence(self, big: MemoryAccount) -> None:
        big.deliver("a")
        (row,) = [row for key, row in big.table.rows.items() if key.startswith("hold#")]
        assert len(row["captured"]) < 100
        big.deliver("b")
        for name in "ab":
            big.release(name)
        assert big.resources.values["data"] == self.BIG

    def test_forged_digest_restores_nothing(self, big: MemoryAccount) -> None:
        big.deliver("a")
        (key,) = [key for key in big.table.rows if key.startswith("hold#")]
        big.table.rows[key] = {**big.table.rows[key], "captured": "sha256:" + "0" * 64}
        with pytest.raises(ReleaseFailed, match="restore manually"):
            big.release("a")
        assert big.resources.values["data"] == [*self.BIG, "cordon:x"]
