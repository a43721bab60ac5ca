"""A resource that a person names: what refuses it, and what is written for the playbook to obey."""

from dataclasses import replace
from typing import Any

import pytest

from cordon.by_arn import finding_of
from cordon.deciding.contain_by_arn import contain_by_arn
from cordon.deciding.desk import NotDecided, Response
from cordon.deciding.request import BadRequest, ByArn
from cordon.finding import Place
from cordon.memory.cases import Case
from cordon.memory.decisions import Verb
from cordon.statuses import CLOSED, Status
from tests.deciding.stand_ins import ADA, BOB, DESK, FUNCTIONS_OF, Office, caller
from tests.deciding.test_cases import FORBIDDEN
from tests.examples import QUARANTINE, REVOKE, TAG
from tests.make import ACCOUNT, NOON
from tests.reporting.cases import a_case

BUCKET = "arn:aws:s3:::training-data"
HOME = Place("aws", ACCOUNT, "eu-central-1")
CASE = QUARANTINE.case_id(finding_of(BUCKET, QUARANTINE, HOME, NOON))


def contains(
    office: Office, by: str = ADA, resource: str = BUCKET, playbook: str = QUARANTINE.name
) -> Response:
    return contain_by_arn(ByArn(resource, playbook, "it leaks"), caller(by), office.desk)


def why_not(office: Office, by: str = ADA, **body: str) -> tuple[int, str]:
    before = office.decision(CASE)
    with pytest.raises((NotDecided, BadRequest)) as refusal:
        contains(office, by, **body)
    assert office.decision(CASE) == before
    assert office.calls.started == []
    return getattr(refusal.value, "status", 400), str(refusal.value)


def known(status: Status, round: int = 1) -> Case:
    finding = finding_of(BUCKET, QUARANTINE, HOME, NOON)
    return replace(a_case(status, finding=finding), id=CASE, round=round)


@pytest.mark.parametrize("mode", ["observe", "approve", "enforce", "aprove"])
def test_it_is_decided_in_every_mode(office: Office, mode: str) -> None:
    office.set(modes={QUARANTINE.name: mode}, budget=0)
    response = contains(office)
    assert (response.status, response.body["case"]) == (200, CASE)
    assert (response.body["verb"], response.body["complete"]) == ("contain", True)
    made = office.decision(CASE)
    assert made is not None and made.complete
    assert (made.verb, made.round, made.by, made.why) == (Verb.CONTAIN, 1, ADA, "it leaks")
    assert (made.resource, made.account, made.region) == (BUCKET, ACCOUNT, "eu-central-1")
    (started,) = office.calls.started
    assert started["input"]["function"] == FUNCTIONS_OF[QUARANTINE.name]


@pytest.mark.parametrize("status", sorted(CLOSED))
def test_closed_case_gets_its_next_round(office: Office, status: Status) -> None:
    office.having(known(status, 3))
    contains(office)
    made = office.decision(CASE)
    assert made is not None and made.round == 4


@pytest.mark.parametrize("status", sorted(set(Status) - CLOSED))
def test_open_case_is_named_instead(office: Office, status: Status) -> None:
    office.having(known(status))
    code, why = why_not(office)
    assert code == 409 and CASE in why and str(status) in why


@pytest.mark.parametrize(
    ("entries", "why"), [one for one in FORBIDDEN if "mode" not in next(iter(one[0]))]
)
def test_what_policy_forbids_is_refused(office: Office, entries: dict[str, Any], why: str) -> None:
    office.set(**entries)
    code, said = why_not(office)
    assert code == 409 and why in said


@pytest.mark.parametrize(
    ("resource", "playbook", "field"),
    [
        (BUCKET, TAG.name, "playbook"),
        (BUCKET, "nobody", "playbook"),
        (BUCKET, REVOKE.name, "resource"),
        ("training-data", QUARANTINE.name, "resource"),
        (f"{BUCKET}/key", QUARANTINE.name, "resource"),
        (f"arn:aws:iam::{ACCOUNT}:role/x", QUARANTINE.name, "resource"),
        ("arn:aws:ec2:eu-central-1:111122223333:instance/i-0", QUARANTINE.name, "resource"),
    ],
)
def test_what_no_playbook_contains_is_refused(
    office: Office, resource: str, playbook: str, field: str
) -> None:
    code, why = why_not(office, resource=resource, playbook=playbook)
    assert code == 400 and why.startswith(f"{field}: ")


@pytest.mark.parametrize("resource", ["role/x", "user/x"])
def test_what_is_not_served_is_refused(office: Office, resource: str) -> None:
    arn = f"arn:aws:iam::999988887777:{resource}"
    code, why = why_not(office, resource=arn, playbook=REVOKE.name)
    assert code == 409 and "is not served" in why


def test_nobody_contains_themselves(office: Office) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:user/ada"
    assert why_not(office, resource=arn, playbook=REVOKE.name)[0] == 403


def test_break_glass_is_refused(office: Office) -> None:
    (arn,) = DESK.break_glass
    assert why_not(office, resource=arn, playbook=REVOKE.name)[0] == 409


def test_the_same_again_wakes_again(office: Office) -> None:
    contains(office)
    made = office.decision(CASE)
    contains(office, BOB)
    assert office.decision(CASE) == made
    first, second = office.calls.started
    assert first["name"] != second["name"]  # the first may have failed: its name starts no more
    assert first["input"] == second["input"]


def test_two_people_contain(office: Office) -> None:
    office.deployed(two_approvers=True)
    assert contains(office).body["complete"] is False
    assert why_not(office)[0] == 403
    assert contains(office, BOB).body["complete"] is True
    assert len(office.calls.started) == 1


def test_what_one_wanted_long_ago_counts_no_more(office: Office) -> None:
    office.deployed(two_approvers=True)
    contains(office)
    office.clock.passes(hours=4)
    assert contains(office, BOB).body["complete"] is False


def test_it_counts_where_its_workflow_does_not_start(office: Office) -> None:
    office.calls.fails = "ThrottlingException"
    response = contains(office)
    assert response.status == 202 and "send the same request again" in response.body["says"]
    assert office.decision(CASE) is not None
    office.calls.fails = ""
    assert contains(office).status == 200
    assert len(office.calls.started) == 1
