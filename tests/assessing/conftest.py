"""An account in which rules look."""

from collections.abc import Iterator

import pytest

from cordon.clients import AwsClients
from tests.actions.scenario import account


@pytest.fixture
def aws() -> Iterator[AwsClients]:
    with account() as clients:
        yield clients
