"""How each target is before anything changes: read, kept in its hold, and in evidence.

The hold and the evidence are written at the same time: the hold names the object that is being
written. Nothing changes unless both are there. So a capture without its evidence was never
followed by a change, and whoever finds one takes the target as it is now.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from cordon.attempt import (
    ActionRun,
    Services,
    captured_of,
    proven_state,
    refuse,
    try_step,
)
from cordon.clock import sleep
from cordon.concurrency import gather
from cordon.errors import CaptureMismatch, HoldReleased, NothingToChange, Refused
from cordon.evidence import EntryRef, Evidence
from cordon.memory.cases import ActionStatus, Case
from cordon.memory.holds import Capture, Hold

ENDED_BY_READING = (ActionStatus.REFUSED, ActionStatus.NOTHING_FOUND)
PROOF_DELAY = 1.0  # seconds in which another case's evidence of a capture may still be on its way


def capture(
    case: Case, runs: Sequence[ActionRun], proof: Evidence, services: Services, budget: int | None
) -> bool:
    """Read how each target is, where no case has captured it yet. False when over budget.

    The rows of a first attempt were made just now, by its claim: they need not be read.
    """
    account = case.finding.place.account
    read = partial(_read, case, services)
    known, allowed, *_ = gather(
        partial(services.holds.get, *(case.plan.actions if case.attempt > 1 else ())),
        lambda: budget is None or services.cases.take_budget(account, budget),
        *(partial(try_step, case, services, run, read) for run in runs),
    )
    unread = [run.action for run in runs if run.status is not None and case.attempt == 1]
    holds: dict[str, Hold] = {**known, **services.holds.get(*unread)}
    use = partial(_use_earlier_capture, case, proof, services)
    for run in runs:
        run.hold = holds.get(run.action.target)
        if run.status is ActionStatus.RESOURCE_DELETED:
            continue
        if run.hold is not None and run.hold.capture is not None:
            try_step(case, services, run, use)
        elif run.status in ENDED_BY_READING:
            refuse(case, services, run, run.reason, as_=run.status)
    return bool(allowed)


def _read(case: Case, services: Services, run: ActionRun) -> None:
    """A refusal to read means nothing where somebody has read before: the hold says whether.

    Nor does that nothing is found now.
    """
    try:
        run.current = run.action.capture(services.aws(run.action, case))
    except Refused as refused:
        run.finish(ActionStatus.REFUSED, str(refused))
    except NothingToChange as nothing:
        run.finish(ActionStatus.NOTHING_FOUND, str(nothing))


def _use_earlier_capture(case: Case, proof: Evidence, services: Services, run: ActionRun) -> None:
    """What we read is what another case, or an earlier attempt, has made of the target.

    Not so where the capture has no evidence and nothing followed on it: then it is forgotten.
    """
    hold = run.hold
    if hold is None or hold.capture is None:
        raise HoldReleased(f"{run.action.target} has no capture any more")
    try:
        state = _proven(hold, proof)
    except CaptureMismatch:
        if hold.written is not None or run.current is None:
            raise
        run.hold = services.holds.forget_capture(run.action, hold.capture, case.id, case.attempt)
        run.capture = None
        return
    run.capture = replace(hold.capture, state=state)
    if run.status in (ActionStatus.FAILED, *ENDED_BY_READING):  # our reading is not needed
        run.status, run.reason = None, ""


def _proven(hold: Hold, proof: Evidence) -> Any:
    """How the target was. Where nothing was written yet, its evidence may be on its way."""
    if hold.written is not None or hold.capture is None:
        return captured_of(hold, proof)
    try:
        return proven_state(hold.target, hold.capture, proof)
    except CaptureMismatch:
        sleep(PROOF_DELAY)
    return proven_state(hold.target, hold.capture, proof)


def save(
    case: Case,
    runs: Sequence[ActionRun],
    proof: Evidence,
    services: Services,
    decided: Mapping[str, Any],
) -> None:
    """Keep what was captured, and evidence of it and of the decision, before anything changes."""
    going = [run for run in runs if run.status is None]
    first = [run for run in going if run.capture is None]
    for run in first:
        run.capture = Capture.of(run.current or {})
    changes = [captured_json(case, run, own=run in first) for run in going]
    draft = proof.draft("captured", {**decided, "changes": changes})
    for run in first:
        run.capture = replace(_capture_of(run), key=draft.ref.key, sha256=draft.ref.sha256)
    entry, others = gather(partial(proof.put, draft), partial(_save, case, services, first))
    for run in first:
        if run.action.target in others or entry != draft.ref:
            settle = partial(_settle, case, proof, services, entry, others.get(run.action.target))
            try_step(case, services, run, settle)
    going = [run for run in first if run.status is None]
    if late := [run for run in going if _capture_of(run).key != entry.key]:
        changes = [captured_json(case, run, own=False) for run in late]
        proof.write("captured", {"changes": changes})


def _save(case: Case, services: Services, runs: Sequence[ActionRun]) -> dict[str, Hold]:
    """Those whose target another case had captured, by target, with their holds."""
    if not runs:
        return {}
    captures = [(run.action, _capture_of(run)) for run in runs]
    return services.holds.save_captures(captures, case.id, case.attempt)


def _settle(
    case: Case,
    proof: Evidence,
    services: Services,
    entry: EntryRef,
    others: Hold | None,
    run: ActionRun,
) -> None:
    """Another case captured it between our reading and our keeping; or the name was another's.

    A dead attempt may have written evidence at the place that the hold names: then ours has the
    next one.
    """
    own = replace(_capture_of(run), key=entry.key, sha256=entry.sha256)
    if others is None:
        named = _capture_of(run)
        run.hold = services.holds.forget_capture(run.action, named, case.id, case.attempt)
        run.capture = None
    else:
        run.hold = others
        _use_earlier_capture(case, proof, services, run)
    if run.capture is None or run.capture.generation == own.generation:
        run.capture = own
        if _save(case, services, [run]):
            raise HoldReleased(f"{run.action.target} was captured by another case meanwhile")


def _capture_of(run: ActionRun) -> Capture:
    if run.capture is None:
        raise RuntimeError(f"{run.action.target} has no capture")
    return run.capture


def captured_json(case: Case, run: ActionRun, *, own: bool) -> dict[str, Any]:
    """For evidence: a capture of our own, or where the earlier one is."""
    capture = _capture_of(run)
    earlier = {} if own else {"captured_in": capture.key}
    return {
        "action": run.action.to_json(),
        "target": run.action.target,
        "generation": capture.generation,
        "captured": capture.state,
        "held_by": sorted(run.cases_with(case.id)),
        **earlier,
    }
