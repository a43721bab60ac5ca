"""The times at which a finding was first and last seen."""

from datetime import datetime

from cordon.sources.field import Field


def first_and_last(first: tuple[Field, ...], last: tuple[Field, ...]) -> tuple[datetime, datetime]:
    """The first value present in ``first``, and the latest value in ``last``.

    Events of a finding are put in order by the latest time. A source may change only "updated"
    when it archives a finding, and only "last observed" when it repeats a check.
    """
    ends = [time for field in last if (time := field.time()) is not None]
    starts = [time for field in first if (time := field.time()) is not None]
    if not ends:
        last[0].malformed("is missing, and no other time is given")
    latest = max(ends)
    return min([*starts[:1], latest]), latest
