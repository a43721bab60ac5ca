"""Access to models that somebody requests by an API call: by a user's key, a session's, root's."""

from typing import Any

import pytest

from cordon.sources import read
from tests.examples import ESCALATE, HEADERS, event
from tests.make import DEPLOYMENT

PLAYBOOK = HEADERS["restrict_inference"]
CALL = "cloudtrail_model_agreement"
ACCOUNT = "111122223333"


def by(**identity: Any) -> dict[str, Any]:
    sent = event(CALL)
    sent["detail"]["userIdentity"] = {"accountId": ACCOUNT, "principalId": ACCOUNT, **identity}
    return sent


def test_long_term_key_of_root_is_for_a_person() -> None:
    finding = read(by(type="Root", accessKeyId="AKIAIOSFODNN7EXAMPLE"))
    plan = PLAYBOOK.plan_for(finding, DEPLOYMENT)
    assert PLAYBOOK.matches(finding) and plan.actions == ()
    assert "root credentials cannot be limited by IAM" in plan.manual_step
    assert not ESCALATE.matches(finding)  # no rule brings it there


@pytest.mark.parametrize("key", ["ASIAIOSFODNN7EXAMPLE", ""])
def test_session_of_root_needs_nobody_as_any_session(key: str) -> None:
    finding = read(by(type="Root", accessKeyId=key))
    assert not PLAYBOOK.matches(finding)
    assert not ESCALATE.matches(finding)
