"""HTTP APIs with IAM authorisation and an access log, as API Gateway serves them.

One is reached by its path on this server, ``/_aws/execute-api/<api>/<path>``, which is what its
ApiEndpoint says here; so a client signs what it would sign of AWS, for another host.
"""

import contextvars
import functools
import json
import re
import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any

import control
import ministack.app as gateway
import ministack.core.iam_evaluator as evaluator
from ministack.core.arn import execute_api_arn
from ministack.core.responses import request_scope
from ministack.core.router import extract_access_key_id
from ministack.services import apigateway, cloudwatch_logs, lambda_svc
from ministack.services.cloudformation import provisioners

Response = tuple[int, dict[str, str], bytes]
FORBIDDEN, NOT_FOUND, BROKEN, BUSY = (
    (403, "Forbidden"),
    (404, "Not Found"),
    (500, "Internal Server Error"),
    (503, "Service Unavailable"),
)
LAMBDA = "apigateway.amazonaws.com"
UNKNOWN = "-"  # what an access log says where there is nothing to say


def install() -> None:
    """All repairs of this file."""
    http_requests()
    events_of_http_requests()
    failed_integrations()
    endpoints_of_http_apis()
    settings_of_stages()


def http_requests() -> None:
    """An HTTP API that a caller of another account or without a signature requests is not found
    (404), a refusal names the policy, the function's own policy is not looked at, and there is no
    access log (Control access to HTTP APIs with IAM authorization, Customize HTTP API access
    logs, API Gateway developer guide)."""
    original = gateway._handle_execute_api_request

    @functools.wraps(original)
    async def handle(
        host: str,
        path: str,
        method: str,
        headers: dict[str, str],
        body: bytes,
        query: Any,
        **raw: Any,
    ) -> Any:
        parsed = gateway._parse_execute_api_url(host, path)
        owner = parsed and _owner(parsed[0])
        if not owner:
            return await original(host, path, method, headers, body, query, **raw)
        with request_scope(*owner), EXCHANGES:
            exchange = Exchange(parsed, owner, method, headers)
            token = _CURRENT.set(exchange)
            try:
                response = await _respond(exchange, body, query, raw.get("raw_query_string"))
            finally:
                _CURRENT.reset(token)
            exchange.log(response)
        return response[0], {**response[1], "apigw-requestid": exchange.id}, response[2]

    gateway._handle_execute_api_request = handle
    control.SOURCES["requests"] = EXCHANGES


def events_of_http_requests() -> None:
    """The event of an HTTP request has another request id than its access log, the emulator's host
    as its domain name, and keys with no value that AWS leaves out (Create AWS Lambda proxy
    integrations for HTTP APIs, API Gateway developer guide)."""
    made, executed = apigateway.new_uuid, lambda_svc._execute_function_with_config_scope

    def identifier() -> str:
        exchange = _CURRENT.get()
        return exchange.id if exchange else str(made())

    @functools.wraps(executed)
    def execute(function: dict[str, Any], event: dict[str, Any]) -> Any:
        exchange = _CURRENT.get()
        return executed(function, exchange.event(event) if exchange else event)

    apigateway.new_uuid = identifier
    lambda_svc._execute_function_with_config_scope = execute


def failed_integrations() -> None:
    """A function that fails is a 502 with its error in the body, and a throttled one a 429. An HTTP
    API says 500 and 503, and nothing of what happened (Troubleshooting issues with HTTP API Lambda
    integrations, API Gateway developer guide)."""
    original = lambda_svc.lambda_execute_result_to_api_proxy_response

    @functools.wraps(original)
    def shaped(result: dict[str, Any]) -> Any:
        if _CURRENT.get() is None or not (result.get("error") or result.get("throttle")):
            return original(result)
        status, _, body = _plain(BUSY if result.get("throttle") else BROKEN)
        return {"statusCode": status, "body": body.decode()}, None

    lambda_svc.lambda_execute_result_to_api_proxy_response = shaped


def endpoints_of_http_apis() -> None:
    """An API's ApiEndpoint is a host that this machine does not resolve. It is a path here."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Api"]
    original = handlers["create"]

    @functools.wraps(original)
    def create(logical: str, props: dict[str, Any], stack: str) -> Any:
        made, attributes = original(logical, props, stack)
        port = gateway.os.environ["GATEWAY_PORT"]
        endpoint = f"http://127.0.0.1:{port}/_aws/execute-api/{made}"
        apigateway._apis[made]["apiEndpoint"] = endpoint
        return made, {**attributes, "ApiEndpoint": endpoint}

    handlers["create"] = create


def settings_of_stages() -> None:
    """A stage's route settings are kept under names that no client reads, and it may log to a log
    group that is not there (CreateStage, API Gateway V2 API reference)."""
    original = provisioners._apigw_v2_stage_props

    @functools.wraps(original)
    def settings(props: dict[str, Any]) -> dict[str, Any]:
        made = original(props)
        default = provisioners._pascal_to_camel(made["defaultRouteSettings"])
        routes = made["routeSettings"].items()
        named = {route: provisioners._pascal_to_camel(one) for route, one in routes}
        group = _log_group(made)
        if group and group not in cloudwatch_logs._log_groups:
            raise ValueError(f"The specified log group does not exist: {group}")
        return {**made, "defaultRouteSettings": default, "routeSettings": named}

    provisioners._apigw_v2_stage_props = settings


def _owner(api: str) -> tuple[str, str] | None:
    """The account and Region of an HTTP API."""
    for (account, region, identifier), one in list(apigateway._apis.all_items()):
        if identifier == api and one["protocolType"] == "HTTP":
            return account, region
    return None


def _plain(said: tuple[int, str]) -> Response:
    status, message = said
    body = json.dumps({"message": message}, separators=(",", ":")).encode()
    return status, {"content-type": "application/json"}, body


async def _respond(
    exchange: "Exchange", body: bytes, query: Any, raw_query: str | None
) -> Response:
    """What API Gateway says: no such route, then not authorised, then what the function says."""
    if not exchange.route:
        return _plain(NOT_FOUND)
    if exchange.route.get("authorizationType") == "AWS_IAM" and not exchange.authorised():
        return _plain(FORBIDDEN)
    if not exchange.permitted():
        exchange.integration_error = "The API may not invoke the function"
        return _plain(BROKEN)
    response: Response = await apigateway.handle_execute(
        exchange.api,
        exchange.stage,
        exchange.path,
        exchange.method,
        exchange.headers,
        body,
        query,
        raw_query_string=raw_query,
    )
    return response


class Exchange:
    """One request, and what is known of it."""

    def __init__(
        self,
        parsed: tuple[str, str, str],
        owner: tuple[str, str],
        method: str,
        headers: dict[str, str],
    ) -> None:
        self.id = uuid.uuid4().hex[:16]
        self.began = time.time()
        self.api, first, rest = parsed
        self.stage, self.path = gateway._resolve_stage_and_path(self.api, first, rest)
        self.account, self.region = owner
        self.method, self.headers = method, headers
        self.integration_error = UNKNOWN
        self.identity: dict[str, Any] = {}
        there = self.stage in apigateway._stages.get(self.api, {})
        self.route = apigateway._match_route(self.api, method, self.path) if there else None

    @property
    def key(self) -> str:
        return str(self.route["routeKey"]) if self.route else UNKNOWN

    @property
    def domain(self) -> str:
        return f"{self.api}.execute-api.{self.region}.amazonaws.com"

    def authorised(self) -> bool:
        """Is it signed for this API by somebody of its account who may invoke the route? An HTTP
        API has no policy of its own that could let in another account."""
        scope = f"/{self.region}/execute-api/aws4_request"
        if scope not in self.headers.get("authorization", ""):
            return False
        key = extract_access_key_id(self.headers)
        wanted = (key, "execute-api:Invoke", "apigateway", self.region)
        place = (self.region, self.account, self.api, self.stage, self.method, self.path)
        denied = evaluator.enforce(*wanted, resource_arn=execute_api_arn(*place))
        principal = evaluator.resolve_principal(key, self.account)
        if isinstance(denied, evaluator.AuthError) or principal.account != self.account:
            return False
        known = apigateway._iam_caller_identity_v2(self.headers, {})
        self.identity = {"cognitoIdentity": None, **known}
        return denied is None

    def permitted(self) -> bool:
        """May this API invoke the function, by the function's policy?"""
        target = self.route["target"].rpartition("/")[2]
        uri = apigateway._integrations[self.api][target]["integrationUri"]
        found, _, _ = lambda_svc._get_func_record_for_ref(
            apigateway._extract_lambda_ref_from_integration_uri(uri)
        )
        policy = (found or {}).get("policy") or {}
        policy = json.loads(policy) if isinstance(policy, str) else policy
        method, _, path = self.key.partition(" ")
        start = f"arn:aws:execute-api:{self.region}:{self.account}:{self.api}"
        arn = f"{start}/{self.stage}/{method}{path}" if path else f"{start}/{self.stage}/{method}"
        return any(_lets_in(one, arn, self.account) for one in policy.get("Statement", []))

    def event(self, event: dict[str, Any]) -> dict[str, Any]:
        """The function's event, as AWS shapes it."""
        context = {**event["requestContext"], "domainName": self.domain, "domainPrefix": self.api}
        if self.identity:
            context["authorizer"] = {"iam": self.identity}
        present = {key: value for key, value in event.items() if value is not None}
        return {**present, "requestContext": context}

    # ---- the access log ----

    def log(self, response: Response) -> None:
        """One line for the request, where the stage wants one."""
        stage = apigateway._stages.get(self.api, {}).get(self.stage) or {}
        group = _log_group(stage)
        if not group:
            return
        form = stage["accessLogSettings"]["format"]
        values = self._values(response)
        line = re.sub(r"\$context((?:\.\w+)+)", lambda m: str(values.get(m[1][1:], UNKNOWN)), form)
        named = {"logGroupName": group, "logStreamName": self.api}
        cloudwatch_logs._create_log_stream(named)
        moment = int(time.time() * 1000)
        cloudwatch_logs._put_log_events(
            {**named, "logEvents": [{"timestamp": moment, "message": line}]}
        )

    def _values(self, response: Response) -> Mapping[str, Any]:
        """The variables of Customize HTTP API access logs that are known here."""
        status, _, body = response
        caller = {"caller": "callerId", "user": "userId", "userArn": "userArn"}
        caller |= {"accountId": "accountId", "principalOrgId": "principalOrgId"}
        identity = {
            f"identity.{name}": self.identity[given]
            for name, given in caller.items()
            if self.identity.get(given)
        }
        invoked = status not in (403, 404) and self.integration_error == UNKNOWN
        moment = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(self.began))
        failed = (
            {403: "Forbidden", 404: "Not Found"}.get(status, UNKNOWN) if not invoked else UNKNOWN
        )
        return {
            **identity,
            "accountId": self.account,
            "apiId": self.api,
            "domainName": self.domain,
            "domainPrefix": self.api,
            "error.message": failed,
            "extendedRequestId": self.id,
            "httpMethod": self.method,
            "identity.sourceIp": "127.0.0.1",
            "identity.userAgent": self.headers.get("user-agent", UNKNOWN),
            "integrationErrorMessage": self.integration_error,
            "integrationStatus": 200 if invoked else UNKNOWN,
            "path": self.path,
            "protocol": "HTTP/1.1",
            "requestId": self.id,
            "requestTime": moment,
            "requestTimeEpoch": int(self.began),
            "responseLatency": int((time.time() - self.began) * 1000),
            "responseLength": len(body),
            "routeKey": self.key,
            "stage": self.stage,
            "status": status,
        }


def _lets_in(statement: dict[str, Any], arn: str, account: str) -> bool:
    """Does a statement of a function's policy let API Gateway invoke it for this route?"""
    if statement.get("Effect") != "Allow":
        return False
    if statement.get("Principal", {}).get("Service") != LAMBDA:
        return False
    condition = statement.get("Condition", {})
    sources = condition.get("ArnLike", {}).get("AWS:SourceArn", "*")
    owners = condition.get("StringEquals", {}).get("AWS:SourceAccount", account)
    return owners == account and bool(re.fullmatch(re.escape(sources).replace(r"\*", ".*"), arn))


def _log_group(stage: dict[str, Any]) -> str:
    """The log group of a stage's access log; empty where it has none."""
    destination = (stage.get("accessLogSettings") or {}).get("destinationArn", "")
    return str(destination.partition(":log-group:")[2].removesuffix(":*"))


class Exchanges:
    """Requests under way, and the access logs, which go back to a checkpoint."""

    def __init__(self) -> None:
        self._count, self._lock = 0, threading.Lock()
        self._kept: dict[Any, int] = {}

    def __enter__(self) -> None:
        with self._lock:
            self._count += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._count -= 1

    def pending(self) -> int:
        """Requests that have no response yet."""
        return self._count

    def _streams(self) -> dict[Any, Any]:
        apis = {identifier for _, _, identifier in apigateway._apis._data}
        return {
            (*place, name): stream
            for place, group in cloudwatch_logs._log_groups._data.items()
            for name, stream in group["streams"].items()
            if name in apis
        }

    def checkpoint(self) -> None:
        """Remember how long each access log is."""
        self._kept = {name: len(stream["events"]) for name, stream in self._streams().items()}

    def pause(self) -> None:
        """Nothing to stop: a request is a function's invocation."""

    def restore(self) -> None:
        """Forget the lines since the checkpoint."""
        for name, stream in self._streams().items():
            del stream["events"][self._kept.get(name, 0) :]


EXCHANGES = Exchanges()
_CURRENT: contextvars.ContextVar[Exchange | None] = contextvars.ContextVar("exchange", default=None)
