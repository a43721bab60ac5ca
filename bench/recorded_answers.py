"""A function's first event, and what AWS answered to it, taken from the embedded account.

The answers go over the wire in the protocol of each service, so that the measured function signs,
sends, receives and parses as it does on AWS; ``answering.py`` serves them.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from botocore.model import OperationModel
from botocore.session import Session
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model

import cordon.clients
from console.account import cordon_account
from console.expected import break_glass_role, home_of
from console.replay import MODES
from console.staging import stage
from cordon.sources import read
from embedded.account import EmbeddedAccount
from prune_botocore import listed

ROOT = Path(__file__).parents[1]
START = datetime(2026, 11, 24, 12, tzinfo=UTC)
FIRST = {  # one event for each playbook, all with an effect
    "quarantine_bucket": "guardduty_public_access",
    "revoke_sessions": "guardduty_privilege_escalation",
    "tag_ai_resource": "securityhub_sagemaker_1",
    "escalate_finding": "guardduty_cost_harvesting",
}

Wire = tuple[int, Mapping[str, str], str]  # status, headers, body


@dataclass(frozen=True)
class Answer:
    """How a request is known, and what it is answered."""

    service: str  # name in the signature's scope
    method: str
    path: str  # requestUri of the operation, "/{Bucket}?publicAccessBlock"
    operation: str  # as named by X-Amz-Target or Action; "" where the path tells
    sent: str  # the request's body: calls that run beside each other come in any order
    status: int
    headers: Mapping[str, str]
    body: str


@dataclass
class Recorded:
    """One invocation. ``event`` is what the function gets: a queued one comes in Records."""

    playbook: str
    event: Any
    arn: str
    environment: Mapping[str, str]
    moment: str
    answers: list[Answer] = field(default_factory=list)

    @property
    def calls(self) -> list[str]:
        """The AWS calls, in order."""
        return [f"{a.service} {a.operation or a.path}" for a in self.answers]

    def write(self, path: Path) -> Path:
        """For the processes that serve and measure."""
        path.write_text(json.dumps(asdict(self)))
        return path


def first_event(playbook: str) -> dict[str, Any]:
    """The event that a playbook is measured with."""
    event: dict[str, Any] = json.loads(
        (ROOT / "events" / playbook / f"{FIRST[playbook]}.json").read_text()
    )
    return event


def new_account(event: Mapping[str, Any], mode: str = "enforce") -> EmbeddedAccount:
    """An account for the event where everything is new, and every playbook in one mode."""
    home = home_of(event)
    parameters = {name: mode for name in MODES} | {"BreakGlassRoles": break_glass_role(home)}
    return cordon_account(home, parameters, start=START)


def record(playbook: str) -> Recorded:
    """The playbook's first event, enforced in an account where everything is new."""
    event = first_event(playbook)
    answers: list[Answer] = []
    with new_account(event) as account, _recording(playbook, answers):
        stage(read(event), account.client)
        answers.clear()
        (invoked,) = [
            (account.functions[one.function], one)
            for one in account.deliver(event).invocations
            if account.functions[one.function].code.folder.name == playbook
        ]
        function, mine = invoked
        if mine.error:
            raise RuntimeError(f"{playbook}: {mine.error}")
        return Recorded(
            playbook,
            mine.event,
            function.arn,
            {**function.environment, "AWS_REGION": function.region},
            account.now.isoformat(),
            list(answers),
        )


@contextmanager
def _recording(playbook: str, answers: list[Answer]) -> Iterator[None]:
    """Our functions' session notes every answer before anything is made of it."""

    def asked(params: Any, context: Any, **_: Any) -> None:
        context["sent"] = params["body"]

    def note(
        http_response: Any, parsed: Any, model: OperationModel, context: Any, **_: Any
    ) -> None:
        if os.environ.get("POWERTOOLS_SERVICE_NAME") == playbook:
            sent = _sent(model, context["sent"])
            answers.append(_answer(model, sent, int(http_response.status_code), parsed))

    cordon.clients._session.cache_clear()
    cordon.clients._own.cache_clear()
    session: Session = cordon.clients._session()._session  # botocore's, inside boto3's
    events = session.get_component("event_emitter")
    for service, names in listed(ROOT / "layers" / "cordon" / "operations.txt").items():
        service_id = session.get_service_model(service).service_id.hyphenize()
        for name in names:
            events.register_first(f"before-call.{service_id}.{name}", asked)
            events.register_first(f"after-call.{service_id}.{name}", note)
    yield
    cordon.clients._session.cache_clear()
    cordon.clients._own.cache_clear()


def _sent(model: OperationModel, body: Any) -> str:
    """A form's body is not encoded yet; that of an object goes out in chunks, so no matter."""
    if isinstance(body, dict):
        return urlencode(body)
    text = body.decode() if isinstance(body, bytes) else body
    return text if isinstance(text, str) and model.name != "PutObject" else ""


def _answer(model: OperationModel, sent: str, status: int, parsed: Any) -> Answer:
    """The model passed in was changed by the call (S3 takes the bucket out of the path)."""
    service = get_service_model(model.service_model.service_name)
    fresh = service.operation_model(model.name)
    result = {k: v for k, v in deepcopy(parsed).items() if k != "ResponseMetadata"}
    protocol = str(service.resolved_protocol)
    target = service.metadata.get("targetPrefix")
    operation = f"{target}.{model.name}" if target else model.name if protocol == "query" else ""
    http = fresh.http
    failed = status >= 300
    made = _error(protocol, status, result["Error"]) if failed else _good(fresh, protocol, result)
    return Answer(service.signing_name, http["method"], http["requestUri"], operation, sent, *made)


def _good(model: Any, protocol: str, result: dict[str, Any]) -> Wire:
    document = result.get("PolicyDocument")
    if isinstance(document, dict):  # parsed already
        result["PolicyDocument"] = quote(json.dumps(document))
    kind = get_serializer_class(model.service_model.service_name, protocol)
    answer = kind(model).serialize(result)
    body = answer["body"]
    text = body.decode() if isinstance(body, bytes) else str(body)
    return int(answer["status_code"]), {k: str(v) for k, v in answer["headers"].items()}, text


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
