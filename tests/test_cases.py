"""Case rows: claimed once, moved only from where they stand, and read back whole."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from moto import mock_aws

from cordon import clock
from cordon.evidence import ChainEnd
from cordon.finding import Resource, ResourceRole
from cordon.memory.cases import (
    ActionResult,
    Case,
    CaseConflict,
    Cases,
    Status,
    finding_from_json,
    finding_to_json,
)
from cordon.playbook import Plan
from quarantine_bucket.playbook import PLAYBOOK
from tests.make import DEPLOYMENT, NOON, PLACE, a_finding, a_principal
from tests.test_holds import TABLE, a_table


@pytest.fixture
def cases() -> Iterator[Cases]:
    with mock_aws():
        yield Cases(a_table(), TABLE)


def a_case(**changes: Any) -> Case:
    finding = a_finding()
    plan = Plan(tuple(PLAYBOOK.plan(finding, "c0ffee", DEPLOYMENT)))
    case = Case(
        id="c0ffee",
        playbook="quarantine_bucket",
        finding=finding,
        plan=plan,
        plan_hash=plan.hash,
        status=Status.CONTAINING,
        mode="enforce",
        verdict="run",
        reason="mode is enforce",
        opened_at=NOON,
        last_activity=NOON,
    )
    return replace(case, **changes)


def test_a_case_is_read_back_as_it_was_written(cases: Cases) -> None:
    case = a_case(
        results=(ActionResult("tag_bucket", "t", "waiting", "r", "2026-11-24T12:00:00Z"),),
        contained_at=NOON,
        evidence_end=ChainEnd(3, "ab"),
        round=2,
        decided_by="Ada",
    )
    cases.open(case)
    there = cases.get("c0ffee")
    assert there is not None and there.changed_at is not None
    assert replace(there, changed_at=None) == replace(case, version=1)
    assert there.plan.hash == there.plan_hash


def test_a_whole_finding_survives_its_json() -> None:
    actor = Resource("AWS::IAM::Role", "trainer", PLACE, role=ResourceRole.ACTOR)
    finding = a_finding(principal=a_principal(id="AROA:x"), resources=(actor,), hub=None)
    assert finding_from_json(finding_to_json(finding)) == finding


def test_only_one_claims_a_case(cases: Cases) -> None:
    cases.open(a_case())
    with pytest.raises(CaseConflict) as moved:
        cases.open(a_case())
    assert moved.value.status == Status.CONTAINING


def test_a_case_moves_only_from_where_it_stands(cases: Cases) -> None:
    case = cases.open(a_case())
    contained = cases.transition(case, Status.CONTAINED, when=(Status.CONTAINING,))
    with pytest.raises(CaseConflict):
        cases.transition(case, Status.AWAITING_APPROVAL, when=(Status.OBSERVED, Status.DECLINED))
    assert cases.get(case.id) is not None
    assert contained.status is Status.CONTAINED


def test_a_new_round_replaces_only_the_round_it_saw(cases: Cases) -> None:
    old = cases.open(a_case(status=Status.RELEASED))
    new = replace(old, status=Status.AWAITING_APPROVAL, round=2)
    assert cases.open(new, instead_of=old).execution_name == "c0ffee-2"
    with pytest.raises(CaseConflict):
        cases.open(new, instead_of=old)


def test_a_pass_is_remembered_until_a_case_is_there(cases: Cases) -> None:
    assert cases.find("c0ffee")[1] is None
    cases.remember_pass("c0ffee", NOON)
    cases.remember_pass("c0ffee", NOON - timedelta(hours=1))
    assert cases.find("c0ffee")[1] == NOON
    assert cases.get("c0ffee") is None
    cases.open(a_case())
    assert cases.find("c0ffee")[1] is None
    cases.remember_pass("c0ffee", NOON + timedelta(hours=1))
    assert cases.get("c0ffee") is not None


def test_the_breaker_opens_when_the_hour_is_spent(
    cases: Cases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cordon.memory.cases.now", lambda: NOON)
    spent = [cases.take_budget("quarantine_bucket", "111122223333", 2) for _ in range(3)]
    assert spent == [True, True, False]
    assert cases.take_budget("revoke_sessions", "111122223333", 2)
    assert cases.take_budget("quarantine_bucket", "444455556666", 2)
    monkeypatch.setattr("cordon.memory.cases.now", lambda: NOON + timedelta(hours=1))
    assert cases.take_budget("quarantine_bucket", "111122223333", 2)


def test_no_budget_is_no_act(cases: Cases) -> None:
    assert not cases.take_budget("quarantine_bucket", "111122223333", 0)


def test_a_token_is_kept_only_while_the_case_asks(cases: Cases) -> None:
    cases.open(a_case(status=Status.AWAITING_APPROVAL))
    cases.keep_token("c0ffee", "secret")
    assert cases.token("c0ffee") == "secret"
    case = cases.get("c0ffee")
    assert case is not None and "secret" not in repr(case)
    cases.transition(case, Status.DECLINED, when=(Status.AWAITING_APPROVAL,))
    with pytest.raises(cases._dynamodb.exceptions.ConditionalCheckFailedException):
        cases.keep_token("c0ffee", "later")


def test_clock_stamps_round_trip() -> None:
    assert clock.from_iso(clock.to_iso(NOON)) == NOON
