"""The settings row may hold anything: each entry is understood by itself, or refused."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cordon.finding import State
from cordon.memory import settings as settings_row
from cordon.memory.settings import settings_of
from cordon.policy import Verdict, decide, may_release
from cordon.settings import (
    MasterSwitch,
    Mode,
    is_arn_pattern,
    moment,
    parse,
)
from tests.examples import QUARANTINE
from tests.make import a_finding
from tests.test_policy import facts

GOOD: dict[str, Any] = {
    "id": "settings",
    "master_switch": "on",
    "modes": {"memory": "enforce", "other": "approve"},
    "budget": 10,
    "budgets": {"other": 5},
    "backlog": {"other": "respond"},
    "protected": frozenset({"arn:aws:s3:::a*"}),
    "exemptions": {
        "site": {
            "playbook": "memory",
            "resource": "arn:aws:s3:::www",
            "owner": "Ada",
            "reason": "a web site",
            "expires": "2027-01-31",
        }
    },
    "version": 3,
    "changed_at": "2026-11-26T00:00:00Z",
    "changed_by": "arn:aws:iam::111122223333:user/ada",
}
VALUES = st.recursive(  # whatever memory.table can decode
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.sampled_from(["on", "observe", "enforce", "arn:aws:s3:::a", "2027-01-31T00:00:00Z"])
    | st.frozensets(st.text(max_size=8)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
ENTRIES = sorted(GOOD.keys() - {"id", "version", "changed_at", "changed_by"})


def test_good_row_is_understood() -> None:
    settings = parse(GOOD, ("memory", "other"))
    assert settings.faults == ()
    assert settings.modes == {"memory": Mode.ENFORCE, "other": Mode.APPROVE}
    assert settings.switch is MasterSwitch.ON
    assert (settings.budget_for("memory"), settings.budget_for("other")) == (10, 5)
    assert settings.protected == ("arn:aws:s3:::a*",)
    assert not settings.responds_to_backlog("memory")
    assert settings.responds_to_backlog("other")
    (exemption,) = settings.exemptions
    assert exemption.expires == datetime(2027, 1, 31, tzinfo=UTC)


@given(st.dictionaries(st.sampled_from(ENTRIES) | st.text(max_size=12), VALUES))
def test_no_row_raises(row: dict[str, Any]) -> None:
    settings = parse({**GOOD, **row}, ("memory", "other"))
    assert all(len(fault) < 500 for fault in settings.faults)
    if not settings.faults:
        assert settings.mode("memory") == {**GOOD, **row}["modes"]["memory"]


@pytest.mark.parametrize("entry", ENTRIES)
@given(value=VALUES)
def test_wrong_entry_changes_no_other(entry: str, value: Any) -> None:
    before = parse(GOOD, ("memory", "other"))
    after = parse({**GOOD, entry: value}, ("memory", "other"))
    names = {"master_switch": ("switch", "unreadable")}.get(entry, (entry,))
    same = {name: getattr(before, name) for name in (*names, "refused")}
    assert replace(after, **same) == before
    assert all(fault.startswith((entry, f"the setting {entry}")) for fault in after.faults)


MAY_BE_LEFT_OUT = {"exemptions", "protected", "budgets", "backlog"}


@pytest.mark.parametrize("entry", sorted(set(ENTRIES) - MAY_BE_LEFT_OUT))
def test_entry_that_is_not_there_is_refused(entry: str) -> None:
    """Not there never means the default."""
    row = {name: value for name, value in GOOD.items() if name != entry}
    settings = parse(row, ("memory",))
    assert any(entry in fault and "is not there" in fault for fault in settings.faults)
    assert settings.mode("memory") is Mode.OBSERVE or settings.budget_for("memory") == 0


def test_row_that_is_not_there_only_observes() -> None:
    settings = settings_of(None)
    assert settings.mode("memory") is Mode.OBSERVE
    assert settings.switch is MasterSwitch.OBSERVE
    assert settings.faults == (settings_row.ABSENT,)


def test_own_budget_holds_where_the_common_one_is_wrong() -> None:
    settings = parse({**GOOD, "budget": "x"})
    assert settings.budget_for("other") == 5
    assert settings.budget_for("memory") == 0
    assert settings.refused_budget("other") == ""


@pytest.mark.parametrize("wrong", [{"other": "x"}, {"other": 1.5}, "x"])
def test_own_budget_that_is_wrong_is_not_the_common_one(wrong: Any) -> None:
    assert parse({**GOOD, "budgets": wrong}).budget_for("other") == 0


def test_refused_entries_are_named_without_control_characters() -> None:
    row = {**GOOD, "a\x1b[31m": 1, "protected": frozenset({"b\x07" * 500})}
    for fault in parse(row).faults:
        assert re.fullmatch(r"[ -~]{1,300}", fault), fault


# ---- what is decided with them ----

ENFORCED = {**GOOD, "modes": {QUARANTINE.name: "enforce"}}


@given(st.dictionaries(st.sampled_from(ENTRIES), VALUES))
def test_only_what_is_understood_changes_resources(row: dict[str, Any]) -> None:
    settings = parse({**ENFORCED, **row}, (QUARANTINE.name,))
    decision = decide(facts(settings=settings, budget_left=settings.budget > 0))
    doubts = ("master_switch", "modes", "protected", "budget ", "other_home")
    if any(fault.removeprefix("the setting ").startswith(doubts) for fault in settings.faults):
        assert decision.verdict is not Verdict.CONTAIN, settings.faults
        by_row = settings.not_home and "other_home" not in settings.refused
        by_row = by_row or row.get("master_switch") == MasterSwitch.OBSERVE
        assert decision.held_back or decision.verdict is not Verdict.OBSERVE or by_row or not row


@pytest.mark.parametrize(
    ("entry", "released"),
    [("modes", True), ("protected", True), ("budget", True), ("master_switch", False)],
)
def test_what_passes_is_released_whatever_the_mode_is(entry: str, released: bool) -> None:
    """A pass comes once, and a release needs no mode."""
    settings = parse({**ENFORCED, entry: 1.5}, (QUARANTINE.name,))
    passing = replace(a_finding(), state=State.PASSED)
    verdict = may_release(facts(settings=settings, finding=passing)).verdict
    assert verdict is (Verdict.RELEASE if released else Verdict.IGNORE)


# ---- what a pattern is ----

PATTERNS = [
    "arn:aws:s3:::acme",
    "arn:aws:s3:::acme-*",
    "arn:aws:s3:::*tfstate*",
    "arn:aws:iam::*:role/aws-service-role/*",
    "arn:aws:iam::aws:policy/X",
    "arn:*:iam::1111222?3333:role/x",
    "arn:aws-us-gov:sagemaker:us-gov-west-1:111122223333:endpoint/e",
    "arn:aws:bedrock-agentcore:eu-west-1:*:runtime/r-1:2",
    "arn:aws:s3:*",
    "arn:*",
]
NO_PATTERNS = [
    "",
    "*",
    "acme",
    "acme-*",
    "s3://acme",
    "arn:",
    "arn:aws:s3",
    "arn:aws:s3:::",
    "arn:aws:s3::acme",
    "arn:aws:s3:acme-*",
    "arn:aws:iam::role/x:y",
    "ARN:aws:s3:::acme",
    " arn:aws:s3:::acme",
    "arn:aws:s3:::acme\n",
    "arn:aws:s3:::a,arn:aws:s3:::b",
    "arn:aws:s3:::acme[1]",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_pattern_is_understood(pattern: str) -> None:
    assert is_arn_pattern(pattern)


@pytest.mark.parametrize("pattern", NO_PATTERNS)
def test_what_matches_no_arn_is_refused(pattern: str) -> None:
    """Else somebody believes that it protects."""
    assert not is_arn_pattern(pattern)
    assert parse({**GOOD, "protected": frozenset({pattern})}).refused_protection


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2027-01-31", "2027-01-31T00:00:00+00:00"),
        ("2027-01-31T12:00", "2027-01-31T12:00:00+00:00"),
        ("2027-01-31T12:00+02:00", "2027-01-31T10:00:00+00:00"),
        ("2027-01-31T00:00:00Z", "2027-01-31T00:00:00+00:00"),
    ],
)
def test_moments_are_utc(text: str, at: str) -> None:
    assert moment(text).isoformat() == at


@pytest.mark.parametrize("text", ["", "soon", "31.1.2027", "9999-12-31T23:59:59-10:00"])
def test_what_is_no_moment_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        moment(text)
