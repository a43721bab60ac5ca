"""What is said of an attempt, by how each of its changes ended."""

from dataclasses import dataclass
from typing import Any

import pytest

from cordon import actions
from cordon import contain as module
from cordon.actions import Action, Json, Refused
from cordon.attempt import ActionRun
from cordon.contain import outcome
from cordon.errors import ContainFailed
from cordon.memory.cases import ActionResult, ActionStatus
from cordon.statuses import Event, Status
from tests.fencing.account import memory_account
from tests.fencing.resources import MemoryLock, lock, tag
from tests.make import PLACE

V, F, R = ActionStatus.VERIFIED, ActionStatus.FAILED, ActionStatus.REFUSED
DELETED, SKIPPED, WAITING, NOTHING = (
    ActionStatus.RESOURCE_DELETED,
    ActionStatus.SKIPPED,
    ActionStatus.WAITING,
    ActionStatus.NOTHING_FOUND,
)
LOCKS, TAGS = (lock("data", "x"), lock("side", "y")), (tag("mark", "a"),)


def runs(actions: tuple[Any, ...], *statuses: ActionStatus) -> list[ActionRun]:
    return [ActionRun(a, status=s) for a, s in zip(actions, statuses, strict=True)]


@pytest.mark.parametrize(
    ("statuses", "event"),
    [
        ((V, V, V), Event.ALL_VERIFIED),
        ((V, DELETED, V), Event.ALL_VERIFIED),
        ((V, F, V), Event.SOME_VERIFIED),
        ((V, R, V), Event.SOME_VERIFIED),
        ((V, V, F), Event.SOME_VERIFIED),
        ((F, F, SKIPPED), Event.NONE_VERIFIED),
        ((R, R, SKIPPED), Event.NONE_VERIFIED),
        ((F, DELETED, V), Event.NONE_VERIFIED),  # a tag contains nothing (A5)
        ((DELETED, DELETED, V), Event.NOTHING_LEFT),
        ((DELETED, DELETED, DELETED), Event.NOTHING_LEFT),
        ((V, WAITING, F), Event.WAIT),
    ],
)
def test_only_what_contains_counts_as_contained(statuses: Any, event: Event) -> None:
    assert outcome(runs((*LOCKS, *TAGS), *statuses)) is event


@pytest.mark.parametrize(
    ("status", "event"),
    [
        (V, Event.TAGS_VERIFIED),
        (F, Event.NONE_VERIFIED),
        (DELETED, Event.NOTHING_LEFT),
        (NOTHING, Event.NOTHING_FOUND),
    ],
)
def test_tags_alone_are_tags(status: ActionStatus, event: Event) -> None:
    assert outcome(runs(TAGS, status)) is event


@pytest.mark.parametrize(
    ("statuses", "event"),
    [
        ((NOTHING, V), Event.TAGS_VERIFIED),  # what would contain found nothing: the tags are set
        ((NOTHING, F), Event.NONE_VERIFIED),
        ((NOTHING, NOTHING), Event.NOTHING_FOUND),
        ((V, NOTHING), Event.ALL_VERIFIED),
    ],
)
def test_what_found_nothing_hides_no_tag(statuses: Any, event: Event) -> None:
    assert outcome(runs((LOCKS[0], *TAGS), *statuses)) is event


@pytest.mark.parametrize(
    ("left", "event"),
    [
        ((V,), Event.ALL_VERIFIED),
        ((F,), Event.SOME_VERIFIED),
        ((R, V), Event.SOME_VERIFIED),
    ],
)
def test_what_policy_left_out_counts_too(left: Any, event: Event) -> None:
    results = [ActionResult("lock", f"other:{n}", status) for n, status in enumerate(left)]
    assert outcome(runs(LOCKS, V, V), results) is event


def test_what_stays_held_beside_a_failure_is_a_part() -> None:
    """Of this attempt nothing was verified; of an earlier one something is, and stays."""
    held = [ActionResult("lock", "other:1", V)]
    assert outcome(runs(LOCKS, F, F), held) is Event.SOME_VERIFIED
    assert outcome(runs(LOCKS, F, F)) is Event.NONE_VERIFIED


def test_case_whose_undoing_failed_is_not_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be observed, and something is changed."""

    def failed(_case: Any, action: Any, *_: Any) -> ActionResult:
        return ActionResult(action.name(), action.target, F, "denied")

    monkeypatch.setattr(module, "undo", failed)
    with memory_account({"a": (lock("data", "x"),)}, budget=0) as account:
        with pytest.raises(ContainFailed, match="denied"):
            account.deliver("a")
        case = account.case("a")
        assert case is not None
        assert case.status is Status.CONTAINING


def test_deleted_resource_leaves_no_hold() -> None:
    """One of that name may be made again: it must not be restored to what the other was."""
    with memory_account({"a": (lock("data", "x"),)}) as account:
        del account.resources.values["data"]
        assert account.deliver("a").status is Status.RESOURCE_DELETED
        assert not [key for key in account.table.rows if key.startswith("hold#")]


@dataclass(frozen=True)
class RefusedLock(MemoryLock):
    """Its service takes nothing that b wants."""

    def apply(
        self, aws: Any, captured: Json, written: Json | None, current: Json | None = None
    ) -> Json:
        if "b" in self.wants:
            raise Refused("b wants too much")
        return super().apply(aws, captured, written, current)


def test_refused_case_leaves_what_another_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """What shows is the other's: nothing of the refused one is there to be undone."""
    monkeypatch.setitem(actions.LOADED, RefusedLock.name(), RefusedLock)
    plans: dict[str, tuple[Action, ...]] = {c: (RefusedLock(PLACE, "data", (c,)),) for c in "ab"}
    with memory_account(plans) as account:
        account.deliver("a")
        case = account.deliver("b")
        assert [(r.status, r.reason) for r in case.results] == [(R, "b wants too much")]
        hold = account.hold(plans["a"][0])
        assert hold is not None
        assert hold.cases == {"a"}
        assert account.resources.values["data"] == ["owner", "cordon:a"]
