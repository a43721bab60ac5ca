"""Holds: the first capture wins, the last case to let go restores, whoever arrives is seen."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from moto import mock_aws

from cordon.actions.s3 import DenyBucketAccess
from cordon.memory.holds import HoldReleased, Holds
from tests.make import PLACE

TABLE = "cordon"
EXEMPT = ("arn:aws:iam::111122223333:role/cordon/*",)


def deny(*levels: str) -> DenyBucketAccess:
    return DenyBucketAccess(PLACE, "data", levels, EXEMPT)


def a_table() -> Any:
    client = boto3.client("dynamodb", region_name="eu-central-1")
    client.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


@pytest.fixture
def holds() -> Iterator[Holds]:
    with mock_aws():
        yield Holds(a_table(), TABLE)


def test_the_first_capture_wins(holds: Holds) -> None:
    holds.join(deny("outsiders"), "a")
    assert holds.save_capture(deny("outsiders"), {"policy": "first"}).captured == {
        "policy": "first"
    }
    assert holds.save_capture(deny("outsiders"), {"policy": "second"}).captured == {
        "policy": "first"
    }


def test_absence_is_kept_as_absence(holds: Holds) -> None:
    holds.join(deny("outsiders"), "a")
    assert holds.save_capture(deny("outsiders"), {"policy": None}).captured == {"policy": None}


def test_the_cases_want_the_union(holds: Holds) -> None:
    holds.join(deny("outsiders"), "a")
    hold = holds.join(deny("everyone"), "b")
    wanted = hold.combined()
    assert isinstance(wanted, DenyBucketAccess)
    assert set(wanted.levels) == {"outsiders", "everyone"}
    remaining = holds.leave(deny("everyone").target, "b")
    assert remaining is not None and remaining.combined() == deny("outsiders")


def test_a_held_target_is_not_forgotten(holds: Holds) -> None:
    action = deny("outsiders")
    holds.join(action, "a")
    assert not holds.delete_if_free(action.target)
    holds.leave(action.target, "a")
    assert holds.delete_if_free(action.target)
    assert holds.get(action.target) is None


def test_only_joining_makes_a_row(holds: Holds) -> None:
    """A row without what was there before would make the next case capture the contained state."""
    action = deny("outsiders")
    with pytest.raises(HoldReleased):
        holds.save_capture(action, {})
    with pytest.raises(HoldReleased):
        holds.save_written(action, {})
    assert holds.leave(action.target, "a") is None
    assert holds.get(action.target) is None


def test_a_case_leaves_whatever_it_wanted(holds: Holds) -> None:
    """A list of exempt roles may change between two rounds: no member of the case may stay."""
    holds.join(deny("outsiders"), "a")
    holds.join(deny("everyone"), "a")
    remaining = holds.leave(deny("writes").target, "a")
    assert remaining is not None and not remaining.cases


class Crowd(RuleBasedStateMachine):
    """Cases come and go on one target in any order; the model is a plain dict."""

    def __init__(self) -> None:
        super().__init__()
        self.mock = mock_aws()
        self.mock.start()
        self.holds = Holds(a_table(), TABLE)
        self.model: dict[str, str] = {}
        self.kept: str | None = None

    def teardown(self) -> None:
        self.mock.stop()

    @rule(
        case=st.sampled_from("abc"),
        level=st.sampled_from(("outsiders", "writes", "everyone")),
        before=st.text(max_size=3),
    )
    def contain(self, case: str, level: str, before: str) -> None:
        if case in self.model:
            level = self.model[case]
        action = deny(level)
        hold = self.holds.join(action, case)
        if hold.captured is None:
            assert self.kept is None
            self.kept = before
            self.holds.save_capture(action, {"policy": before})
        self.model[case] = level

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        case = data.draw(st.sampled_from(sorted(self.model)))
        action = deny(self.model.pop(case))
        remaining = self.holds.leave(action.target, case)
        assert remaining is not None and remaining.cases == set(self.model)
        assert self.holds.delete_if_free(action.target) == (not self.model)
        if not self.model:
            self.kept = None

    @invariant()
    def the_row_is_the_model(self) -> None:
        hold = self.holds.get(deny("writes").target)
        if not self.model:
            assert hold is None
            return
        assert hold is not None and hold.captured == {"policy": self.kept}
        wanted = hold.combined()
        assert isinstance(wanted, DenyBucketAccess)
        assert set(wanted.levels) == set(self.model.values())


TestCrowd = Crowd.TestCase
TestCrowd.settings = settings(max_examples=12, stateful_step_count=10, deadline=None)
