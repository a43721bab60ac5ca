"""IAM checks every AWS call of a function or state machine, under its own role.

The check comes before botocore makes the call, so a refused call never reaches moto. It reads the
policies that the embedded account has at that moment. A call with credentials of an assumed role
is checked for that role, in its own account. To assume it, its trust policy must allow it too.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from botocore.client import BaseClient
from botocore.exceptions import BotoCoreError, ClientError

from embedded import policy_evaluation
from embedded.authorization import needs
from embedded.iam_directory import IamDirectory
from embedded.journal import Called, Journal
from embedded.place import Place
from embedded.required_permission import RequiredPermission
from embedded.resource_policies import owner_of, policies_on

UNGUARDED = "_embedded_unguarded"


class EmulatorBroken(BaseException):
    """The embedded account itself failed. A BaseException, so that no handler swallows it."""


class SandboxDied(BaseException):
    """The sandbox of a function died: it runs no further and returns nothing."""


@dataclass(eq=False)
class Caller:
    """The function or state machine whose code runs, with its role."""

    name: str  # logical id
    principal: str  # role ARN
    crashed: bool = False  # a dead sandbox makes no more calls


@dataclass(frozen=True)
class Session:
    """Credentials from sts:AssumeRole."""

    principal: str  # role ARN
    name: str
    source_identity: str = ""
    policy: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


AfterCall = Callable[[Called], None]


@dataclass(frozen=True)
class _Call:
    client: Any
    service: str
    operation: str
    params: Mapping[str, Any]
    place: Place
    principal: str
    session: Session | None


def _global_context(
    principal: str, place: Place, session: Session | None, clock: str
) -> dict[str, Any]:
    """The global condition keys that every request carries."""
    kind = "User" if ":user/" in principal else "AssumedRole"
    found: dict[str, Any] = {
        "aws:PrincipalArn": principal,
        "aws:PrincipalAccount": principal.split(":")[4],
        "aws:PrincipalType": kind,
        "aws:PrincipalIsAWSService": "false",
        "aws:RequestedRegion": place.region,
        "aws:SecureTransport": "true",
        "aws:ViaAWSService": "false",
        "aws:CurrentTime": clock,
    }
    if session and session.source_identity:
        found["aws:SourceIdentity"] = session.source_identity
    return found


class Guard:
    """Checks and records the calls of one embedded account."""

    def __init__(
        self, place: Place, journal: Journal, now: Callable[[], str], organization: str = ""
    ) -> None:
        self._organization = organization
        self._place = place
        self._journal = journal
        self._now = now
        self._sessions: dict[str, Session] = {}
        self._one_at_a_time = threading.RLock()
        self.after_call: list[AfterCall] = []

    def call(
        self,
        caller: Caller,
        client: Any,
        operation: str,
        params: Mapping[str, Any],
        go: Callable[[], Any],
    ) -> Any:
        """Make the call if IAM allows it, else raise the service's AccessDenied."""
        with self._one_at_a_time:
            if caller.crashed:
                raise SandboxDied
            call = self._describe(caller, client, operation, params)
            wanted = self._needs(call)
            refusal = self._judge(call, wanted)
            record = Called(
                caller=caller.name,
                principal=call.principal,
                service=call.service,
                operation=operation,
                params=dict(params),
                region=call.place.region,
                actions=tuple((n.action, n.resource) for n in wanted),
                allowed=refusal is None,
            )
            if refusal is not None:
                self._journal.write(_with_error(record, refusal.response["Error"]["Code"]))
                raise refusal
            try:
                return self._made(record, call, go)
            except SandboxDied:
                caller.crashed = True
                raise

    def _made(self, record: Called, call: _Call, go: Callable[[], Any]) -> Any:
        try:
            response = go()
        except ClientError as error:
            self._written(_with_error(record, error.response["Error"]["Code"]))
            raise
        except BotoCoreError:
            raise
        except Exception as error:
            what = f"{record.service} {record.operation}: {type(error).__name__}: {error}"
            raise EmulatorBroken(what) from error
        if (call.service, call.operation) == ("sts", "AssumeRole"):
            self._remember(call.params, response)
        self._written(record)
        return response

    def _written(self, record: Called) -> None:
        self._journal.write(record)
        for hook in tuple(self.after_call):
            hook(record)

    def _describe(
        self, caller: Caller, client: Any, operation: str, params: Mapping[str, Any]
    ) -> _Call:
        key = client._request_signer._credentials
        session = self._sessions.get(key.access_key) if key is not None else None
        principal = session.principal if session else caller.principal
        account = principal.split(":")[4]
        region = client.meta.region_name
        where = Place(
            account,
            self._place.region if region.endswith("-global") else region,
            self._place.partition,
        )
        service = client.meta.service_model.service_name
        return _Call(client, service, operation, params, where, principal, session)

    def _needs(self, call: _Call) -> list[RequiredPermission]:
        signing = call.client.meta.service_model.signing_name
        known = IamDirectory(call.place.account, call.place.partition)
        return needs(call.service, signing, call.operation, call.params, call.place, known)

    def _judge(self, call: _Call, wanted: list[RequiredPermission]) -> ClientError | None:
        for need in wanted:
            decision = self.decide(call.principal, need, call.place, call.session)
            if decision is not policy_evaluation.Decision.ALLOWED:
                return _denied(call, need, decision)
        return None

    def decide(
        self,
        principal: str,
        need: RequiredPermission,
        place: Place | None = None,
        session: Session | None = None,
    ) -> policy_evaluation.Decision:
        """IAM's decision on what a principal needs in ``place`` (else in its own account)."""
        home = Place(principal.split(":")[4], self._place.region, self._place.partition)
        where = place or home
        request = self._request(principal, need, where, session)
        own = IamDirectory(home.account, home.partition)
        boundary = own.boundary_of(principal)
        limit = own.managed(boundary) if boundary else None
        policies = policy_evaluation.Policies(
            identity=[p for _, p in own.policies_of(principal)],
            boundary=None if boundary is None else [limit] if limit else [],
            session=[policy_evaluation.parse(session.policy)]
            if session and session.policy
            else None,
            resource=policies_on(need, self._place),
            same_account=request.context["aws:ResourceAccount"] == home.account,
        )
        return policy_evaluation.decide(request, policies)

    def _request(
        self, principal: str, need: RequiredPermission, place: Place, session: Session | None
    ) -> policy_evaluation.Request:
        context = {
            **_global_context(principal, place, session, self._now()),
            **_resource_context(need, place),
        }
        if self._organization:
            keys = ("aws:PrincipalOrgID", "aws:ResourceOrgID")
            context |= dict.fromkeys(keys, self._organization)
        return policy_evaluation.Request(
            principal, need.action, need.resource, {**context, **need.context}
        )

    def _remember(self, params: Mapping[str, Any], response: Mapping[str, Any]) -> None:
        self._sessions[response["Credentials"]["AccessKeyId"]] = Session(
            principal=str(params["RoleArn"]),
            name=str(params["RoleSessionName"]),
            source_identity=str(params.get("SourceIdentity", "")),
            policy=str(params.get("Policy", "")),
        )


def _resource_context(need: RequiredPermission, place: Place) -> dict[str, Any]:
    """aws:ResourceAccount and the tags of a role."""
    account = owner_of(need.resource, place)
    context: dict[str, Any] = {"aws:ResourceAccount": account}
    if need.resource.startswith("arn:") and ":s3:::" in need.resource:
        context["s3:ResourceAccount"] = account
    if ":role/" in need.resource:
        tags = IamDirectory(account, place.partition).tags_of(need.resource)
        context |= {f"aws:ResourceTag/{k}": v for k, v in tags.items()}
        context |= {f"iam:ResourceTag/{k}": v for k, v in tags.items()}
    return context


def _with_error(record: Called, code: str) -> Called:
    return replace(record, error=code)


_DENIED_CODES = {"sns": "AuthorizationError", "ec2": "UnauthorizedOperation", "sqs": "AccessDenied"}


def _denied(
    call: _Call, need: RequiredPermission, decision: policy_evaluation.Decision
) -> ClientError:
    """The service's own AccessDenied: code and HTTP status depend on its protocol."""
    protocol = call.client.meta.service_model.metadata["protocol"]
    xml = protocol in ("query", "rest-xml", "ec2")
    code = _DENIED_CODES.get(call.service, "AccessDenied" if xml else "AccessDeniedException")
    why = (
        "with an explicit deny in a policy"
        if decision is policy_evaluation.Decision.DENIED
        else f"because no policy allows the {need.action} action"
    )
    message = (
        f"User: {_session_arn(call)} is not authorized to perform: {need.action}"
        f" on resource: {need.resource} {why}"
    )
    response = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {
            "HTTPStatusCode": 400 if protocol == "json" else 403,
            "RequestId": "embedded",
            "HTTPHeaders": {},
            "RetryAttempts": 0,
        },
    }
    kind: type[ClientError] = call.client.exceptions.from_code(code)
    return kind(response, call.operation)


def _session_arn(call: _Call) -> str:
    """arn:aws:sts::111122223333:assumed-role/name/session"""
    role = call.principal.rsplit("/", 1)[-1]
    name = call.session.name if call.session else role
    return call.place.arn("sts", f"assumed-role/{role}/{name}", region="")


Intercept = Callable[[Any, str, Mapping[str, Any], Callable[[], Any]], Any]
_intercept: list[Intercept] = []


def enter(intercept: Intercept) -> int:
    """Route every botocore call through ``intercept``, until ``leave`` with what this returns."""
    _install()
    _intercept.append(intercept)
    return len(_intercept) - 1


def leave(entered: int) -> None:
    """Make calls as before that ``enter``. What came upon it, as a fault of a test, goes too."""
    del _intercept[entered:]


@cache
def _install() -> None:
    original = BaseClient._make_api_call

    def make_api_call(client: BaseClient, operation: str, params: Mapping[str, Any]) -> Any:
        if not _intercept:
            return original(client, operation, params)
        return _intercept[-1](
            client, operation, params, lambda: original(client, operation, params)
        )

    BaseClient._make_api_call = make_api_call
