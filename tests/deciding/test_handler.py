"""The handler: what comes by the API, what may be invoked directly, and what is refused."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cordon.deciding import handler as handling
from cordon.deployment import Deployment
from decide_cases.decide import handler
from tests.deciding.stand_ins import ADA, API, CASE, DESK, FUNCTIONS, Office, waiting
from tests.examples import QUARANTINE

CONTEXT = SimpleNamespace(
    aws_request_id="1-2-3", get_remaining_time_in_millis=lambda: 25_000, invoked_function_arn="arn"
)


@pytest.fixture(autouse=True)
def deployed(office: Office, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The handler's own desk is the office's."""

    def desk(playbooks: Any, logger: Any, **_: Any) -> Any:
        return replace(office.desk, playbooks=playbooks, logger=logger)

    monkeypatch.setattr(handling, "_desk", desk)
    yield


def request(verb: str, body: Any = None, by: str = ADA, api: str = API) -> dict[str, Any]:
    """A request as API Gateway gives it to the function."""
    return {
        "version": "2.0",
        "routeKey": f"POST /{verb}",
        "rawPath": f"/{verb}",
        "requestContext": {
            "accountId": "111122223333",
            "apiId": api,
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": f"POST /{verb}",
            "stage": "$default",
            "http": {"method": "POST", "path": f"/{verb}", "sourceIp": "203.0.113.7"},
            "authorizer": {"iam": {"userArn": by, "accessKey": "AKIA1", "cognitoIdentity": None}},
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


def sends(verb: str, body: Any = None, **more: Any) -> tuple[int, dict[str, Any]]:
    response = handler(request(verb, body, **more), CONTEXT)
    assert response["headers"] == {"content-type": "application/json"}
    return response["statusCode"], json.loads(response["body"])


def test_every_verb_is_carried_out(office: Office) -> None:
    case = office.having(waiting())
    office.queues.put("FailedReports", {})
    bodies: dict[str, Any] = {
        "approve": {"case": CASE, "plan": case.plan_hash},
        "contain": {"resource": "arn:aws:s3:::x", "playbook": QUARANTINE.name, "why": "w"},
        "redeliver": {"queue": "FailedReports"},
        "settings": {"change": {"do": "budget", "cases": 3}},
        "attest": {"about": "agentic-1", "withdraw": True},
        "stop": None,
    }
    assert {verb: sends(verb, body)[0] for verb, body in bodies.items()} == dict.fromkeys(
        bodies, 200
    )
    assert sends("reject", {"case": CASE})[0] == 409


def test_refusals_have_their_status_and_reason() -> None:
    assert sends("reject", {"case": CASE}) == (404, {"refused": f"there is no case {CASE}"})
    status, body = sends("reject", {"case": 1})
    assert (status, body["field"]) == (400, "case")
    assert "16 characters" in body["right"]
    assert sends("decide", {})[0] == 400


@pytest.mark.parametrize("api", ["other", "A1B2C3D4E5"])
def test_another_api_is_refused(office: Office, api: str) -> None:
    office.having(waiting())
    assert sends("reject", {"case": CASE}, api=api)[0] == 403
    assert sends("stop", api=api)[0] == 403
    assert office.decision() is None and office.settings["master_switch"] == "on"


def test_a_desk_that_knows_no_api_refuses_all(office: Office) -> None:
    office.deployed(desk_api="")
    office.having(waiting())
    assert sends("reject", {"case": CASE}, api="x")[0] == 403


def test_body_names_nobody(office: Office) -> None:
    office.having(waiting())
    assert sends("reject", {"case": CASE, "by": "the boss"})[0] == 400
    sends("reject", {"case": CASE})
    made = office.decision()
    assert made is not None and made.by == ADA


@pytest.mark.parametrize("observe", [None, False, True])
def test_stop_may_be_invoked_directly(office: Office, observe: Any) -> None:
    event = {"do": "stop"} if observe is None else {"do": "stop", "observe": observe}
    assert handler(event, CONTEXT)["complete"] is True
    assert office.settings["master_switch"] == ("observe" if observe else "off")


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"do": "start"},
        {"do": "stop", "observe": "no"},
        {"do": "stop", "by": "the boss"},
        {"do": "approve", "case": CASE},
        {"cordon": {"do": "approve", "case": CASE}},
        {"source": "aws.guardduty", "detail-type": "GuardDuty Finding"},
        {"Records": []},
    ],
)
def test_nothing_else_may_be_invoked_directly(office: Office, event: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="may be invoked directly"):
        handler(event, CONTEXT)
    assert office.settings["master_switch"] == "on"


@pytest.mark.parametrize("context", [None, {}, [], {"authorizer": {"iam": {"userArn": ADA}}}])
def test_a_context_that_names_nobody_is_refused(office: Office, context: Any) -> None:
    office.having(waiting())
    event = {**request("reject", {"case": CASE}), "requestContext": context}
    assert handler(event, CONTEXT)["statusCode"] == 400
    assert office.decision() is None


def test_to_stop_needs_no_playbook(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Path) -> None:
        raise ImportError("a playbook that does not load")

    monkeypatch.setattr(handling, "_headers", broken)
    handler({"do": "stop"}, CONTEXT)
    assert office.settings["master_switch"] == "off"


def test_nothing_is_read_before_the_first_event(tmp_path: Path) -> None:
    assert callable(handling.serve(tmp_path / "nowhere"))


def test_the_desk_is_made_from_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    named = {
        "CORDON_ACCOUNT": DESK.account,
        "AWS_REGION": DESK.region,
        "CORDON_PARTITION": "aws",
        "CORDON_TABLE": "cordon",
        "CORDON_EVIDENCE_BUCKET": "evidence",
        "CORDON_TOPIC": "t",
        "CORDON_WORKFLOW": "w",
        "CORDON_REPORTS_QUEUE": "https://q/1/reports",
        "CORDON_DESK_API": API,
        "CORDON_STACK": DESK.stack,
        "CORDON_TWO_APPROVERS": "true",
        "CORDON_RELEASE_FROM_SECURITY_HUB": "false",
        "CORDON_DEAD_LETTERS": "FailedReports=failed",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in named.items():
            patch.setitem(os.environ, name, value)
        deployment = Deployment.from_environment()
    assert deployment.two_approvers and not deployment.release_from_security_hub
    assert deployment.dead_letters == {"FailedReports": "https://q/1/failed"}
    assert FUNCTIONS.name == "functions"
