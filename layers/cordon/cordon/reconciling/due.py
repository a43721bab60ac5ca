"""Which open case is due, and for what. Pure: the moment is given.

=====================  ==================================================================
decision               a person decided, and within five minutes nothing came of it
question_over          nobody decided in time; the hours count from when people were informed
waited                 the moment has come until which a change or an undo had to wait
interrupted            the attempt died, or failed and gave its lease up
newer_activity         it was seen while a question was open or policy did not allow to respond,
                       and the time to decide over the last question is over
held_back              a new hour has a new budget; or the settings can be understood again
=====================  ==================================================================

While an attempt has its lease, nothing is due. A name that follows from the case, the reason and a
slot of time makes two runs that wake for the same thing start one execution. The slots grow with
how long it has been due: what does not help for an hour is tried hourly, then daily.

What is not looked at here: a person's decision to contain a resource of which there is no case
yet. Its row is in no index. The workflow that the desk starts tries for some minutes, and its alarm
says when it fails.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from cordon.deployment import Deployment
from cordon.memory.decisions import Decision, Verb
from cordon.memory.open_cases import OpenCase
from cordon.memory.reported import Reported
from cordon.settings import MasterSwitch, Mode, Settings
from cordon.statuses import CONTAIN_ENDED, Status

BEAT = timedelta(minutes=5)  # between two runs
PATIENCE = timedelta(minutes=5)  # for who is to do it first: the desk's execution, the delivery
TIME_TO_REPORT = timedelta(minutes=10)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HOLDS = frozenset({Status.CONTAINING, Status.ESCALATED, *CONTAIN_ENDED})
ABOUT_SETTINGS = "the setting"  # how the reason begins where the settings held a case back


class Why(StrEnum):
    """For what a case is due."""

    DECISION = "decision"
    QUESTION_OVER = "question_over"
    WAITED = "waited"
    INTERRUPTED = "interrupted"
    NEWER_ACTIVITY = "newer_activity"
    HELD_BACK = "held_back"


@dataclass(frozen=True)
class Due:
    """A case is due for something, since a moment."""

    case: str
    why: Why
    round: int
    attempt: int
    slot: datetime  # within it, to wake once is enough

    @property
    def execution_name(self) -> str:
        """At most 80 letters, digits, hyphens and underscores (Step Functions API Reference)."""
        stamp = self.slot.astimezone(UTC)
        return f"{self.case}-{self.why}-{self.round}-{self.attempt}-{stamp:%Y%m%dT%H%M%S}"


def due(
    case: OpenCase,
    reported: Reported,
    decision: Decision | None,
    now: datetime,
    deployment: Deployment,
    settings: Settings,
) -> Due | None:
    """For what the case is due now, the first of the reasons above; None for nothing."""
    if case.lease_until is not None and now < case.lease_until:
        return None
    if decision is not None and is_carried_out(case, decision) is False:
        return _when(case, Why.DECISION, (decision.at or case.changed_at) + PATIENCE, now)
    if case.not_before is not None and now < case.not_before:
        return None
    hours = timedelta(hours=deployment.approval_hours)
    match case.status:
        case Status.AWAITING_APPROVAL:
            informed = reported.informed_of_question(case)
            return _when(case, Why.QUESTION_OVER, informed + hours, now) if informed else None
        case Status.CONTAINING | Status.RELEASING:
            return _attempt(case, now)
        case Status.OBSERVED:
            return _held_back(case, now, settings)
        case _:
            began = reported.informed_of_question(case) or case.question_at
            over = began + hours if began is not None else case.changed_at
            return _newer_activity(case, max(over, case.changed_at), now, settings)


def is_carried_out(case: OpenCase, decision: Decision) -> bool | None:
    """Has come of it what a person decided? None where it is not for this case as it is now."""
    if decision.round != case.round or not decision.complete:
        return None
    match decision.verb:
        case Verb.APPROVE | Verb.REJECT:
            return case.status is not Status.AWAITING_APPROVAL
        case Verb.RELEASE:
            return not (case.status in HOLDS or case.awaits_approval_again)
        case Verb.RETRY if case.status in CONTAIN_ENDED:
            at, ended = decision.at or case.changed_at, case.contained_at
            return ended is not None and ended >= at
    return None


def question_not_reported(case: OpenCase, reported: Reported, now: datetime) -> bool:
    """Does a case await a decision of people who have not been informed of it?"""
    if case.status is not Status.AWAITING_APPROVAL or reported.informed_of_question(case):
        return False
    return now >= (case.question_at or case.changed_at) + TIME_TO_REPORT


def report_behind_since(case: OpenCase, reported: Reported) -> datetime | None:
    """Since when people see less than the row says; None where they see all.

    It counts from when the reporter should have shown it.
    """
    return case.changed_at + TIME_TO_REPORT if reported.version < case.version else None


def is_turn(since: datetime, before: datetime | None, now: datetime) -> bool:
    """Has a slot begun since the sweep before? So something is done once in each of its slots."""
    if now < since:
        return False
    return before is None or slot(since, before) != slot(since, now)


def slot(since: datetime, now: datetime) -> datetime:
    """The beginning of the slot of time that it is in, which has been due since a moment."""
    age = now - since
    length = BEAT if age < HOUR else HOUR if age < DAY else DAY
    return since + age // length * length


def _when(case: OpenCase, why: Why, since: datetime, now: datetime) -> Due | None:
    if now < since:
        return None
    return Due(case.id, why, case.round, case.attempt, slot(since, now))


def _attempt(case: OpenCase, now: datetime) -> Due | None:
    """An attempt that must wait, died, or failed. Each that fails is followed by a longer pause.

    A lease that is still named has run out: nobody gave it up, so nobody tries again by itself.
    """
    if case.not_before is not None:
        return _when(case, Why.WAITED, case.not_before, now)
    if case.lease_until is not None:
        return _when(case, Why.INTERRUPTED, case.lease_until + _pause(case.attempt - 1), now)
    return _when(case, Why.INTERRUPTED, case.changed_at + _pause(case.attempt), now)


def _pause(failed: int) -> timedelta:
    """After so many attempts; twice as long after each, and at most a day."""
    return min(PATIENCE * 2 ** (min(failed, 10) - 1), DAY) if failed > 0 else timedelta(0)


def _newer_activity(
    case: OpenCase, since: datetime, now: datetime, settings: Settings
) -> Due | None:
    if case.newer_activity is None or not _may_change(case.playbook, settings):
        return None
    return _when(case, Why.NEWER_ACTIVITY, since, now)


def _held_back(case: OpenCase, now: datetime, settings: Settings) -> Due | None:
    """Once in an hour; and where a setting held it back, as soon as that one is another."""
    if not case.held_back or not _may_change(case.playbook, settings):
        return None
    if case.reason.startswith(ABOUT_SETTINGS):
        mended = case.reason not in _refused(case.playbook, settings)
        return _when(case, Why.HELD_BACK, case.changed_at, now) if mended else None
    hour = now.replace(minute=0, second=0, microsecond=0)
    if case.changed_at >= hour:
        return None
    return Due(case.id, Why.HELD_BACK, case.round, case.attempt, hour)


def _may_change(playbook: str, settings: Settings) -> bool:
    """Do the settings let the playbook change anything? Else nothing can come of it now."""
    return settings.switch is MasterSwitch.ON and settings.mode(playbook) is not Mode.OBSERVE


def _refused(playbook: str, settings: Settings) -> tuple[str, ...]:
    """Why the settings hold back now, in the words of policy."""
    budget, protection = settings.refused_budget(playbook), settings.refused_protection
    return (settings.unreadable, settings.refused_mode(playbook), budget, protection)
