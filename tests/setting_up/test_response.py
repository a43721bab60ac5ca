"""Whatever happens in ``setup``, CloudFormation hears of it in time, once, and with the reason."""

import json
from dataclasses import dataclass
from threading import Event
from typing import Any

import pytest
import urllib3

from console.account import cordon_account
from cordon.deployment import Deployment
from cordon.setting_up import handler as handling
from cordon.setting_up import response as responding
from cordon.setting_up.response import KEPT_SECONDS, PHYSICAL_ID, NotResponded
from embedded import custom_resources
from embedded.custom_resources import HOST, Failed, Responses, serving
from embedded.place import Place
from setup.setup import handler

URL = f"http://{HOST}/settings?X-Amz-Signature=secret"
STACK = "arn:aws:cloudformation:us-east-1:111122223333:stack/cordon/1"
SAME = {"StackId": STACK, "RequestId": "r-1", "LogicalResourceId": "Settings"}


@dataclass
class Context:
    """The time that Lambda leaves."""

    seconds: float = 30

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


def request(kind: str = "Create", **more: Any) -> dict[str, Any]:
    """A request of CloudFormation."""
    return {**SAME, "RequestType": kind, "ResponseURL": URL, "ResourceProperties": {}, **more}


def response(responses: Responses) -> dict[str, Any]:
    """The only response that was taken; it is for this request, and never a replacement."""
    (body,) = responses.bodies
    said = json.loads(body)
    assert len(body) <= 4096
    assert {key: said.pop(key) for key in SAME} == SAME
    assert said.pop("PhysicalResourceId") == PHYSICAL_ID
    return dict(said)


@pytest.mark.usefixtures("done")
def test_success_is_reported_without_content_type() -> None:
    """The URL is signed without one: with another, S3 refuses the PUT."""
    with serving() as responses:
        handler(request(), Context())
    assert response(responses) == {"Status": "SUCCESS"}
    assert responses.types == [""]


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_missing_properties_are_reported(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handling, "setup", lambda: None)
    monkeypatch.setattr(Deployment, "from_environment", lambda: None)
    with serving() as responses:
        handler(request(kind), Context())
    assert response(responses) == {"Status": "FAILED", "Reason": "KeyError: 'Protected'"}


def test_unknown_request_is_reported() -> None:
    with serving() as responses:
        handler({**request(), "RequestType": None}, Context())
    assert response(responses)["Status"] == "FAILED"


@pytest.mark.parametrize("text", ["x", "\N{PILE OF POO}", "\x00\n", "\ud800"])
def test_reason_fits_and_is_one_line(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    def fail(_: Any) -> str:
        raise RuntimeError(f"{text * 9000}.")

    monkeypatch.setattr(handling, "carry_out", fail)
    with serving() as responses:
        handler(request(), Context())
    said = response(responses)
    assert said["Status"] == "FAILED"
    assert "\n" not in said["Reason"]


def test_response_comes_before_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that hangs: CloudFormation hears of it while the function still runs, and once."""
    go_on, heard = Event(), []

    def hang(_: Any) -> str:
        go_on.wait(10)
        heard.extend(responses.bodies)
        return "too late"

    monkeypatch.setattr(handling, "carry_out", hang)
    put = responding.Response._put

    def put_and_go_on(self: responding.Response, body: bytes) -> None:
        put(self, body)
        go_on.set()

    monkeypatch.setattr(responding.Response, "_put", put_and_go_on)
    with serving() as responses:
        handler(request(), Context(KEPT_SECONDS + 0.05))
    assert heard == responses.bodies
    assert response(responses) == {"Status": "FAILED", "Reason": "the function's time is over"}


def test_kept_time_is_enough_for_every_try() -> None:
    tries = len(responding.WAITS) + 1
    assert tries * responding.TRY_SECONDS + sum(responding.WAITS) < KEPT_SECONDS


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is requested was done."""
    monkeypatch.setattr(handling, "carry_out", lambda _: "done")


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits between the tries."""
    monkeypatch.setattr(responding, "sleep", lambda _: None)


@pytest.mark.parametrize("statuses", [[500], [503, 500]])
@pytest.mark.usefixtures("done")
def test_response_that_is_not_taken_is_sent_again(statuses: list[int]) -> None:
    with serving() as responses:
        responses.statuses += statuses
        handler(request(), Context())
    assert response(responses) == {"Status": "SUCCESS"}


@pytest.mark.parametrize("statuses", [[403, 403, 403], [500, 502, 503]])
@pytest.mark.usefixtures("done")
def test_response_that_is_never_taken_raises(statuses: list[int]) -> None:
    """So that Lambda tries again, and the dead-letter queue keeps it in the end."""
    with serving() as responses:
        responses.statuses += statuses
        with pytest.raises(NotResponded) as raised:
            handler(request(), Context())
    assert responses.bodies == []
    assert "secret" not in str(raised.value)


@pytest.mark.usefixtures("done")
def test_host_that_is_not_there_raises_without_the_url(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError("no route")

    monkeypatch.setattr(urllib3.util.connection, "create_connection", refuse)
    with pytest.raises(NotResponded) as raised:
        handler(request(), Context())
    shown = f"{raised.value!r} {raised.value.__cause__!r} {raised.value.__suppress_context__}"
    assert "secret" not in shown
    assert raised.value.__suppress_context__
    assert "secret" not in caplog.text


def test_wrong_parameter_fails_the_deployment() -> None:
    """The pattern of the parameter is wider than what can protect: the create says why it fails."""
    place = Place("111122223333", "us-east-1", "aws")
    account = cordon_account(place, {"ProtectedResources": "arn:aws:s3:::acme[1]"})
    with pytest.raises(Failed, match=r"acme\[1\].* is not an ARN"), account:
        raise AssertionError("it was deployed")


def test_function_that_is_silent_fails_the_deployment() -> None:
    place = Place("111122223333", "us-east-1", "aws")
    with cordon_account(place, {}) as account:
        sent = custom_resources.request(
            account.stack, account.stack.resources["Settings"], "Create"
        )
        with pytest.raises(Failed, match="did not respond"):
            custom_resources.send(sent, lambda function, event: account.invoke("Setup", {}))
