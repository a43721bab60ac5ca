"""HTTP APIs of API Gateway: routes with IAM authorization to functions of the stack.

API Gateway developer guide: "Control access to HTTP APIs with IAM authorization in API Gateway",
"Create AWS Lambda proxy integrations for HTTP APIs in API Gateway" (payload format 2.0),
"Customize HTTP API access logs", "Create routes for HTTP APIs in API Gateway". Nothing is signed:
a request says who makes it, and the identity policies of that principal decide. The guide does
not say what the access log has of a caller who is refused; here the caller is in it.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from embedded.functions import InvocationResult, Runtime
from embedded.http_routes import STAGE, Api, Route, apis_of
from embedded.iam_directory import IamDirectory
from embedded.place import Place
from embedded.policy_evaluation import Decision
from embedded.required_permission import RequiredPermission
from embedded.scheduler import Clock
from embedded.stack import Stack

LOG_STREAM = "embedded"
USER_AGENT = "Boto3/embedded"
FORBIDDEN, NOT_FOUND, BROKEN, LATE = 403, 404, 500, 503
MESSAGES = {
    FORBIDDEN: "Forbidden",
    NOT_FOUND: "Not Found",
    BROKEN: "Internal Server Error",
    LATE: "Service Unavailable",
}
_VARIABLE = re.compile(r"\$context((?:\.[A-Za-z0-9_]+)+)")

Decide = Callable[[str, RequiredPermission], Decision]  # principal, what it needs
MayInvoke = Callable[[str, str], bool]  # function ARN, source ARN: by the function's own policy


@dataclass(frozen=True)
class HttpResponse:
    """What the caller gets. ``body`` is what its JSON says, or the text where it is no JSON."""

    status: int
    body: Any


@dataclass(frozen=True)
class Identity:
    """Who signed a request."""

    principal: str  # ARN of the role or user whose policies decide
    arn: str  # of the user or the session
    id: str  # AIDA…, or AROA…:session
    key: str
    account: str
    name: str  # of a user, "" for a session


def identify(caller: str, place: Place) -> Identity | None:
    """Who a caller's ARN is. None for nobody, the root user, and whom this account does not have.

    Raises ValueError for the ARN of a role: only its sessions make requests.
    """
    if not caller:
        return None
    _, _, service, _, account, resource = caller.split(":", 5)
    if service == "iam" and resource.startswith("role/"):
        raise ValueError(f"a role makes no requests, its sessions do: {caller}")
    kind, *names = resource.split("/")
    known = IamDirectory(place.account, place.partition)
    if account != place.account or kind not in ("user", "assumed-role"):
        return None
    arn = known.user_arn(names[-1]) if kind == "user" else known.role_arn(names[0])
    if arn is None:
        return None
    principal = known.principal(arn)
    session = f":{names[1]}" if kind == "assumed-role" else ""
    key = hashlib.sha256(caller.encode()).hexdigest()[:16].upper()
    return Identity(
        principal=arn,
        arn=caller,
        id=f"{principal.id}{session}",
        key=f"{'ASIA' if session else 'AKIA'}{key}",
        account=account,
        name="" if session else names[-1],
    )


@dataclass
class _Exchange:
    """A request, and what is known of it by now."""

    api: Api
    method: str
    path: str
    query: str
    body: str | None
    source_ip: str
    number: int
    identity: Identity | None
    route: Route | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    outcome: InvocationResult | None = None

    @property
    def id(self) -> str:
        """The request's id."""
        return f"embedded{self.number:07d}="


class HttpApis:
    """The HTTP APIs of one account."""

    def __init__(
        self,
        stack: Stack,
        runtime: Runtime,
        clock: Clock,
        client: Callable[[str], Any],
        decide: Decide,
        may_invoke: MayInvoke,
        organization: str,
    ) -> None:
        self.apis = apis_of(stack, runtime)
        self._place = stack.place
        self._runtime, self._clock, self._client = runtime, clock, client
        self._decide, self._may_invoke = decide, may_invoke
        self._organization = organization
        self._count = 0

    def request(
        self, api: str, method: str, path: str, body: Any, caller: str, source_ip: str
    ) -> HttpResponse:
        """Send a request to an API (logical id; "" for the only one) and log it."""
        found = self.apis[api] if api else self._only()
        self._count += 1
        bare, _, query = path.partition("?")
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        identity = identify(caller, self._place)
        exchange = _Exchange(found, method, bare, query, text, source_ip, self._count, identity)
        status, content = self._respond(exchange)
        self._log(exchange, status, content)
        return HttpResponse(status, _read(content))

    def _only(self) -> Api:
        if len(self.apis) != 1:
            raise LookupError(f"the stack has {len(self.apis)} HTTP APIs: name one")
        return next(iter(self.apis.values()))

    def _respond(self, exchange: _Exchange) -> tuple[int, str]:
        """The status and the body's text."""
        for route in exchange.api.routes:
            variables = route.variables(exchange.method, exchange.path)
            if variables is not None:
                exchange.route, exchange.variables = route, variables
                break
        else:
            return _failed(NOT_FOUND)
        if exchange.route.signed and not self._allowed(exchange):
            return _failed(FORBIDDEN)
        where = exchange.route.key.replace(" ", "")
        if not self._may_invoke(exchange.route.function.arn, self._arn(exchange.api, where)):
            return _failed(BROKEN)
        began = self._clock.now
        exchange.outcome = self._runtime.invoke(
            exchange.route.function, self._event(exchange, exchange.route)
        )
        if (self._clock.now - began).total_seconds() * 1000 > exchange.route.longest:
            return _failed(LATE)
        return _returned(exchange.outcome)

    def _allowed(self, exchange: _Exchange) -> bool:
        if exchange.identity is None:
            return False
        context = {"aws:SourceIp": exchange.source_ip, "aws:userid": exchange.identity.id}
        if exchange.identity.name:
            context["aws:username"] = exchange.identity.name
        arn = self._arn(exchange.api, f"{exchange.method}{exchange.path}")
        needed = RequiredPermission("execute-api:Invoke", arn, context)
        return self._decide(exchange.identity.principal, needed) is Decision.ALLOWED

    def _arn(self, api: Api, where: str) -> str:
        """``where`` is the method and the path, as in "POST/approve"."""
        return self._place.arn("execute-api", f"{api.id}/{STAGE}/{where}")

    def _event(self, exchange: _Exchange, route: Route) -> dict[str, Any]:
        """The event in payload format 2.0, without the headers of a signature."""
        headers = {
            "host": exchange.api.domain,
            "user-agent": USER_AGENT,
            "x-forwarded-for": exchange.source_ip,
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        }
        optional: dict[str, Any] = {}
        if exchange.body is not None:
            optional["body"] = exchange.body
            length = str(len(exchange.body.encode()))
            headers |= {"content-length": length, "content-type": "application/json"}
        if exchange.query:
            optional["queryStringParameters"] = _query(exchange.query)
        if exchange.variables:
            optional["pathParameters"] = dict(exchange.variables)
        return {
            "version": "2.0",
            "routeKey": route.key,
            "rawPath": exchange.path,
            "rawQueryString": exchange.query,
            "headers": headers,
            "requestContext": self._context(exchange, route),
            "isBase64Encoded": False,
            **optional,
        }

    def _context(self, exchange: _Exchange, route: Route) -> dict[str, Any]:
        authorizer = {"authorizer": {"iam": self._iam(exchange.identity)}} if route.signed else {}
        return {
            "accountId": self._place.account,
            "apiId": exchange.api.id,
            **authorizer,
            "domainName": exchange.api.domain,
            "domainPrefix": exchange.api.id,
            "http": {
                "method": exchange.method,
                "path": exchange.path,
                "protocol": "HTTP/1.1",
                "sourceIp": exchange.source_ip,
                "userAgent": USER_AGENT,
            },
            "requestId": exchange.id,
            "routeKey": route.key,
            "stage": STAGE,
            "time": self._time(),
            "timeEpoch": self._milliseconds(),
        }

    def _iam(self, identity: Identity | None) -> dict[str, Any]:
        assert identity is not None  # or the request would have been refused
        return {
            "accessKey": identity.key,
            "accountId": identity.account,
            "callerId": identity.id,
            "cognitoIdentity": None,
            "principalOrgId": self._organization or None,
            "userArn": identity.arn,
            "userId": identity.id,
        }

    def _time(self) -> str:
        return self._clock.now.strftime("%d/%b/%Y:%H:%M:%S +0000")

    def _milliseconds(self) -> int:
        return int(self._clock.now.timestamp() * 1000)

    def _log(self, exchange: _Exchange, status: int, content: str) -> None:
        """Write the request's line into the API's log group."""
        if not exchange.api.log_group:
            return
        values = self._logged(exchange, status, content)
        line = _VARIABLE.sub(lambda found: values.get(found[1][1:], "-"), exchange.api.log_format)
        self._client("logs").put_log_events(
            logGroupName=exchange.api.log_group,
            logStreamName=LOG_STREAM,
            logEvents=[{"timestamp": self._milliseconds(), "message": line}],
        )

    def _logged(self, exchange: _Exchange, status: int, content: str) -> dict[str, str]:
        """The values of $context; what is not here is "-" in the log."""
        values: dict[str, Any] = {
            "accountId": self._place.account,
            "apiId": exchange.api.id,
            "domainName": exchange.api.domain,
            "domainPrefix": exchange.api.id,
            "extendedRequestId": exchange.id,
            "httpMethod": exchange.method,
            "identity.sourceIp": exchange.source_ip,
            "identity.userAgent": USER_AGENT,
            "path": exchange.path,
            "protocol": "HTTP/1.1",
            "requestId": exchange.id,
            "requestTime": self._time(),
            "requestTimeEpoch": self._milliseconds(),
            "responseLength": len(content.encode()),
            "routeKey": exchange.route.key if exchange.route else "-",
            "stage": STAGE,
            "status": status,
            **self._caller(exchange),
            **_integration(exchange.outcome),
            **_error(status, exchange.outcome),
        }
        return {name: json.dumps(str(one))[1:-1] for name, one in values.items()}

    def _caller(self, exchange: _Exchange) -> dict[str, str]:
        if exchange.identity is None or exchange.route is None or not exchange.route.signed:
            return {}
        return {
            "identity.accountId": exchange.identity.account,
            "identity.caller": exchange.identity.id,
            "identity.principalOrgId": self._organization or "-",
            "identity.user": exchange.identity.id,
            "identity.userArn": exchange.identity.arn,
        }


def _integration(outcome: InvocationResult | None) -> dict[str, Any]:
    """What is known of an invocation: Lambda's status is 200 even if the function failed."""
    if outcome is None:
        return {}
    id = outcome.request_id or "-"
    reported = {"integration.error": outcome.error, "integrationErrorMessage": outcome.error}
    return {
        "awsEndpointRequestId": id,
        "integration.requestId": id,
        "integration.status": 200,
        "integrationStatus": 200,
        **(reported if outcome.failed else {}),
    }


def _error(status: int, outcome: InvocationResult | None) -> dict[str, str]:
    """The message of an error that is API Gateway's own, not the function's."""
    own = status in MESSAGES and (outcome is None or outcome.failed or status == LATE)
    return {"error.message": MESSAGES[status]} if own else {}


def _failed(status: int) -> tuple[int, str]:
    return status, json.dumps({"message": MESSAGES[status]})


def _returned(outcome: InvocationResult) -> tuple[int, str]:
    """What a function's result means: with a statusCode a response, else the body itself."""
    if outcome.failed:
        return _failed(BROKEN)
    result = json.loads(outcome.payload)
    if not isinstance(result, Mapping) or "statusCode" not in result:
        return 200, outcome.payload
    status, body = result["statusCode"], result.get("body", "")
    whole = isinstance(status, int) and 100 <= status <= 599 and not isinstance(status, bool)
    if not whole or not isinstance(body, str):
        return _failed(BROKEN)
    return status, base64.b64decode(body).decode() if result.get("isBase64Encoded") else body


def _read(content: str) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content


def _query(text: str) -> dict[str, str]:
    """Several values of one name are put together with commas."""
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        values.setdefault(name, []).append(value)
    return {name: ",".join(many) for name, many in values.items()}
