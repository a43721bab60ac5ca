"""What the projections have in common: one report a case, and how a call of many may fail.

A projection shows many cases with one call. So what a service says of one of them must not count
for the others, and a service that does not respond must not use up the time of the next one.
"""

import hashlib
import random
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from cordon import clock
from cordon.clients import error_code
from cordon.clock import now
from cordon.finding import SeverityLabel, canonical_json
from cordon.memory.cases import Case
from cordon.memory.reported import Reported
from cordon.playbook import Playbook

Name = tuple[str, str]  # playbook, case
Client = Callable[[str], Any]
T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

# Of a request as a whole: one of its members may be the reason.
INVALID = frozenset({"InvalidInputException", "ValidationException", "InvalidParameter"})
# Another try of the same request may succeed a little later (botocore, retries/standard.py).
THROTTLED = frozenset(
    {
        "LimitExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
PATIENT_TRIES = 12
LONGEST_WAIT = 5.0  # seconds between them: 11 waits take half a minute
SEVEREST_FIRST = tuple(reversed(SeverityLabel))


@dataclass(frozen=True)
class Failed:
    """What people were not shown of a case, and why: the service's own words."""

    playbook: str
    case: str
    projection: str
    error: str


@dataclass
class Report:
    """One case, and what people see of it while that is brought to what the case is now.

    ``anew``: nobody knows what is shown, whatever the row says.
    """

    case: Case
    playbook: Playbook
    before: Reported  # as its row has it
    anew: bool = False
    shown: Reported = field(init=False)
    errors: dict[str, str] = field(default_factory=dict)  # projection → why it was not shown

    def __post_init__(self) -> None:
        self.shown = self.before

    @property
    def name(self) -> Name:
        """The playbook's name and the case's id."""
        return self.case.playbook, self.case.id

    @property
    def urgency(self) -> tuple[bool, int]:
        """Threats come first, and the severest among them."""
        finding = self.case.finding
        return finding.is_control, SEVEREST_FIRST.index(finding.severity.label)


class Projection(Protocol):
    """One of the places where people see cases."""

    name: str

    def due(self, report: Report) -> bool:
        """Does it show something else than it should?"""

    def show(self, due: Sequence[Report], sending: "Sending") -> None:
        """Show these cases; what was shown is in each report then, or why it was not."""


class Sending:
    """The calls of one projection. What fails is each report's own; nothing rises.

    ``until``: no call begins later. After a service that did not respond, the rest is not tried.
    ``patient``: what is throttled is tried again for longer than botocore does, because what fails
    now would come back much later.
    """

    def __init__(self, projection: str, until: datetime, *, patient: bool = False) -> None:
        self._projection = projection
        self._until = until
        self._tries = PATIENT_TRIES if patient else 1
        self._unreachable = ""

    def __call__(
        self, reports: Sequence[Report], call: Callable[[Sequence[Report]], object]
    ) -> None:
        """One call for all these reports; each half again where one makes the request invalid."""
        if why := self._unreachable or self._too_late():
            return self._fail(reports, why)
        try:
            self._patiently(reports, call)
        except ClientError as error:
            if error_code(error) not in INVALID or len(reports) == 1:
                return self._fail(reports, str(error))
        except ParamValidationError as error:
            if len(reports) == 1:
                return self._fail(reports, str(error))
        except BotoCoreError as error:
            self._unreachable = str(error)
            return self._fail(reports, str(error))
        else:
            return None
        middle = len(reports) // 2
        self(reports[:middle], call)
        self(reports[middle:], call)
        return None

    def _patiently(
        self, reports: Sequence[Report], call: Callable[[Sequence[Report]], object]
    ) -> None:
        """The call, with full jitter between its tries: others are throttled at the same time."""
        for left in reversed(range(self._tries)):
            try:
                call(reports)
            except ClientError as error:
                if not left or error_code(error) not in THROTTLED:
                    raise
                clock.sleep(random.uniform(0, LONGEST_WAIT))
                if self._too_late():
                    raise
            else:
                return

    def fail(self, report: Report, why: str) -> None:
        """What the service says of one member of a request that it took."""
        report.errors[self._projection] = why

    def _fail(self, reports: Sequence[Report], why: str) -> None:
        for report in reports:
            self.fail(report, why)

    def _too_late(self) -> str:
        return "" if now() < self._until else "the function's time is over"


def sha256(content: Any) -> str:
    """Of the canonical JSON, hex."""
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def in_parts(
    members: Iterable[T], most: int, most_bytes: int, size: Callable[[T], int]
) -> Iterator[list[T]]:
    """The members in order, at most so many and so many bytes together. One alone may be larger."""
    part: list[T] = []
    taken = 0
    for member in members:
        needed = size(member)
        if part and (len(part) == most or taken + needed > most_bytes):
            yield part
            part, taken = [], 0
        part.append(member)
        taken += needed
    if part:
        yield part


def refused(named: Mapping[K, str], sent: Collection[K]) -> Mapping[K, str]:
    """What was refused, and why; all of it where the service names something that was not sent."""
    stray = next((why for key, why in named.items() if key not in sent), "")
    return dict.fromkeys(sent, stray) if stray else named


def by_id(entries: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """What a batch call lists as failed, by the ``Id`` of the entry."""
    return {str(entry["Id"]): entry for entry in entries}
