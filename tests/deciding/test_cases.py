"""Approve, reject, release, retry: refused before the first row, and decided one at a time."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cordon.deciding import cases as deciding_cases
from cordon.deciding.desk import Desk, NotDecided
from cordon.finding import Finding
from cordon.memory.cases import ActionStatus, Case
from cordon.memory.decisions import Decision, Verb
from cordon.memory.reported import Reported, ReportedRows
from cordon.playbook import Plan
from cordon.statuses import Status
from tests.deciding.stand_ins import ADA, BOB, CASE, DESK, FUNCTIONS_OF, Office, waiting
from tests.examples import QUARANTINE, REVOKE, function_of
from tests.make import ACCOUNT, BUCKET, DEPLOYMENT, NOON, a_finding, a_principal, an_actor
from tests.reporting.cases import a_case, with_results

DECIDED_AT_ALL = (Verb.APPROVE, Verb.REJECT, Verb.RELEASE, Verb.RETRY)


def why_not(office: Office, verb: Verb, by: str = ADA, **body: str) -> tuple[int, str]:
    """Status and reason of a refusal, which wrote nothing and woke nobody."""
    before, woken = office.decision(), list(office.calls.started)
    with pytest.raises(NotDecided) as refusal:
        office.does(verb, by, **body)
    assert office.decision() == before
    assert office.calls.started == woken
    return refusal.value.status, refusal.value.why


# ---- what is decided ----


def test_approval_is_a_row_with_who_it_was_and_wakes_the_workflow(office: Office) -> None:
    case = office.having(waiting())
    response = office.does(Verb.APPROVE, plan=case.plan_hash, why="seen")
    assert response.status == 200
    assert {**response.body, "says": ""} == {
        "case": CASE,
        "verb": "approve",
        "by": ADA,
        "person": ADA,
        "status": "awaiting_approval",
        "complete": True,
        "says": "",
    }
    made = office.decision()
    assert made is not None and made.complete
    assert (made.verb, made.round, made.plan_hash, made.by, made.why, made.at) == (
        Verb.APPROVE,
        1,
        case.plan_hash,
        ADA,
        "seen",
        office.clock.now(),
    )
    (seen,) = made.witnesses
    assert (seen.by, seen.person, seen.request, seen.api) == (ADA, ADA, "of-ada", DESK.desk_api)
    assert (seen.access_key, seen.source_ip) == ("AKIAIOSFODNN7EXAMPLE", "203.0.113.7")
    (started,) = office.calls.started
    assert started["stateMachineArn"] == DESK.workflow
    assert started["input"] == {
        "case": CASE,
        "playbook": QUARANTINE.name,
        "function": FUNCTIONS_OF[QUARANTINE.name],
    }
    assert started["name"].startswith(f"{CASE}-1-approve-") and len(started["name"]) <= 80


@pytest.mark.parametrize("named", ["", "arn:aws:lambda:eu-central-1:1:function:removed"])
def test_the_function_of_today_is_woken(office: Office, named: str) -> None:
    """A playbook that was removed and is deployed again has another function than its rows name."""
    office.having(replace(waiting(), status=Status.CONTAINED, function_arn=named))
    office.does(Verb.RELEASE)
    (started,) = office.calls.started
    assert started["input"]["function"] == FUNCTIONS_OF[QUARANTINE.name]


def test_the_case_itself_is_not_written(office: Office) -> None:
    case = office.having(waiting())
    office.does(Verb.REJECT)
    assert office.cases().get(CASE) == case


HOLDING = (
    Status.CONTAINING,
    Status.CONTAINED,
    Status.TAGGED,
    Status.PARTLY_CONTAINED,
    Status.FAILED,
    Status.RESOURCE_DELETED,
    Status.RELEASING,
    Status.ESCALATED,
)


def failed(status: Status) -> Case:
    return with_results(a_case(status), ActionStatus.FAILED)


ALLOWED: dict[Verb, list[Case]] = {
    Verb.REJECT: [waiting()],
    Verb.RELEASE: [
        *(a_case(status) for status in HOLDING),
        waiting(contained_as="contained"),
    ],
    Verb.RETRY: [
        failed(Status.FAILED),
        failed(Status.PARTLY_CONTAINED),
        a_case(Status.CONTAINING, lease_until=NOON - timedelta(seconds=1)),
        a_case(Status.CONTAINING),
    ],
}


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize(
    ("verb", "case"), [(verb, case) for verb, cases in ALLOWED.items() for case in cases]
)
def test_status_allows(office: Office, verb: Verb, case: Case) -> None:
    office.having(case)
    assert office.does(verb).status == 200
    assert office.decision() is not None


REFUSED: dict[Verb, list[tuple[Case, str]]] = {
    Verb.APPROVE: [(a_case(status), "awaits no approval") for status in HOLDING],
    Verb.REJECT: [(a_case(status), "awaits no approval") for status in HOLDING],
    Verb.RELEASE: [
        (a_case(status), "holds nothing")
        for status in set(Status) - {*HOLDING, Status.AWAITING_APPROVAL}
    ]
    + [(waiting(), "holds nothing")],
    Verb.RETRY: [
        (a_case(Status.CONTAINED), "no failed change"),
        (a_case(Status.RELEASED), "no failed change"),
        (waiting(), "no failed change"),
        (a_case(Status.CONTAINING, lease_until=NOON + timedelta(minutes=1)), "a live attempt"),
        (a_case(Status.CONTAINING, not_before=NOON + timedelta(hours=1)), "waits until"),
    ],
}


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize(
    ("verb", "case", "why"),
    [(verb, case, why) for verb, cases in REFUSED.items() for case, why in cases],
)
def test_status_refuses(office: Office, verb: Verb, case: Case, why: str) -> None:
    office.having(case)
    status, said = why_not(office, verb, plan=case.plan_hash)
    assert status == 409 and why in said and str(case.status) in said


@pytest.mark.parametrize("verb", DECIDED_AT_ALL)
def test_unknown_case(office: Office, verb: Verb) -> None:
    assert why_not(office, verb) == (404, f"there is no case {CASE}")


def test_case_of_every_playbook_is_found(office: Office) -> None:
    case = replace(waiting(), playbook=REVOKE.name)
    office.cases(REVOKE.name).open(replace(case, version=0))
    office.does(Verb.REJECT)
    assert office.decision(playbook=REVOKE.name) is not None


@pytest.mark.parametrize("verb", [Verb.APPROVE, Verb.REJECT])
def test_another_plan_is_refused(office: Office, verb: Verb) -> None:
    office.having(waiting())
    status, why = why_not(office, verb, plan="0" * 64)
    assert status == 409 and "look at it again" in why


def test_approval_needs_the_plan(office: Office) -> None:
    office.having(waiting())
    assert why_not(office, Verb.APPROVE)[0] == 409


def test_a_plan_that_is_not_what_its_hash_says_is_refused(office: Office) -> None:
    case = office.having(waiting(plan_hash="ab" * 32))
    assert why_not(office, Verb.APPROVE, plan=case.plan_hash)[0] == 409


# ---- today's policy ----


FORBIDDEN: list[tuple[dict[str, Any], str]] = [
    ({"master_switch": "off"}, "the master switch is off"),
    ({"master_switch": "observe"}, "the master switch is at observe"),
    ({"modes": {QUARANTINE.name: "observe"}}, "mode is observe"),
    ({"modes": {QUARANTINE.name: "aprove"}}, f"modes.{QUARANTINE.name}"),
    ({"protected": frozenset({"arn:aws:s3:::training-*"})}, "protected by the pattern"),
    (
        {
            "exemptions": {
                "x": {
                    "playbook": "*",
                    "resource": "arn:aws:s3:::training-data",
                    "owner": "Ada",
                    "reason": "web",
                    "expires": "2027-01-01",
                }
            }
        },
        "exempt until",
    ),
]


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("verb", [Verb.APPROVE, Verb.RETRY])
@pytest.mark.parametrize(("entries", "why"), FORBIDDEN)
def test_what_policy_forbids_today_is_refused(
    office: Office, verb: Verb, entries: dict[str, Any], why: str
) -> None:
    case = office.having(waiting() if verb is Verb.APPROVE else failed(Status.FAILED))
    office.set(**entries)
    status, said = why_not(office, verb, plan=case.plan_hash)
    assert status == 409 and why in said


@pytest.mark.parametrize("verb", [Verb.REJECT, Verb.RELEASE])
@pytest.mark.parametrize(("entries", "_why"), FORBIDDEN)
def test_nothing_refuses_a_release_or_a_no(
    office: Office, verb: Verb, entries: dict[str, Any], _why: str
) -> None:
    office.having(waiting() if verb is Verb.REJECT else a_case(Status.CONTAINED))
    office.set(**entries)
    assert office.does(verb).status == 200


def test_a_plan_of_which_a_part_is_protected_since_is_refused_whole(office: Office) -> None:
    """A person approved all of it: what is left of it nobody approved."""
    other = replace(BUCKET, name="other-data", arn="arn:aws:s3:::other-data")
    finding = a_finding(resources=(BUCKET, other))
    plan = QUARANTINE.plan_for(finding, DEPLOYMENT)
    case = waiting(finding=finding, plan=plan, plan_hash=plan.hash)
    office.having(case)
    office.set(protected=frozenset({"arn:aws:s3:::other-data"}))
    status, why = why_not(office, Verb.APPROVE, plan=plan.hash)
    assert status == 409 and "not all of the plan is allowed now" in why
    assert "other-data" in why


def test_no_settings_row_refuses_an_approval(office: Office) -> None:
    case = office.having(waiting())
    office.desk.table.delete("settings", "attribute_exists(id)")
    assert why_not(office, Verb.APPROVE, plan=case.plan_hash)[0] == 409


# ---- who ----


def of(**changes: Any) -> Finding:
    return a_finding(**changes)


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("verb", DECIDED_AT_ALL)
@pytest.mark.parametrize(
    ("finding", "by"),
    [
        (of(principal=a_principal("IAMUser", "ada")), ADA),
        (
            of(principal=a_principal("AssumedRole", "trainer")),
            f"arn:aws:sts::{ACCOUNT}:assumed-role/trainer/whoever",
        ),
        (of(resources=(an_actor("AWS::IAM::User", "ada"),)), ADA),
        (of(principal=a_principal("Root", "")), f"arn:aws:iam::{ACCOUNT}:root"),
        (of(principal=a_principal("X", "y", access_key_id="AKIAIOSFODNN7EXAMPLE")), ADA),
    ],
)
def test_the_actor_decides_nothing(office: Office, verb: Verb, finding: Finding, by: str) -> None:
    office.having(replace(waiting(), finding=finding))
    status, why = why_not(office, verb, by)
    assert status == 403 and "somebody else" in why


def test_our_own_role_decides_nothing(office: Office) -> None:
    office.having(waiting())
    own = f"arn:aws:sts::{ACCOUNT}:assumed-role/cordon-{function_of(QUARANTINE)}Role-1A2B3C/x"
    assert why_not(office, Verb.REJECT, own)[0] == 403


# ---- the time ----


def informed(office: Office, case: Case, **ago: int) -> None:
    shown = Reported(
        message=f"{Status.AWAITING_APPROVAL} {case.round}",
        informed_at=office.clock.now() - timedelta(**ago),
    )
    ReportedRows(office.desk.table).save(case, Reported(), shown)


@pytest.mark.parametrize("verb", [Verb.APPROVE, Verb.REJECT])
def test_too_late(office: Office, verb: Verb) -> None:
    case = office.having(waiting())
    informed(office, case, hours=4)
    status, why = why_not(office, verb, plan=case.plan_hash)
    assert status == 409 and "ended at 2026-11-24T12:00:00Z" in why


def test_in_time_while_nobody_was_informed_and_until_the_hours_are_over(office: Office) -> None:
    case = office.having(waiting(opened_at=NOON - timedelta(days=9)))
    assert office.does(Verb.APPROVE, plan=case.plan_hash).status == 200
    informed(office, case, hours=3, minutes=59)
    assert office.does(Verb.APPROVE, plan=case.plan_hash).status == 200


# ---- one after the other, and at once ----


def test_a_no_after_a_yes_is_refused_until_the_yes_is_carried_out(office: Office) -> None:
    case = office.having(waiting())
    office.does(Verb.APPROVE, plan=case.plan_hash)
    status, why = why_not(office, Verb.REJECT, BOB)
    assert status == 409 and ADA in why and "approve" in why
    office.cases().write(replace(case, status=Status.CONTAINED))
    assert office.does(Verb.RELEASE, BOB).status == 200


def test_the_same_again_wakes_again_and_names_the_first(office: Office) -> None:
    case = office.having(waiting())
    office.does(Verb.APPROVE, plan=case.plan_hash)
    made = office.decision()
    office.clock.passes(minutes=1)
    assert office.does(Verb.APPROVE, BOB, plan=case.plan_hash).status == 200
    assert office.decision() == made
    first, second = office.calls.started
    assert first["name"] == second["name"]  # so it is one execution


def test_what_was_decided_of_an_earlier_round_counts_no_more(office: Office) -> None:
    case = office.having(waiting())
    office.does(Verb.REJECT)
    office.cases().write(replace(case, round=2))
    office.does(Verb.APPROVE, BOB, plan=case.plan_hash)
    made = office.decision()
    assert made is not None and (made.verb, made.round, made.by) == (Verb.APPROVE, 2, BOB)


@pytest.mark.parametrize("first", [None, Verb.REJECT])
def test_of_two_at_once_one_decides(office: Office, first: Verb | None) -> None:
    """Both read before either writes."""
    case = office.having(waiting())
    if first is not None:
        office.does(first)
        office.cases().write(replace(case, round=2))
    read, raced = Desk.decided, [False]

    def reads_then_another_decides(self: Desk, playbook: str, id: str) -> Decision | None:
        seen = read(self, playbook, id)
        if not raced[0]:
            raced[0] = True
            office.does(Verb.REJECT, BOB)
        return seen

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Desk, "decided", reads_then_another_decides)
        with pytest.raises(NotDecided, match="at the same moment") as refusal:
            office.does(Verb.APPROVE, plan=case.plan_hash)
    assert refusal.value.status == 409
    made = office.decision()
    assert made is not None and (made.verb, made.by) == (Verb.REJECT, BOB)


@pytest.mark.parametrize("code", ["ThrottlingException", "AccessDeniedException"])
def test_decision_counts_where_its_workflow_does_not_start(
    office: Office, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    case = office.having(waiting())
    office.calls.fails = code
    response = office.does(Verb.APPROVE, plan=case.plan_hash)
    assert response.status == 202 and "in five to ten minutes" in response.body["says"]
    assert office.decision() is not None
    assert code in vars(caplog.records[-1])["reason"]


def test_execution_that_there_is_counts_as_started(office: Office) -> None:
    office.having(waiting())
    office.calls.fails = "ExecutionAlreadyExists"
    assert office.does(Verb.REJECT).status == 200


# ---- two approvers ----


def test_two_people_approve(office: Office) -> None:
    case = office.deployed(two_approvers=True).having(waiting())
    first = office.does(Verb.APPROVE, plan=case.plan_hash)
    assert first.body["complete"] is False and "second person" in first.body["says"]
    assert office.calls.started == []
    made = office.decision()
    assert made is not None and not made.complete
    second = office.does(Verb.APPROVE, BOB, plan=case.plan_hash)
    assert second.body["complete"] is True
    made = office.decision()
    assert made is not None and made.complete
    assert [one.person for one in made.witnesses] == [ADA, BOB]
    assert len(office.calls.started) == 1


ROLES = f"arn:aws:sts::{ACCOUNT}:assumed-role"
SESSIONS = [
    (ADA, ADA),
    (ADA, f"{ROLES}/Named/ada"),
    (f"{ROLES}/Any/a", f"{ROLES}/Any/b"),
    (f"{ROLES}/AWSReservedSSO_A_1/ada", f"{ROLES}/AWSReservedSSO_B_2/ada"),
    (f"{ROLES}/AWSReservedSSO_Fake_3/ada", f"{ROLES}/AWSReservedSSO_Fake_3/bob"),
]


@pytest.mark.parametrize(("one", "other"), SESSIONS)
def test_one_person_is_not_two(office: Office, one: str, other: str) -> None:
    named = f"arn:aws:iam::{ACCOUNT}:role/people/Named"
    case = office.deployed(two_approvers=True, person_roles=(named,)).having(waiting())
    path = "/aws-reserved/sso.amazonaws.com/eu-west-1/"
    office.calls.paths = {"AWSReservedSSO_A_1": path, "AWSReservedSSO_B_2": path}
    office.does(Verb.APPROVE, one, plan=case.plan_hash)
    status, why = why_not(office, Verb.APPROVE, other, plan=case.plan_hash)
    assert status == 403 and "two people" in why


def test_sessions_of_a_named_role_are_two_people(office: Office) -> None:
    named = f"arn:aws:iam::{ACCOUNT}:role/people/Named"
    case = office.deployed(two_approvers=True, person_roles=(named,)).having(waiting())
    for name in ("ada", "bob"):
        session = f"arn:aws:sts::{ACCOUNT}:assumed-role/Named/{name}"
        response = office.does(Verb.APPROVE, session, plan=case.plan_hash)
    assert response.body["complete"] is True


@pytest.mark.parametrize("verb", [Verb.REJECT, Verb.RELEASE, Verb.RETRY])
def test_less_is_one_persons(office: Office, verb: Verb) -> None:
    cases = {
        Verb.REJECT: waiting(),
        Verb.RELEASE: a_case(Status.CONTAINED),
        Verb.RETRY: failed(Status.FAILED),
    }
    office.deployed(two_approvers=True).having(cases[verb])
    assert office.does(verb).body["complete"] is True


def test_a_no_ends_what_waits_for_a_second_yes(office: Office) -> None:
    case = office.deployed(two_approvers=True).having(waiting())
    office.does(Verb.APPROVE, plan=case.plan_hash)
    assert office.does(Verb.REJECT).body["complete"] is True
    assert why_not(office, Verb.APPROVE, BOB, plan=case.plan_hash)[0] == 409


def test_an_approval_of_one_does_not_count_in_the_next_round(office: Office) -> None:
    case = office.deployed(two_approvers=True).having(waiting())
    office.does(Verb.APPROVE, plan=case.plan_hash)
    office.cases().write(replace(case, round=2))
    assert office.does(Verb.APPROVE, BOB, plan=case.plan_hash).body["complete"] is False


def test_two_people_must_approve_the_same_plan(office: Office) -> None:
    case = office.deployed(two_approvers=True).having(waiting())
    office.does(Verb.APPROVE, plan=case.plan_hash)
    other = Plan(case.plan.actions[:1], "look again")
    office.cases().write(replace(case, plan=other, plan_hash=other.hash, has_plan=True))
    assert office.does(Verb.APPROVE, BOB, plan=other.hash).body["complete"] is False


def test_both_of_two_read_the_first_alone(office: Office) -> None:
    """Two second approvers at once: one completes, the other is refused, and nothing runs twice."""
    case = office.deployed(two_approvers=True).having(waiting())
    office.does(Verb.APPROVE, plan=case.plan_hash)
    eve, raced = f"arn:aws:iam::{ACCOUNT}:user/eve", [False]
    beside = deciding_cases._beside

    def another_first(*given: Any) -> Decision:
        made = beside(*given)
        if not raced[0]:
            raced[0] = True
            office.does(Verb.APPROVE, eve, plan=case.plan_hash)
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deciding_cases, "_beside", another_first)
        with pytest.raises(NotDecided, match="at the same moment"):
            office.does(Verb.APPROVE, BOB, plan=case.plan_hash)
    made = office.decision()
    assert made is not None and [one.by for one in made.witnesses] == [ADA, eve]
