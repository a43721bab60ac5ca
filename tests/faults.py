"""What may go wrong with one AWS call, and at which calls of a run it does.

Codes are the services' own: their models in botocore, and where a model has none, the service's
list of errors (S3 API Reference, "Error responses"; IAM API Reference, "Common errors"). botocore
itself tries a throttle or a 500 again, four times in all: a fault here is one that outlasts that.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from botocore.exceptions import ClientError, ReadTimeoutError

from embedded.iam_guard import SandboxDied

T = TypeVar("T")
THROTTLES = {
    "s3": "SlowDown",
    "s3control": "TooManyRequestsException",
    "iam": "Throttling",
    "sts": "Throttling",
    "sns": "Throttled",
    "dynamodb": "ProvisionedThroughputExceededException",
    "bedrock-agentcore-control": "ThrottledException",
    "securityhub": "LimitExceededException",
}
DENIALS = {
    "s3": "AccessDenied",
    "s3control": "AccessDenied",
    "iam": "AccessDenied",
    "sts": "AccessDenied",
    "sns": "AuthorizationError",
}
BREAKDOWNS = {
    "s3": "InternalError",
    "s3control": "InternalServiceException",
    "iam": "ServiceFailure",
    "dynamodb": "InternalServerError",
    "securityhub": "InternalException",
    "ssm": "InternalServerError",
    "sns": "InternalError",
    "bedrock": "InternalServerException",
    "bedrock-agent": "InternalServerException",
    "bedrock-agentcore-control": "InternalServerException",
}


def _coded(codes: Mapping[str, str], otherwise: str, status: int) -> "Raised":
    def error(service: str, operation: str) -> ClientError:
        said = {"Code": codes.get(service, otherwise), "Message": "the test says so"}
        metadata = {"HTTPStatusCode": status, "RetryAttempts": 3}
        return ClientError({"Error": said, "ResponseMetadata": metadata}, operation)

    return error


def _timed_out(service: str, operation: str) -> ReadTimeoutError:
    return ReadTimeoutError(endpoint_url=f"https://{service}.amazonaws.com/")


def _died(service: str, operation: str) -> SandboxDied:
    return SandboxDied(f"before {service}:{operation}")


Raised = Callable[[str, str], BaseException]


@dataclass(frozen=True)
class Fault:
    """What a call ends with, and whether it has taken effect by then."""

    name: str
    error: Raised  # of a service and an operation
    takes_effect: bool = False

    def __str__(self) -> str:
        return self.name


THROTTLED = Fault("throttled", _coded(THROTTLES, "ThrottlingException", 400))
DENIED = Fault("denied", _coded(DENIALS, "AccessDeniedException", 403))
BROKEN = Fault("broken", _coded(BREAKDOWNS, "InternalFailure", 500))
LOST = Fault("lost", _timed_out, takes_effect=True)
DIED = Fault("died", _died)
DIED_AFTER = Fault("died after", _died, takes_effect=True)
FAULTS = (THROTTLED, DENIED, BROKEN, LOST, DIED)


@dataclass
class Breakage:
    """Breaks call number ``at`` of a process; lasting, also each later call of that name.

    Calls outside of ``process`` are a person's, who looks: neither counted nor broken.
    """

    fault: Fault
    at: int  # from 0
    lasting: bool = False
    seen: list[str] = field(default_factory=list)  # "s3:GetBucketPolicy", in order
    broken: str = ""  # the name of the call that was broken first
    runs: bool = False  # does a process run whose calls these are?
    _dead: bool = False
    _mended: bool = False

    @contextmanager
    def process(self) -> Iterator[None]:
        """One process. Dead, it makes no more calls."""
        self.runs, self._dead = True, False
        try:
            yield
        finally:
            self.runs = False

    def call(self, service: str, operation: str, go: Callable[[], T]) -> T:
        """Make the call, or what becomes of it."""
        if not self.runs:
            return go()
        if self._dead:
            raise SandboxDied("a dead process makes no more calls")
        name = f"{service}:{operation}"
        self.seen.append(name)
        if not self._breaks(name):
            return go()
        self.broken = name
        if self.fault.takes_effect:
            go()
        error = self.fault.error(service, operation)
        self._dead = isinstance(error, SandboxDied)
        raise error

    def _breaks(self, name: str) -> bool:
        if self._mended:
            return False
        again = self.lasting and name == self.broken
        return again or (not self.broken and len(self.seen) == self.at + 1)

    def mend(self) -> None:
        """All is put right: nothing is broken any more, and whoever comes next lives."""
        self._mended, self._dead = True, False

    @property
    def where(self) -> str:
        """For a failed test: what was broken where."""
        return f"{self.fault}{' and lasting' * self.lasting} at call {self.at + 1}, {self.broken}"


def nothing() -> Breakage:
    """Nothing is broken; calls are counted."""
    return Breakage(THROTTLED, -1)
