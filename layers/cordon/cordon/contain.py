"""``contain(case)``: carry out the plan of a case that an attempt has claimed. Its mirror: release.

Every step is written before AWS is touched and may be done again, so that a death at any point is
taken up by the next delivery::

    capture   read how each target is, or take what an earlier case captured
    save      keep it, with evidence, before anything changes
    apply     change the resources, in the plan's order
    verify    keep what was written, and read it again
    finish    say how each change ended, in evidence and in the case's row

What does not need each other goes out at the same time.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from cordon.actions import Action
from cordon.attempt import (
    ACTION_ERRORS,
    ActionRun,
    Services,
    bring_about,
    captured_of,
    error_text,
    for_each,
    is_verified,
    lease,
    require_time,
    verify_with_retries,
)
from cordon.clock import now
from cordon.concurrency import gather
from cordon.errors import ContainFailed, HoldReleased, Refused, ResourceDeleted
from cordon.evidence import Evidence
from cordon.finding import canonical_json
from cordon.memory.cases import ActionResult, ActionStatus, Case
from cordon.memory.holds import Capture
from cordon.policy import Verdict, over_budget
from cordon.release import OPEN, undo
from cordon.statuses import Event, after


def contain(
    case: Case,
    services: Services,
    *,
    decided: Mapping[str, Any] | None = None,
    budget: int | None = None,
) -> Case:
    """The case with how each change ended.

    ``decided`` is the record of the decision, for the same object of evidence as the captures.
    ``budget``: take one case from an hourly budget of so many, or hold the case back. A change that
    fails does not keep the others from being tried: each one contains. Raises ContainFailed when
    one failed, so that the delivery is tried again.
    """
    with lease(case, services):
        proof = services.evidence(case)
        runs = [ActionRun(action) for action in case.plan.actions]
        if not capture(case, runs, services, budget):
            return hold_back(case, proof, services, decided or {}, budget or 0)
        save(case, runs, proof, services, decided or {})
        apply(case, runs, services)
        verify(case, runs, services)
        return finish(case, runs, proof, services)


def capture(case: Case, runs: Sequence[ActionRun], services: Services, budget: int | None) -> bool:
    """Read how each target is, where no case has captured it yet. False when over budget."""
    account = case.finding.place.account
    read = partial(_capture, case, services)
    holds, allowed, *_ = gather(
        partial(services.holds.get, *case.plan.actions),
        lambda: budget is None or services.cases.take_budget(account, budget),
        *(partial(_attempt, case, services, run, read) for run in runs),
    )
    for run in runs:
        run.hold = holds.get(run.action.target)
        if run.hold is not None and run.hold.captured is not None:
            _use_earlier_capture(run)
        elif run.status is ActionStatus.REFUSED:
            _refuse(case, services, run, run.reason)
    return bool(allowed)


def _capture(case: Case, services: Services, run: ActionRun) -> None:
    """A refusal to read means nothing where somebody has read before: the hold says whether."""
    try:
        run.captured = run.action.capture(services.aws(run.action, case))
    except Refused as refused:
        run.finish(ActionStatus.REFUSED, str(refused))


def _use_earlier_capture(run: ActionRun) -> None:
    """What we read is what another case, or an earlier attempt, has made of the target."""
    run.captured = captured_of(run.joined)
    if run.status in (ActionStatus.FAILED, ActionStatus.REFUSED):  # our reading is not needed
        run.status, run.reason = None, ""


def save(
    case: Case,
    runs: Sequence[ActionRun],
    proof: Evidence,
    services: Services,
    decided: Mapping[str, Any],
) -> None:
    """Keep what was captured, with evidence of it and of the decision, before anything changes."""
    going = [run for run in runs if run.status is None]
    first = {
        run.action.target: Capture.of(run.captured)
        for run in going
        if run.captured is not None and run.joined.capture is None
    }
    content = {**decided, "changes": [_captured_json(run, first) for run in going]}
    entry = proof.write("captured", content)
    if not first:
        return
    named = {
        target: replace(capture, key=entry.key, sha256=entry.sha256)
        for target, capture in first.items()
    }
    pairs = [(run.action, named[run.action.target]) for run in going if run.action.target in named]
    others = services.holds.save_captures(pairs, case.id, case.attempt)
    late = [run for run in going if run.action.target in others]
    for run in late:  # another case captured it between our reading and our keeping
        run.hold = others[run.action.target]
        run.captured = captured_of(run.joined)
    for run in going:
        if run.action.target in named and run not in late:
            run.hold = replace(run.joined, capture=named[run.action.target])
    if late:
        proof.write("captured", {"changes": [_captured_json(run, {}) for run in late]})


def _captured_json(run: ActionRun, first: Mapping[str, Capture]) -> dict[str, Any]:
    """For evidence, before the change: a capture of our own, or where the earlier one is."""
    capture = first.get(run.action.target) or run.joined.capture
    if capture is None:
        raise RuntimeError(f"{run.action.target} has no capture")
    earlier = {} if run.action.target in first else {"captured_in": capture.key}
    return {
        "action": run.action.to_json(),
        "target": run.action.target,
        "generation": capture.generation,
        "captured": capture.state,
        "held_by": sorted(run.joined.cases),
        **earlier,
    }


def apply(case: Case, runs: Sequence[ActionRun], services: Services) -> None:
    """Change the resources, one after the other: the plan's order means something."""
    for run in runs:
        if run.status is None:
            _attempt(case, services, run, partial(_apply, case, services))


def _apply(case: Case, services: Services, run: ActionRun) -> None:
    """Bring the target to what every case that holds it wants."""
    action, aws = run.action, services.aws(run.action, case)
    if not action.recognisable_by_value:  # others may have come and written meanwhile
        run.hold = services.holds.get(action).get(action.target)
    hold = run.joined
    run.combined = hold.combined() or action
    captured = captured_of(hold)
    earlier = hold.written if _was_verified(case, action) else None
    if earlier is not None and is_verified(run.combined, aws, captured, earlier):
        run.written = earlier
        run.finish(ActionStatus.VERIFIED)
        return
    require_time(case)
    run.written = run.combined.apply(aws, captured, hold.written)


def _was_verified(case: Case, action: Action) -> bool:
    return any(
        r.target == action.target and r.status is ActionStatus.VERIFIED for r in case.results
    )


def verify(case: Case, runs: Sequence[ActionRun], services: Services) -> None:
    """Keep what was written, and read it again."""
    for_each(runs, partial(_verify, case, services), partial(_attempt, case, services))


def _verify(case: Case, services: Services, run: ActionRun) -> None:
    """Where another case came meanwhile and wants more, bring that about too."""
    if run.written is None or run.combined is None:
        raise RuntimeError("nothing was written")
    try:
        run.hold = services.holds.save_written(run.action, run.written, case.id, case.attempt)
    except HoldReleased:
        _undo_as_the_row_says(case, services, run)
        raise
    if run.joined.combined() == run.combined:
        aws = services.aws(run.action, case)
        verify_with_retries(run.combined, aws, captured_of(run.joined), run.written)
    else:
        run.hold = bring_about(run.action, run.joined, case, services)
        run.written = run.hold.written
    run.finish(ActionStatus.VERIFIED)


def _undo_as_the_row_says(case: Case, services: Services, run: ActionRun) -> None:
    """This attempt wrote after it was over: the target becomes what the hold says now."""
    if run.combined is None or run.written is None or run.captured is None:
        raise RuntimeError("nothing was written")
    hold = services.holds.get(run.action).get(run.action.target)
    aws, wanted = services.aws(run.action, case), hold.combined() if hold is not None else None
    if hold is not None and hold.captured is not None and wanted is not None:
        wanted.apply(aws, hold.captured, hold.written)
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
    case = services.cases.transition(
        case,
        event,
        results=results,
        contained_at=case.contained_at or now(),
        lease_until=None,
        evidence_end=proof.link,
    )
    if case.failed:
        raise ContainFailed("; ".join(f"{r.action}: {r.reason}" for r in case.failed))
    return case


def outcome(runs: Sequence[ActionRun], left: Sequence[ActionResult] = ()) -> Event:
    """What is true of the resources now: never more than was verified.

    ``left``: what is said of targets that policy left out of this attempt.
    """
    verified = [run.action for run in runs if run.status is ActionStatus.VERIFIED]
    contains = any(run.action.contains for run in runs)
    counted = [action for action in verified if action.contains or not contains]
    ended = [*(run.status for run in runs), *(result.status for result in left)]
    if ActionStatus.FAILED in ended or ActionStatus.REFUSED in ended:
        held = any(result.status is ActionStatus.VERIFIED for result in left)
        return Event.SOME_VERIFIED if counted or held else Event.NONE_VERIFIED
    if not counted:
        return Event.NOTHING_LEFT
    return Event.ALL_VERIFIED if contains else Event.TAGS_VERIFIED


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


def _attempt(
    case: Case, services: Services, run: ActionRun, step: Callable[[ActionRun], None]
) -> None:
    """One step of one change. How it ended is the change's own: the others go on."""
    try:
        step(run)
    except ResourceDeleted as deleted:
        services.holds.leave(run.action, case.id)
        run.finish(ActionStatus.RESOURCE_DELETED, str(deleted))
    except Refused as refused:
        _refuse(case, services, run, str(refused))
    except ACTION_ERRORS as error:
        run.finish(ActionStatus.FAILED, error_text(error))


def _refuse(case: Case, services: Services, run: ActionRun, reason: str) -> None:
    """Nothing is held, unless an earlier attempt may have written: then it must be undone."""
    hold = services.holds.withdraw(run.action, case.id, case.attempt)
    alone = hold is not None and hold.cases == {case.id}
    if alone and hold is not None and hold.captured is not None and _changed(case, services, run):
        run.finish(ActionStatus.FAILED, reason)
        return
    services.holds.leave(run.action, case.id)
    run.finish(ActionStatus.REFUSED, reason)


def _changed(case: Case, services: Services, run: ActionRun) -> bool:
    """Does the target show anything but what was captured, or is that unknown?"""
    try:
        current = run.action.capture(services.aws(run.action, case))
    except (Refused, *ACTION_ERRORS):
        return True
    return canonical_json(current) != canonical_json(run.captured)
