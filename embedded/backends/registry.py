"""How an API that moto lacks is implemented in process.

A stand-in is a function ``(params, where) -> response`` under ``@implements(service, operation)``.
A check is a function ``(params, where) -> None`` under ``@checks(service, operation)``; it runs
before moto and refuses what AWS would refuse and moto would not. Both refuse by raising
``Refusal``, which reaches the caller as the service's own exception class.

The functions hang on botocore's ``before-call`` event, after every other handler of it, so that
an IAM guard or a fault set on a call still comes first. They are silent unless moto is active.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, TypeVar

import moto.core.models as moto_core
from botocore.handlers import BUILTIN_HANDLERS, REGISTER_LAST
from botocore.model import OperationModel
from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.responses import BaseResponse
from moto.moto_api._internal import mock_random
from moto.utilities.utils import get_partition

from embedded.backends import shapes

Params = Mapping[str, Any]
Response = dict[str, Any]

# Codes that services give without modelling them: S3 models hardly any.
UNMODELLED = {
    "cloudformation": {"ValidationError"},
    "s3": {
        "AccessDenied",
        "InvalidRequest",
        "MalformedPolicy",
        "MalformedXML",
        "MethodNotAllowed",
        "NoSuchBucket",
        "NoSuchBucketPolicy",
        "NoSuchLifecycleConfiguration",
        "ReplicationConfigurationNotFoundError",
    },
    "s3control": {"AccessDenied", "InvalidTag", "NoSuchBucket", "TooManyTags"},
    "sagemaker": {"AccessDeniedException", "ResourceLimitExceeded", "ValidationException"},
    "ssm": {"ValidationException"},
}
# What a service calls a parameter that breaks its model.
_INVALID = {
    "iam": "ValidationError",
    "s3": "InvalidArgument",
    "s3control": "InvalidRequest",
    "securityhub": "InvalidInputException",
}
_CONTEXT = "embedded-params"


class NotModelled(BaseException):
    """The stand-in does not model this, so nothing may be concluded from the run.

    A BaseException, so that no handler of the code under test mistakes it for a response of AWS.
    """


class BadResponse(BaseException):
    """A stand-in responded or refused against its own service model: a defect of ours."""


class NotOurs(Exception):
    """What is requested is moto's: a stand-in that raises this lets moto respond."""


class Refusal(Exception):
    """What the service refuses with: error code, message, and the error's own members.

    ``status`` defaults to the modelled HTTP status of the code, then 400.
    """

    def __init__(self, code: str, message: str, status: int | None = None, **members: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = members


class _Books(BaseBackend):
    """Our state of one account and Region. moto clears it together with its own."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.tables: dict[str, dict[Any, Any]] = {}


_BOOKS: BackendDict[_Books] = BackendDict(_Books, "ec2")  # ec2: every Region of every partition


@dataclass(frozen=True)
class Where:
    """Whose call it is, and where it went."""

    account: str  # 12 digits
    region: str
    partition: str

    def arn(self, service: str, resource: str, *, region: str | None = None) -> str:
        """An ARN here; ``region=""`` for global services."""
        at = self.region if region is None else region
        return f"arn:{self.partition}:{service}:{at}:{self.account}:{resource}"

    def table(self, name: str) -> dict[Any, Any]:
        """One of our tables in this account and Region; empty in a fresh account."""
        return _BOOKS[self.account][self.region].tables.setdefault(name, {})


def tables(name: str) -> Iterator[dict[Any, Any]]:
    """The tables of this name in every account and Region that has one."""
    for account in sorted(_BOOKS):
        for region in sorted(_BOOKS[account]):
            yield _BOOKS[account][region].tables.get(name, {})


Backend = Callable[[Params, Where], Response]
Check = Callable[[Params, Where], None]
IMPLEMENTED: dict[tuple[str, str], Backend] = {}
CHECKS: dict[tuple[str, str], Check] = {}
F = TypeVar("F", Backend, Check)


def implements(service: str, operation: str) -> Callable[[Backend], Backend]:
    """Register a stand-in: botocore service name, operation name ("BatchUpdateFindings")."""
    return _into(IMPLEMENTED, service, operation)


def checks(service: str, operation: str) -> Callable[[Check], Check]:
    """Register a check that runs before moto carries the call out; "*" is every operation."""
    return _into(CHECKS, service, operation)


def _into(table: dict[tuple[str, str], F], service: str, operation: str) -> Callable[[F], F]:
    def register(function: F) -> F:
        if (service, operation) in table:
            raise ValueError(f"{service} {operation} is registered twice")
        table[service, operation] = function
        return function

    return register


def install() -> None:
    """Hook into every session made from now on. Safe to call again."""
    hooks = [("before-parameter-build", _remember), ("before-call", _intercept)]
    for event, handler in hooks:
        if not any(entry[1] is handler for entry in BUILTIN_HANDLERS):
            BUILTIN_HANDLERS.append((event, handler, REGISTER_LAST))


def reset() -> None:
    """Forget everything: a fresh account. Also happens whenever moto resets."""
    _BOOKS.clear()


def here(account: str, region: str) -> Where:
    """The place a call of this account to this Region has."""
    return Where(account, region, get_partition(region))


def _remember(params: dict[str, Any], model: OperationModel, context: Any, **_: Any) -> None:
    service, operation = model.service_model.service_name, model.name
    if (service, operation) in IMPLEMENTED or _checks_of(service, operation):
        context[_CONTEXT] = params


def _checks_of(service: str, operation: str) -> list[Check]:
    keys = ((service, "*"), (service, operation))
    return [CHECKS[key] for key in keys if key in CHECKS]


def _intercept(
    model: OperationModel, params: Any, request_signer: Any, context: Any, **_: Any
) -> tuple[SimpleNamespace, Response] | None:
    given = context.pop(_CONTEXT, None)
    if given is None or not moto_core.botocore_stubber.enabled:
        return None
    key = (model.service_model.service_name, model.name)
    where = _where(params, request_signer, context)
    try:
        for check in _checks_of(*key):
            check(given, where)
        return _respond(key, model, given, where) if key in IMPLEMENTED else None
    except NotOurs:
        return None
    except Refusal as refusal:
        return _refuse(refusal, model)


def _where(request: Any, request_signer: Any, context: Any) -> Where:
    """moto's own rule: MOTO_ACCOUNT_ID, then its header, then whose access key it is."""
    credentials = request_signer._credentials
    caller: Any = SimpleNamespace(
        headers=request["headers"],
        get_access_key=lambda: credentials.access_key if credentials else "",
    )
    account = BaseResponse.get_current_account(caller)
    return here(account, context["client_region"])


def _respond(
    key: tuple[str, str], model: OperationModel, params: Params, where: Where
) -> tuple[SimpleNamespace, Response]:
    wrong = shapes.faults(params, model.input_shape) if model.input_shape else []
    if wrong:
        raise Refusal(_INVALID.get(key[0], "ValidationException"), "; ".join(wrong))
    response = copy.deepcopy(IMPLEMENTED[key](copy.deepcopy(dict(params)), where))
    _must_fit(response, model)
    return SimpleNamespace(status_code=200, headers={}), {**response, **_metadata(200)}


def _must_fit(response: Response, model: OperationModel) -> None:
    if model.output_shape is None:
        wrong = [f"returned {response}, the model has no output"] if response else []
    else:
        wrong = shapes.faults(response, model.output_shape)
        wrong = wrong or shapes.naive_times(response, model.output_shape)
    if wrong:
        raise BadResponse(f"{model.service_model.service_name} {model.name}: {'; '.join(wrong)}")


def _refuse(refusal: Refusal, model: OperationModel) -> tuple[SimpleNamespace, Response]:
    service = model.service_model.service_name
    errors: list[Any] = model.error_shapes
    modelled = {error.error_code: error for error in errors}
    unmodelled = UNMODELLED.get(service, set())
    if refusal.code not in modelled.keys() | unmodelled | {_INVALID.get(service)}:
        raise BadResponse(f"{service} {model.name} does not refuse with {refusal.code}")
    metadata = modelled[refusal.code].metadata if refusal.code in modelled else {}
    status = refusal.status or metadata.get("error", {}).get("httpStatusCode", 400)
    error = {"Code": refusal.code, "Message": refusal.message}
    parsed = {"Error": error, **refusal.members, **_metadata(status)}
    return SimpleNamespace(status_code=status, headers={}), parsed


def _metadata(status: int) -> Response:
    return {
        "ResponseMetadata": {
            "RequestId": str(mock_random.uuid4()),
            "HTTPStatusCode": status,
            "HTTPHeaders": {},
            "RetryAttempts": 0,
        }
    }
