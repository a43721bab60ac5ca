"""What was decided and what was shown: rows of their own, and of two who write at once one does."""

from dataclasses import replace
from datetime import timedelta

import pytest

from cordon.memory.cases import Case
from cordon.memory.decisions import Decision, Decisions, Verb, Witness
from cordon.memory.reported import Reported, ReportedRows
from cordon.memory.table import Cancelled, Table
from cordon.statuses import Status
from tests.make import NOON
from tests.memory.table import dynamodb_table
from tests.reporting.cases import a_case

ADA = Witness("arn:aws:iam::111122223333:user/ada", "ada", "2026-11-24T12:00:00Z", "r-1", "api")
GRACE = replace(ADA, by="arn:aws:iam::111122223333:user/grace", person="grace", request="r-2")


def a_decision(verb: Verb = Verb.APPROVE, **changes: object) -> Decision:
    made = Decision(verb, 1, "5ha", ADA.by, "it leaks", NOON, witnesses=(ADA,))
    return replace(made, **changes)  # type: ignore[arg-type]


def name(case: Case) -> tuple[str, str]:
    return case.playbook, case.id


def test_decision_is_read_as_it_was_written() -> None:
    case = a_case(Status.AWAITING_APPROVAL)
    with dynamodb_table() as (table, _):
        rows = Decisions(table)
        assert rows.of_round(case) is None
        for decision in (
            a_decision(),
            a_decision(Verb.CONTAIN, resource="arn:aws:s3:::b", account="1" * 12, region="r"),
            a_decision(complete=False, witnesses=(ADA, GRACE), why=""),
        ):
            rows.save(*name(case), decision, rows.get([name(case)]).get(name(case)))
            assert rows.of_round(case) == decision


def test_decision_of_another_round_does_not_count() -> None:
    case = a_case(Status.AWAITING_APPROVAL)
    with dynamodb_table() as (table, _):
        Decisions(table).save(*name(case), a_decision(), None)
        assert Decisions(table).of_round(case) is not None
        assert Decisions(table).of_round(replace(case, round=2)) is None


@pytest.mark.parametrize("before", [None, a_decision()])
def test_of_two_who_decide_at_once_one_decides(before: Decision | None) -> None:
    case = a_case(Status.AWAITING_APPROVAL)
    approve, reject = a_decision(witnesses=(ADA, GRACE)), a_decision(Verb.REJECT)
    with dynamodb_table() as (table, _):
        rows = Decisions(table)
        if before is not None:
            rows.save(*name(case), before, None)
        rows.save(*name(case), approve, before)
        with pytest.raises(Cancelled):
            rows.save(*name(case), reject, before)
        assert rows.of_round(case) == approve


def test_what_was_shown_is_read_as_it_was_written() -> None:
    case = a_case()
    shown = Reported(version=3, finding="f1", finding_at=NOON, original="o1", ops_item="oi-1")
    shown = replace(shown, message="contained 1", informed_at=NOON, event="e", status="contained")
    with dynamodb_table() as (table, _):
        rows = ReportedRows(table)
        assert rows.get([name(case)]) == {name(case): Reported()}
        kept = rows.save(case, Reported(), shown)
        assert (
            rows.get([name(case)]) == {name(case): kept} == {name(case): replace(shown, writes=1)}
        )


def test_of_two_reports_at_once_one_is_kept() -> None:
    case = a_case()
    with dynamodb_table() as (table, _):
        rows = ReportedRows(table)
        kept = rows.save(case, Reported(), Reported(version=1))
        for before in (Reported(), replace(kept, writes=2)):
            with pytest.raises(Cancelled):
                rows.save(case, before, Reported(version=2))
        assert rows.save(case, kept, Reported(version=2)).writes == 2


@pytest.mark.parametrize("status", [Status.CONTAINED, Status.RELEASED])
def test_what_was_shown_expires_with_its_case(status: Status) -> None:
    case = a_case(status)
    with dynamodb_table() as (table, _):
        ReportedRows(table, evidence_days=7).save(case, Reported(), Reported(version=1))
        (row,) = _rows(table, f"reported#{case.playbook}#{case.id}")
    assert ("expires" in row) is (status is Status.RELEASED)


def _rows(table: Table, *keys: str) -> list[dict[str, object]]:
    return [dict(row) for row in table.get(*keys).values()]


def test_people_were_informed_of_the_question_of_this_round() -> None:
    case = a_case(Status.AWAITING_APPROVAL)
    informed = Reported(message="awaiting_approval 1", informed_at=NOON + timedelta(minutes=1))
    assert informed.informed_of_question(case) == informed.informed_at
    assert informed.informed_of_question(replace(case, round=2)) is None
    assert replace(informed, message="contained 1").informed_of_question(case) is None
