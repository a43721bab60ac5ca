"""A finding whose case is known: an attempt is taken up, or newer activity is responded to.

Again means later activity that was not denied, never a later publication. Policy is consulted
anew, with the recorded plan and all else as it is now. What it leaves out stays as it is: what is
held stays held, and is released with the case.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from cordon import statuses
from cordon.attempt import begin
from cordon.bootstrap import Services
from cordon.clock import now, to_iso
from cordon.errors import ContainInProgress
from cordon.facts import facts_now
from cordon.finding import Finding
from cordon.memory.cases import ActionResult, ActionStatus, Case
from cordon.outcome import (
    Outcome,
    contain_case,
    decision_record,
    ended,
    policy_inputs,
    unchanged,
)
from cordon.policy import Decision, PolicyInput, Verdict, decide
from cordon.question import period_is_over
from cordon.release import FINDING_SOURCE, OPEN
from cordon.statuses import CONTAIN_ENDED, STAYS, Event, Status

SETTLES = timedelta(minutes=2)  # IAM and S3 take seconds until a change counts everywhere
HUB_CHANNELS = ("securityhub", "securityhub_v2")  # of Security Hub's own copies


def on_known_case(case: Case, finding: Finding, decision: Decision, services: Services) -> Outcome:
    """What a finding that comes again needs. ``decision`` is that of the finding, as if new."""
    if case.live and case.lease_until is not None:
        raise ContainInProgress(case.id, case.lease_until)
    if case.not_before is not None and now() < case.not_before:
        return unchanged(case, f"a change needs time until {to_iso(case.not_before)}")
    if is_interrupted(case):
        return take_up(case, services, finding)
    if is_again(case, finding):
        return on_newer_activity(case, finding, services)
    if decision.recorded:
        return on_recorded(case, finding, decision.reason, services)
    if case.awaits_approval_again and decision.verdict is Verdict.CONTAIN:
        return contain_or_ask_again(case, case.last_activity, services)
    return unchanged(note_hub_copy(case, finding, services))


def on_recorded(case: Case, finding: Finding, why: str, services: Services) -> Outcome:
    """It needs nobody; also where a copy came first, which does not say what the source says.

    What a person chose is theirs to close.
    """
    if case.status is Status.OBSERVED and finding.moment > case.last_activity:
        case = services.cases.write(replace(case, last_activity=finding.moment))
    waits = case.status in (Status.ESCALATED, Status.AWAITING_APPROVAL) and not case.contained_as
    chosen = bool(case.finding.custom_action)
    fuller = case.finding.is_copy and not finding.is_copy and not chosen
    if waits and fuller and finding.moment >= case.last_activity:
        by = {"decided_by": FINDING_SOURCE, "decided_why": why}
        case = services.cases.transition(case, Event.SOURCE_UNDID, **by)
        return Outcome(str(case.status), why, case.id, case.mode, recorded=True)
    return unchanged(note_hub_copy(case, finding, services))


def note_hub_copy(case: Case, finding: Finding, services: Services) -> Case:
    """Security Hub's copy of a native finding comes minutes after it, as an event of its own.

    The row says that it is there, once: so the original finding can be shown what the case is.
    """
    native = case.finding.channel not in HUB_CHANNELS
    if case.hub_copy or not native or finding.channel not in HUB_CHANNELS:
        return case
    return services.cases.write(replace(case, hub_copy=True))


# ---- an attempt that died or failed ----


def is_interrupted(case: Case) -> bool:
    """Did an attempt to contain it die, or end with changes that failed?"""
    failed = case.status in CONTAIN_ENDED and bool(case.failed)
    return case.status is Status.CONTAINING or failed


def take_up(case: Case, services: Services, finding: Finding | None = None) -> Outcome:
    """Take up a case whose attempt died or failed, by a new attempt, as far as policy allows.

    ``finding``: what has come now. Newer activity must be reached too, also by what was verified;
    where a person decides about it, it is remembered.
    """
    facts = facts_now(case, services)
    decision = decide(facts)
    newer = _newer(case, finding)
    if newer is not None and decision.verdict is not Verdict.CONTAIN:
        if _is_beyond(case, newer, services):
            remember_activity(case, newer, decision.reason, services)
            case = services.cases.get(case.id) or case
        newer = None
    if not may_take_up(case, decision):
        return leave(case, decision.reason, services)
    part = replace(allowed_part(case, facts), reason=decision.reason)
    if newer is not None:
        part = _reaching(part, newer)
    record = decision_record(case) | {"resumed": True} | policy_inputs(facts)
    if newer is not None:
        record |= {"again": True, "activity": to_iso(newer)}
    return contain_case(begin(part, case, Event.CLAIM, services), services, record)


def _reaching(case: Case, at: datetime) -> Case:
    """The case as an attempt reaches activity at this moment: what waited from before it is over.

    It would else be responded to later, as if it had come last.
    """
    waits = case.newer_activity
    is_over = waits is not None and waits <= at
    return replace(case, last_activity=at, newer_activity=None if is_over else waits)


def _newer(case: Case, finding: Finding | None) -> datetime | None:
    """When somebody went on, after what the case is about; None where nobody did."""
    if finding is None or finding.activity is None or finding.denied:
        return None
    return finding.activity if finding.activity > case.last_activity else None


def _is_beyond(case: Case, at: datetime, services: Services) -> bool:
    """Was a change made that is not enough for activity at this moment, and stays as it is?

    Findings are published hours later. The moment of the last attempt says nothing: it need not
    have made again what was verified before.
    """
    made = {r.target for r in case.results if r.status in (ActionStatus.VERIFIED, *OPEN)}
    actions = [action for action in case.plan.actions if action.target in made]
    holds = services.holds.get(*actions)
    return any(
        action.again(at - SETTLES, hold.written)
        for action in actions
        if (hold := holds.get(action.target)) is not None and hold.written is not None
    )


def may_take_up(case: Case, decision: Decision) -> bool:
    """Was it decided to contain, and is it still?"""
    approved = case.verdict == Verdict.ASK and bool(case.decided_by)
    still = (Verdict.CONTAIN, Verdict.ASK) if approved else (Verdict.CONTAIN,)
    return (case.verdict == Verdict.CONTAIN or approved) and decision.verdict in still


def leave(case: Case, reason: str, services: Services) -> Outcome:
    """Policy allows no further attempt now: evidence and people are given the reason, once."""
    why = f"not taken up again: {reason}"
    if case.reason != why:
        proof = services.evidence(case)
        proof.write("not_taken_up", {"reason": reason})
        case = services.cases.write(replace(case, reason=why, evidence_end=proof.link))
    return unchanged(case, why)


def allowed_part(case: Case, facts: PolicyInput) -> Case:
    """The case with a plan of only what is still allowed; its row keeps the whole plan.

    What is said of the targets that are left out moves to ``Case.left``.
    """
    left_out = facts.left_out
    known = {result.target: result for result in case.results}
    left = {
        action.target: _left(action.name(), action.target, known, left_out[action.resource])
        for action in case.plan.actions
        if action.resource in left_out
    }
    results = [result for result in case.results if result.target not in left]
    return replace(case, plan=facts.allowed, results=(*results, *left.values()))


def _left(name: str, target: str, known: dict[str, ActionResult], why: str) -> ActionResult:
    before = known.get(target)
    verified = before is not None and before.status is ActionStatus.VERIFIED
    status = ActionStatus.VERIFIED if verified else ActionStatus.REFUSED
    return ActionResult(name, target, status, f"left as it is: {why}")


def refused_by_policy(facts: PolicyInput) -> tuple[ActionResult, ...]:
    """What is said of the targets that are left out of a new plan and are for a person."""
    why = facts.for_a_person
    return tuple(
        ActionResult(a.name(), a.target, ActionStatus.REFUSED, why[a.resource])
        for a in facts.plan.actions
        if a.resource in why
    )


# ---- newer activity ----


def is_again(case: Case, finding: Finding) -> bool:
    """Did somebody go on after what was handled, and after the containment had settled?

    The state of a resource is no activity: a control counts only when it has passed meanwhile.
    """
    handled = case.last_activity
    if case.contained_at is not None:
        handled = max(handled, case.contained_at + SETTLES)
    if case.status is Status.RELEASING and finding.activity is None:
        return case.decided_by == FINDING_SOURCE and finding.last_seen > case.last_activity
    if case.status is not Status.RELEASING and case.status not in CONTAIN_ENDED:
        return False
    return finding.activity is not None and finding.activity > handled


def on_newer_activity(case: Case, finding: Finding, services: Services) -> Outcome:
    """Denied activity is recorded; while a release goes on, activity is remembered for its end."""
    if finding.denied:
        return on_denied_activity(case, finding.moment, services)
    if case.status is Status.RELEASING:
        return remember_activity(case, finding.moment, "until the release has ended", services)
    return contain_or_ask_again(case, finding.moment, services)


def on_denied_activity(case: Case, at: datetime, services: Services) -> Outcome:
    """Somebody tried and was refused: what was contained holds. Nobody has to decide.

    Earlier activity that waits is not handled by it.
    """
    if case.denied_at is None or at > case.denied_at:
        handled = at if case.newer_activity is None else case.last_activity
        case = _recorded(case, "denied_activity", {"at": to_iso(at)}, services)
        case = services.cases.write(replace(case, last_activity=handled, denied_at=at))
    return unchanged(case, f"the activity at {to_iso(at)} was denied")


def contain_or_ask_again(case: Case, at: datetime, services: Services) -> Outcome:
    """Every change is made anew, or a person decides: one question a case and approval period."""
    facts = facts_now(case, services)
    decision = decide(facts)
    if decision.verdict is Verdict.CONTAIN:
        return contain_again(case, at, facts, decision, services)
    if decision.verdict is not Verdict.ASK:
        return remember_activity(case, at, decision.reason, services)
    if case.question_at is not None and not period_is_over(case, services):
        waits = f"a person was informed at {to_iso(case.question_at)}"
        return remember_activity(case, at, waits, services)
    return ask_again(case, at, facts, decision, services)


def contain_again(
    case: Case, at: datetime, facts: PolicyInput, decision: Decision, services: Services
) -> Outcome:
    """There are newer sessions, or something undid the containment: the changes are made anew."""
    again = replace(
        for_newer_activity(case, at, facts),
        verdict=str(decision.verdict),
        reason=decision.reason,
        mode=facts.mode,
    )
    record = decision_record(replace(again, plan=case.plan)) | policy_inputs(facts)
    record |= {"again": True, "activity": to_iso(at)}
    claimed = begin(again, case, Event.CLAIM, services)
    return contain_case(claimed, services, record, again=at)


def for_newer_activity(case: Case, at: datetime, facts: PolicyInput) -> Case:
    """The case as an attempt begins that responds to activity at this moment.

    ``last_activity`` is the moment that the actions must reach.
    """
    return replace(
        allowed_part(case, facts),
        last_activity=at,
        contained_at=None,
        contained_as="",
        newer_activity=None,
    )


def ask_again(
    case: Case, at: datetime, facts: PolicyInput, decision: Decision, services: Services
) -> Outcome:
    """A new question, in a new round; what was changed before stays."""
    held = case.contained_as or (str(case.status) if case.status in STAYS else "")
    question = replace(
        case,
        status=statuses.after(case.status, Event.ASK, case.id),
        contained_as=held,
        round=case.round + 1,
        mode=facts.mode,
        verdict=str(decision.verdict),
        reason=f"activity at {to_iso(at)}, after it was contained; {decision.reason}",
        last_activity=at,
        newer_activity=None,
        question_at=now(),
        decided_by="",
        decided_why="",
        function_arn=services.function_arn,
    )
    proof = services.evidence(case)
    record = decision_record(question) | policy_inputs(facts)
    proof.write("decided", record | {"again": True, "activity": to_iso(at)})
    opened = services.cases.open(replace(question, evidence_end=proof.link), replacing=case)
    return ended(opened)


def remember_activity(case: Case, at: datetime, why: str, services: Services) -> Outcome:
    """Nothing is done about it now: the row and evidence say so, once for each moment.

    The row's mark stays for the clock, and for the end of a release.
    """
    if case.newer_activity is None or at > case.newer_activity:
        case = _recorded(case, "newer_activity", {"at": to_iso(at), "waits": why}, services)
        case = services.cases.write(replace(case, newer_activity=at))
    return unchanged(case, f"the activity at {to_iso(at)} waits: {why}")


def _recorded(case: Case, stage: str, content: Mapping[str, str], services: Services) -> Case:
    """With an entry of evidence; none while it is released, for the row alone says it then.

    A release that died may have left entries after the end that the row names. The next try reads
    from them how its changes were undone: nobody else may write over that end.
    """
    if case.status is Status.RELEASING:
        return case
    proof = services.evidence(case)
    proof.write(stage, content)
    return replace(case, evidence_end=proof.link)
