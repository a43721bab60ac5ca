"""Cases: claimed once, written only from what was read, kept while open, forgotten when closed."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cordon.errors import CaseConflict
from cordon.evidence import ChainEnd
from cordon.memory.cases import ActionResult, ActionStatus, Case, Cases
from cordon.memory.table import Table
from cordon.playbook import Plan
from cordon.statuses import CLOSED, TABLE, Event, Status
from tests.examples import QUARANTINE
from tests.fencing.stand_ins import Clock
from tests.make import ACCOUNT, DEPLOYMENT, NOON, a_finding
from tests.memory.table import NAME, dynamodb_table
from tests.reporting import cases as cases_of_reports

PLAN = Plan(tuple(QUARANTINE.plan(a_finding(), "c0ffee", DEPLOYMENT)), "look at it")
OTHER_PLAN = Plan(PLAN.actions[:1], "look again")
PLAN_KEY = f"plan#{QUARANTINE.name}#c0ffee#{PLAN.hash[:16]}"
CASE_KEY = f"case#{QUARANTINE.name}#c0ffee"
OPEN = sorted(set(Status) - CLOSED)


@pytest.fixture
def cases(table: Table, clock: Clock) -> Cases:
    return Cases(table, QUARANTINE.name, evidence_days=30)


def a_case(status: Status = Status.CONTAINING, **changes: Any) -> Case:
    """A case that is not in the table yet."""
    new = {"id": "c0ffee", "plan": PLAN, "plan_hash": PLAN.hash, "results": (), "version": 0}
    return cases_of_reports.a_case(status, **{**new, **changes})


def test_case_comes_back_as_written(cases: Cases) -> None:
    waiting = ActionResult("tag_bucket", "t", ActionStatus.WAITING, "r", "2026-11-24T12:00:00Z")
    written = cases.open(
        a_case(
            results=(waiting,),
            contained_at=NOON,
            lease_until=NOON + timedelta(minutes=2),
            evidence_end=ChainEnd(3, "ab"),
            round=2,
            attempt=4,
            decided_by="Ada",
            released_by="Bob",
            function_arn="arn",
            contained_as="contained",
            held_back=True,
            question_at=NOON,
            denied_at=NOON,
            newer_activity=NOON,
        )
    )
    assert cases.get("c0ffee") == written
    assert written.version == 1


def test_unknown_case_is_none(cases: Cases) -> None:
    assert cases.get("c0ffee") is None


def test_only_one_opens_a_case(cases: Cases) -> None:
    cases.open(a_case())
    with pytest.raises(CaseConflict) as conflict:
        cases.open(a_case())
    assert conflict.value.status == "containing"


def test_stale_copy_changes_nothing(cases: Cases) -> None:
    read = cases.open(a_case())
    contained = cases.transition(read, Event.ALL_VERIFIED)
    with pytest.raises(CaseConflict) as conflict:
        cases.transition(read, Event.NONE_VERIFIED)
    assert conflict.value.status == "contained"
    assert cases.get("c0ffee") == contained


def test_stale_round_opens_nothing(cases: Cases) -> None:
    old = cases.open(a_case(Status.RELEASED))
    anew = replace(old, status=Status.AWAITING_APPROVAL, round=2)
    assert cases.open(anew, replacing=old).round == 2
    with pytest.raises(CaseConflict):
        cases.open(anew, replacing=old)


def test_failed_opening_joins_nothing(cases: Cases, table: Table) -> None:
    cases.open(a_case())
    join = table.write_update(
        "hold#x",
        "ADD cases :case, changes :one SET #member = :member",
        names={"#member": "m#c0ffee"},
        case={"c0ffee"},
        one=1,
        member={"attempt": 1},
    )
    with pytest.raises(CaseConflict):
        cases.open(a_case(plan=OTHER_PLAN, plan_hash=OTHER_PLAN.hash), joins=[join])
    assert set(table.get("hold#x", PLAN_KEY, CASE_KEY)) == {PLAN_KEY, CASE_KEY}


@pytest.mark.parametrize("event", Event)
def test_table_alone_moves_a_case(cases: Cases, event: Event) -> None:
    case = cases.open(a_case(Status.CONTAINED))
    if event in TABLE[Status.CONTAINED]:
        assert cases.transition(case, event).status is TABLE[Status.CONTAINED][event]
        return
    with pytest.raises(CaseConflict):
        cases.transition(case, event)
    assert cases.get("c0ffee") == case


def test_plan_stays_while_the_case_is_open(cases: Cases, table: Table) -> None:
    case = cases.open(a_case())
    plan = table.get(PLAN_KEY)[PLAN_KEY]
    assert "expires" not in plan
    case = cases.transition(case, Event.ALL_VERIFIED)
    assert table.get(PLAN_KEY)[PLAN_KEY] == plan
    case = cases.transition(cases.transition(case, Event.RELEASE), Event.PERSON_UNDID)
    closed = table.get(PLAN_KEY)[PLAN_KEY]
    assert {**closed, "expires": 0} == {**plan, "expires": 0}
    again = replace(case, status=Status.CONTAINING, round=2)
    cases.open(again, replacing=case)
    assert table.get(PLAN_KEY)[PLAN_KEY] == plan


def test_closed_case_expires_with_its_plan(cases: Cases, table: Table, clock: Clock) -> None:
    case = cases.open(a_case(Status.AWAITING_APPROVAL))
    assert all("expires" not in row for row in table.get(CASE_KEY, PLAN_KEY).values())
    cases.transition(case, Event.REJECT)
    end = int((clock.now() + timedelta(days=30)).timestamp())
    rows = table.get(CASE_KEY, PLAN_KEY)
    assert [row["expires"] for row in rows.values()] == [end, end]


@pytest.mark.parametrize("held_back", [True, False])
def test_held_back_case_stays_in_the_index(cases: Cases, table: Table, held_back: bool) -> None:
    """Time takes it up again: until then it does not expire, with the plan in its row."""
    case = cases.open(a_case(Status.OBSERVED, held_back=held_back))
    (row,) = table.get(CASE_KEY, PLAN_KEY).values()
    assert ("open" in row, "expires" in row) == (held_back, not held_back)
    cases.transition(case, Event.SOURCE_UNDID)
    (row,) = table.get(CASE_KEY, PLAN_KEY).values()
    assert ("open" in row, "expires" in row) == (False, True)


def test_held_back_plan_of_its_own_stays_too(cases: Cases, table: Table) -> None:
    """The budget was lost after the claim: the plan has a row by then."""
    case = cases.open(a_case())
    cases.transition(case, Event.HOLD_BACK, held_back=True)
    assert not ["expires" for row in table.get(CASE_KEY, PLAN_KEY).values() if "expires" in row]


def test_new_plan_replaces_the_old(cases: Cases) -> None:
    old = cases.open(a_case(Status.OBSERVED))
    anew = replace(old, status=Status.CONTAINING, plan=OTHER_PLAN, plan_hash=OTHER_PLAN.hash)
    cases.open(anew, replacing=old)
    case = cases.get("c0ffee")
    assert case is not None and case.plan == OTHER_PLAN


def test_expired_case_is_opened_again(cases: Cases, clock: Clock) -> None:
    cases.open(a_case(Status.OBSERVED))
    clock.passes(days=31)
    assert cases.open(a_case()).version == 1


def test_case_without_plan_is_forgotten(cases: Cases, table: Table) -> None:
    """DynamoDB may delete the expired plan before the expired case."""
    cases.open(a_case())
    table.delete(PLAN_KEY, "attribute_not_exists(cases) OR cases = :case", case={"x"})
    assert cases.get("c0ffee") is None


def test_observed_case_is_one_row(cases: Cases, table: Table) -> None:
    observed = cases.open(a_case(Status.OBSERVED))
    assert table.get(PLAN_KEY, CASE_KEY).keys() == {CASE_KEY}
    assert cases.get("c0ffee") == observed
    remembered = cases.remember("c0ffee", "111122223333", PLAN.hash)
    assert remembered.case == observed


def test_observed_case_that_goes_on_has_its_plan_in_a_row_of_its_own(
    cases: Cases, table: Table
) -> None:
    for plan in (PLAN, OTHER_PLAN):
        observed = cases.open(replace(a_case(Status.OBSERVED), id=plan.hash[:16]))
        claimed = replace(a_case(), id=observed.id, plan=plan, plan_hash=plan.hash)
        claimed = cases.open(claimed, replacing=observed)
        own, case = (
            f"plan#{QUARANTINE.name}#{observed.id}#{plan.hash[:16]}",
            f"case#{QUARANTINE.name}#{observed.id}",
        )
        rows = table.get(own, case)
        assert "expires" not in rows[own]
        assert "plan" not in rows[case]
        assert cases.get(observed.id) == claimed


def test_closed_case_leaves_no_row_beside_its_own(cases: Cases, table: Table) -> None:
    observed = cases.open(a_case(Status.OBSERVED))
    closed = cases.transition(observed, Event.SOURCE_UNDID, decided_by="the source")
    assert table.get(PLAN_KEY, CASE_KEY).keys() == {CASE_KEY}
    assert cases.get("c0ffee") == closed


def test_case_that_is_held_back_keeps_the_row_of_its_plan(cases: Cases, table: Table) -> None:
    held_back = cases.transition(cases.open(a_case()), Event.HOLD_BACK)
    rows = table.get(PLAN_KEY, CASE_KEY)
    assert rows[PLAN_KEY]["expires"] == rows[CASE_KEY]["expires"]
    assert "plan" not in rows[CASE_KEY]
    again = cases.open(a_case(), replacing=held_back)
    assert "expires" not in table.get(PLAN_KEY)[PLAN_KEY]
    assert cases.get("c0ffee") == again


def test_changed_at_always_rises(cases: Cases, clock: Clock) -> None:
    case = cases.open(a_case())
    moments = []
    for minutes in (0, 0, -5, 0, 9):
        clock.passes(minutes=minutes)
        case = cases.write(case)
        moments.append(case.changed_at)
    assert moments == sorted(set(moments))  # type: ignore[type-var]


@pytest.mark.parametrize("status", Status)
def test_index_names_the_open_cases(status: Status, clock: Clock) -> None:
    with dynamodb_table() as (table, client):
        Cases(table, QUARANTINE.name).open(a_case(status))
        found = client.query(
            TableName=NAME,
            IndexName="open",
            KeyConditionExpression="#open = :playbook",
            ExpressionAttributeNames={"#open": "open"},
            ExpressionAttributeValues={":playbook": {"S": QUARANTINE.name}},
        )["Items"]
    assert [item["id"]["S"] for item in found] == ([CASE_KEY] if status in OPEN else [])


def test_later_pass_is_remembered(cases: Cases) -> None:
    for hours in (0, -1):
        cases.remember_pass("c0ffee", NOON + timedelta(hours=hours))
    assert cases.remember("c0ffee", ACCOUNT, PLAN.hash).passed_at == NOON
    cases.remember_pass("c0ffee", NOON + timedelta(hours=1))
    assert cases.remember("c0ffee", ACCOUNT, PLAN.hash).passed_at == NOON + timedelta(hours=1)


def test_pass_is_remembered_for_a_day(cases: Cases, table: Table, clock: Clock) -> None:
    """Longer than any delivery of the failure before it may take."""
    cases.remember_pass("c0ffee", NOON)
    key = CASE_KEY.replace("case#", "passed#")
    until = clock.now() + timedelta(days=1)
    assert table.get(key)[key]["expires"] == int(until.timestamp())


def test_everything_is_remembered_at_once(cases: Cases) -> None:
    case = cases.open(a_case())
    assert cases.take_budget(ACCOUNT, 5)
    remembered = cases.remember("c0ffee", ACCOUNT, PLAN.hash)
    assert (remembered.case, remembered.spent) == (case, 1)
    assert cases.remember("c0ffee", ACCOUNT, OTHER_PLAN.hash).case == case
