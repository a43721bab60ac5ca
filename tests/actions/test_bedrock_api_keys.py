"""Bedrock API keys: what the contract test does not know of them."""

from typing import Any

import pytest

from cordon.actions.action import Refused, Undone
from cordon.actions.bedrock_api_keys import DisableBedrockApiKeys
from cordon.clients import AwsClients
from cordon.sources.shapes import BEDROCK
from tests.actions.iam.principals import recorded_changes
from tests.actions.scenario import PLACE, stub
from tests.actions.scenario_credentials import (
    API_KEY,
    EVERY_API_KEY,
    ONE_API_KEY,
    SECOND_API_KEY,
    api_keys,
    read_api_keys,
)
from tests.actions.scenario_iam import USER


def listed(**statuses: str) -> Any:
    """What IAM lists: ``listed(ACCA…="Expired")``."""
    made = {"UserName": USER, "ServiceName": BEDROCK, "CreateDate": "2026-11-01T00:00:00Z"}
    found = [
        {**made, "ServiceSpecificCredentialId": one, "Status": status}
        for one, status in statuses.items()
    ]
    return lambda _: {"ServiceSpecificCredentials": found}


def test_user_without_one_is_refused(aws: AwsClients) -> None:
    """Nothing may be called contained: a person may have named the wrong user."""
    api_keys()(aws)
    with pytest.raises(Refused, match="no long-term Bedrock API key"):
        EVERY_API_KEY.capture(aws)


def test_expired_one_needs_nothing_and_is_never_set(aws: AwsClients) -> None:
    api_keys(API_KEY, SECOND_API_KEY)(aws)
    stub(aws, "iam", "ListServiceSpecificCredentials", listed(**{API_KEY: "Expired"}))
    calls = recorded_changes(aws)
    captured = ONE_API_KEY.capture(aws)
    written = ONE_API_KEY.apply(aws, captured, None)
    ONE_API_KEY.verify(aws, captured, written)
    assert (written, calls) == ({"credentials": {}}, [])


def test_one_that_expired_meanwhile_stays_so(aws: AwsClients) -> None:
    api_keys(API_KEY)(aws)
    captured = ONE_API_KEY.capture(aws)
    written = ONE_API_KEY.apply(aws, captured, None)
    stub(aws, "iam", "ListServiceSpecificCredentials", listed(**{API_KEY: "Expired"}))
    calls = recorded_changes(aws)
    undone = ONE_API_KEY.undo(aws, captured, written)
    assert (undone.state, calls) == (Undone.DRIFTED, [])
    assert undone.reason == f"Bedrock API key {API_KEY} is Expired since: it was not changed"


def test_what_a_person_disabled_meanwhile_is_not_enabled(aws: AwsClients) -> None:
    """An attempt that has read it just now puts nothing back, although nothing was noted yet."""
    api_keys(API_KEY, SECOND_API_KEY)(aws)
    captured = ONE_API_KEY.capture(aws)
    DisableBedrockApiKeys(PLACE, USER, (SECOND_API_KEY,)).set_status(
        aws, SECOND_API_KEY, "Inactive"
    )
    ONE_API_KEY.apply(aws, captured, None, ONE_API_KEY.capture(aws))
    assert read_api_keys(aws)[SECOND_API_KEY] == "Inactive"


@pytest.mark.parametrize("one", ["", "ACCA", "ACCAEXAMPLE001EXAMPL/", "A" * 129])
def test_no_id_reaches_a_call_that_is_none(one: str) -> None:
    with pytest.raises(ValueError, match="not an id"):
        DisableBedrockApiKeys(PLACE, USER, (one,))
