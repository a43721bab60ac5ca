"""The clock stands still while actions are tried: what is done twice is done at one moment."""

from datetime import UTC, datetime

import pytest

from cordon import clock

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)
