"""What people request of the desk, read field by field. Pure.

Everything in a request is the caller's but ``requestContext``, which API Gateway writes (API
Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs", payload format 2.0;
"Control access to HTTP APIs with IAM authorization"). That it was API Gateway that invoked the
function cannot be known here: whoever may invoke the function may write such an event.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cordon.sources.text import is_printable, one_line

MOST_BYTES = 8192  # of a body
MOST_WHY = 300  # characters: evidence and texts have the whole of it
MOST_ARN = 2048
MOST_NAME = 64
CASE = re.compile(r"[0-9a-f]{16}")
HASH = re.compile(r"[0-9a-f]{64}")
ABOUT = re.compile(r"[a-z0-9]+(-[a-z0-9]+){1,15}")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


class BadRequest(Exception):
    """A field of the request is not what it must be; the text names it and says what it must be."""

    def __init__(self, field: str, right: str) -> None:
        super().__init__(f"{field}: {right}")
        self.field = field
        self.right = right


@dataclass(frozen=True)
class Caller:
    """Who signed the request, as API Gateway says."""

    arn: str
    access_key: str
    source_ip: str
    request: str  # requestId: the access log has it too
    api: str
    invocation: str = ""  # Lambda's own id of the invocation: not from the event


@dataclass(frozen=True)
class OnCase:
    """Approve, reject, release or retry a case."""

    case: str
    plan: str = ""  # its hash
    why: str = ""


@dataclass(frozen=True)
class ByArn:
    """Contain a resource that a person names."""

    resource: str
    playbook: str
    why: str


@dataclass(frozen=True)
class Redeliver:
    """Send dead letters back to where they came from."""

    queue: str


@dataclass(frozen=True)
class SetSettings:
    """Change one entry of the settings: see ``cordon.deciding.changes``.

    ``only_check``: say whether that is possible, and write nothing.
    """

    change: Mapping[str, Any]
    only_check: bool = False


@dataclass(frozen=True)
class Stop:
    """Stop every playbook. ``observe``: they go on recording."""

    observe: bool = False


@dataclass(frozen=True)
class Attest:
    """Attest a subject until a day; or withdraw what was attested of it."""

    about: str
    says: str
    until: str = ""
    withdraw: bool = False


Body = OnCase | ByArn | Redeliver | SetSettings | Stop | Attest


class Fields:
    """The fields of a JSON object, each read once; what is left over is refused."""

    def __init__(self, given: Any, where: str = "") -> None:
        self._where = where
        if not isinstance(given, dict):
            raise BadRequest(where or "body", "must be a JSON object")
        self._given = dict(given)

    def name(self, field: str) -> str:
        """The field's full name, for a refusal."""
        return f"{self._where}.{field}" if self._where else field

    def text(self, field: str, most: int, *, required: bool = True) -> str:
        """One printable line of at most ``most`` characters."""
        value = self._given.pop(field, None if required else "")
        if not isinstance(value, str) or (required and not value.strip()):
            raise BadRequest(self.name(field), "must be a text, and not empty")
        if len(value) > most or not is_printable(value):
            raise BadRequest(self.name(field), f"must be one line of at most {most} characters")
        return value.strip()

    def matching(
        self, field: str, pattern: re.Pattern[str], right: str, *, required: bool = True
    ) -> str:
        """A text of a given form."""
        value = self._given.pop(field, None if required else "")
        if value == "" and not required:
            return ""
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise BadRequest(self.name(field), right)
        return value

    def truth(self, field: str) -> bool:
        """True or false; false where it is left out."""
        value = self._given.pop(field, False)
        if not isinstance(value, bool):
            raise BadRequest(self.name(field), "must be true or false")
        return value

    def number(self, field: str) -> int:
        """A whole number, not below 0."""
        value = self._given.pop(field, None)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise BadRequest(self.name(field), "must be a whole number from 0 on")
        return value

    def object(self, field: str) -> Mapping[str, Any]:
        """A JSON object."""
        value = self._given.pop(field, None)
        if not isinstance(value, dict):
            raise BadRequest(self.name(field), "must be a JSON object")
        return value

    def no_more(self) -> None:
        """Raises BadRequest where a field is left that nothing reads."""
        if self._given:
            unread = one_line(sorted(map(str, self._given))[0], MOST_NAME) or '""'
            raise BadRequest(self.name(unread), "is not a field of this request")


def _case_fields(fields: Fields, *, plan: bool) -> OnCase:
    case = fields.matching("case", CASE, "must be the case's id, 16 characters of 0-9 and a-f")
    right = "must be the hash of the case's plan, 64 characters of 0-9 and a-f"
    return OnCase(
        case=case,
        plan=fields.matching("plan", HASH, right, required=plan),
        why=fields.text("why", MOST_WHY, required=False),
    )


def _approve(fields: Fields) -> OnCase:
    return _case_fields(fields, plan=True)


def _on_case(fields: Fields) -> OnCase:
    return _case_fields(fields, plan=False)


def _by_arn(fields: Fields) -> ByArn:
    return ByArn(
        resource=fields.text("resource", MOST_ARN),
        playbook=fields.matching("playbook", NAME, "must be the name of a playbook"),
        why=fields.text("why", MOST_WHY),
    )


def _redeliver(fields: Fields) -> Redeliver:
    return Redeliver(fields.matching("queue", NAME, "must be the name of a dead-letter queue"))


def _settings(fields: Fields) -> SetSettings:
    return SetSettings(fields.object("change"), fields.truth("only_check"))


def _stop(fields: Fields) -> Stop:
    return Stop(fields.truth("observe"))


def _attest(fields: Fields) -> Attest:
    withdraw = fields.truth("withdraw")
    return Attest(
        about=fields.matching(
            "about", ABOUT, "must be the id of a cell, as cordon attest shows it"
        ),
        says=fields.text("says", MOST_WHY, required=not withdraw),
        until="" if withdraw else fields.text("until", MOST_NAME),
        withdraw=withdraw,
    )


ROUTES: Mapping[str, Callable[[Fields], Body]] = {
    "approve": _approve,
    "reject": _on_case,
    "release": _on_case,
    "retry": _on_case,
    "contain": _by_arn,
    "redeliver": _redeliver,
    "settings": _settings,
    "stop": _stop,
    "attest": _attest,
}


def verb_of(event: Mapping[str, Any]) -> str:
    """The verb of the route. Raises BadRequest."""
    route = event.get("routeKey")
    method, _, path = route.partition(" /") if isinstance(route, str) else ("", "", "")
    if method != "POST" or path not in ROUTES:
        raise BadRequest("route", f"must be POST and one of {', '.join(ROUTES)}")
    return path


def body_of(event: Mapping[str, Any], verb: str) -> Body:
    """The body, as this verb has it. Raises BadRequest."""
    fields = Fields(_json(_raw(event)))
    body = ROUTES[verb](fields)
    fields.no_more()
    return body


def _raw(event: Mapping[str, Any]) -> bytes:
    given = event.get("body") or "{}"
    if not isinstance(given, str) or len(given) > 2 * MOST_BYTES:
        raise BadRequest("body", f"must be JSON of at most {MOST_BYTES} bytes")
    try:
        raw = base64.b64decode(given, validate=True) if event.get("isBase64Encoded") else None
        raw = given.encode() if raw is None else raw
    except ValueError:
        raise BadRequest("body", "must be JSON in UTF-8") from None
    if len(raw) > MOST_BYTES:
        raise BadRequest("body", f"must be JSON of at most {MOST_BYTES} bytes")
    return raw


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw.decode())
    except (ValueError, RecursionError):
        raise BadRequest("body", "must be JSON in UTF-8") from None


def caller_of(event: Mapping[str, Any]) -> Caller:
    """Who signed it. Raises BadRequest where the event does not say."""
    context = Fields(event.get("requestContext"), "requestContext")
    authorizer = Fields(context.object("authorizer"), "requestContext.authorizer")
    iam = Fields(authorizer.object("iam"), "requestContext.authorizer.iam")
    http = Fields(context.object("http"), "requestContext.http")
    return Caller(
        arn=iam.text("userArn", MOST_ARN),
        access_key=iam.text("accessKey", 128, required=False),
        source_ip=http.text("sourceIp", MOST_NAME, required=False),
        request=context.text("requestId", 128),
        api=context.text("apiId", MOST_NAME),
    )
