"""AWS Config's own events."""

import pytest

from cordon.finding import Malformed, Place, State
from cordon.sources import read
from tests.sources import samples
from tests.sources.samples import ACCOUNT, REGION

PLACE = Place("aws", ACCOUNT, REGION)


@pytest.mark.parametrize(
    ("compliance", "state"),
    [
        ("NON_COMPLIANT", State.ACTIVE),
        ("COMPLIANT", State.PASSED),
        ("NOT_APPLICABLE", State.ARCHIVED),
        ("INSUFFICIENT_DATA", State.NOT_EVALUATED),
    ],
)
def test_compliance_gives_state(compliance: str, state: State) -> None:
    finding = read(samples.config(newEvaluationResult={"complianceType": compliance}))
    assert finding.state is state
    assert finding.id == read(samples.config()).id


def test_deleted_result_is_not_a_pass() -> None:
    assert read(samples.config(newEvaluationResult=None)).state is State.NOT_EVALUATED


@pytest.mark.parametrize("kind", ["ConfigRulesEvaluationStarted", "", None])
def test_other_message_types_are_malformed(kind: str | None) -> None:
    with pytest.raises(Malformed) as raised:
        read(samples.config(messageType=kind))
    assert raised.value.field == "detail.messageType"
