"""IAM checks every AWS call of a function or state machine, under its own role.

The check comes before botocore makes the call, so a refused call never reaches moto. It reads the
policies that the embedded account has at that moment. A call with credentials of an assumed role
is checked for that role, in its own account. To assume it, its trust policy must allow it too.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import Any

from botocore.client import BaseClient
from botocore.exceptions import BotoCoreError, ClientError

from embedded import policy_evaluation
from embedded.authorization import needs
from embedded.journal import Called, Journal
from embedded.place import Place
from embedded.required_permission import AccountFacts, RequiredPermission

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


class IamDirectory(AccountFacts):
    """What IAM knows of the account now, read from moto's backends."""

    def __init__(self, account: str, partition: str) -> None:
        from moto.iam.models import iam_backends

        self._backend = iam_backends[account][partition]

    def principal(self, arn: str) -> Any:
        """moto's role or user. None if there is none."""
        everyone: list[Any] = [*self._backend.roles.values(), *self._backend.users.values()]
        return next((p for p in everyone if p.arn == arn), None)

    def role_arn(self, name: str) -> str | None:
        """The ARN of a role, with its path."""
        found = (r.arn for r in self._backend.roles.values() if r.name == name)
        return next(found, None)

    def user_arn(self, name: str) -> str | None:
        """The ARN of a user, with its path."""
        user = self._backend.users.get(name)
        return user.arn if user else None

    def key_owner(self, access_key_id: str) -> str | None:
        """The user an access key belongs to."""
        key = self._backend.access_keys.get(access_key_id)
        return key.user_name if key else None

    def boundary_of(self, arn: str) -> str | None:
        """The permissions boundary's ARN."""
        found = self.principal(arn)
        return getattr(found, "permissions_boundary_arn", None)

    def partition_key(self, arn: str) -> str | None:
        """The first key attribute of a table or index. None if there is no such table or index."""
        from moto.dynamodb.models import dynamodb_backends

        _, _, _, region, account, resource = arn.split(":", 5)
        _, name, *index = resource.split("/")
        table = dynamodb_backends[account][region].tables.get(name)
        if table is None:
            return None
        schemas = {None: table.schema} | {one.name: one.schema for one in table.all_indexes()}
        schema = schemas.get(index[-1] if index else None, [])
        return next((str(key["AttributeName"]) for key in schema if key["KeyType"] == "HASH"), None)

    def tags_of(self, arn: str) -> dict[str, str]:
        """A role's tags."""
        role = self.principal(arn)
        tags = role.get_tags() if hasattr(role, "get_tags") else []
        return {t["Key"]: t["Value"] for t in tags}

    def policies_of(self, arn: str) -> list[tuple[str, policy_evaluation.Policy]]:
        """A role's or user's policies by name: inline, then attached."""
        found = self.principal(arn)
        if found is None:
            return []
        inline = [(name, _parsed(_as_text(doc))) for name, doc in found.policies.items()]
        attached = [(p.arn, _parsed(_default(p))) for p in found.managed_policies.values()]
        return [*inline, *attached]

    def managed(self, arn: str) -> policy_evaluation.Policy | None:
        """A managed policy's default version."""
        policy = self._backend.managed_policies.get(arn)
        return _parsed(_default(policy)) if policy is not None else None

    def trust_of(self, arn: str) -> policy_evaluation.Policy | None:
        """A role's trust policy. None if the role does not exist."""
        role = self.principal(arn)
        return _parsed(_as_text(role.assume_role_policy_document)) if role is not None else None


def _as_text(document: Any) -> str:
    if isinstance(document, str):
        return document
    return json.dumps(document)


def _default(policy: Any) -> str:
    return _as_text(next(v.document for v in policy.versions if v.is_default))


@lru_cache(maxsize=512)
def _parsed(document: str) -> policy_evaluation.Policy:
    return policy_evaluation.parse(document)


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
            resource=_resource_policies(need, self._place),
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
    account = _owner(need.resource, place)
    context: dict[str, Any] = {"aws:ResourceAccount": account}
    if need.resource.startswith("arn:") and ":s3:::" in need.resource:
        context["s3:ResourceAccount"] = account
    if ":role/" in need.resource:
        tags = IamDirectory(account, place.partition).tags_of(need.resource)
        context |= {f"aws:ResourceTag/{k}": v for k, v in tags.items()}
        context |= {f"iam:ResourceTag/{k}": v for k, v in tags.items()}
    return context


def _owner(resource: str, place: Place) -> str:
    """The account a resource belongs to; a bucket's ARN does not say."""
    if ":s3:::" in resource:
        return _bucket_owner(resource, place.partition) or place.account
    parts = resource.split(":")
    return parts[4] if len(parts) > 4 and parts[4].isdigit() else place.account


def _bucket(resource: str) -> str:
    return resource.split(":::", 1)[1].split("/", 1)[0]


def _bucket_owner(resource: str, partition: str) -> str | None:
    from moto.s3.models import s3_backends

    name = _bucket(resource)
    owners = (a for a, b in list(s3_backends.items()) if name in b[partition].buckets)
    return next(owners, None)


def _resource_policies(need: RequiredPermission, place: Place) -> list[policy_evaluation.Policy]:
    """The policy on the resource itself: a bucket's, a queue's, or who may assume a role."""
    if ":s3:::" in need.resource:
        return _bucket_policy(need.resource, place.partition)
    if ":sqs:" in need.resource:
        return queue_policies(need.resource)
    if need.action.startswith("sts:") and ":role/" in need.resource:
        account = need.resource.split(":")[4]
        trust = IamDirectory(account, place.partition).trust_of(need.resource)
        return [_trusting(trust, need.resource)] if trust else []
    return []


def _bucket_policy(resource: str, partition: str) -> list[policy_evaluation.Policy]:
    from moto.s3.models import s3_backends

    owner = _bucket_owner(resource, partition)
    if owner is None:
        return []
    policy = s3_backends[owner][partition].buckets[_bucket(resource)].policy
    return [_parsed(policy.decode() if isinstance(policy, bytes) else policy)] if policy else []


def queue_policies(arn: str) -> list[policy_evaluation.Policy]:
    """The policy that a queue has now, if it has one."""
    from moto.sqs.models import sqs_backends

    _, _, _, region, account, name = arn.split(":", 5)
    queue = sqs_backends[account][region].queues.get(name)
    return [_parsed(queue.policy)] if queue is not None and queue.policy else []


def _trusting(trust: policy_evaluation.Policy, arn: str) -> policy_evaluation.Policy:
    """A trust policy names no resource; the resource is its role."""
    return {"Statement": [{**s, "Resource": arn} for s in policy_evaluation.statements(trust)]}


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


def enter(intercept: Intercept) -> None:
    """Route every botocore call through ``intercept`` until ``leave``."""
    _install()
    _intercept.append(intercept)


def leave() -> None:
    """Make calls directly again."""
    _intercept.pop()


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
