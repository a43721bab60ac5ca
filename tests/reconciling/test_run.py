"""One run of the reconciler, on the table as it is on DynamoDB."""

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest

from cordon.clock import now, to_iso
from cordon.memory import open_cases, sweeps
from cordon.memory.cases import Case, Cases
from cordon.memory.decisions import Decision, Verb
from cordon.memory.open_cases import OpenCase, open_case
from cordon.reconciling import run as module
from cordon.statuses import Event, Status
from tests.examples import ESCALATE, QUARANTINE
from tests.reconciling.account import ARNS, NOON, PLAYBOOKS, Account, an_account

MINUTE = timedelta(minutes=1)


@pytest.fixture
def account() -> Iterator[Account]:
    with an_account() as account:
        account.run()  # the day's sweep, of an empty table
        account.passes(minutes=5)
        yield account


def waits(account: Account, **changes: Any) -> Case:
    return account.opens(Status.CONTAINING, not_before=now() - MINUTE, **changes)


# ── what is woken ────────────────────────────────────────────────────────────


def test_a_case_that_is_due_is_woken_once_in_a_slot(account: Account) -> None:
    case = waits(account)
    assert account.run().woken == 1
    account.run()
    ((name, given),) = account.states.started.items()
    assert name.startswith(f"{case.id}-waited-1-0-")
    assert given == {"case": case.id, "playbook": case.playbook, "function": case.function_arn}
    assert account.states.calls == 2
    account.passes(minutes=5)
    account.run()
    assert len(account.states.started) == 2


@pytest.mark.parametrize("named", ["", "arn:aws:lambda:eu-central-1:1:function:removed"])
def test_the_function_of_today_is_woken(account: Account, named: str) -> None:
    """A playbook that was removed and is deployed again has another function than its rows name."""
    waits(account, function_arn=named)
    account.run()
    (given,) = account.states.started.values()
    assert given["function"] == ARNS[QUARANTINE.name]


def test_a_case_that_is_not_due_or_closed_is_not_woken(account: Account) -> None:
    account.opens(Status.CONTAINED, "a" * 16)
    account.opens(Status.OBSERVED, "b" * 16)
    account.opens(Status.REJECTED, "c" * 16)
    assert account.run().cases == 1
    assert account.states.started == {}


def test_a_decision_is_carried_out_though_the_desk_could_not_wake(account: Account) -> None:
    case = account.opens(Status.AWAITING_APPROVAL, question_at=now())
    account.decides(case, Decision(Verb.APPROVE, 1, case.plan_hash, "ada", at=now()))
    account.run()
    assert account.states.cases == []
    account.passes(minutes=5)
    account.run()
    assert account.states.cases == [case.id]


def test_a_question_ends_only_when_people_were_informed(account: Account) -> None:
    case = account.opens(Status.AWAITING_APPROVAL, question_at=now())
    account.passes(hours=12)
    found = account.run()
    assert (found.questions_not_reported, found.woken) == (1, 0)
    account.reports(case, message="awaiting_approval 1", informed_at=to_iso(now()))
    account.passes(hours=4)
    found = account.run()
    assert (found.questions_not_reported, found.woken) == (0, 1)


def test_settings_that_are_not_there_hold_back_what_is_held_back(account: Account) -> None:
    account.opens(Status.OBSERVED, held_back=True, reason="the settings row is not there: …")
    account.table.delete("settings", "attribute_exists(id)")
    assert account.run().woken == 0
    account.sets()
    assert account.run().woken == 1


def test_one_that_cannot_be_woken_does_not_stop_the_rest(account: Account) -> None:
    for letter in "abc":
        waits(account, case=letter * 16)
    account.states.refused = "b" * 16
    found = account.run()
    assert account.states.cases == ["a" * 16, "c" * 16]
    assert found.woken == 2
    (failed,) = found.failed
    assert failed.startswith("b" * 16) and "ServiceUnavailable" in failed


def test_a_row_that_is_no_case_does_not_stop_the_rest(account: Account) -> None:
    account.table.put(
        {"id": f"case#{QUARANTINE.name}#{'a' * 16}", "open": QUARANTINE.name, "opened_at": "0"}
    )
    waits(account)
    found = account.run()
    assert found.woken == 1
    assert found.failed == [f"case#{QUARANTINE.name}#{'a' * 16} cannot be read"]


# ── what is read of a case ───────────────────────────────────────────────────


def test_time_reads_of_a_case_what_its_playbook_wrote(account: Account) -> None:
    """Field by field: the two must not drift apart."""
    at = now()
    case = account.opens(
        Status.AWAITING_APPROVAL,
        attempt=4,
        round=3,
        contained_as="contained",
        contained_at=at,
        lease_until=at + MINUTE,
        newer_activity=at - MINUTE,
        not_before=at + 2 * MINUTE,
        question_at=at - 2 * MINUTE,
        held_back=True,
    )
    key = f"case#{case.playbook}#{case.id}"
    read = open_case(account.table.get(key)[key])
    assert all(getattr(read, f.name) == getattr(case, f.name) for f in fields(OpenCase))
    assert all(getattr(read, f.name) for f in fields(OpenCase))
    assert read.awaits_approval_again is case.awaits_approval_again


def test_a_case_that_was_closed_a_moment_ago_is_left_out(account: Account) -> None:
    """The index lags."""
    case = waits(account)
    page = account.table.query("open", "open", case.playbook, after=None, limit=10)
    closing = Cases(account.table, case.playbook)
    closing.transition(replace(case, status=Status.RELEASING), Event.PERSON_UNDID)
    assert [row["id"] for row in page[0]] == [f"case#{case.playbook}#{case.id}"]
    assert open_cases.several(account.table, case.playbook, [case.id]) == []


# ── many cases ───────────────────────────────────────────────────────────────


def test_every_case_is_looked_at_page_by_page(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_cases, "PAGE", 3)
    ids = [f"{n:016x}" for n in range(1, 9)]
    for id in ids:
        waits(account, case=id)
        waits(account, case=id[::-1], playbook=ESCALATE.name)
    assert account.run().cases == 16
    assert sorted(account.states.cases) == sorted([*ids, *(id[::-1] for id in ids)])


@pytest.mark.parametrize(("most", "seconds"), [(4, 240.0), (2000, 29.0)])
def test_a_run_ends_in_time_and_the_next_goes_on(
    account: Account, monkeypatch: pytest.MonkeyPatch, most: int, seconds: float
) -> None:
    monkeypatch.setattr(open_cases, "PAGE", 2)
    monkeypatch.setattr(module, "MOST_CASES", most)
    ids = [f"{n:016x}" for n in range(7)]
    for id in ids:
        waits(account, case=id)
    looked_at: list[int] = []
    while not looked_at or sweeps.read(account.table).playbook:
        looked_at.append(account.run(seconds).cases)
        assert len(looked_at) < 10
    assert sum(looked_at) == 7
    assert max(looked_at) <= most
    assert len(looked_at) > 1
    assert sorted(account.states.cases) == ids


def test_a_sweep_goes_on_where_a_playbook_was_taken_away(account: Account) -> None:
    waits(account)
    began = sweeps.read(account.table)
    assert sweeps.save(account.table, replace(began, playbook="older_playbook"))
    account.run()
    assert account.run().woken == 1


def test_two_runs_at_once_do_everything_once(account: Account) -> None:
    waits(account)
    before = sweeps.read(account.table)
    account.run()
    account.table.put({"id": sweeps.KEY, **{k: v for k, v in vars(before).items()}})
    account.run()
    assert len(account.states.started) == 1
    first = sweeps.read(account.table)
    assert sweeps.save(account.table, before) is None
    assert sweeps.read(account.table) == first


# ── what people see ──────────────────────────────────────────────────────────


def behind(case: Case) -> dict[str, str]:
    return {"playbook": case.playbook, "case": case.id, "projection": "all"}


def test_a_report_that_is_behind_is_sent_again(account: Account) -> None:
    case = account.opens(Status.CONTAINED)
    account.passes(minutes=9)
    account.run()
    assert account.queue.sent == []
    account.passes(minutes=1)
    assert account.run().reports_behind == 1
    assert account.queue.sent == [behind(case)]
    account.reports(case)
    account.passes(minutes=5)
    assert account.run().reports_behind == 0
    assert account.queue.sent == [behind(case)]


def test_a_report_that_fails_is_not_sent_for_ever(account: Account) -> None:
    """Every five minutes for an hour, then hourly, later daily; and it is always counted."""
    account.opens(Status.CONTAINED)
    account.passes(minutes=10)
    sent = []
    for _ in range(3 * 12):
        found = account.run()
        assert found.reports_behind == 1
        sent.append(found.sent)
        account.passes(minutes=5)
    assert sent == [1] * 13 + [0] * 11 + [1] + [0] * 11


def test_a_message_that_the_queue_refuses_fails_the_run(account: Account) -> None:
    for n in range(12):
        account.opens(Status.CONTAINED, f"{n:016x}")
    account.passes(minutes=10)
    account.queue.refused = 1
    found = account.run()
    assert (found.sent, found.failed) == (10, ["reports: InternalError"] * 2)


# ── the day's sweep ──────────────────────────────────────────────────────────


def test_once_a_day_all_is_shown_anew(account: Account) -> None:
    case = account.opens(Status.CONTAINED)
    account.reports(case)
    days = {}
    for _ in range(3 * 8):
        account.passes(hours=3)
        before = len(account.queue.sent)
        account.run()
        if account.queue.sent[before:]:
            assert account.queue.sent[before:] == [{**behind(case), "anew": True}]
            days[now().date()] = now().hour
    assert list(days.values()) == [3, 3, 3]


def test_the_days_sweep_reaches_every_case_though_it_takes_several_runs(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_cases, "PAGE", 2)
    monkeypatch.setattr(module, "MOST_CASES", 2)
    ids = [f"{n:016x}" for n in range(5)]
    for id in ids:
        account.reports(account.opens(Status.CONTAINED, id))
    account.passes(hours=24)
    for _ in range(10):
        account.run()
        account.passes(minutes=5)
    assert [one["case"] for one in account.queue.sent] == ids


# ── the self-test ────────────────────────────────────────────────────────────


def test_the_reporter_is_behind_when_the_stream_was_stopped(account: Account) -> None:
    account.reports_heartbeat()
    found = []
    for _ in range(3):
        found.append(account.run().reporter_behind)
        account.reports_heartbeat()
        account.passes(minutes=5)
    assert found == [0, 0, 0]
    account.run()  # and now the stream is stopped
    account.passes(minutes=5)
    assert account.run().reporter_behind == 1
    account.passes(minutes=5)
    assert account.run().reporter_behind == 1
    account.reports_heartbeat()
    account.passes(minutes=5)
    assert account.run().reporter_behind == 0


def test_a_second_run_at_once_says_nothing_false(account: Account) -> None:
    account.reports_heartbeat()
    account.run()
    account.passes(seconds=30)
    assert account.run().reporter_behind == 0


def test_the_first_run_of_all_has_nothing_to_compare() -> None:
    with an_account() as account:
        assert account.run().reporter_behind == 0


def test_the_heartbeat_is_no_case(account: Account) -> None:
    account.run()
    row = account.table.get("case#self_test#heartbeat")["case#self_test#heartbeat"]
    assert row.keys() == {"id", "version", "changed_at"}
    assert account.run().cases == 0


def test_playbooks_are_those_of_the_functions() -> None:
    assert sorted(ARNS) == sorted(PLAYBOOKS)
    assert NOON.hour == 12
