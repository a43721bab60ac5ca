"""The approval of a model is withdrawn, and nothing else is decided for people."""

import pytest

from cordon.actions.action import Undone
from cordon.actions.model_packages import PENDING, WITHDRAWN, WithdrawApproval
from cordon.clients import AwsClients
from embedded.backends import model_packages
from tests.actions.scenario import PLACE
from tests.actions.scenario_model_packages import ARN, WITHDRAW, a_package, decide

STATE = {"approval": "Approved"}


@pytest.mark.parametrize("name", ["churn", "churn/", "churn/0", "churn/1/2", "-c/1", "c/1 x", ""])
def test_only_a_version_has_an_approval(name: str) -> None:
    with pytest.raises(ValueError, match="package"):
        WithdrawApproval(PLACE, name)


def test_description_says_who_withdrew_it(aws: AwsClients) -> None:
    a_package("Approved")(aws)
    captured = WITHDRAW.capture(aws)
    assert captured == {"state": STATE, "description": "by its owner"}
    WITHDRAW.apply(aws, captured, None)
    shown = {"ModelApprovalStatus": PENDING, "ApprovalDescription": WITHDRAWN}
    assert model_packages.every() == {ARN: shown}


def test_a_rejection_since_then_stays(aws: AwsClients) -> None:
    """To set it back would let somebody approve what was rejected."""
    a_package("Approved")(aws)
    captured = WITHDRAW.capture(aws)
    decide("Rejected")(aws)
    written = WITHDRAW.apply(aws, captured, None)
    WITHDRAW.verify(aws, captured, written)
    assert model_packages.every()[ARN]["ModelApprovalStatus"] == "Rejected"


@pytest.mark.parametrize("now", [PENDING, "Approved", "Rejected"])
def test_no_release_approves_a_model(aws: AwsClients, now: str) -> None:
    a_package("Approved")(aws)
    captured = WITHDRAW.capture(aws)
    written = WITHDRAW.apply(aws, captured, None)
    decide(now)(aws)
    undone = WITHDRAW.undo(aws, captured, written)
    assert undone.state is Undone.KEPT
    assert model_packages.every()[ARN]["ModelApprovalStatus"] == now
