"""The one table of statuses: what moves a case from one to the next. Pure.

``after(status, event)`` is the only way to a new status. What is not in the table does not happen:
it raises ``CaseConflict``. docs/statuses.md is made from this table.
"""

from collections.abc import Mapping
from enum import StrEnum

from cordon.errors import CaseConflict


class Status(StrEnum):
    """What is true of a case."""

    OBSERVED = "observed"  # planned and recorded; nothing was changed
    AWAITING_APPROVAL = "awaiting_approval"  # a person must decide
    REJECTED = "rejected"  # a person said no; nothing was changed
    EXPIRED = "expired"  # nobody decided in time; nothing was changed
    CONTAINING = "containing"  # an attempt changes resources, or died doing so
    CONTAINED = "contained"  # all that contains was verified
    TAGGED = "tagged"  # the tags were verified; nothing was contained
    ESCALATED = "escalated"  # no playbook can contain it: a person must do it
    PARTLY_CONTAINED = "partly_contained"  # some changes were verified, others were not
    FAILED = "failed"  # nothing that contains was verified
    RESOURCE_DELETED = "resource_deleted"  # nothing was left to contain
    RELEASING = "releasing"  # being undone, or waiting until an undo does no harm
    RELEASED = "released"  # undone, and its source says the condition is over; or nothing was held
    REOPENED = "reopened"  # a person had it undone while the condition may remain


class Event(StrEnum):
    """What may happen to a case."""

    OBSERVE = "a finding is observed"
    ASK = "a finding needs approval"
    ESCALATE = "a finding is for a person"
    CLAIM = "an attempt to contain begins"
    APPROVE = "a person approves"
    REJECT = "a person rejects"
    EXPIRE = "the time to approve is over"
    HOLD_BACK = "the budget is used up"
    WAIT = "a change needs time"
    STAYS_CONTAINED = "no more is approved: it stays contained"
    STAYS_TAGGED = "no more is approved: it stays tagged"
    STAYS_PARTLY_CONTAINED = "no more is approved: it stays partly contained"
    ALL_VERIFIED = "every change is verified"
    TAGS_VERIFIED = "every tag is verified, and there was nothing else to do"
    SOME_VERIFIED = "some changes are verified"
    NONE_VERIFIED = "nothing that contains is verified"
    NOTHING_LEFT = "every resource is deleted"
    NOTHING_FOUND = "a look found nothing to change"
    RELEASE = "a release begins"
    PERSON_UNDID = "all is undone, for a person"
    SOURCE_UNDID = "all is undone, and the source says it is over"
    NOTHING_HELD = "nothing was held"


S, E = Status, Event

_FINDING: Mapping[Event, Status] = {
    E.OBSERVE: S.OBSERVED,
    E.ASK: S.AWAITING_APPROVAL,
    E.ESCALATE: S.ESCALATED,
    E.CLAIM: S.CONTAINING,
}
_ENDED: Mapping[Event, Status] = {
    E.CLAIM: S.CONTAINING,
    E.ASK: S.AWAITING_APPROVAL,  # it went on after it was contained
    E.RELEASE: S.RELEASING,
}

TABLE: Mapping[Status | None, Mapping[Event, Status]] = {
    None: _FINDING,
    S.OBSERVED: {**_FINDING, E.SOURCE_UNDID: S.RELEASED},
    S.AWAITING_APPROVAL: {
        E.APPROVE: S.CONTAINING,
        E.REJECT: S.REJECTED,
        E.EXPIRE: S.EXPIRED,
        E.SOURCE_UNDID: S.RELEASED,
        E.ASK: S.AWAITING_APPROVAL,  # its time is over and nothing ended it
        E.CLAIM: S.CONTAINING,  # the mode is enforce since
        # A question about newer activity, while what was changed before is held:
        E.RELEASE: S.RELEASING,
        E.STAYS_CONTAINED: S.CONTAINED,
        E.STAYS_TAGGED: S.TAGGED,
        E.STAYS_PARTLY_CONTAINED: S.PARTLY_CONTAINED,
    },
    S.REJECTED: _FINDING,
    S.EXPIRED: _FINDING,
    S.CONTAINING: {
        E.CLAIM: S.CONTAINING,
        E.HOLD_BACK: S.OBSERVED,
        E.WAIT: S.CONTAINING,
        E.ASK: S.AWAITING_APPROVAL,  # a threat, for which the budget is used up
        E.ALL_VERIFIED: S.CONTAINED,
        E.TAGS_VERIFIED: S.TAGGED,
        E.SOME_VERIFIED: S.PARTLY_CONTAINED,
        E.NONE_VERIFIED: S.FAILED,
        E.NOTHING_LEFT: S.RESOURCE_DELETED,
        E.NOTHING_FOUND: S.OBSERVED,
        E.RELEASE: S.RELEASING,
    },
    S.CONTAINED: _ENDED,
    S.TAGGED: _ENDED,
    S.PARTLY_CONTAINED: _ENDED,
    S.FAILED: _ENDED,
    S.RESOURCE_DELETED: _ENDED,
    S.ESCALATED: {
        E.ESCALATE: S.ESCALATED,
        E.SOURCE_UNDID: S.RELEASED,
        E.NOTHING_HELD: S.RELEASED,
    },
    S.RELEASING: {
        E.RELEASE: S.RELEASING,
        E.PERSON_UNDID: S.REOPENED,
        E.SOURCE_UNDID: S.RELEASED,
        E.NOTHING_HELD: S.RELEASED,
    },
    S.RELEASED: _FINDING,
    S.REOPENED: {**_FINDING, E.SOURCE_UNDID: S.RELEASED},
}

# An attempt to contain has ended: the changes that were verified stay until a release.
CONTAIN_ENDED = frozenset({S.CONTAINED, S.TAGGED, S.PARTLY_CONTAINED, S.FAILED, S.RESOURCE_DELETED})
# What is true again when a question about newer activity ends and no more is approved.
STAYS: Mapping[Status, Event] = {
    S.CONTAINED: E.STAYS_CONTAINED,
    S.TAGGED: E.STAYS_TAGGED,
    S.PARTLY_CONTAINED: E.STAYS_PARTLY_CONTAINED,
}
# Nothing is held and nobody waits: the row expires with its evidence.
CLOSED = frozenset({S.OBSERVED, S.REJECTED, S.EXPIRED, S.RELEASED, S.REOPENED})


def after(status: Status | None, event: Event, case: str = "") -> Status:
    """The status after an event; ``CaseConflict`` where the event cannot happen then."""
    try:
        return TABLE[status][event]
    except KeyError:
        raise CaseConflict(case, f"{status or 'new'}, and then not: {event}") from None
