"""One new account a test."""

from collections.abc import Iterator

import pytest

from tests.reporting.people import People, people


@pytest.fixture
def seen() -> Iterator[People]:
    with people() as account:
        yield account
