"""``release(case)``: undo what a case did, last change first. The mirror of contain.

::

    begin     claim the case; evidence says who released it
    undo      each change in turn: withdraw, make the target what the others want, leave
    finish    say how each change ended, in evidence and in the case's row

What an undo does with a target:

=================================  ==========================================================
the case is not in its hold        an earlier try has undone it and said how, or nothing was held
nothing was captured               nothing was ever changed
its attempt failed or died         what it wrote and did not note is noted first
other cases want it too            what they want remains, and no more
nothing was written, and it shows  it was never changed
what was captured
an undo would do harm before       wait until then, and stay in the hold
a moment
else                               compare the capture with evidence, undo
=================================  ==========================================================
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import timedelta
from functools import partial
from typing import Any

from cordon.actions import Action, Json, Undone, UndoResult
from cordon.attempt import (
    ACTION_ERRORS,
    SETTLED,
    Services,
    begin,
    bring_about,
    captured_of,
    error_text,
    insist,
    is_verified,
    lease,
    proven_state,
    require_time,
    verify_with_retries,
)
from cordon.clock import from_iso, now, sleep, to_iso
from cordon.errors import (
    CaptureMismatch,
    EvidenceFault,
    NotYet,
    Refused,
    ReleaseFailed,
    ResourceDeleted,
)
from cordon.evidence import Evidence
from cordon.memory.cases import ActionResult, ActionStatus, Case
from cordon.memory.holds import Hold
from cordon.sources.text import one_line
from cordon.statuses import CONTAIN_ENDED, Event, Status, after

FINDING_SOURCE = "the finding's source"  # who releases when a control passes
NOTHING_MORE: Mapping[str, Any] = {}
UNDONE = {
    Undone.RESTORED: ActionStatus.RESTORED,
    Undone.DRIFTED: ActionStatus.DRIFTED,
    Undone.RESOURCE_DELETED: ActionStatus.RESOURCE_DELETED,
    Undone.PARTLY_RESTORED: ActionStatus.PARTLY_RESTORED,
    Undone.KEPT: ActionStatus.KEPT,
}
# Undone by us, under whoever came meanwhile.
UNDONE_HERE = (ActionStatus.RESTORED, ActionStatus.DRIFTED, ActionStatus.PARTLY_RESTORED)
NOT_NOTED = {ActionStatus.FAILED, ActionStatus.RESOURCE_DELETED}  # maybe, what was written
OPEN = (ActionStatus.FAILED, ActionStatus.WAITING)


def release(
    case: Case, services: Services, *, by: str, why: str, said: Mapping[str, Any] = NOTHING_MORE
) -> Case:
    """The case with how each change was undone. It stays *releasing* while one waits.

    ``by`` is a person's ARN, or FINDING_SOURCE; ``said``: more for evidence. Raises
    ReleaseFailed when a change could not be undone, and ContainInProgress while a live attempt has
    the case.
    """
    person = "" if by == FINDING_SOURCE else by
    known = case.results
    if case.status is Status.CONTAINING:  # what its results say is of an attempt before that
        known = tuple(r for r in known if r.status is ActionStatus.RESOURCE_DELETED) + case.left
    claimed = begin(
        replace(
            case,
            decided_by=by,
            decided_why=why,
            released_by=person or case.released_by,
            results=known,
        ),
        case,
        Event.RELEASE,
        services,
    )
    with lease(claimed, services):
        proof = services.evidence(claimed)
        proof.write("releasing", {"by": by, "why": why, **said})
        _settle(case)
        actions = reversed(claimed.plan.actions)
        results = tuple(undo(claimed, action, proof, services) for action in actions)
        return finish(claimed, results, proof, services)


def _settle(case: Case) -> None:
    """An attempt that ended just now wrote before that: a reading must not be older than it."""
    if case.changed_at is not None and now() < case.changed_at + timedelta(seconds=SETTLED):
        sleep(SETTLED)


def close(
    case: Case, services: Services, *, by: str, why: str, said: Mapping[str, Any] = NOTHING_MORE
) -> Case:
    """A case that holds nothing, because it was for a person: they or its source say it is over."""
    proof = services.evidence(case)
    proof.write("released", {"by": by, "why": why, **said})
    changes = {"decided_by": by, "decided_why": why, "evidence_end": proof.link}
    return services.cases.transition(case, Event.NOTHING_HELD, **changes)


def undo(case: Case, action: Action, proof: Evidence, services: Services) -> ActionResult:
    """Undo one change. How it ended is written before the hold is left, never after."""
    hold = services.holds.withdraw(action, case.id, case.attempt)
    if hold is None:
        return _earlier_result(case, action, proof)
    while True:
        result = _tried(case, action, hold, proof, services)
        if result.status is not ActionStatus.UNCHANGED:
            _write(proof, action, result)
        if result.status in OPEN:
            return result
        if result.status in UNDONE_HERE:
            others = services.holds.delete_if_free(action, case.id)
            if others is None:
                return result
            if others.members:  # a case came while it was undone: bring about what it wants
                hold = others
                continue
        services.holds.leave(action, case.id)
        return result


def _tried(
    case: Case, action: Action, hold: Hold, proof: Evidence, services: Services
) -> ActionResult:
    try:
        return insist(partial(_undo, case, action, hold, proof, services))
    except ResourceDeleted as deleted:
        return _result(action, ActionStatus.RESOURCE_DELETED, str(deleted))
    except NotYet as not_yet:
        waiting = _result(action, ActionStatus.WAITING, one_line(not_yet.why, 2000))
        return replace(waiting, not_before=to_iso(not_yet.until))
    except (*ACTION_ERRORS, Refused) as error:
        return _result(action, ActionStatus.FAILED, error_text(error))


def _undo(
    case: Case, action: Action, hold: Hold, proof: Evidence, services: Services
) -> ActionResult:
    if hold.capture is None:
        return _result(action, ActionStatus.UNCHANGED)
    require_time(case)  # of what is deleted each is looked for again, after a pause
    hold = _with_unnoted(case, action, hold, proof, services)
    if hold.members:
        hold = _bring_about_others(case, action, hold, proof, services)
    if hold.members:
        others = ", ".join(member.case for member in hold.members)
        return _result(action, ActionStatus.HELD_BY_OTHERS, f"still held by case {others}")
    aws, written = services.aws(action, case), hold.written
    if written is None and action.is_as_captured(aws, captured_of(hold, proof)):
        return _result(action, ActionStatus.RESTORED, "it was never changed")
    captured = require_capture_in_evidence(hold, proof)
    if written is None:  # an attempt died between its write and its note: finish it, then undo
        require_time(case)
        written = action.apply(aws, captured, None)
        services.holds.save_written(action, written, case.id, case.attempt)
    until = action.until_safe_to_undo(captured, written)
    if until is not None and now() < until:
        waiting = _result(
            action, ActionStatus.WAITING, "an earlier undo would let denied sessions in again"
        )
        return replace(waiting, not_before=to_iso(until))
    undone = _undone(case, action, replace(hold, written=written), captured, services)
    if undone.left is not None:
        verify_with_retries(partial(action.verify_undone, aws, undone.left))
    return _result(action, UNDONE[undone.state], undone.reason)


def _with_unnoted(
    case: Case, action: Action, hold: Hold, proof: Evidence, services: Services
) -> Hold:
    """What an attempt wrote that failed or died is noted now: it is ours, and nobody else's."""
    ended = {r.status for r in case.results if r.target == action.target} - NOT_NOTED
    if hold.written is None or ended:
        return hold
    aws, captured = services.aws(action, case), captured_of(hold, proof)
    written = hold.of_everybody(action).unnoted(aws, captured, hold.written)
    if written is None:
        return hold
    return services.holds.save_written(action, written, case.id, case.attempt)


def _undone(
    case: Case, action: Action, hold: Hold, captured: Json, services: Services
) -> UndoResult:
    """Whoever comes meanwhile may write too: what looks like a person's may be another case's."""
    aws = services.aws(action, case)
    while True:
        require_time(case)
        undone = hold.of_everybody(action).undo(aws, captured, hold.written or {})
        if undone.state is Undone.RESOURCE_DELETED:
            raise ResourceDeleted(undone.reason)
        if undone.state is not Undone.DRIFTED:
            return undone
        now_held = services.holds.get(action).get(action.target)
        if now_held is None or (now_held.written, now_held.cases) == (hold.written, hold.cases):
            return undone
        hold = now_held


def require_capture_in_evidence(hold: Hold, proof: Evidence) -> Json:
    """How the target was. Raises CaptureMismatch unless evidence and the hold say the same.

    The table can be written by more people than the evidence can. The generation must be the one
    that this case's own chain names: an earlier capture of the target is in evidence too.
    """
    capture = hold.capture
    if capture is None:
        raise CaptureMismatch(f"{hold.target}: nothing was captured")
    try:
        stated = _stated_generation(hold.target, proof)
    except EvidenceFault as fault:
        raise CaptureMismatch(f"{hold.target}: {fault}") from fault
    if stated not in ("", capture.generation):
        raise CaptureMismatch(
            f"{hold.target}: the hold's capture is not the one that this case's evidence names."
            " Nothing was restored; compare both, and restore manually what evidence says"
        )
    return proven_state(hold.target, capture, proof)


def _stated_generation(target: str, proof: Evidence) -> str:
    """The capture that this case's chain names last; "" where an attempt died before it did.

    A capture of its own is in the chain before it is in the hold. Where the attempt died between
    the two, another case may have captured the target: what the chain names never counted.
    """
    ended = False
    for entry in proof.backwards():
        ended = ended or entry["stage"] in CONTAIN_ENDED
        for change in entry["content"].get("changes", ()):
            if change.get("target") == target and "generation" in change:
                counts = ended or "captured_in" in change
                return str(change["generation"]) if counts else ""
    return ""


def finish(
    case: Case, results: tuple[ActionResult, ...], proof: Evidence, services: Services
) -> Case:
    """Say how each change was undone. Raises ReleaseFailed where one may still be undone."""
    is_open = any(result.status in OPEN for result in results)
    event = Event.RELEASE if is_open else _ended(case, results)
    status = after(case.status, event)
    proof.write(str(status), {"changes": [asdict(result) for result in results]})
    case = services.cases.transition(
        case,
        event,
        results=results,
        not_before=min((from_iso(r.not_before) for r in results if r.not_before), default=None),
        lease_until=None,
        evidence_end=proof.link,
    )
    if case.failed:
        raise ReleaseFailed("; ".join(f"{r.action}: {r.reason}" for r in case.failed))
    return case


def _ended(case: Case, results: tuple[ActionResult, ...]) -> Event:
    """Whether the condition may remain: only its source can say that it is over."""
    if case.decided_by == FINDING_SOURCE:
        return Event.SOURCE_UNDID
    unchanged = (ActionStatus.UNCHANGED, ActionStatus.RESOURCE_DELETED, ActionStatus.KEPT)
    held = any(result.status not in unchanged for result in results)
    return Event.PERSON_UNDID if held else Event.NOTHING_HELD


def _bring_about_others(
    case: Case, action: Action, hold: Hold, proof: Evidence, services: Services
) -> Hold:
    """What the other cases want remains, and no more; applied where it does not show.

    They may have come while it was being undone, in this try or in one that died.
    """
    combined = hold.combined()
    if combined is None:
        return hold
    aws, captured, written = services.aws(action, case), captured_of(hold, proof), hold.written
    both = action.combine(combined)
    less = both != combined
    if less and not action.recognisable_by_value:
        # An attempt that died may have written for both, without a note of it. Written again, with
        # a note, it is ours: it would else pass for a person's.
        require_time(case)
        written = both.apply(aws, captured, written)
        hold = services.holds.save_written(action, written, case.id, case.attempt)
    if less or written is None or not is_verified(combined, aws, captured, written):
        return bring_about(action, hold, case, services)
    return hold


def _earlier_result(case: Case, action: Action, proof: Evidence) -> ActionResult:
    """No hold: an earlier try has left it and said how, or nothing was ever held."""
    undone = (entry for entry in proof.orphaned if entry["stage"] == "action_released")
    orphaned = (entry["content"]["result"] for entry in undone)
    known = (*case.results, *(_from_json(result) for result in orphaned))
    for result in reversed(known):
        if result.target == action.target and result.status in (
            *UNDONE.values(),
            ActionStatus.HELD_BY_OTHERS,
        ):
            return result
    return _result(action, ActionStatus.UNCHANGED)


def _from_json(raw: dict[str, str]) -> ActionResult:
    return ActionResult(**{**raw, "status": ActionStatus(raw["status"])})  # type: ignore[arg-type]


def _write(proof: Evidence, action: Action, result: ActionResult) -> None:
    proof.write("action_released", {"action": action.to_json(), "result": asdict(result)})


def _result(action: Action, status: ActionStatus, reason: str = "") -> ActionResult:
    return ActionResult(action.name(), action.target, status, reason)
