"""The one clock. Replay and the tests set it; deployed code only reads it."""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """This moment, in UTC, to the second (what AWS condition dates and DynamoDB TTLs carry)."""
    return datetime.now(UTC).replace(microsecond=0)


def sleep(seconds: float) -> None:
    """Wait for an eventually consistent service to show what it was told."""
    time.sleep(seconds)


def to_iso(from_iso: datetime) -> str:
    """RFC 3339 with Z, the form Security Hub and IAM date conditions take: 2026-11-24T06:00:00Z."""
    return from_iso.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_iso(stamped: str) -> datetime:
    """The datetime behind a stamp.

    >>> from_iso("2026-11-24T06:00:00Z").hour
    6
    """
    return datetime.fromisoformat(stamped).astimezone(UTC)
