"""What again means, over all moments; the promises show what follows from it."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, NoReturn
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cordon import again, respond
from cordon.again import SETTLES, contain_or_ask_again, is_again
from cordon.errors import CaseConflict
from cordon.memory.cases import Case
from cordon.policy import Decision, Verdict
from cordon.release import FINDING_SOURCE
from cordon.statuses import CONTAIN_ENDED, Status
from tests.make import NOON, a_finding
from tests.reporting.cases import a_case

SECONDS = st.integers(min_value=-400, max_value=400)
ENDED = st.sampled_from(sorted(CONTAIN_ENDED))
CONTROL = a_finding(source="securityhub", type="S3.8")


def contained(status: Status, activity: int, at: int) -> Case:
    """A case whose handled activity and containment were so many seconds after noon."""
    handled, ended = (NOON + timedelta(seconds=after) for after in (activity, at))
    return replace(a_case(status), last_activity=handled, contained_at=ended)


@given(ENDED, SECONDS, SECONDS, SECONDS)
def test_again_is_later_than_all_that_was_handled(
    status: Status, activity: int, at: int, seen: int
) -> None:
    case = contained(status, activity, at)
    finding = a_finding(activity=NOON + timedelta(seconds=seen))
    settled = at + SETTLES.total_seconds()
    assert is_again(case, finding) is (seen > activity and seen > settled)


@given(ENDED, SECONDS, SECONDS, SECONDS)
def test_publication_is_never_again(status: Status, activity: int, at: int, seen: int) -> None:
    """Neither a control's evaluation nor a later update of the same activity."""
    case, published = contained(status, activity, at), NOON + timedelta(seconds=seen)
    assert not is_again(case, replace(CONTROL, last_seen=published))
    assert not is_again(case, a_finding(activity=case.last_activity, last_seen=published))


@pytest.mark.parametrize("status", sorted(set(Status) - CONTAIN_ENDED - {Status.RELEASING}))
def test_only_what_was_contained_goes_on(status: Status) -> None:
    finding = a_finding(activity=NOON + timedelta(days=1))
    assert not is_again(contained(status, 0, 0), finding)


@pytest.mark.parametrize(("by", "again"), [(FINDING_SOURCE, True), ("Ada", False)])
def test_control_that_fails_while_it_is_released(by: str, again: bool) -> None:
    """Failed after it passed; a person's release says nothing about the condition."""
    releasing = replace(contained(Status.RELEASING, 0, 0), decided_by=by)
    failed = replace(CONTROL, last_seen=NOON + timedelta(hours=1))
    assert is_again(releasing, failed) is again
    assert not is_again(releasing, replace(failed, last_seen=NOON))


@pytest.mark.parametrize("there", [a_case(Status.RELEASED), None])
def test_conflict_without_another_writer_rises(
    there: Case | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row is as it was read, or is not there any more: nobody else has handled the finding."""

    def conflict(*_: Any) -> NoReturn:
        raise CaseConflict("c", "")

    known = a_case(Status.RELEASED)
    facts = SimpleNamespace(finding=known.finding)
    remembered = SimpleNamespace(case=known, passed_at=None)
    services = SimpleNamespace(cases=SimpleNamespace(get=Mock(return_value=there)))
    monkeypatch.setattr(respond, "starts_new_round", Mock(return_value=True))
    monkeypatch.setattr(respond, "open_case", conflict)
    given: tuple[Any, ...] = (facts, remembered, services)
    with pytest.raises(CaseConflict):
        respond.apply_decision(Decision(Verdict.CONTAIN, ""), "c", *given)


@pytest.mark.parametrize(
    ("verdict", "was_question", "period_is_over", "does"),
    [
        (Verdict.CONTAIN, False, False, "contain_again"),
        (Verdict.ASK, False, False, "ask_again"),
        (Verdict.ASK, True, True, "ask_again"),
        (Verdict.ASK, True, False, "remember_activity"),  # one question a period
        (Verdict.OBSERVE, False, True, "remember_activity"),
        (Verdict.IGNORE, False, True, "remember_activity"),
        (Verdict.ESCALATE, False, True, "remember_activity"),
    ],
)
def test_mode_decides_about_who_goes_on_after_containment(
    verdict: Verdict,
    was_question: bool,
    period_is_over: bool,
    does: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In approve a person decides about a thief who goes on (B3); nothing of it is forgotten."""
    case = a_case(Status.CONTAINED, question_at=NOON if was_question else None)
    monkeypatch.setattr(again, "facts_now", Mock())
    monkeypatch.setattr(again, "decide", Mock(return_value=Decision(verdict, "the test says so")))
    monkeypatch.setattr(again, "period_is_over", Mock(return_value=period_is_over))
    ways = {name: Mock() for name in ("contain_again", "ask_again", "remember_activity")}
    for name, way in ways.items():
        monkeypatch.setattr(again, name, way)
    contain_or_ask_again(case, NOON, Mock())
    assert [name for name, way in ways.items() if way.called] == [does]


@pytest.mark.parametrize(("chosen", "closed"), [("", True), ("CordonContain", False)])
def test_the_source_closes_no_case_that_a_person_chose(chosen: str, closed: bool) -> None:
    """A native event says more than the copy that came first, but not that nobody wants it."""
    copy = replace(a_finding(), channel="custom_action", custom_action=chosen)
    case, moved = replace(a_case(Status.ESCALATED), finding=copy), Mock()
    moved.transition.return_value = moved.write.return_value = case
    native = a_finding(last_seen=case.last_activity)
    again.on_recorded(case, native, "nothing has to be done", Mock(cases=moved))
    assert moved.transition.called is closed
