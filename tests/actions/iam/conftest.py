"""An account with the role and the user, and a clock that a test may set."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from cordon import clock
from cordon.clients import AwsClients
from tests.actions.iam.principals import NOW
from tests.actions.scenario import account
from tests.actions.scenario_iam import TRUST


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """The clock is fixed at NOW until a test sets another time."""
    current = [NOW]
    monkeypatch.setattr(clock, "now", lambda: current[0])
    return lambda time: current.__setitem__(0, time)


@pytest.fixture
def aws(now: Callable[[datetime], None]) -> Iterator[AwsClients]:
    with account() as aws:
        iam = aws.client("iam")
        trust = json.dumps(TRUST)
        iam.create_role(RoleName="scorer", AssumeRolePolicyDocument=trust, MaxSessionDuration=7200)
        iam.create_user(UserName="ada")
        yield aws
