"""The times at which a finding was first and last seen, and of the activity that it proves."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from cordon.finding import Malformed
from cordon.sources.field import Field

T = TypeVar("T")
_MOST_SECONDS = 100_000_000_000  # a number below it counts seconds, one above it milliseconds


def first_and_last(first: tuple[Field, ...], last: tuple[Field, ...]) -> tuple[datetime, datetime]:
    """The first value present in ``first``, and the latest value in ``last``.

    Events of a finding are put in order by the latest time. A source may change only "updated"
    when it archives a finding, and only "last observed" when it repeats a check. One that cannot
    be read is left out where another can.
    """
    ends = [time for field in last if (time := readable(field.time)) is not None]
    starts = [time for field in first if (time := readable(field.time)) is not None]
    if not ends:
        for field in last:
            field.time()  # Malformed: why that one cannot be read
        last[0].malformed("is missing, and no other time is given")
    latest = max(ends)
    return min([*starts[:1], latest]), latest


def activity(*fields: Field) -> datetime | None:
    """The latest of these moments of activity; None where none can be read.

    A moment of activity is only compared: one that cannot be read must not cost the finding. In an
    attack sequence it is a number of seconds (``lastSeenAt``: 1794819600.0).
    """
    return max((moment for field in fields if (moment := _moment(field))), default=None)


def readable(read: Callable[[], T]) -> T | None:
    """What is read of the activity; None where it cannot be: that must not cost the finding."""
    try:
        return read()
    except Malformed:
        return None


def _moment(field: Field) -> datetime | None:
    value = field.value
    seconds = isinstance(value, int | float) and value < _MOST_SECONDS
    try:
        return Field(field.path, value * 1000 if seconds else value).time()
    except Malformed:
        return None
