"""Approve, reject, release, retry: checked first, then written as a row, then woken."""

from dataclasses import replace
from datetime import timedelta

from cordon.clock import now, to_iso
from cordon.deciding.desk import (
    CARRIED_OUT_LATER,
    Desk,
    NotDecided,
    Response,
    facts_today,
    not_the_actor,
    witness,
)
from cordon.deciding.person import Person, same_person
from cordon.deciding.request import Caller, OnCase
from cordon.memory import settings as settings_row
from cordon.memory.cases import Case
from cordon.memory.decisions import Decision, Verb
from cordon.memory.reported import ReportedRows
from cordon.policy import Verdict, decide
from cordon.statuses import CONTAIN_ENDED, Status

HOLDING = frozenset({Status.CONTAINING, Status.RELEASING, Status.ESCALATED, *CONTAIN_ENDED})
OF_QUESTIONS = (Verb.APPROVE, Verb.REJECT)
SECOND_PERSON = "recorded; a second person must approve the same plan before anything changes"
STARTED = "recorded; its workflow checks everything again before it changes anything"


def decide_case(verb: Verb, body: OnCase, caller: Caller, desk: Desk) -> Response:
    """One person's decision about one case. Raises NotDecided; then nothing was written."""
    person = desk.person(caller)
    case = desk.case(body.case)
    not_the_actor(person, case.finding)
    status_allows(verb, case)
    plan_is(verb, case, body.plan)
    if verb in OF_QUESTIONS:
        _still_in_time(case, desk)
    if verb in (Verb.APPROVE, Verb.RETRY):
        _policy_allows(case, desk)
    before = desk.decided(case.playbook, case.id)
    made = Decision(
        verb=verb,
        round=case.round,
        plan_hash=case.plan_hash,
        by=caller.arn,
        why=body.why,
        at=now(),
        witnesses=(witness(caller, person.id),),
    )
    decision = _beside(before, made, person, case, desk)
    if decision is not before:
        desk.save(case.playbook, case.id, decision, before)
    return _carry_out(decision, case, caller, person, desk)


def status_allows(verb: Verb, case: Case) -> None:
    """May this be decided of a case with this status? Raises NotDecided."""
    allowed = {
        Verb.APPROVE: case.status is Status.AWAITING_APPROVAL,
        Verb.REJECT: case.status is Status.AWAITING_APPROVAL,
        Verb.RELEASE: case.status in HOLDING or case.awaits_approval_again,
        Verb.RETRY: _may_be_tried_again(case),
    }[verb]
    if allowed:
        return
    why = {
        Verb.APPROVE: "awaits no approval",
        Verb.REJECT: "awaits no approval",
        Verb.RELEASE: "holds nothing",
        Verb.RETRY: "has no failed change, and no attempt that died",
    }[verb]
    if verb is Verb.RETRY and case.not_before is not None and now() < case.not_before:
        why = f"waits until {to_iso(case.not_before)}, and then goes on by itself"
    elif verb is Verb.RETRY and case.live and case.lease_until is not None:
        why = f"has a live attempt, until {to_iso(case.lease_until)} at the latest"
    raise NotDecided(409, f"case {case.id} {why}: its status is {case.status}")


def _may_be_tried_again(case: Case) -> bool:
    if case.live:
        return False
    if case.status is Status.CONTAINING:
        return case.not_before is None or now() >= case.not_before
    return case.status in CONTAIN_ENDED and bool(case.failed)


def plan_is(verb: Verb, case: Case, plan: str) -> None:
    """What is approved is what runs; who names a plan otherwise must mean the same.

    Raises NotDecided.
    """
    if not plan and verb is not Verb.APPROVE:
        return
    if not plan == case.plan_hash == case.plan.hash:
        raise NotDecided(
            409, f"the plan of case {case.id} is {case.plan_hash}, not {plan}: look at it again"
        )


def _still_in_time(case: Case, desk: Desk) -> None:
    """The hours count from when people were informed; before that nobody is too late."""
    name = (case.playbook, case.id)
    rows = ReportedRows(desk.table, desk.deployment.evidence_days)
    informed = rows.get([name])[name].informed_of_question(case)
    if informed is None:
        return
    ends = informed + timedelta(hours=desk.deployment.approval_hours)
    if now() >= ends:
        raise NotDecided(
            409, f"the time to decide case {case.id} ended at {to_iso(ends)}: the case expires"
        )


def _policy_allows(case: Case, desk: Desk) -> None:
    """Today's settings, exemptions and protection. The same policy as for the finding."""
    playbook = desk.playbooks[case.playbook]
    settings = settings_row.settings_of(settings_row.read(desk.table), (case.playbook,))
    facts = facts_today(case.finding, case.plan, playbook, settings, desk.deployment)
    decision = decide(facts)
    if decision.verdict not in (Verdict.ASK, Verdict.CONTAIN):
        raise NotDecided(409, f"it is not allowed now: {decision.reason}")
    first = case.status is Status.AWAITING_APPROVAL and not case.awaits_approval_again
    if first and facts.left_out:
        why = "; ".join(f"{arn}: {reason}" for arn, reason in facts.left_out.items())
        raise NotDecided(409, f"not all of the plan is allowed now: {why}")


def _beside(
    before: Decision | None, made: Decision, person: Person, case: Case, desk: Desk
) -> Decision:
    """The decision as it is to be written, with what others decided of this round before.

    The very decision that was there is returned where it says the same: then it is only woken anew.
    """
    earlier = before if before is not None and before.round == case.round else None
    two = desk.deployment.two_approvers and made.verb is Verb.APPROVE
    if earlier is None or earlier.verb not in OF_QUESTIONS:
        return replace(made, complete=not two)
    if earlier.complete and made.verb in OF_QUESTIONS:
        if earlier.verb is made.verb:
            return earlier
        raise NotDecided(
            409, f"{earlier.by} has decided before: {earlier.verb}. Cordon carries that out"
        )
    same = earlier.verb is made.verb and earlier.plan_hash == made.plan_hash
    if not two or earlier.complete or not same:
        return replace(made, complete=not two)
    return with_second(earlier, made, person)


def is_recent(decision: Decision, desk: Desk) -> bool:
    """Does another person still complete it, or is it old, and to be decided from the beginning?"""
    hours = timedelta(hours=desk.deployment.approval_hours)
    return decision.at is not None and now() < decision.at + hours


def with_second(first: Decision, made: Decision, person: Person) -> Decision:
    """The decision of two people. Raises NotDecided (403) where they count as one."""
    if any(same_person(one.person, person.id) for one in first.witnesses):
        raise NotDecided(
            403,
            f"{person.id} has decided this before, and two people must: somebody else is needed",
        )
    return replace(made, complete=True, witnesses=(*first.witnesses, *made.witnesses))


def _carry_out(
    decision: Decision, case: Case, caller: Caller, person: Person, desk: Desk
) -> Response:
    said = {
        "case": case.id,
        "verb": str(decision.verb),
        "by": caller.arn,
        "person": person.id,
        "status": str(case.status),
        "complete": decision.complete,
    }
    if not decision.complete:
        return Response(200, said | {"says": SECOND_PERSON})
    if desk.wake(decision, case.playbook, case.id, case.function_arn):
        return Response(200, said | {"says": STARTED})
    return Response(202, said | {"says": CARRIED_OUT_LATER})
