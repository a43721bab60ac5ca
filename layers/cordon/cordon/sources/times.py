"""When a finding was first and last seen."""

from datetime import datetime

from cordon.sources.field import Field


def first_and_last(first: tuple[Field, ...], last: tuple[Field, ...]) -> tuple[datetime, datetime]:
    """The first of ``first`` that is given, and the latest of all of ``last``.

    The latest counts because states are put in order by it: a source may move only "updated"
    when a finding is archived, and only "last observed" when a check is repeated.
    """
    ends = [moment for field in last if (moment := field.time()) is not None]
    starts = [moment for field in first if (moment := field.time()) is not None]
    if not ends:
        last[0].malformed("is missing, and no other time is given")
    latest = max(ends)
    return min([*starts[:1], latest]), latest
