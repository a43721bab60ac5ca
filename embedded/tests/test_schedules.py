"""Scheduled rules: their moments, and that they fire while time passes."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedded.account import EmbeddedAccount
from embedded.journal import DeadLettered, Invoked, RuleMatched
from embedded.schedules import parse
from embedded.stack import Unresolved

STACK = Path(__file__).parent / "stack" / "schedules"
START = datetime(2026, 11, 24, 6, tzinfo=UTC)  # a Tuesday
MINUTE = timedelta(minutes=1)


@pytest.fixture
def account() -> Iterator[EmbeddedAccount]:
    with EmbeddedAccount(STACK / "template.yaml", region="eu-central-1", start=START) as entered:
        yield entered


def fired(account: EmbeddedAccount) -> Counter[str]:
    return Counter(one.rule for one in account.journal.of(RuleMatched))


# ---- firing ----


def test_rate_fires_a_period_after_the_entry(account: EmbeddedAccount) -> None:
    account.advance(4 * MINUTE)
    assert fired(account) == {}
    delivery = account.advance(MINUTE)
    assert fired(account) == {"ClerkOften": 1}
    (invoked,) = delivery.invocations
    assert invoked.event == {
        "version": "0",
        "id": "00000000-0000-4000-b000-000000000000",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "111122223333",
        "time": "2026-11-24T06:05:00Z",
        "region": "eu-central-1",
        "resources": [account.stack.resources["ClerkOften"].arn],
        "detail": {},
    }


def test_every_moment_fires(account: EmbeddedAccount) -> None:
    account.advance(timedelta(hours=2))
    assert fired(account) == {"ClerkOften": 24, "ClerkDaily": 1, "Hourly": 2}
    times = [json.loads(one)["at"] for one in account.messages("Work")]
    assert times == ["2026-11-24T07:00:00Z", "2026-11-24T08:00:00Z"]
    assert account.now == START + timedelta(hours=2)


def test_target_gets_its_input(account: EmbeddedAccount) -> None:
    account.advance(timedelta(hours=2))
    assert {"daily": True} in [one.event for one in account.journal.of(Invoked)]


def test_refused_target_is_a_dead_letter(account: EmbeddedAccount) -> None:
    account.advance(timedelta(hours=1))
    (dead,) = account.journal.of(DeadLettered)
    assert dead.reason.startswith("NO_PERMISSIONS")
    assert account.messages("Closed") == []
    account.redeliver("Undelivered")
    assert len(account.journal.of(DeadLettered)) == 2


def test_last_fires_each_rule_once_at_the_end(account: EmbeddedAccount) -> None:
    account.advance(timedelta(hours=36), schedules="last")
    assert fired(account) == {"ClerkOften": 1, "ClerkDaily": 1, "Hourly": 1}
    (at,) = (json.loads(one)["at"] for one in account.messages("Work"))
    assert at == "2026-11-25T18:00:00Z"


def test_last_leaves_out_what_had_no_moment(account: EmbeddedAccount) -> None:
    account.advance(30 * MINUTE, schedules="last")
    assert fired(account) == {"ClerkOften": 1}


def test_none_fires_nothing_then_or_later(account: EmbeddedAccount) -> None:
    account.advance(timedelta(hours=3), schedules="none")
    account.advance(MINUTE)
    assert fired(account) == {}


def test_settle_does_not_wait_for_schedules(account: EmbeddedAccount) -> None:
    account.settle()
    assert (account.now, fired(account)) == (START, {})


def test_function_that_outlives_its_period_misses_nothing(account: EmbeddedAccount) -> None:
    slept = iter([11 * 60])

    def handler(event: Any, context: Any) -> None:
        account.clock.sleep(next(slept, 0))

    account.runtime._handlers["Clerk"] = handler
    account.advance(20 * MINUTE)
    assert fired(account) == {"ClerkOften": 4}


def test_restored_account_begins_anew() -> None:
    for _ in range(2):
        path = STACK / "template.yaml"
        with EmbeddedAccount(path, region="eu-central-1", start=START) as entered:
            entered.advance(5 * MINUTE)
            assert fired(entered) == {"ClerkOften": 1}


def test_account_has_its_schedules(account: EmbeddedAccount) -> None:
    assert set(account.schedules.rules) == {"ClerkOften", "ClerkNever", "ClerkDaily", "Hourly"}
    assert set(account.rules) == set()


# ---- moments ----


def moments(expression: str, count: int = 3) -> list[str]:
    found, at = [], START
    for _ in range(count):
        following = parse(expression).after(at, START)
        if following is None:
            break
        at = following
        found.append(at.strftime("%Y-%m-%d %H:%M"))
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("rate(1 minute)", ["2026-11-24 06:01", "2026-11-24 06:02"]),
        ("rate(12 hours)", ["2026-11-24 18:00", "2026-11-25 06:00"]),
        ("rate(1 day)", ["2026-11-25 06:00", "2026-11-26 06:00"]),
        ("cron(0 6 * * ? *)", ["2026-11-25 06:00", "2026-11-26 06:00"]),
        ("cron(0/20 6 ? * * *)", ["2026-11-24 06:20", "2026-11-24 06:40"]),
        ("cron(15,45 5-7/2 ? * mon-fri *)", ["2026-11-24 07:15", "2026-11-24 07:45"]),
        ("cron(0 0 1 JAN,JUL ? *)", ["2027-01-01 00:00", "2027-07-01 00:00"]),
        ("cron(0 0 ? * 1 *)", ["2026-11-29 00:00", "2026-12-06 00:00"]),
        ("cron(0 0 29 2 ? *)", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("cron(0 0 1 1 ? 2027)", ["2027-01-01 00:00"]),
        ("cron(0 0 1 1 ? 2020)", []),
    ],
)
def test_moments_of_an_expression(expression: str, expected: list[str]) -> None:
    assert moments(expression, 2) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "rate(1 minutes)",
        "rate(2 hour)",
        "rate(0 minutes)",
        "rate(5 seconds)",
        "at(2026-11-24T06:00:00)",
        "cron(0 6 * * *)",
        "cron(0 6 * * * *)",
        "cron(0 6 ? * ? *)",
        "cron(60 6 * * ? *)",
        "cron(0 6 L * ? *)",
        "cron(0 6 ? * 2#1 *)",
        "cron(0/0 6 * * ? *)",
        "cron(5-1 6 * * ? *)",
        "cron(x 6 * * ? *)",
    ],
)
def test_other_expressions_are_refused(expression: str) -> None:
    with pytest.raises(Unresolved):
        parse(expression)


def field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda two: f"{min(two)}-{max(two)}")
    step = st.tuples(st.one_of(st.just("*"), number.map(str), span), st.integers(1, 40))
    one = st.one_of(number.map(str), span, step.map(lambda pair: f"{pair[0]}/{pair[1]}"))
    return st.one_of(st.just("*"), st.lists(one, min_size=1, max_size=3).map(",".join))


def holds(text: str, value: int, low: int, high: int) -> bool:
    """Whether a field allows a value: by counting up, unlike the reader."""
    for one in text.split(","):
        span, _, step = one.partition("/")
        first, _, last = span.partition("-")
        begin = low if first == "*" else int(first)
        end = int(last) if last else (high if first == "*" or step else begin)
        count = begin
        while count <= end:
            if count == value:
                return True
            count += int(step or 1)
    return False


@settings(max_examples=60, deadline=None)
@given(field(0, 59), field(0, 23), field(1, 7), st.integers(0, 3000))
def test_cron_is_the_first_minute_that_fits(
    minutes: str, hours: str, weekdays: str, offset: int
) -> None:
    begin = START + timedelta(minutes=offset, seconds=17)
    found = parse(f"cron({minutes} {hours} ? * {weekdays} *)").after(begin, START)
    at = begin.replace(second=0) + MINUTE
    while not (
        holds(minutes, at.minute, 0, 59)
        and holds(hours, at.hour, 0, 23)
        and holds(weekdays, at.isoweekday() % 7 + 1, 1, 7)
    ):
        at += MINUTE
    assert found == at
