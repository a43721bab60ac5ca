"""`--wait`: what comes of a decision, as the case's row says it, until its outcome.

The row is read again and again, with the right that shows cases. What happens between two reads is
not seen here: evidence has it, and `cordon show CASE --timeline` shows it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from rich.console import Console

from console import page
from console.case_list import has_failed
from console.exits import Exit
from cordon import clock
from cordon.clock import now, to_iso
from cordon.memory.cases import Case
from cordon.memory.decisions import Verb
from cordon.reporting.texts import headline
from cordon.statuses import CONTAIN_ENDED, Status

LONGEST = timedelta(minutes=15)  # what the desk could not start, the reconciler does in 5 to 10
BEAT = 1.0  # seconds between two reads
UNDER_WAY = (Status.CONTAINING, Status.RELEASING)
DONE = frozenset({Status.CONTAINED, Status.TAGGED, Status.RESOURCE_DELETED})
AS_DECIDED = {
    Verb.APPROVE: DONE,
    Verb.RETRY: DONE,
    Verb.CONTAIN: DONE,
    Verb.REJECT: frozenset({Status.REJECTED, *CONTAIN_ENDED}),  # newer activity only: it stays so
    Verb.RELEASE: frozenset({Status.RELEASED, Status.REOPENED}),
}
Read = Callable[[], Case | None]


@dataclass(frozen=True)
class Decided:
    """What was decided of a case. ``before``: how it was then; ``round``: of a named resource."""

    verb: Verb
    before: Case | None = None
    round: int = 1

    def has_begun(self, case: Case | None) -> bool:
        """Does the row show that it is being carried out?"""
        if case is None:
            return False
        if self.before is None:
            return case.round >= self.round
        again = case.attempt > self.before.attempt or case.round > self.before.round
        match self.verb:
            case Verb.RETRY:
                return again
            case Verb.RELEASE:
                return again or case.status in (Status.RELEASING, *AS_DECIDED[Verb.RELEASE])
            case _:
                return again or case.status is not Status.AWAITING_APPROVAL

    def is_over(self, case: Case | None) -> bool:
        """Has it an outcome, or must it wait for a moment that is known?"""
        if case is None or not self.has_begun(case) or case.live:
            return False
        return case.status not in UNDER_WAY or waits(case)

    def exit_status(self, case: Case | None) -> int:
        """0 as decided; 1 otherwise; NOT_ENDED where it goes on."""
        if case is None or not self.is_over(case) or case.status in UNDER_WAY:
            return Exit.NOT_ENDED
        failed = has_failed(case) and self.verb is not Verb.REJECT
        return 0 if case.status in AS_DECIDED[self.verb] and not failed else 1


def waits(case: Case) -> bool:
    """Is nothing done before a moment that has not come?"""
    return case.not_before is not None and case.not_before > now()


def followed(decided: Decided, read: Read, out: Console) -> Case | None:
    """Print each step that the row shows, until it is over, for ``LONGEST`` at most.

    Returns the case as it was read last. Ctrl-C ends the look, not what was decided.
    """
    last, said, ends = decided.before, "", now() + LONGEST
    try:
        while True:
            last = read()
            if decided.has_begun(last) and last is not None and (step := _step(last)) != said:
                page.lines([step], out)
                said = step
            if decided.is_over(last) or now() >= ends:
                return last
            clock.sleep(BEAT)
    except KeyboardInterrupt:
        return last


def _step(case: Case) -> str:
    at = f"{case.changed_at:%H:%M:%S} " if case.changed_at else ""
    if case.status not in UNDER_WAY:
        return f"{at}{headline(case)}"
    attempt = f"{at}{headline(case)}, attempt {case.attempt}"
    if waits(case) and case.not_before is not None:
        return f"{attempt}: waits until {to_iso(case.not_before)}"
    return attempt if case.live else f"{attempt}: it has ended without an outcome"
