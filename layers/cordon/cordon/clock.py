"""The only clock. Replay and the tests set it; deployed code only reads it."""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The current time in UTC, to the second: the precision of IAM dates and DynamoDB TTLs."""
    return datetime.now(UTC).replace(microsecond=0)


def sleep(seconds: float) -> None:
    """Wait until an eventually consistent service returns what was written."""
    time.sleep(seconds)


def to_iso(when: datetime) -> str:
    """RFC 3339 with Z, as Security Hub and IAM date conditions expect it: 2026-11-24T06:00:00Z."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_iso(text: str) -> datetime:
    """The time in an RFC 3339 text.

    >>> from_iso("2026-11-24T06:00:00Z").hour
    6
    """
    return datetime.fromisoformat(text).astimezone(UTC)
