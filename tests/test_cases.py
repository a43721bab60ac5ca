"""Case rows: claimed once, moved only from where they stand, and read back whole."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from moto import mock_aws
from tests.make import DEPLOYMENT, NOON, PLACE, a_finding, a_principal
from tests.test_holds import TABLE, a_table

from cordon import clock
from cordon.cases import Case, Cases, Moved, Result, Stands, finding_from_json, finding_json
from cordon.evidence import Link
from cordon.finding import Part, Resource
from cordon.playbook import Plan
from quarantine_bucket.playbook import PLAYBOOK


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
        stands=Stands.CONTAINING,
        mode="enforce",
        verdict="run",
        reason="mode is enforce",
        opened=NOON,
        seen=NOON,
    )
    return replace(case, **changes)


def test_a_case_is_read_back_as_it_was_written(cases: Cases) -> None:
    case = a_case(
        results=(Result("tag_bucket", "t", "waiting", "r", "2026-11-24T12:00:00Z"),),
        contained=NOON,
        link=Link(3, "ab"),
        round=2,
        by="Ada",
    )
    cases.open(case)
    there = cases.get("c0ffee")
    assert there is not None and there.moved is not None
    assert replace(there, moved=None) == replace(case, version=1)
    assert there.plan.hash == there.plan_hash


def test_a_whole_finding_survives_its_json() -> None:
    actor = Resource("AWS::IAM::Role", "trainer", PLACE, part=Part.ACTOR)
    finding = a_finding(principal=a_principal(id="AROA:x"), resources=(actor,), hub=None)
    assert finding_from_json(finding_json(finding)) == finding


def test_only_one_claims_a_case(cases: Cases) -> None:
    cases.open(a_case())
    with pytest.raises(Moved) as moved:
        cases.open(a_case())
    assert moved.value.stands == Stands.CONTAINING


def test_a_case_moves_only_from_where_it_stands(cases: Cases) -> None:
    case = cases.open(a_case())
    contained = cases.move(case, Stands.CONTAINED, when=(Stands.CONTAINING,))
    with pytest.raises(Moved):
        cases.move(case, Stands.ASKED, when=(Stands.OBSERVED, Stands.DECLINED))
    assert cases.get(case.id) is not None
    assert contained.stands is Stands.CONTAINED


def test_a_new_round_replaces_only_the_round_it_saw(cases: Cases) -> None:
    old = cases.open(a_case(stands=Stands.RELEASED))
    new = replace(old, stands=Stands.ASKED, round=2)
    assert cases.open(new, instead_of=old).execution == "c0ffee-2"
    with pytest.raises(Moved):
        cases.open(new, instead_of=old)


def test_a_pass_is_remembered_until_a_case_is_there(cases: Cases) -> None:
    assert cases.look_up("c0ffee")[1] is None
    cases.note_pass("c0ffee", NOON)
    cases.note_pass("c0ffee", NOON - timedelta(hours=1))
    assert cases.look_up("c0ffee")[1] == NOON
    assert cases.get("c0ffee") is None
    cases.open(a_case())
    assert cases.look_up("c0ffee")[1] is None
    cases.note_pass("c0ffee", NOON + timedelta(hours=1))
    assert cases.get("c0ffee") is not None


def test_the_breaker_opens_when_the_hour_is_spent(
    cases: Cases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cordon.cases.now", lambda: NOON)
    spent = [cases.spend("quarantine_bucket", "111122223333", 2) for _ in range(3)]
    assert spent == [True, True, False]
    assert cases.spend("revoke_sessions", "111122223333", 2)
    assert cases.spend("quarantine_bucket", "444455556666", 2)
    monkeypatch.setattr("cordon.cases.now", lambda: NOON + timedelta(hours=1))
    assert cases.spend("quarantine_bucket", "111122223333", 2)


def test_no_budget_is_no_act(cases: Cases) -> None:
    assert not cases.spend("quarantine_bucket", "111122223333", 0)


def test_a_token_is_kept_only_while_the_case_asks(cases: Cases) -> None:
    cases.open(a_case(stands=Stands.ASKED))
    cases.keep_token("c0ffee", "secret")
    assert cases.token("c0ffee") == "secret"
    case = cases.get("c0ffee")
    assert case is not None and "secret" not in repr(case)
    cases.move(case, Stands.DECLINED, when=(Stands.ASKED,))
    with pytest.raises(cases._dynamodb.exceptions.ConditionalCheckFailedException):
        cases.keep_token("c0ffee", "later")


def test_clock_stamps_round_trip() -> None:
    assert clock.moment(clock.stamp(NOON)) == NOON
