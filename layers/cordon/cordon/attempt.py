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
from typing import Protocol, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from cordon import statuses
from cordon.actions import Action, Json
from cordon.clients import AwsClients
from cordon.clock import now, sleep, to_iso
from cordon.concurrency import gather
from cordon.errors import (
    AttemptOver,
    CaptureMismatch,
    CaseConflict,
    ContainInProgress,
    EvidenceFault,
    HoldReleased,
    NotVerified,
    NotYet,
    Refused,
    ResourceDeleted,
)
from cordon.evidence import Evidence
from cordon.memory.cases import ActionResult, ActionStatus, Case, Cases
from cordon.memory.holds import Capture, Hold, Holds
from cordon.sources.text import one_line
from cordon.statuses import Event

T = TypeVar("T")
VERIFY_DELAYS = (0.3, 1.0, 2.0)  # seconds between readings of an eventually consistent service
SETTLED = sum(VERIFY_DELAYS)  # seconds in which what was written has to show
DELETED_DELAYS = (0.5, 1.5)  # and between those that do not show the resource at all
LAST_SECONDS = timedelta(seconds=5)  # of a lease: an effect that starts now could end after it
ACTION_ERRORS = (
    ClientError,
    BotoCoreError,
    NotVerified,
    HoldReleased,
    AttemptOver,
    CaptureMismatch,
)


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
    hold: Hold | None = None  # the row, where it was read; None while only this case is known in it
    capture: Capture | None = None  # how the target was, and where evidence says so
    current: Json | None = None  # how the target is now, as this attempt read it
    combined: Action | None = None  # what all cases that hold the target want
    written: Json | None = None  # what this attempt wrote last
    status: ActionStatus | None = None
    reason: str = ""
    until: datetime | None = None  # when it may go on, while it waits

    @property
    def captured(self) -> Json:
        """How the target was. Without it nothing may be changed."""
        if self.capture is None or self.capture.state is None:
            raise RuntimeError("no capture, no change")
        return self.capture.state

    @property
    def earlier_written(self) -> Json | None:
        """What was written last, as far as the hold says."""
        return self.hold.written if self.hold is not None else None

    @property
    def generation(self) -> str:
        """Of its capture."""
        return self.capture.generation if self.capture is not None else ""

    def cases_with(self, case: str) -> frozenset[str]:
        """Who is in the hold, as far as we know: this case at least."""
        return (self.hold.cases if self.hold is not None else frozenset()) | {case}

    @property
    def changes(self) -> int:
        """Of its hold; a row that nobody else has been in was changed once, by our joining."""
        return self.hold.changes if self.hold is not None else 1

    def finish(self, status: ActionStatus, reason: str = "") -> None:
        """It goes no further."""
        self.status, self.reason = status, reason

    def wait(self, until: datetime, why: str) -> None:
        """It goes no further in this attempt."""
        self.finish(ActionStatus.WAITING, why)
        self.until = until

    @property
    def result(self) -> ActionResult:
        """For the case's row."""
        if self.status is None:
            raise RuntimeError(f"{self.action.target} was not brought to an end")
        until = to_iso(self.until) if self.until is not None else ""
        return ActionResult(self.action.name(), self.action.target, self.status, self.reason, until)


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


def try_step(
    case: Case, services: Services, run: ActionRun, step: Callable[[ActionRun], None]
) -> None:
    """One step of one change. How it ended is the change's own: the others go on."""
    try:
        insist(partial(step, run))
    except ResourceDeleted as deleted:
        services.holds.leave(run.action, case.id)
        run.finish(ActionStatus.RESOURCE_DELETED, str(deleted))
    except NotYet as not_yet:
        run.wait(not_yet.until, one_line(not_yet.why, 2000))
    except Refused as refused:
        refuse(case, services, run, str(refused))
    except ACTION_ERRORS as error:
        run.finish(ActionStatus.FAILED, error_text(error))


def refuse(
    case: Case,
    services: Services,
    run: ActionRun,
    reason: str,
    as_: ActionStatus = ActionStatus.REFUSED,
) -> None:
    """Nothing is held, unless an earlier attempt may have written: then it must be undone."""
    hold = services.holds.withdraw(run.action, case.id, case.attempt)
    alone = hold is not None and hold.cases == {case.id}
    if alone and run.capture is not None and _changed(case, services, run):
        run.finish(ActionStatus.FAILED, reason)
        return
    services.holds.leave(run.action, case.id)
    run.finish(as_, reason)


def _changed(case: Case, services: Services, run: ActionRun) -> bool:
    """Is the target anything but what was captured, or is that unknown?"""
    try:
        return not run.action.is_as_captured(services.aws(run.action, case), run.captured)
    except (Refused, ResourceDeleted, NotYet, *ACTION_ERRORS):
        return True


def bring_about(action: Action, hold: Hold, case: Case, services: Services) -> Hold:
    """Apply and keep what was written, until nobody has come or withdrawn meanwhile; then verify.

    Two cases at a time would else write over each other, and one of them be called contained. The
    case must be in the hold: nobody can then undo the target for good before this has ended.
    Returns the hold; where nobody wants the target any more, nothing was verified.
    """
    aws, captured = services.aws(action, case), captured_of(hold, services.evidence(case))
    while (combined := hold.combined()) is not None:
        require_time(case)
        written = combined.apply(aws, captured, hold.written)
        hold = services.holds.save_written(action, written, case.id, case.attempt)
        if hold.combined() == combined:
            verify_with_retries(partial(combined.verify, aws, captured, written))
            break
    return hold


def captured_of(hold: Hold, proof: Evidence) -> Json:
    """How the target was. Without it nothing may be changed.

    What is too big for the row is read from the evidence that the row names.
    """
    if hold.capture is None:
        raise RuntimeError("no capture, no change")
    if hold.capture.state is not None:
        return hold.capture.state
    return proven_state(hold.target, hold.capture, proof)


def proven_state(target: str, capture: Capture, proof: Evidence) -> Json:
    """How the target was, as evidence says it for this capture. Raises CaptureMismatch."""
    try:
        entry = proof.read(capture.key, capture.sha256)
    except EvidenceFault as fault:
        raise CaptureMismatch(f"{target}: {fault}") from fault
    for change in entry["content"].get("changes", ()):
        if (change.get("target"), change.get("generation")) == (target, capture.generation):
            state: Json = change.get("captured")
            if capture.says(state):
                return state
    raise CaptureMismatch(
        f"{target}: the hold's capture is not what {capture.key} says. Nothing was restored; "
        "compare both, and restore manually what evidence says"
    )


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


def insist(step: Callable[[], T]) -> T:
    """Do a step, and again where it finds no resource: then ResourceDeleted rises.

    An old reading does not show what was made lately (IAM User Guide, "Troubleshoot IAM": changes
    are not always visible at once). Once believed, what is held would be left as it is for good.
    """
    for seconds in DELETED_DELAYS:
        try:
            return step()
        except ResourceDeleted:
            sleep(seconds)
    return step()


def error_text(error: Exception) -> str:
    """The whole error on one line: AWS's messages name the call, the ARN and the policy."""
    return one_line(f"{type(error).__name__}: {error}", 2000)
