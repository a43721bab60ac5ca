"""Holds: the first capture wins, whoever is over keeps nothing, the last to leave takes the row."""

import pytest

from cordon.actions.s3 import DenyBucketAccess
from cordon.errors import HoldReleased
from cordon.memory.holds import MOST_IN_ROW, Capture, Hold, Holds
from cordon.memory.table import Table
from tests.make import PLACE


def deny(*levels: str) -> DenyBucketAccess:
    return DenyBucketAccess(PLACE, "data", levels, ("arn:aws:iam::111122223333:role/cordon/*",))


ACTION = deny("outsiders")
OTHER = DenyBucketAccess(PLACE, "other", ("outsiders",), ACTION.exempt)
BEFORE = Capture({"policy": "before"}, "g1", "a/1.json", "5ha")
LATER = Capture({"policy": "later"}, "g2", "b/1.json", "5hb")


@pytest.fixture
def holds(table: Table) -> Holds:
    return Holds(table)


def join(holds: Holds, case: str, attempt: int = 1, action: DenyBucketAccess = ACTION) -> None:
    holds._table.transact([holds.join(action, case, attempt)])


def hold_of(holds: Holds) -> Hold:
    return holds.get(ACTION)[ACTION.target]


def test_first_capture_wins(holds: Holds) -> None:
    join(holds, "a")
    join(holds, "b")
    assert holds.save_captures([(ACTION, BEFORE)], "a", 1) == {}
    late = holds.save_captures([(ACTION, LATER)], "b", 1)
    assert late[ACTION.target].capture == BEFORE == hold_of(holds).capture


def test_late_capture_keeps_the_other_targets(holds: Holds) -> None:
    for case in "ab":
        join(holds, case)
        join(holds, case, action=OTHER)
    holds.save_captures([(ACTION, BEFORE)], "a", 1)
    late = holds.save_captures([(ACTION, LATER), (OTHER, LATER)], "b", 1)
    assert set(late) == {ACTION.target}
    assert holds.get(OTHER)[OTHER.target].capture == LATER


def test_absence_is_kept_as_absence(holds: Holds) -> None:
    join(holds, "a")
    holds.save_captures([(ACTION, Capture({"policy": None}, "g", "k", "s"))], "a", 1)
    capture = hold_of(holds).capture
    assert capture is not None
    assert capture.state == {"policy": None}


def test_over_attempt_keeps_nothing(holds: Holds) -> None:
    join(holds, "a", 1)
    join(holds, "a", 2)
    with pytest.raises(HoldReleased):
        holds.save_captures([(ACTION, BEFORE)], "a", 1)
    with pytest.raises(HoldReleased):
        holds.save_written(ACTION, {"policy": "ours"}, "a", 1)
    assert (hold_of(holds).capture, hold_of(holds).written) == (None, None)


def test_withdrawn_attempt_keeps_nothing(holds: Holds) -> None:
    join(holds, "a", 1)
    holds.save_captures([(ACTION, BEFORE)], "a", 1)
    holds.withdraw(ACTION, "a", 2)
    with pytest.raises(HoldReleased):
        holds.save_written(ACTION, {"policy": "ours"}, "a", 1)
    assert holds.save_written(ACTION, {"policy": "undone"}, "a", 2).written == {"policy": "undone"}


def test_newer_attempt_does_not_recapture(holds: Holds) -> None:
    join(holds, "a", 1)
    holds.save_captures([(ACTION, BEFORE)], "a", 1)
    join(holds, "a", 2)
    late = holds.save_captures([(ACTION, LATER)], "a", 2)
    assert late[ACTION.target].capture == BEFORE


def test_only_joining_makes_a_row(holds: Holds) -> None:
    """A row without what was there before would make the next case capture the contained state."""
    with pytest.raises(HoldReleased):
        holds.save_captures([(ACTION, BEFORE)], "a", 1)
    with pytest.raises(HoldReleased):
        holds.save_written(ACTION, {}, "a", 1)
    assert holds.withdraw(ACTION, "a", 1) is None
    holds.leave(ACTION, "a")
    assert holds.get(ACTION) == {}


def test_cases_want_the_union(holds: Holds) -> None:
    join(holds, "a")
    join(holds, "b", action=deny("everyone"))
    assert hold_of(holds).combined() == deny("outsiders").combine(deny("everyone"))
    hold = holds.withdraw(ACTION, "b", 2)
    assert hold is not None and hold.combined() == ACTION
    assert hold.cases == {"a", "b"}


def test_last_to_leave_takes_the_row(holds: Holds) -> None:
    join(holds, "a")
    join(holds, "b")
    holds.leave(ACTION, "a")
    holds.leave(ACTION, "a")
    assert hold_of(holds).cases == {"b"}
    assert hold_of(holds).member("a") is None
    holds.leave(ACTION, "b")
    assert holds.get(ACTION) == {}


def test_row_stays_while_another_is_in(holds: Holds) -> None:
    join(holds, "a")
    join(holds, "b")
    others = holds.delete_if_free(ACTION, "a")
    assert others is not None and others.cases == {"a", "b"}
    holds.leave(ACTION, "b")
    assert holds.delete_if_free(ACTION, "a") is None
    assert holds.get(ACTION) == {}


def test_holds_of_no_action_are_none(holds: Holds) -> None:
    assert holds.get() == {}


def save_all(holds: Holds, case: str, changes: int, attempt: int = 1) -> dict[str, Hold]:
    return holds.save_all_written([(ACTION, {"policy": "ours"}, changes)], case, attempt)


def test_written_is_kept_where_nobody_came(holds: Holds) -> None:
    join(holds, "a")
    assert save_all(holds, "a", 1) == {}
    assert hold_of(holds).written == {"policy": "ours"}


def test_nothing_written_is_kept_over_whoever_came(holds: Holds) -> None:
    join(holds, "a")
    join(holds, "b")
    assert save_all(holds, "a", 1)[ACTION.target].cases == {"a", "b"}
    assert hold_of(holds).written is None


def test_nothing_is_kept_in_a_later_hold_of_the_target(holds: Holds) -> None:
    """The attempt slept while its case was released; another has made the row anew since."""
    join(holds, "a")
    holds.leave(ACTION, "a")
    join(holds, "b")
    assert save_all(holds, "a", hold_of(holds).changes)[ACTION.target].cases == {"b"}
    assert hold_of(holds).written is None


def test_capture_on_which_nothing_followed_is_forgotten(holds: Holds) -> None:
    join(holds, "a")
    holds.save_captures([(ACTION, BEFORE)], "a", 1)
    assert holds.forget_capture(ACTION, BEFORE, "a", 1).capture is None
    assert hold_of(holds).capture is None


@pytest.mark.parametrize(
    "old, attempt, written", [(LATER, 2, False), (BEFORE, 1, False), (BEFORE, 2, True)]
)
def test_capture_in_use_is_not_forgotten(
    holds: Holds, old: Capture, attempt: int, written: bool
) -> None:
    """Another has replaced it, or the attempt is over, or the target was changed since."""
    join(holds, "a", 2)
    holds.save_captures([(ACTION, BEFORE)], "a", 2)
    if written:
        holds.save_written(ACTION, {"policy": "ours"}, "a", 2)
    with pytest.raises(HoldReleased):
        holds.forget_capture(ACTION, old, "a", attempt)
    assert hold_of(holds).capture == BEFORE


@pytest.mark.parametrize("others", ["b", "ab"])
def test_row_that_others_leave_meanwhile_is_no_ruin(
    holds: Holds, others: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left between its reading and its leaving, also by another process of the same case."""
    join(holds, "a")
    join(holds, "b")
    delete_if_free = Holds.delete_if_free

    def and_then(self: Holds, action: DenyBucketAccess, case: str) -> Hold | None:
        hold = delete_if_free(self, action, case)
        monkeypatch.undo()
        for other in others:
            self.leave(action, other)
        return hold

    monkeypatch.setattr(Holds, "delete_if_free", and_then)
    holds.leave(ACTION, "a")
    assert holds.get(ACTION) == {}


def test_what_is_kept_of_a_target_fits_into_a_row() -> None:
    """What was there, what was written, and what a person made of it: 400 KB at most."""
    assert 3 * MOST_IN_ROW < 400 * 1024 // 2  # the other half is for those who are in it
