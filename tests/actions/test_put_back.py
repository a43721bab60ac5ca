"""What a baseline has is put back: what the contract test does not see of it."""

from dataclasses import replace

import pytest

from console.staging.baseline import OLDER
from cordon.actions import NotVerified, Refused
from cordon.actions.put_back import PutBack
from cordon.clients import AwsClients
from embedded.backends import guardrails
from tests.actions.scenario import Scenario, stub
from tests.actions.scenario_put_back import DELETED, ENFORCED, HERE, NOT_ENFORCED, enforce
from tests.actions.test_contract import held


@pytest.mark.parametrize("scenario", [DELETED, NOT_ENFORCED], ids=str)
def test_what_was_deleted_again_is_not_verified(scenario: Scenario, aws: AwsClients) -> None:
    hold = held(scenario, aws)
    scenario.action.verify(aws, hold.captured, hold.written)
    scenario.tamper(aws)
    with pytest.raises(NotVerified, match="null, not"):
        scenario.action.verify(aws, hold.captured, hold.written)


def test_configuration_that_goes_meanwhile_is_made_anew(aws: AwsClients) -> None:
    guardrails.is_there("gr1a2b3c4d5e", "2", HERE)
    deleted = {"document": None, "configId": "cfg0000"}
    ENFORCED.apply(aws, deleted, None, deleted)
    ENFORCED.verify(aws, deleted, {})


def test_version_that_is_not_there_or_not_ready_is_refused(aws: AwsClients) -> None:
    with pytest.raises(Refused, match="does not exist: every model call would fail"):
        ENFORCED.capture(aws)
    guardrails.is_there("gr1a2b3c4d5e", "2", HERE, status="FAILED")
    with pytest.raises(Refused, match="is FAILED, not READY"):
        ENFORCED.capture(aws)


def test_of_two_that_are_enforced_a_person_chooses(aws: AwsClients) -> None:
    NOT_ENFORCED.prepare(aws)
    enforce(OLDER)(aws)
    (one,) = NOT_ENFORCED.read(aws)
    two = {"guardrailsConfig": [one, {**one, "configId": "cfg2"}]}
    stub(aws, "bedrock", "ListEnforcedGuardrailsConfiguration", lambda _: two)
    with pytest.raises(Refused, match="2 guardrails are enforced"):
        ENFORCED.capture(aws)
    captured = {"document": None, "configId": ""}
    assert "2 guardrails" in ENFORCED.undo(aws, captured, {}).reason


def test_a_document_is_a_target_of_its_own() -> None:
    """A release of an older one must not write over a newer."""
    logs = DELETED.action
    assert isinstance(logs, PutBack)
    other = replace(logs, document={"s3Config": {"bucketName": "another"}})
    assert other.target != logs.target
    assert replace(logs, replaced=True).target == logs.target
