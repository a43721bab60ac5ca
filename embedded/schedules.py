"""When the scheduled rules of a stack fire: rate(…) and cron(…) in UTC, to the minute.

EventBridge user guide: "Setting a schedule pattern for scheduled rules (legacy)", "Cron
expressions reference". A rate begins when the account is entered, and fires a period later for
the first time. L, W and # of cron are not read here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal, Protocol

from embedded.delivery import EventDelivery
from embedded.rules import Rule
from embedded.scheduler import Clock
from embedded.stack import Stack, Unresolved

When = Literal["all", "last", "none"]
FAR = 366 * 9  # days until a date comes again for certain: February 29 can be eight years away
MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)(s?)\)")
_CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
_RANGE = re.compile(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?")


class Expression(Protocol):
    """A schedule."""

    def after(self, moment: datetime, begun: datetime) -> datetime | None:
        """The first time after a moment, for a schedule that began at ``begun``. None: never."""


@dataclass(frozen=True)
class Rate:
    """``rate(5 minutes)``."""

    period: timedelta

    def after(self, moment: datetime, begun: datetime) -> datetime | None:
        """See Expression."""
        return begun + self.period * max(1, (moment - begun) // self.period + 1)


@dataclass(frozen=True)
class Cron:
    """``cron(0 20 ? * MON-FRI *)``: the values that each field allows."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]  # Sunday is 1
    years: frozenset[int]

    def after(self, moment: datetime, begun: datetime) -> datetime | None:  # noqa: ARG002
        """See Expression."""
        first = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        for later in range(FAR):
            day = first.replace(hour=0, minute=0) + timedelta(days=later)
            if self._has(day) and (found := self._of(day, max(day, first))):
                return found
        return None

    def _has(self, day: datetime) -> bool:
        date = day.day in self.days and day.month in self.months and day.year in self.years
        return date and day.isoweekday() % 7 + 1 in self.weekdays

    def _of(self, day: datetime, earliest: datetime) -> datetime | None:
        times = (day.replace(hour=h, minute=m) for h in self.hours for m in self.minutes)
        return min((one for one in times if one >= earliest), default=None)


@lru_cache(maxsize=64)
def parse(expression: str) -> Expression:
    """A schedule from its text. Raises Unresolved for one that cannot be read."""
    if found := _RATE.fullmatch(expression):
        count, unit, plural = int(found[1]), found[2], found[3]
        if count < 1 or (count > 1) != bool(plural):
            raise Unresolved(f"{expression}: rate(1 hour), rate(2 hours)")
        return Rate(timedelta(**{f"{unit}s": count}))
    cron = _CRON.fullmatch(expression)
    if cron is None or [cron[3], cron[5]].count("?") != 1:
        raise Unresolved(f"{expression} is not a schedule that can be read here")
    try:
        return Cron(
            _values(cron[1], range(60)),
            _values(cron[2], range(24)),
            _values(cron[3], range(1, 32)),
            _values(cron[4], range(1, 13), MONTHS),
            _values(cron[5], range(1, 8), DAYS),
            _values(cron[6], range(1970, 2200)),
        )
    except ValueError as error:
        raise Unresolved(f"{expression}: {error}") from None


def _values(field: str, allowed: range, names: list[str] | None = None) -> frozenset[int]:
    if field == "?":
        return frozenset(allowed)
    found = [_range(one, allowed, names or []) for one in field.split(",")]
    return frozenset(value for one in found for value in one)


def _range(text: str, allowed: range, names: list[str]) -> range:
    """``*``, ``5``, ``5-10``, ``*/15``, ``5/15``, ``5-30/15``, with names for numbers."""
    parts = _RANGE.fullmatch(text)
    if parts is None:
        raise ValueError(f"{text} cannot be read")
    first = allowed[0] if parts[1] == "*" else _number(parts[1], names)
    open_end = parts[1] == "*" or parts[3] is not None
    last = _number(parts[2], names) if parts[2] else allowed[-1] if open_end else first
    step = int(parts[3] or 1)
    if first not in allowed or last not in allowed or first > last or step < 1:
        raise ValueError(f"{text} is not within {allowed[0]}-{allowed[-1]}")
    return range(first, last + 1, step)


def _number(text: str, names: list[str]) -> int:
    name = text.upper()
    return names.index(name) + 1 if name in names else int(text)


class Schedules:
    """The scheduled rules of an account. They fire only while ``EmbeddedAccount.advance`` runs."""

    def __init__(self, stack: Stack, delivery: EventDelivery, clock: Clock) -> None:
        self._delivery, self._clock = delivery, clock
        self.rules: Mapping[str, Rule] = delivery.scheduled
        self._expressions = {
            logical: parse(stack.resources[logical].properties["ScheduleExpression"])
            for logical, rule in self.rules.items()
            if rule.enabled
        }
        self._begun = clock.now
        self._next: dict[str, datetime] = {}

    def begin(self) -> None:
        """Rates count from now."""
        self._begun = self._clock.now
        self.skip()

    def skip(self) -> None:
        """What was due until now does not fire any more."""
        self._next = self._after(self._clock.now)

    def _after(self, moment: datetime) -> dict[str, datetime]:
        times = {name: one.after(moment, self._begun) for name, one in self._expressions.items()}
        return {name: time for name, time in times.items() if time is not None}

    def next_moment(self) -> datetime | None:
        """When the next rule fires."""
        return min(self._next.values(), default=None)

    def fire(self, *, once: bool = False) -> None:
        """Fire what is due, in order of time; ``once``: each rule that is due, only now."""
        while due := [name for name, time in self._next.items() if time <= self._clock.now]:
            name = min(due, key=lambda one: self._next[one])
            self._delivery.put_scheduled(self.rules[name])
            last = self._clock.now if once else self._next[name]
            following = self._expressions[name].after(last, self._begun)
            if following is None:
                del self._next[name]
            else:
                self._next[name] = following
