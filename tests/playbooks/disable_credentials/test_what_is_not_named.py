"""A credential that is exposed or was made, and that no key of a user can be disabled for."""

from dataclasses import replace
from typing import Any

import pytest

from cordon.finding import Resource
from cordon.sources import read
from tests.examples import ESCALATE, HEADERS, event
from tests.make import DEPLOYMENT

PLAYBOOK = HEADERS["disable_credentials"]
MADE_KEY, MADE_API_KEY = "cloudtrail_access_key_created", "cloudtrail_api_key_created"
ROOT = {"accessKey": {"accessKeyId": "AKIAIOSFODNN7EXAMPLE", "status": "Active"}}


def made(sample: str, response: Any) -> dict[str, Any]:
    sent = event(sample)
    sent["detail"] |= {"responseElements": response}
    return sent


@pytest.mark.parametrize("sample", [MADE_KEY, MADE_API_KEY])
@pytest.mark.parametrize("response", [None, {}, "hidden", ROOT, {"accessKey": None}])
def test_credential_that_the_event_does_not_name_is_for_a_person(
    sample: str, response: Any
) -> None:
    finding = read(made(sample, response))
    plan = PLAYBOOK.plan_for(finding, DEPLOYMENT)
    assert PLAYBOOK.matches(finding) and plan.actions == ()
    assert "as with a key of root" in plan.manual_step
    assert not ESCALATE.matches(finding)  # no rule brings it there


@pytest.mark.parametrize("sample", [MADE_KEY, MADE_API_KEY, "health_credentials_exposed"])
def test_what_is_named_is_disabled(sample: str) -> None:
    plan = PLAYBOOK.plan_for(read(event(sample)), DEPLOYMENT)
    assert plan.actions
    assert "Not disabled" not in plan.manual_step


@pytest.mark.parametrize("changes", [{}, {"responseElements": None}, {"responseElements": "x"}])
def test_credential_of_another_service_is_nobodys(changes: dict[str, Any]) -> None:
    sent = event("cloudtrail_git_credential_created")
    sent["detail"] |= changes
    assert not PLAYBOOK.matches(read(sent))


def test_exposed_keys_that_cannot_be_disabled_are_named_beside_those_that_are() -> None:
    finding = read(event("health_credentials_exposed"))
    named = [f"ASIAIOSFODNN7EXAMPL{n}" for n in "ABCDEFGHIJKL"]
    session = [Resource("AWS::IAM::AccessKey", name, finding.place) for name in named]
    finding = replace(finding, resources=(*finding.resources, *session))
    plan = PLAYBOOK.plan_for(finding, DEPLOYMENT)
    assert len(plan.actions) == 1
    assert f"Not disabled: {named[0]}, " in plan.manual_step
    assert f"{named[9]} and 2 more. A temporary key" in plan.manual_step
