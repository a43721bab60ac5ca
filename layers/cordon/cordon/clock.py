"""The one clock. Replay and the tests set it; deployed code only reads it."""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """This moment, in UTC, to the second (what AWS condition dates and DynamoDB TTLs carry)."""
    return datetime.now(UTC).replace(microsecond=0)


def pause(seconds: float) -> None:
    """Wait for an eventually consistent service to show what it was told."""
    time.sleep(seconds)


def stamp(moment: datetime) -> str:
    """RFC 3339 with Z, the form Security Hub and IAM date conditions take: 2026-11-24T06:00:00Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(stamped: str) -> datetime:
    """The datetime behind a stamp.

    >>> moment("2026-11-24T06:00:00Z").hour
    6
    """
    return datetime.fromisoformat(stamped).astimezone(UTC)
