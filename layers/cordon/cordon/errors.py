"""Everything that Cordon raises, and who tries again.

::

    CordonError
    ├── Malformed                     an event that cannot be read
    │   └── UnsupportedEvent          of a source and detail-type that no parser reads
    ├── NotByQueue                    no rule sends this event to a queue
    ├── ResourceDeleted               nothing is left to contain or to restore
    ├── Refused                       this resource must not, or cannot, be changed by us
    ├── NothingToChange               a look into the account found nothing that must be changed
    ├── NotVerified                   read again, the resource does not show what was written
    ├── NotYet                        the service needs until a moment that it names
    ├── CaseConflict                  the case's row was written by somebody else meanwhile
    ├── HoldReleased                  the case is no longer a member of the hold
    ├── AttemptOver                   this attempt's lease ends: no further effect may start
    ├── EvidenceFault                 an entry of evidence is missing, or is not the one named
    ├── CaptureMismatch               a hold's capture is not the one that is in evidence
    ├── ContainInProgress             a live attempt has the case
    ├── ContainFailed                 some changes failed; the case says which
    ├── ReleaseFailed                 some changes could not be undone; the case says which
    ├── SettingsUnavailable           there are no settings, and a pass comes once
    ├── PartsUnknown                  functions, queues or roles of this stack are not known
    ├── MemberRoleRefused             a member account's role is missing, or does not trust us
    └── RunIncomplete                 a part of a run of the reconciler, a look of setup, or a page
                                      of a sweep, failed

Who tries again:

===================  =========================================================================
Malformed            nobody: the dead-letter queue keeps the event, with the field's name
NotByQueue           the same; redelivered, it comes by the same queue and is refused again
ResourceDeleted,     the attempt catches them: they are how one change ends
Refused,
NothingToChange,
EvidenceFault,
CaptureMismatch
NotYet               the workflow, at the moment that it names
NotVerified,         the attempt catches them: the change failed, and ContainFailed or
HoldReleased,        ReleaseFailed follows
AttemptOver
ContainInProgress,   the delivery: Lambda after 1 and 2 minutes, SQS after the visibility timeout,
ContainFailed,       Step Functions as the state says; then the dead-letter queue or the alarm
ReleaseFailed,
CaseConflict,
SettingsUnavailable,
PartsUnknown,
MemberRoleRefused
RunIncomplete        Lambda after 1 and 2 minutes, and the next run; setup looks every hour; a
                     sweep's page is tried again by its workflow
===================  =========================================================================

An error of AWS (``ClientError``, ``BotoCoreError``) outside a change rises as it is and is tried
again by the delivery.
"""

from datetime import datetime


class CordonError(Exception):
    """Base of all of them."""


class Malformed(CordonError, ValueError):
    """An event that cannot be read. It goes to the dead-letter queue with this text.

    ``field`` is the path inside the event, in the service's own spelling:
    ``detail.resource.accessKeyDetails.userName``.
    """

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why


class UnsupportedEvent(Malformed):
    """An event of a source and detail-type that no parser reads."""


class NotByQueue(CordonError):
    """An event that no rule sends to a queue: somebody else put it there, so it is not believed."""


class ResourceDeleted(CordonError):
    """The resource no longer exists: there is nothing to contain or to restore."""


class Refused(CordonError):
    """This resource must not, or cannot, be changed by us; the text says what a person must do."""


class NothingToChange(CordonError):
    """What finds its resources itself found none: nothing is to be done, and nobody is needed."""


class NotVerified(CordonError):
    """The resource was read again and does not show what was written."""


class NotYet(CordonError):
    """The service needs time before the change can go on; ``until`` is when to try again.

    Not a failure: the attempt ends, and the case stays as it is until then.
    """

    def __init__(self, until: datetime, why: str) -> None:
        super().__init__(f"{why}; to be tried again at {until.isoformat()}")
        self.until = until
        self.why = why


class CaseConflict(CordonError):
    """The case's row is not as it was read: somebody was faster. ``status`` is what it says."""

    def __init__(self, case: str, status: str) -> None:
        super().__init__(f"case {case} was changed meanwhile; its status is {status or 'unknown'}")
        self.status = status


class HoldReleased(CordonError):
    """The case, or this attempt of it, is no longer a member of the hold."""


class AttemptOver(CordonError):
    """The attempt's lease ends: another attempt may begin, so no further effect may start."""


class EvidenceFault(CordonError):
    """An entry of evidence is missing, or is not the one that was named."""


class CaptureMismatch(CordonError):
    """What a hold says was captured is not what evidence says. Nothing is restored from it."""


class ContainInProgress(CordonError):
    """A live attempt has the case; ``until`` is when its lease has surely run out."""

    def __init__(self, case: str, until: datetime) -> None:
        super().__init__(f"case {case} has a live attempt, until {until.isoformat()} at the latest")
        self.until = until


class ContainFailed(CordonError):
    """Some changes failed. The case says which; the next delivery takes it up again."""


class ReleaseFailed(CordonError):
    """Some changes could not be undone. The case says which; the next try takes it up again."""


class SettingsUnavailable(CordonError):
    """No row, or no master switch in it, and the finding must not be lost meanwhile."""


class PartsUnknown(CordonError):
    """No row with this stack's functions, queues and roles, or not as ``setup`` writes it."""


class MemberRoleRefused(CordonError):
    """A member account's role cannot be assumed: it is missing there, or it does not trust us."""

    def __init__(self, role: str, why: str) -> None:
        super().__init__(f"cannot assume {role}: {why}")
        self.role = role


class RunIncomplete(CordonError):
    """Something of a run, a look of setup, or a sweep's page failed; the rest was done."""
