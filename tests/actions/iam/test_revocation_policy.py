"""The document of the policy that denies older sessions, without AWS."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cordon.actions.revocation_policy import (
    other_statements,
    revoke_before,
    revoked_before,
    revoking,
    same,
    without_revocation,
)
from tests.actions.iam.principals import CONSOLE, NOW, SOON
from tests.actions.scenario_iam import MANUAL_POLICY

TIMES = st.integers(0, 4_000_000_000).map(lambda s: datetime.fromtimestamp(s, UTC))


class TestRevocation:
    """The policy document, without AWS."""

    def test_text_equals_that_of_the_console(self) -> None:
        assert revoking(None, SOON) == CONSOLE % "2026-11-24T06:00:30Z"

    def test_both_spellings_are_recognised(self) -> None:
        policy = (
            '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*",'
            '"Condition":{"DateLessThan":{"aws:TokenIssueTime":"2014-05-07T23:47:00Z"}}}}'
        )
        assert revoked_before(policy) == datetime(2014, 5, 7, 23, 47, tzinfo=UTC)
        assert other_statements(policy) == []

    @pytest.mark.parametrize(
        "change",
        [
            {"Effect": "Allow"},
            {"Action": ["s3:*"]},
            {"Resource": "arn:aws:s3:::b"},
            {"NotAction": "sts:*"},
            {"Sid": "Manual"},
            {"Condition": {"DateLessThan": {"aws:TokenIssueTime": "soon"}}},
            {"Condition": {"DateLessThan": {"aws:TokenIssueTime": ["2026-11-24T06:00:30Z"]}}},
            {
                "Condition": {
                    "DateLessThan": {"aws:TokenIssueTime": "2026-11-24T06:00:30Z"},
                    "StringEquals": {"aws:userId": "AROA:eve"},
                }
            },
        ],
    )
    def test_similar_statement_is_not_a_revocation(self, change: dict[str, Any]) -> None:
        document = json.loads(CONSOLE % "2026-11-24T06:00:30Z")
        document["Statement"][0].update(change)
        assert revoked_before(json.dumps(document)) is None
        assert other_statements(json.dumps(document)) == document["Statement"]

    def test_latest_revocation_counts(self) -> None:
        both = json.loads(CONSOLE % "2026-11-24T06:00:30Z")
        both["Statement"].insert(0, json.loads(CONSOLE % "2027-01-01T00:00:00Z")["Statement"][0])
        assert revoke_before(json.dumps(both), NOW) == datetime(2027, 1, 1, tzinfo=UTC)

    def test_time_is_rounded_up(self) -> None:
        existing = CONSOLE % "2026-11-24T06:00:30.085Z"
        assert revoke_before(existing, NOW) == SOON + timedelta(seconds=1)

    def test_without_revocation_keeps_other_statements(self) -> None:
        assert without_revocation(revoking(None, SOON)) is None
        assert without_revocation(None) is None
        assert other_statements(
            without_revocation(revoking(MANUAL_POLICY, SOON))
        ) == other_statements(MANUAL_POLICY)

    @given(TIMES, TIMES)
    def test_time_never_moves_back(self, first: datetime, second: datetime) -> None:
        once = revoking(MANUAL_POLICY, revoke_before(None, first))
        before = revoke_before(once, second)
        twice = revoking(once, before)
        assert revoked_before(twice) == before == max(first, second) + timedelta(seconds=30)
        assert other_statements(twice) == other_statements(MANUAL_POLICY)
        assert len(json.loads(twice)["Statement"]) == 2

    def test_same_ignores_only_white_space(self) -> None:
        assert same(MANUAL_POLICY, json.dumps(json.loads(MANUAL_POLICY)))
        assert not same(MANUAL_POLICY, None)
        assert not same(None, "{}")
