"""One attempt to contain or to release a case: its lease, and what both share.

An attempt begins with a lease: until it runs out, nobody else changes the case's resources. The
lease is the time that Lambda leaves the function, so that an attempt that died has surely ended
when it runs out. A delivery that meets a live attempt comes back later; an attempt that fails gives
its lease up. In the last seconds of a lease no effect starts.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError

from cordon import statuses
from cordon.actions import Action, Json
from cordon.clients import AwsClients
from cordon.clock import now, sleep
from cordon.concurrency import gather
from cordon.errors import (
    AttemptOver,
    CaseConflict,
    ContainInProgress,
    HoldReleased,
    NotVerified,
)
from cordon.evidence import Evidence
from cordon.memory.cases import ActionResult, ActionStatus, Case, Cases
from cordon.memory.holds import Hold, Holds
from cordon.sources.text import one_line
from cordon.statuses import Event

VERIFY_DELAYS = (0.3, 1.0, 2.0)  # seconds between readings of an eventually consistent service
LAST_SECONDS = timedelta(seconds=5)  # of a lease: an effect that starts now could end after it
ACTION_ERRORS = (ClientError, BotoCoreError, NotVerified, HoldReleased, AttemptOver)


class Services(Protocol):
    """What an attempt works with; it knows no service itself."""

    @property
    def cases(self) -> Cases: ...

    @property
    def holds(self) -> Holds: ...

    @property
    def lease_end(self) -> datetime:
        """When an attempt that begins now has surely ended."""
        ...

    def evidence(self, case: Case) -> Evidence: ...

    def aws(self, action: Action, case: Case) -> AwsClients: ...


@dataclass
class ActionRun:
    """One action of a plan on its way through an attempt. It goes on while ``status`` is None."""

    action: Action
    hold: Hold | None = None  # the row as the last call on it returned it
    captured: Json | None = None  # how the target was
    combined: Action | None = None  # what all cases that hold the target want
    written: Json | None = None  # what this attempt wrote last
    status: ActionStatus | None = None
    reason: str = ""

    @property
    def joined(self) -> Hold:
        """The hold, once it was read."""
        if self.hold is None:
            raise HoldReleased(f"no case holds {self.action.target} any more")
        return self.hold

    def finish(self, status: ActionStatus, reason: str = "") -> None:
        """It goes no further."""
        self.status, self.reason = status, reason

    @property
    def result(self) -> ActionResult:
        """For the case's row."""
        if self.status is None:
            raise RuntimeError(f"{self.action.target} was not brought to an end")
        return ActionResult(self.action.name(), self.action.target, self.status, self.reason)


def begin(case: Case, known: Case | None, event: Event, services: Services) -> Case:
    """Claim a case for a new attempt: its row, its plan and its places in the holds, or nothing.

    Raises ContainInProgress where a live attempt has it, CaseConflict where somebody was faster.
    """
    if known is not None and known.live and known.lease_until is not None:
        raise ContainInProgress(known.id, known.lease_until)
    status = statuses.after(known.status if known else None, event, case.id)
    attempt = (known.attempt if known else 0) + 1
    case = replace(case, status=status, attempt=attempt, lease_until=services.lease_end)
    if event is Event.RELEASE:
        return services.cases.write(case)
    joins = [services.holds.join(action, case.id, attempt) for action in case.plan.actions]
    return services.cases.open(case, replacing=known, joins=joins)


@contextmanager
def lease(case: Case, services: Services) -> Iterator[None]:
    """An attempt that fails gives its lease up, so that the next try need not wait for it."""
    try:
        yield
    except Exception:
        _give_up(case, services)
        raise


def _give_up(case: Case, services: Services) -> None:
    row = services.cases.get(case.id)
    if row is None or row.attempt != case.attempt or row.lease_until is None:
        return
    try:
        services.cases.write(replace(row, lease_until=None))
    except CaseConflict:
        return  # somebody has written the row since: it is theirs


def require_time(case: Case) -> None:
    """Raises AttemptOver in the last seconds of the lease: an effect could outlive it."""
    if case.lease_until is None or now() >= case.lease_until - LAST_SECONDS:
        raise AttemptOver(f"case {case.id}: the lease of attempt {case.attempt} ends")


def for_each(
    runs: Sequence[ActionRun], step: Callable[[ActionRun], None], attempt: Callable[..., None]
) -> None:
    """One step of every run that still goes on, at the same time."""
    gather(*(partial(attempt, run, step) for run in runs if run.status is None))


def bring_about(action: Action, hold: Hold, case: Case, services: Services) -> Hold:
    """Apply and keep what was written, until nobody has come or withdrawn meanwhile; then verify.

    Two cases at a time would else write over each other, and one of them be called contained. The
    case must be in the hold: nobody can then undo the target for good before this has ended.
    Returns the hold; where nobody wants the target any more, nothing was verified.
    """
    aws, captured = services.aws(action, case), captured_of(hold)
    while (combined := hold.combined()) is not None:
        require_time(case)
        written = combined.apply(aws, captured, hold.written)
        hold = services.holds.save_written(action, written, case.id, case.attempt)
        if hold.combined() == combined:
            verify_with_retries(partial(combined.verify, aws, captured, written))
            break
    return hold


def captured_of(hold: Hold) -> Json:
    """How the target was. Without it nothing may be changed."""
    if hold.captured is None:
        raise RuntimeError("no capture, no change")
    return hold.captured


def is_verified(action: Action, aws: AwsClients, captured: Json, written: Json) -> bool:
    """Does the resource show what was written?"""
    try:
        action.verify(aws, captured, written)
    except NotVerified:
        return False
    return True


def verify_with_retries(verify: Callable[[], None]) -> None:
    """Verify, giving an eventually consistent service a few seconds; then NotVerified rises."""
    for seconds in VERIFY_DELAYS:
        try:
            return verify()
        except NotVerified:
            sleep(seconds)
    return verify()


def error_text(error: Exception) -> str:
    """The whole error on one line: AWS's messages name the call, the ARN and the policy."""
    return one_line(f"{type(error).__name__}: {error}", 2000)
