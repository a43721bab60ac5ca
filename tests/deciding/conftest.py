"""An office for every test of the desk."""

from collections.abc import Iterator

import pytest

from tests.deciding import stand_ins


@pytest.fixture
def office() -> Iterator[stand_ins.Office]:
    """A desk, and all that is around it."""
    with stand_ins.office() as one:
        yield one
