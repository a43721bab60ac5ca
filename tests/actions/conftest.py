"""An account for the tests of actions. Its clock is fixed: repeated calls have the same time."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from cordon import clock
from cordon.clients import AwsClients
from tests.actions.scenario import account

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def fixed_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture(autouse=True)
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What an action waits for S3, in seconds, takes no time."""
    seconds: list[float] = []
    monkeypatch.setattr(clock, "sleep", seconds.append)
    return seconds


@pytest.fixture
def aws() -> Iterator[AwsClients]:
    with account() as clients:
        yield clients
