"""The moment it is, in whole seconds, as the services that we stand in for write it."""

from datetime import UTC, datetime


def now() -> datetime:
    """In UTC. Virtual while an embedded account is entered."""
    return datetime.now(UTC).replace(microsecond=0)


def now_as_text() -> str:
    """As in findings and events: 2026-11-24T06:00:00Z."""
    return now().strftime("%Y-%m-%dT%H:%M:%SZ")
