"""Which case is due, and for what: each reason by itself, then what holds of all of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cordon.memory.decisions import Decision, Verb
from cordon.memory.open_cases import OpenCase
from cordon.memory.reported import Reported
from cordon.memory.settings import settings_of
from cordon.reconciling.due import (
    ABOUT_SETTINGS,
    BEAT,
    Due,
    Why,
    due,
    is_turn,
    question_not_reported,
    report_behind_since,
    slot,
)
from cordon.settings import MasterSwitch, Mode, Settings
from cordon.statuses import CONTAIN_ENDED, Status
from tests.examples import QUARANTINE
from tests.make import DEPLOYMENT

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
PLAYBOOK = QUARANTINE.name
ENFORCED = Settings(modes={PLAYBOOK: Mode.ENFORCE})
CASE = OpenCase("0123456789abcdef", PLAYBOOK, Status.CONTAINED, NOON, version=3, round=2, attempt=1)
QUESTION = replace(CASE, status=Status.AWAITING_APPROVAL, question_at=NOON)
INFORMED = Reported(message="awaiting_approval 2", informed_at=NOON)
OPEN = (
    Status.OBSERVED,  # held back
    Status.AWAITING_APPROVAL,
    Status.CONTAINING,
    Status.ESCALATED,
    Status.RELEASING,
    *sorted(CONTAIN_ENDED),
)


def looked_at(
    case: OpenCase,
    at: datetime,
    *,
    reported: Reported = INFORMED,
    decision: Decision | None = None,
    settings: Settings = ENFORCED,
) -> Due | None:
    return due(case, reported, decision, at, DEPLOYMENT, settings)


def why(case: OpenCase, at: datetime, **given: Any) -> str:
    found = looked_at(case, at, **given)
    return str(found.why) if found is not None else ""


def first(case: OpenCase, reason: Why, **given: Any) -> timedelta | None:
    """After how long it becomes due for the reason, to the minute; within three days."""
    for minutes in range(3 * 24 * 60):
        if why(case, NOON + minutes * MINUTE, **given) == reason:
            return minutes * MINUTE
    return None


def decided(verb: Verb, **changes: Any) -> Decision:
    return Decision(verb, round=2, plan_hash="", by="ada", at=NOON, **changes)


# ── a person's decision ──────────────────────────────────────────────────────


@pytest.mark.parametrize("verb", [Verb.APPROVE, Verb.REJECT])
def test_an_approval_or_rejection_that_nobody_carried_out(verb: Verb) -> None:
    assert first(QUESTION, Why.DECISION, decision=decided(verb)) == 5 * MINUTE
    ended = replace(QUESTION, status=Status.CONTAINED)
    assert first(ended, Why.DECISION, decision=decided(verb)) is None


@pytest.mark.parametrize("status", [Status.CONTAINING, Status.ESCALATED, *sorted(CONTAIN_ENDED)])
def test_a_release_that_nobody_carried_out(status: Status) -> None:
    case = replace(CASE, status=status)
    assert first(case, Why.DECISION, decision=decided(Verb.RELEASE)) == 5 * MINUTE


def test_a_release_is_carried_out_once_it_has_begun() -> None:
    case = replace(CASE, status=Status.RELEASING, not_before=NOON + HOUR)
    assert why(case, NOON + 30 * MINUTE, decision=decided(Verb.RELEASE)) == ""


def test_a_release_while_more_awaits_approval() -> None:
    again = replace(QUESTION, contained_as="contained")
    assert first(again, Why.DECISION, decision=decided(Verb.RELEASE)) == 5 * MINUTE
    assert first(QUESTION, Why.DECISION, decision=decided(Verb.RELEASE)) is None


def test_a_release_does_not_wait_until_a_change_may_go_on() -> None:
    case = replace(CASE, status=Status.CONTAINING, not_before=NOON + DAY)
    assert why(case, NOON + 6 * MINUTE, decision=decided(Verb.RELEASE)) == Why.DECISION


@pytest.mark.parametrize("status", sorted(CONTAIN_ENDED))
def test_a_retry_is_carried_out_when_an_attempt_has_ended_since(status: Status) -> None:
    case = replace(CASE, status=status, contained_at=NOON - MINUTE)
    assert first(case, Why.DECISION, decision=decided(Verb.RETRY)) == 5 * MINUTE
    since = replace(case, contained_at=NOON + MINUTE)
    assert first(since, Why.DECISION, decision=decided(Verb.RETRY)) is None


@pytest.mark.parametrize("verb", Verb)
@pytest.mark.parametrize("status", OPEN)
def test_a_decision_of_another_round_or_half_of_one_changes_nothing(
    status: Status, verb: Verb
) -> None:
    case = replace(CASE, status=status)
    for other in (replace(decided(verb), round=1), decided(verb, complete=False)):
        for minutes in (0, 6, 70, 300, 3000):
            at = NOON + minutes * MINUTE
            assert looked_at(case, at, decision=other) == looked_at(case, at)


# ── time ─────────────────────────────────────────────────────────────────────


def test_a_question_ends_hours_after_people_were_informed() -> None:
    late = Reported(message="awaiting_approval 2", informed_at=NOON + 3 * HOUR)
    hours = timedelta(hours=DEPLOYMENT.approval_hours)
    assert first(QUESTION, Why.QUESTION_OVER, reported=late) == 3 * HOUR + hours


@pytest.mark.parametrize(
    "reported", [Reported(), Reported(message="awaiting_approval 1", informed_at=NOON)]
)
def test_a_question_of_which_nobody_was_informed_does_not_end(reported: Reported) -> None:
    assert first(QUESTION, Why.QUESTION_OVER, reported=reported) is None
    assert not question_not_reported(QUESTION, reported, NOON + 9 * MINUTE)
    assert question_not_reported(QUESTION, reported, NOON + 10 * MINUTE)
    assert not question_not_reported(QUESTION, INFORMED, NOON + DAY)
    assert not question_not_reported(CASE, reported, NOON + DAY)


@pytest.mark.parametrize("status", [Status.CONTAINING, Status.RELEASING])
def test_what_waits_goes_on_at_its_moment(status: Status) -> None:
    case = replace(CASE, status=status, not_before=NOON + 30 * MINUTE)
    assert first(case, Why.WAITED) == 30 * MINUTE
    assert why(case, NOON + 29 * MINUTE) == ""


@pytest.mark.parametrize("status", [Status.CONTAINING, Status.RELEASING])
def test_an_attempt_that_died_is_taken_up_when_its_lease_runs_out(status: Status) -> None:
    """The first at once; each that follows after a longer pause, at most a day."""
    case = replace(CASE, status=status, lease_until=NOON + MINUTE)
    pauses = [
        first(replace(case, attempt=attempt), Why.INTERRUPTED) for attempt in (1, 2, 3, 4, 99)
    ]
    assert pauses == [MINUTE, 6 * MINUTE, 11 * MINUTE, 21 * MINUTE, MINUTE + DAY]


@pytest.mark.parametrize("status", [Status.CONTAINING, Status.RELEASING])
def test_an_attempt_that_failed_is_first_taken_up_by_its_delivery(status: Status) -> None:
    case = replace(CASE, status=status)
    pauses = [first(replace(case, attempt=attempt), Why.INTERRUPTED) for attempt in (1, 2, 3)]
    assert pauses == [5 * MINUTE, 10 * MINUTE, 20 * MINUTE]


def test_newer_activity_waits_for_the_end_of_the_last_question() -> None:
    hours = timedelta(hours=DEPLOYMENT.approval_hours)
    case = replace(CASE, newer_activity=NOON, question_at=NOON - HOUR)
    assert first(case, Why.NEWER_ACTIVITY, reported=Reported()) == hours - HOUR
    never = replace(case, question_at=None)
    assert first(never, Why.NEWER_ACTIVITY, reported=Reported()) == timedelta(0)


def test_newer_activity_does_not_share_a_slot_with_what_was_before() -> None:
    """Long after the last question slots are days: one that was used must not hide it."""
    at = NOON + 10 * DAY + 5 * HOUR
    case = replace(CASE, newer_activity=at, question_at=NOON, changed_at=at)
    found = looked_at(case, at + MINUTE)
    assert found is not None and found.slot >= at


def test_newer_activity_waits_while_a_change_does() -> None:
    case = replace(CASE, newer_activity=NOON, not_before=NOON + 30 * MINUTE)
    assert first(case, Why.NEWER_ACTIVITY, reported=Reported()) == 30 * MINUTE


@pytest.mark.parametrize("case", [replace(CASE, newer_activity=NOON, question_at=None)])
def test_nothing_comes_of_newer_activity_while_nothing_may_be_changed(case: OpenCase) -> None:
    for settings in (
        replace(ENFORCED, switch=MasterSwitch.OBSERVE),
        replace(ENFORCED, switch=MasterSwitch.OFF),
        Settings(modes={PLAYBOOK: Mode.OBSERVE}),
        settings_of(None),
    ):
        assert why(case, NOON + HOUR, settings=settings, reported=Reported()) == ""


# ── held back ────────────────────────────────────────────────────────────────

HELD_BACK = replace(
    CASE,
    status=Status.OBSERVED,
    held_back=True,
    changed_at=NOON + 20 * MINUTE,
    reason="the budget of 10 cases an hour is used up",
)


def test_what_was_held_back_is_taken_up_once_in_each_new_hour() -> None:
    assert first(HELD_BACK, Why.HELD_BACK) == HOUR
    minutes = range(0, 24 * 60, 5)
    found = [looked_at(HELD_BACK, NOON + minute * MINUTE) for minute in minutes]
    assert len({one.execution_name for one in found if one is not None}) == 23


def test_what_is_only_observed_stays_observed() -> None:
    assert first(replace(HELD_BACK, held_back=False), Why.HELD_BACK) is None


@pytest.mark.parametrize(
    "row",
    [
        None,
        {"modes": {PLAYBOOK: "enforce"}},
        {"master_switch": "on", "modes": {PLAYBOOK: "enforced"}},
        {"master_switch": "on", "modes": {PLAYBOOK: "enforce"}, "protected": "x"},
        {"master_switch": "on", "modes": {PLAYBOOK: "enforce"}, "budget": "many"},
    ],
)
def test_a_setting_that_is_mended_takes_up_what_it_held_back(row: Any) -> None:
    """At once, in the same hour; and never while it is as it was."""
    broken = settings_of(
        {"id": "settings", "protected": frozenset(), "budget": 10, **row} if row else None,
        [PLAYBOOK],
    )
    reasons = {
        broken.unreadable,
        broken.refused_mode(PLAYBOOK),
        broken.refused_protection,
        broken.refused_budget(PLAYBOOK),
    } - {""}
    assert reasons
    for reason in reasons:
        assert reason.startswith(ABOUT_SETTINGS)
        case = replace(HELD_BACK, reason=reason, changed_at=NOON)
        assert first(case, Why.HELD_BACK) == timedelta(0)
        assert first(case, Why.HELD_BACK, settings=broken) is None


# ── all of them ──────────────────────────────────────────────────────────────

moments = st.one_of(
    st.none(), st.integers(-3000, 3000).map(lambda minutes: NOON + minutes * MINUTE)
)
cases = st.builds(
    OpenCase,
    id=st.just(CASE.id),
    playbook=st.just(PLAYBOOK),
    status=st.sampled_from(OPEN),
    changed_at=moments.filter(bool),
    version=st.just(3),
    round=st.integers(1, 3),
    attempt=st.integers(0, 12),
    reason=st.sampled_from(["", "the setting budget is not there"]),
    contained_as=st.sampled_from(["", "contained"]),
    held_back=st.booleans(),
    contained_at=moments,
    lease_until=moments,
    newer_activity=moments,
    not_before=moments,
    question_at=moments,
)
reports = st.builds(
    Reported,
    message=st.sampled_from(["", "awaiting_approval 2", "contained 2"]),
    informed_at=moments,
)
decisions = st.one_of(
    st.none(),
    st.builds(
        Decision,
        verb=st.sampled_from(Verb),
        round=st.integers(1, 3),
        plan_hash=st.just(""),
        by=st.just("ada"),
        at=moments,
        complete=st.booleans(),
    ),
)


@given(cases, reports, decisions, moments.filter(bool))
def test_nothing_is_due_while_a_lease_lives(
    case: OpenCase, reported: Reported, decision: Decision | None, at: datetime
) -> None:
    live = replace(case, lease_until=at + timedelta(seconds=1))
    assert due(live, reported, decision, at, DEPLOYMENT, ENFORCED) is None


@given(cases, reports, decisions, moments.filter(bool), st.integers(0, 7 * 24 * 12))
def test_nothing_is_woken_twice_for_the_same_thing(
    case: OpenCase, reported: Reported, decision: Decision | None, at: datetime, runs: int
) -> None:
    """Two runs of one slot name one execution; and a day of a case that stays has few names."""

    def name(moment: datetime) -> str:
        found = due(case, reported, decision, moment, DEPLOYMENT, ENFORCED)
        return found.execution_name if found is not None else ""

    later = at + runs * BEAT
    assert len(name(later)) <= 80
    assert set(name(later)) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-T")
    days = {name(later + DAY * 2 + run * BEAT) for run in range(24 * 12)} - {""}
    assert len(days) <= 40


@given(cases, reports, decisions, moments.filter(bool))
def test_what_is_due_stays_due_until_the_row_changes(
    case: OpenCase, reported: Reported, decision: Decision | None, at: datetime
) -> None:
    """So a run that was missed loses nothing. Only a new hour begins by itself."""
    found = due(case, reported, decision, at, DEPLOYMENT, ENFORCED)
    after = due(case, reported, decision, at + BEAT, DEPLOYMENT, ENFORCED)
    if found is not None:
        assert after is not None and after.why is found.why


@given(st.integers(0, 10**7), st.integers(0, 10**6))
def test_a_slot_begins_before_and_ends_after(age: int, more: int) -> None:
    at = NOON + timedelta(seconds=age)
    begins = slot(NOON, at)
    assert begins <= at < begins + DAY
    assert slot(NOON, at + timedelta(seconds=more)) >= begins


@given(st.lists(st.integers(60, 4000), min_size=1, max_size=200))
def test_each_slot_has_its_turn_once(gaps: list[int]) -> None:
    """However far apart the sweeps are, no slot that one meets is left out or done twice."""
    before, turns, slots = None, [], set()
    at = NOON - HOUR
    for gap in gaps:
        at += timedelta(seconds=gap)
        if is_turn(NOON, before, at):
            turns.append(slot(NOON, at))
        if at >= NOON:
            slots.add(slot(NOON, at))
        before = at
    assert len(turns) == len(set(turns))
    assert set(turns) == slots


def test_people_see_less_than_the_row_says() -> None:
    assert report_behind_since(CASE, Reported(version=2)) == NOON + 10 * MINUTE
    assert report_behind_since(CASE, Reported(version=3)) is None
