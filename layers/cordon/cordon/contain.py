"""``contain(case)``: carry out the plan of a case that an attempt has claimed. Its mirror: release.

Every step is written before AWS is touched and may be done again, so that a death at any point is
taken up by the next delivery::

    capture   read how each target is, or take what an earlier case captured
    save      keep it, with evidence, before anything changes
    change    what contains: change the resources in the plan's order, and read them again
              then the tags of the resources that are contained, and read them again
    keep      keep what was written, and meet whoever came meanwhile
    finish    say how each change ended, in evidence and in the case's row

What does not need each other goes out at the same time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from functools import partial
from typing import Any

from cordon.actions import Action
from cordon.attempt import (
    ActionRun,
    Services,
    bring_about,
    captured_of,
    for_each,
    is_verified,
    lease,
    require_time,
    try_step,
    verify_with_retries,
)
from cordon.capture import capture, captured_json, save
from cordon.clock import now
from cordon.errors import ContainFailed, HoldReleased
from cordon.evidence import Evidence
from cordon.memory.cases import ActionResult, ActionStatus, Case
from cordon.memory.holds import Hold
from cordon.policy import Verdict, over_budget
from cordon.release import OPEN, undo
from cordon.statuses import Event, after

ENDED_WELL = (ActionStatus.VERIFIED, ActionStatus.RESOURCE_DELETED)


def contain(
    case: Case,
    services: Services,
    *,
    decided: Mapping[str, Any] | None = None,
    budget: int | None = None,
    again: datetime | None = None,
) -> Case:
    """The case with how each change ended.

    ``decided`` is the record of the decision, for the same object of evidence as the captures.
    ``budget``: take one case from an hourly budget of so many, or hold the case back. ``again``:
    when it was active after it was contained. A change that fails does not keep the others from
    being tried: each one contains. The case stays *containing* while a change needs time. Raises
    ContainFailed when one failed, so that the delivery is tried again.
    """
    with lease(case, services):
        proof = services.evidence(case)
        runs = [ActionRun(action) for action in case.plan.actions]
        if not capture(case, runs, proof, services, budget):
            return hold_back(case, proof, services, decided or {}, budget or 0)
        save(case, runs, proof, services, decided or {})
        skip_without_tags(case, runs, proof, services)
        change(case, [run for run in runs if run.action.contains], services, again)
        skip_untrue_tags(case, runs, proof, services)
        change(case, [run for run in runs if not run.action.contains], services, again)
        keep(case, runs, proof, services)
        return finish(case, runs, proof, services)


def change(
    case: Case, runs: Sequence[ActionRun], services: Services, again: datetime | None
) -> None:
    """Change the resources one after the other, as the plan's order means something; then verify.

    What comes after a change that needs time, on the same resource, needs it too.
    """
    for run in runs:
        before = [one for one in runs if one.action.resource == run.action.resource]
        until = next((one.until for one in before if one.until is not None), None)
        if run.status is None and until is not None:
            run.wait(until, "after the change before it, which needs time")
        elif run.status is None:
            try_step(case, services, run, partial(_apply, case, services, again))
    for_each(runs, partial(_verify, case, services), partial(try_step, case, services))


def _apply(case: Case, services: Services, again: datetime | None, run: ActionRun) -> None:
    """Bring the target to what every case that holds it wants."""
    action, aws = run.action, services.aws(run.action, case)
    if run.hold is not None:
        _read_again(run, services)
    run.combined = (run.hold.combined() if run.hold else None) or action
    since = again or case.last_activity  # an attempt that was to reach it may have died
    known = _was_verified(case, action) or _reaches(case, run, since)
    earlier = run.earlier_written if known else None
    anew = earlier is None or action.again(since, earlier)
    if earlier is not None and not anew and is_verified(run.combined, aws, run.captured, earlier):
        run.finish(ActionStatus.VERIFIED, action.note(earlier))
        return
    require_time(case)
    run.written = run.combined.apply(aws, run.captured, run.earlier_written, run.current)


def _read_again(run: ActionRun, services: Services) -> None:
    """Others are in the hold, or were: they may have written since, and what we read is old."""
    if not run.action.recognisable_by_value:
        run.hold = services.holds.get(run.action).get(run.action.target)
        run.current = None
    if run.hold is None:
        raise HoldReleased(f"no case holds {run.action.target} any more")


def _was_verified(case: Case, action: Action) -> bool:
    return any(
        r.target == action.target and r.status is ActionStatus.VERIFIED for r in case.results
    )


def _reaches(case: Case, run: ActionRun, since: datetime) -> bool:
    """Has a try written enough, and failed? Then it may show by now, as the service was slow."""
    failed = any(r.target == run.action.target for r in case.failed)
    written = run.earlier_written
    if not failed or written is None:
        return False
    return run.action.reaches(since, written)


def _verify(case: Case, services: Services, run: ActionRun) -> None:
    if run.written is None or run.combined is None:
        raise RuntimeError("nothing was written")
    aws = services.aws(run.action, case)
    verify_with_retries(partial(run.combined.verify, aws, run.captured, run.written))
    run.finish(ActionStatus.VERIFIED, run.action.note(run.written))


def skip_without_tags(
    case: Case, runs: Sequence[ActionRun], proof: Evidence, services: Services
) -> None:
    """What contains only what is tagged is not carried out where no tag can be set.

    What an earlier attempt wrote of it is taken out again.
    """
    for run in runs:
        if not run.action.only_tagged or run.status is not None:
            continue
        if any(tag.status is None for tag in _tags_of(run, runs)):
            continue
        _skip(case, run, proof, services, "nothing of the resource can be tagged for it")


def _tags_of(run: ActionRun, runs: Sequence[ActionRun]) -> list[ActionRun]:
    same = [one for one in runs if one.action.resource == run.action.resource]
    return [one for one in same if not one.action.contains]


def _skip(case: Case, run: ActionRun, proof: Evidence, services: Services, why: str) -> None:
    undone = undo(case, run.action, proof, services)
    if undone.status in OPEN:
        run.finish(ActionStatus.FAILED, undone.reason)
    else:
        run.finish(ActionStatus.SKIPPED, why)


def skip_untrue_tags(
    case: Case, runs: Sequence[ActionRun], proof: Evidence, services: Services
) -> None:
    """Most tags say that their resource is contained: only where that was verified may they (A1).

    One that an earlier attempt wrote is taken off again.
    """
    for run in runs:
        lacking = [
            one
            for one in runs
            if one.action.contains
            and one.action.resource == run.action.resource
            and one.status not in ENDED_WELL
        ]
        untouched = run.action.contains or not run.action.says_contained
        if untouched or run.status is not None or not lacking:
            continue
        if lacking[0].until is not None:
            run.wait(lacking[0].until, f"after {lacking[0].action.name()}")
            continue
        untrue = f"{lacking[0].action.name()} was not verified, and the tag would say so"
        _skip(case, run, proof, services, untrue)


def keep(case: Case, runs: Sequence[ActionRun], proof: Evidence, services: Services) -> None:
    """Keep what was written, by which drift is recognised; meet whoever came meanwhile."""
    wrote = [run for run in runs if run.written is not None]
    if not wrote:
        return
    written = [(run.action, run.written or {}, run.changes) for run in wrote]
    others = services.holds.save_all_written(written, case.id, case.attempt)
    for run in wrote:
        if (hold := others.get(run.action.target)) is not None:
            ended, run.status = run.status, None
            meet = partial(_meet_others, case, proof, services, hold)
            try_step(case, services, run, meet)
            run.status = run.status or ended


def _meet_others(
    case: Case, proof: Evidence, services: Services, hold: Hold, run: ActionRun
) -> None:
    """Others hold the target too by now: bring about what all of them want."""
    member = hold.member(case.id)
    if member is None or member.attempt != case.attempt or hold.capture is None:
        _undo_as_the_row_says(case, services, run)
        raise HoldReleased(f"this attempt holds {run.action.target} no longer")
    if hold.capture.generation != run.generation:  # ours was unproven when they came
        run.capture = replace(hold.capture, state=captured_of(hold, proof))
        proof.write("captured", {"changes": [captured_json(case, run, own=False)]})
    # Kept before anything else is written: else our own value would pass for a person's.
    hold = services.holds.save_written(run.action, run.written or {}, case.id, case.attempt)
    if hold.combined() != run.combined:
        run.hold = bring_about(run.action, hold, case, services)
        run.written = run.hold.written
        run.finish(ActionStatus.VERIFIED, run.action.note(run.written or {}))


def _undo_as_the_row_says(case: Case, services: Services, run: ActionRun) -> None:
    """This attempt wrote after it was over: the target becomes what the hold says now."""
    if run.combined is None or run.written is None:
        raise RuntimeError("nothing was written")
    hold = services.holds.get(run.action).get(run.action.target)
    aws, wanted = services.aws(run.action, case), hold.combined() if hold is not None else None
    if hold is not None and hold.capture is not None and wanted is not None:
        captured = captured_of(hold, services.evidence(case))
        wanted.apply(aws, captured, hold.written)
    else:
        run.combined.undo(aws, run.captured, run.written)


def finish(case: Case, runs: Sequence[ActionRun], proof: Evidence, services: Services) -> Case:
    """Say how each change ended. Raises ContainFailed where one may still be brought about."""
    left = case.left
    results = (*(run.result for run in runs), *left)
    event = outcome(runs, left)
    changes = [
        {**asdict(run.result), "action": run.action.to_json(), "written": run.written}
        for run in runs
    ]
    untouched = {"left": [asdict(result) for result in left]} if left else {}
    proof.write(str(after(case.status, event)), {"changes": changes, **untouched})
    ended: dict[str, Any] = {} if event is Event.WAIT else {"contained_at": now()}
    if event is Event.NOTHING_FOUND:
        nothing = [run.reason for run in runs if run.status is ActionStatus.NOTHING_FOUND]
        ended = {"verdict": str(Verdict.OBSERVE), "reason": "; ".join(nothing)}
    case = services.cases.transition(
        case,
        event,
        results=results,
        not_before=min((run.until for run in runs if run.until), default=None),
        lease_until=None,
        evidence_end=proof.link,
        **ended,
    )
    if case.failed:
        raise ContainFailed("; ".join(f"{r.action}: {r.reason}" for r in case.failed))
    return case


def outcome(runs: Sequence[ActionRun], left: Sequence[ActionResult] = ()) -> Event:
    """What is true of the resources now: never more than was verified.

    ``left``: what is said of targets that policy left out of this attempt.
    """
    verified = [
        run.action
        for run in runs
        if run.status is ActionStatus.VERIFIED and (not run.action.only_tagged or _marks(run, runs))
    ]
    looked = [run for run in runs if run.status is not ActionStatus.NOTHING_FOUND]
    contains = any(run.action.contains for run in looked)
    counted = [action for action in verified if action.contains or not contains]
    if any(run.status is ActionStatus.WAITING for run in runs):
        return Event.WAIT
    ended = [*(run.status for run in runs), *(result.status for result in left)]
    if ActionStatus.FAILED in ended or ActionStatus.REFUSED in ended:
        held = any(result.status is ActionStatus.VERIFIED for result in left)
        return Event.SOME_VERIFIED if counted or held else Event.NONE_VERIFIED
    if not counted:
        found = ActionStatus.NOTHING_FOUND not in ended
        return Event.NOTHING_LEFT if found else Event.NOTHING_FOUND
    return Event.ALL_VERIFIED if contains else Event.TAGS_VERIFIED


def _marks(run: ActionRun, runs: Sequence[ActionRun]) -> bool:
    """Is there a verified tag for what contains only what is tagged?"""
    return any(tag.status is ActionStatus.VERIFIED for tag in _tags_of(run, runs))


def hold_back(
    case: Case, proof: Evidence, services: Services, decided: Mapping[str, Any], budget: int
) -> Case:
    """The budget was used up while the case was claimed: nothing was changed, nothing is held.

    A threat awaits approval; a control is observed, and the mark in its row brings it back.
    Where other cases have left a target to this one meanwhile, it is undone as a release does.
    """
    left = [undo(case, action, proof, services) for action in case.plan.actions]
    if any(result.status in OPEN for result in left):
        raise ContainFailed("; ".join(f"{r.action}: {r.reason}" for r in left))
    decision = over_budget(case.finding, budget)
    proof.write("held_back", {**decided, "reason": decision.reason})
    to_person = decision.verdict is Verdict.ASK
    return services.cases.transition(
        case,
        Event.ASK if to_person else Event.HOLD_BACK,
        verdict=str(decision.verdict),
        reason=decision.reason,
        held_back=not to_person,
        question_at=now() if to_person else None,
        lease_until=None,
        evidence_end=proof.link,
    )
