"""A bucket of evidence for each test."""

import pytest

from tests.audit.bucket import Deployed, use_clock


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Deployed:
    made = Deployed()
    use_clock(monkeypatch, made)
    return made
