"""What happened in an embedded account, in order, as typed records."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar


@dataclass(frozen=True)
class RuleMatched:
    """A rule's pattern matched an event, or its schedule fired."""

    rule: str  # logical id
    event: str  # the event's id
    targets: tuple[str, ...]  # target ARNs


@dataclass(frozen=True)
class Invoked:
    """A function ran, or died. ``attempt`` counts from 1 (asynchronous retries)."""

    function: str  # logical id
    event: Any
    attempt: int
    result: Any = None
    error: str = ""  # "ErrorType: message"; "" where it returned
    crashed: bool = False  # the sandbox died; nothing was returned
    log: str = field(default="", repr=False)  # what it printed


@dataclass(frozen=True)
class Called:
    """A function, state machine or assumed role called AWS."""

    caller: str  # logical id of the function or state machine
    principal: str  # role ARN the call was made under
    service: str  # botocore service name
    operation: str  # "PutBucketPolicy"
    params: Mapping[str, Any]
    region: str
    actions: tuple[tuple[str, str], ...]  # (IAM action, resource ARN)
    allowed: bool
    error: str = ""  # error code, "" where the call succeeded


@dataclass(frozen=True)
class DeadLettered:
    """A message reached a dead-letter queue."""

    queue: str  # queue ARN
    body: str
    reason: str


@dataclass(frozen=True)
class Retained:
    """Records of a stream that Lambda gave up are in a bucket."""

    where: str  # ARN of the object
    body: str
    reason: str


@dataclass(frozen=True)
class Dropped:
    """A message is lost: it had no destination, or the destination refused it."""

    where: str  # ARN of what should have got it
    body: str
    reason: str


@dataclass(frozen=True)
class ExecutionStarted:
    """A state machine execution began."""

    machine: str  # logical id, or the ARN of one not of this stack
    name: str
    input: Any


@dataclass(frozen=True)
class ExecutionEnded:
    """A state machine execution ended."""

    machine: str
    name: str
    status: str  # SUCCEEDED, FAILED, TIMED_OUT, ABORTED
    output: Any = None
    error: str = ""
    cause: str = ""


@dataclass(frozen=True)
class TokenWaiting:
    """An execution waits for its task token."""

    machine: str
    execution: str
    token: str


@dataclass(frozen=True)
class Published:
    """A message went to a topic."""

    topic: str  # topic ARN
    subject: str
    message: str


Record = (
    RuleMatched
    | Invoked
    | Called
    | DeadLettered
    | Retained
    | Dropped
    | ExecutionStarted
    | ExecutionEnded
    | TokenWaiting
    | Published
)
R = TypeVar("R")


@dataclass
class Journal:
    """The records of one account, oldest first."""

    records: list[Record] = field(default_factory=list)

    def write(self, record: Record) -> None:
        """Append one."""
        self.records.append(record)

    def of(self, kind: type[R], *, since: int = 0) -> list[R]:
        """The records of one kind, from position ``since``."""
        return [r for r in self.records[since:] if isinstance(r, kind)]

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)


@dataclass(frozen=True)
class Delivery:
    """What happened because of one event."""

    rules: tuple[str, ...]  # logical ids of the rules that matched
    records: tuple[Record, ...]  # the journal from the event on

    @property
    def invocations(self) -> list[Invoked]:
        """The invocations, in order."""
        return [r for r in self.records if isinstance(r, Invoked)]

    @property
    def calls(self) -> list[Called]:
        """The AWS calls, in order."""
        return [r for r in self.records if isinstance(r, Called)]

    @property
    def waiting(self) -> list[TokenWaiting]:
        """Executions that wait for a task token."""
        return [r for r in self.records if isinstance(r, TokenWaiting)]
