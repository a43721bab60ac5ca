"""The services that ministack lacks, or plays as stubs that keep nothing.

A request is read with botocore's own model of the service, authorised by ministack under the
policies of whoever signed it, and carried out by the backends of the embedded account on moto:
Security Hub's findings and updates, OpsItems, tags and policies of AI resources, a user's
service-specific credentials. AgentCore's runtimes that somebody made by its API are ministack's,
which enforces their policies. What no backend of ours and no moto implements ends as HTTP 501, and
is noted: nothing succeeds because nobody looked. Users and buckets are ministack's, so the backends
look for them there.
"""

import asyncio
import functools
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import boto3
import ministack.app as gateway
import under_way
from botocore.config import Config
from botocore.exceptions import ClientError
from ministack.core.responses import _request_account_id, _request_region, get_account_id
from ministack.services import bedrock_agentcore, eventbridge, iam, s3
from moto import mock_aws
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import get_serializer_class
from werkzeug.exceptions import NotFound

from embedded import backends
from embedded.authorization import needs
from embedded.backends import hub, invocation_logging
from embedded.backends import iam as iam_backend
from embedded.place import Place

# By the name a request is signed with. The first whose model knows the request responds.
SERVICES = {
    "bedrock": ("bedrock", "bedrock-agent"),
    "bedrock-agentcore": ("bedrock-agentcore-control",),
    "ecr": ("ecr",),
    "glue": ("glue",),
    "guardduty": ("guardduty",),
    "macie2": ("macie2",),
    "sagemaker": ("sagemaker",),
    "securityhub": ("securityhub",),
}
CREDENTIALS = re.compile(rb"(?:^|&)Action=(?:Create|List|Update)ServiceSpecificCredentials?(?:&|$)")
OPS_ITEMS = re.compile(r"AmazonSSM\.\w*OpsItem\w*")
MODELS = "/model/"  # Amazon Bedrock API Reference, "InvokeModel"
PARTITION = "aws"

Response = tuple[int, dict[str, str], bytes]
GAPS: list[str] = []  # what somebody requested and nobody here can do
_ONE_AT_A_TIME = threading.RLock()  # moto is not made for several threads


@dataclass(frozen=True)
class Call:
    """One request, understood."""

    service: str
    model: Any
    params: dict[str, Any]
    protocol: str


def install() -> None:
    """Respond before ministack does; Security Hub's events go to ministack's bus."""
    mock_aws().start()
    backends.install()
    iam_backend._existing_user = _existing_user
    invocation_logging._is_bucket = _is_bucket
    hub.subscribe(_to_the_bus)
    original = gateway._handle_special_data_plane_request

    @functools.wraps(original)
    async def handle(
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query_params: dict[str, Any],
        request_id: str,
        raw_path: str | None = None,
        raw_query_string: str = "",
        **others: Any,
    ) -> Any:
        async def ministack() -> Any:
            return await original(
                method,
                path,
                headers,
                body,
                query_params,
                request_id,
                raw_path=raw_path,
                raw_query_string=raw_query_string,
                **others,
            )

        services = serving(headers, path, body)
        if not services:
            return await ministack()
        url = f"http://localhost{raw_path or path}?{raw_query_string}"
        call = understood(services, Request.from_primitives(method, url, headers, body))
        region = gateway.extract_region(headers, query_params)
        refused = call and _authorised(call, region, headers, query_params, request_id)
        if refused is not None:
            return refused
        if services == SERVICES["bedrock-agentcore"] and of_a_runtime_here(method, path):
            return await ministack()
        if call is None:
            return _gap(f"{services[0]} {method} {path} {headers.get('x-amz-target', '')}")
        account = get_account_id()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, respond, call, account, region)

    gateway._handle_special_data_plane_request = handle


def serving(headers: Mapping[str, str], path: str = "", body: bytes = b"") -> tuple[str, ...]:
    """The services on the shelf that a request may be for; none where ministack responds.

    A model is invoked under the name of Bedrock too, and that ministack plays; so is all of IAM
    but the service-specific credentials.
    """
    if path.startswith(MODELS):
        return ()
    signed = re.search(r"Credential=[^/]+/\d+/[^/]+/([\w-]+)/", headers.get("authorization", ""))
    name = signed[1] if signed else ""
    if name == "ssm" and OPS_ITEMS.fullmatch(headers.get("x-amz-target", "")):
        return ("ssm",)
    if name == "iam" and CREDENTIALS.search(body):
        return ("iam",)
    return SERVICES.get(name, ())


def of_a_runtime_here(method: str, path: str) -> bool:
    """Whether a request to AgentCore makes a runtime, or is about one that was made so."""
    known = bedrock_agentcore._runtimes.keys()
    return (method, path) == ("PUT", "/runtimes/") or any(one in unquote(path) for one in known)


def understood(services: tuple[str, ...], request: Request) -> Call | None:
    """The operation and its parameters, as the first service whose model knows it reads them."""
    for service in services:
        try:
            model, url_params = get_service_router(service).match(request)
        except NotFound:
            continue
        protocol = determine_request_protocol(model.service_model, request.content_type)
        parser = PROTOCOL_PARSERS[protocol](model)
        params = parser.parse(
            {
                "method": request.method,
                "values": request.values,
                "headers": request.headers,
                "body": request.data,
                "url_path": request.path,
                "url_params": url_params,
            }
        )
        return Call(service, model, params, protocol)
    return None


def _authorised(
    call: Call, region: str, headers: dict[str, str], query_params: dict[str, Any], request_id: str
) -> Any:
    """What ministack's evaluator says of the call; None where it may go on."""
    place = Place(get_account_id(), region, PARTITION)
    signing = call.model.service_model.signing_name
    for need in needs(call.service, signing, call.model.name, call.params, place, _Users(place)):
        refused = gateway._enforce_data_plane(
            signing,
            need.action,
            headers,
            query_params,
            request_id,
            resource_arn=need.resource,
            service_context=dict(need.context),
        )
        if refused is not None:
            return refused
    return None


@dataclass(frozen=True)
class _Users:
    """The users that a call on the shelf may name, and the services of their credentials."""

    place: Place

    def role_arn(self, name: str) -> str | None:
        return None

    def user_arn(self, name: str) -> str | None:
        kept = iam._users.get_scoped(self.place.account, None, name)
        return kept["Arn"] if kept else None

    def credential_service(self, credential: str) -> str:
        where = backends.here(self.place.account, self.place.region)
        return iam_backend.service_of(credential, where)

    def key_owner(self, access_key_id: str) -> str | None:
        return None

    def boundary_of(self, arn: str) -> str | None:
        return None


def _existing_user(name: str, where: backends.Where) -> str:
    """A user of ministack's. Raises Refusal as IAM does."""
    if iam._users.get_scoped(where.account, None, name) is None:
        raise backends.Refusal("NoSuchEntity", f"The user with name {name} cannot be found.")
    return name


def _is_bucket(name: str) -> bool:
    """Of whatever account."""
    return any(name == bucket for _, bucket in s3._buckets._data)


def respond(call: Call, account: str, region: str) -> Response:
    """Carry the call out, and write the outcome as the service would."""
    serializer = get_serializer_class(call.service, call.protocol)(operation_model=call.model)
    try:
        with _ONE_AT_A_TIME:
            result = client(call.service, account, region)._make_api_call(
                call.model.name, call.params
            )
    except ClientError as error:
        return _refusal(call, error)
    except BaseException as gap:  # noqa: BLE001 strict backends raise beside Exception
        return _gap(f"{call.service} {call.model.name}: {gap!r}")
    result.pop("ResponseMetadata", None)
    written = serializer.serialize(result)
    body = written["body"]
    text = body.encode() if isinstance(body, str) else bytes(body)
    return written["status_code"], {k: str(v) for k, v in written["headers"].items()}, text


@functools.cache
def client(service: str, account: str, region: str) -> Any:
    """A client that moto responds to, for one account."""
    made = boto3.client(
        service,
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key="none",
        config=Config(retries={"total_max_attempts": 1}),
    )

    def name_the_account(params: dict[str, Any], **_: Any) -> None:
        params["headers"]["x-moto-account-id"] = account

    made.meta.events.register_first("before-call", name_the_account)
    return made


def _refusal(call: Call, error: ClientError) -> Response:
    code = error.response["Error"]["Code"]
    if code in ("404", "501", "NotImplemented"):  # so moto says that it does not know a call
        return _gap(f"{call.service} {call.model.name}: {code}")
    members = {k: v for k, v in error.response.items() if k not in ("Error", "ResponseMetadata")}
    said = {"__type": code, "message": error.response["Error"]["Message"], **members}
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    if call.service == "iam":
        refused: Response = iam._error(status, code, said["message"], ns="iam")
        return refused
    return status, {"content-type": "application/json", "x-amzn-errortype": code}, _json(said)


def _gap(what: str) -> Response:
    GAPS.append(what)
    said = {"__type": "NotHere", "message": f"the emulator does not play this: {what}"}
    return 501, {"content-type": "application/json", "x-amzn-errortype": "NotHere"}, _json(said)


def _json(said: Mapping[str, Any]) -> bytes:
    return json.dumps(said, default=str).encode()


def _to_the_bus(where: backends.Where, event: dict[str, Any]) -> None:
    """What Security Hub publishes goes to the default bus of its account and Region."""
    entry = {
        "Source": event["source"],
        "DetailType": event["detail-type"],
        "Detail": json.dumps(event["detail"]),
        "Resources": event["resources"],
    }

    def go() -> None:
        _request_account_id.set(where.account)
        _request_region.set(where.region)
        eventbridge._put_events({"Entries": [entry]})

    under_way.beside(go)
