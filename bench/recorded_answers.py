"""Records a function's first event and AWS's responses to it, in the embedded account.

The responses have the wire format of each service's protocol, so the measured function signs,
sends, receives and parses as on AWS. ``aws_stub.py`` serves them.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from botocore.model import OperationModel
from botocore.session import Session
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model

import cordon.clients
from console.account import cordon_account
from console.expected import HANDLED, beside, home_of, parameters
from console.staging import stage
from cordon.settings import Mode
from cordon.sources import read
from embedded.account import EmbeddedAccount
from prune_botocore import listed
from tests.examples import event as sample
from tests.examples import path_of, samples

ROOT = Path(__file__).parents[1]
START = datetime(2026, 11, 24, 12, tzinfo=UTC)

NAME = "POWERTOOLS_SERVICE_NAME"  # of the playbook, in its function's environment

Wire = tuple[int, Mapping[str, str], str]  # status, headers, body


@dataclass(frozen=True)
class Response:
    """A response, and the request that it belongs to."""

    service: str  # name in the signature's scope
    method: str
    path: str  # requestUri of the operation, "/{Bucket}?publicAccessBlock"
    operation: str  # as named by X-Amz-Target or Action; "" if the path identifies it
    sent: str  # the request's body: parallel calls arrive in any order
    status: int
    headers: Mapping[str, str]
    body: str


@dataclass
class Recorded:
    """One invocation. ``event`` is the function's input: a queued event is inside Records."""

    playbook: str
    event: Any
    arn: str
    environment: Mapping[str, str]
    moment: str
    responses: list[Response] = field(default_factory=list)

    @property
    def calls(self) -> list[str]:
        """The AWS calls, in order."""
        return [f"{a.service} {a.operation or a.path}" for a in self.responses]

    def write(self, path: Path) -> Path:
        """Write the recording for the stub and the measured process."""
        path.write_text(json.dumps(asdict(self)))
        return path


def first_event(playbook: str) -> dict[str, Any]:
    """The event that is measured for a playbook."""
    return sample(measured(playbook))


def measured(playbook: str) -> str:
    """The sample whose plan says so, else the first one that is handled."""
    plans = {name: plan for name in samples(playbook) if (plan := beside(path_of(name)))}
    chosen = (name for name, plan in plans.items() if plan.get("measured"))
    handled = (name for name, plan in plans.items() if plan["outcome"] in HANDLED)
    return next(chain(chosen, handled))


def new_account(event: Mapping[str, Any], mode: str = "enforce") -> EmbeddedAccount:
    """A new account for the event, with every playbook in this mode."""
    home = home_of(event)
    return cordon_account(home, parameters(Mode(mode), home), start=START)


def record(playbook: str, mode: str = "enforce") -> Recorded:
    """Record the playbook's first event, in a new account."""
    event = first_event(playbook)
    responses: list[Response] = []
    moments: list[datetime] = []  # of the responses: later the account's time goes on
    with new_account(event, mode) as account, _recording(playbook, responses):
        stage(read(event), account.client)
        responses.clear()
        account.after_call(lambda _: moments.append(account.now))
        ((function, invocation),) = [
            (account.functions[invoked.function], invoked)
            for invoked in account.deliver(event).invocations
            if account.functions[invoked.function].environment[NAME] == playbook
        ]
        if invocation.error:
            raise RuntimeError(f"{playbook}: {invocation.error}")
        return Recorded(
            playbook,
            invocation.event,
            function.arn,
            {
                **function.environment,
                "AWS_REGION": function.region,
                "BENCH_HANDLER": function.code.handler,
            },
            moments[0].isoformat(),
            list(responses),
        )


@contextmanager
def _recording(playbook: str, responses: list[Response]) -> Iterator[None]:
    """Record every response in the session of Cordon's functions, before it is processed."""

    def keep_body(params: Any, context: Any, **_: Any) -> None:
        context["sent"] = params["body"]

    def keep_response(
        http_response: Any, parsed: Any, model: OperationModel, context: Any, **_: Any
    ) -> None:
        if os.environ.get(NAME) == playbook:
            sent = _sent(model, context["sent"])
            responses.append(_response(model, sent, int(http_response.status_code), parsed))

    cordon.clients._session.cache_clear()
    cordon.clients._own.cache_clear()
    session: Session = cordon.clients._session()._session  # botocore's, inside boto3's
    events = session.get_component("event_emitter")
    for service, names in listed(ROOT / "layers" / "cordon" / "operations.txt").items():
        service_id = session.get_service_model(service).service_id.hyphenize()
        for name in names:
            events.register_first(f"before-call.{service_id}.{name}", keep_body)
            events.register_first(f"after-call.{service_id}.{name}", keep_response)
    yield
    cordon.clients._session.cache_clear()
    cordon.clients._own.cache_clear()


def _sent(model: OperationModel, body: Any) -> str:
    """The body as sent. A form is not encoded yet. An object is sent in chunks: "" for it."""
    if isinstance(body, dict):
        return urlencode(body)
    text = body.decode() if isinstance(body, bytes) else body
    return text if isinstance(text, str) and model.name != "PutObject" else ""


def _response(model: OperationModel, sent: str, status: int, parsed: Any) -> Response:
    """Reads the model again, because the call changes it (S3 removes the bucket from the path)."""
    service = get_service_model(model.service_model.service_name)
    fresh = service.operation_model(model.name)
    result = {k: v for k, v in deepcopy(parsed).items() if k != "ResponseMetadata"}
    protocol = str(service.resolved_protocol)
    target = service.metadata.get("targetPrefix")
    operation = f"{target}.{model.name}" if target else model.name if protocol == "query" else ""
    http = fresh.http
    failed = status >= 300
    wire = (
        _error(protocol, status, result["Error"]) if failed else _success(fresh, protocol, result)
    )
    return Response(
        service.signing_name, http["method"], http["requestUri"], operation, sent, *wire
    )


def _success(model: Any, protocol: str, result: dict[str, Any]) -> Wire:
    document = result.get("PolicyDocument")
    if isinstance(document, dict):  # parsed already
        result["PolicyDocument"] = quote(json.dumps(document))
    kind = get_serializer_class(model.service_model.service_name, protocol)
    response = kind(model).serialize(result)
    body = response["body"]
    text = body.decode() if isinstance(body, bytes) else str(body)
    return int(response["status_code"]), {k: str(v) for k, v in response["headers"].items()}, text


def _error(protocol: str, status: int, error: Mapping[str, Any]) -> Wire:
    code, message = str(error["Code"]), str(error["Message"])
    if "json" in protocol:
        return status, {"x-amzn-errortype": code}, json.dumps({"__type": code, "message": message})
    inner = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return (
        status,
        {},
        inner if protocol == "rest-xml" else f"<ErrorResponse>{inner}</ErrorResponse>",
    )
