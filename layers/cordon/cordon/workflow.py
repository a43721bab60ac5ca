"""``proceed``: what our workflow calls a playbook for. It does what is due for a case, by its rows.

A command carries no authority: it names a case, and wakes. Who decided what is read from the
``decision#`` row, which no playbook may write; all else from the case's own row. So whoever may
wake a case brings about only what people decided, or what its time has come for. A step may be
called again by the state machine's retry, and then does nothing more.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cordon import by_arn, statuses
from cordon.again import (
    contain_or_ask_again,
    for_newer_activity,
    is_interrupted,
    take_up,
)
from cordon.attempt import begin
from cordon.bootstrap import Services
from cordon.clock import now, to_iso
from cordon.contain import contain
from cordon.errors import CaseConflict, ContainInProgress
from cordon.evidence import ChainEnd
from cordon.facts import facts_now, facts_without_budget
from cordon.finding import Place
from cordon.memory.cases import Case
from cordon.memory.decisions import Decision, Verb
from cordon.outcome import decision_record, policy_inputs
from cordon.policy import PolicyInput, Verdict, decide, decide_by_arn
from cordon.question import NOBODY, end, is_over, period_is_over, witnesses
from cordon.release import close, release
from cordon.respond import HOLDING, respond, respond_to_newer_activity
from cordon.sources.text import one_line
from cordon.statuses import CONTAIN_ENDED, Event, Status
from cordon.waking import soon

Command = Mapping[str, Any]


def run_step(command: Command, services: Services) -> dict[str, str]:
    """Carry out one command of the state machine. A malformed one is a KeyError naming the field.

    Returns ``{"status", "mode"}``; ``"seen"``, when the finding was last seen, after an attempt to
    contain; ``"until"``, when the workflow is to call again.
    """
    name = str(command["case"])
    if command["do"] != "proceed":
        raise KeyError(f"do: there is no step {one_line(str(command['do']), 40)}")
    case, decision = services.cases.get(name), services.decision(name)
    if decision is not None and _names_a_resource(decision, case):
        return _said(case, contain_named(name, case, decision, services))
    if case is None:
        raise CaseConflict(one_line(name, 64), "no case of this playbook")
    decided = decision if decision and decision.complete and decision.round == case.round else None
    return _said(case, proceed(case, decided, services))


def proceed(case: Case, decided: Decision | None, services: Services) -> Case:
    """Do what is due: what a person decided of this round, else what time has brought."""
    if case.live and case.lease_until is not None:
        raise ContainInProgress(case.id, case.lease_until)
    if decided is not None and decided.verb is Verb.RELEASE and _may_be_released(case):
        return _release(case, decided.by, decided.why, services, decided)
    if case.not_before is not None and now() < case.not_before:
        return case
    match case.status:
        case Status.AWAITING_APPROVAL:
            return _decide(case, decided, services)
        case Status.RELEASING:
            return _release(case, case.decided_by, case.decided_why, services)
        case Status.ESCALATED:
            return _close_with_incident(case, services)
        case _:
            _go_on(case, services)
            return services.cases.get(case.id) or case


def _go_on(case: Case, services: Services) -> None:
    """What was held back, what was interrupted, what was seen since: as policy allows it now."""
    if case.status is Status.OBSERVED and case.held_back:
        respond(replace(case.finding, custom_action=""), services)
    elif is_interrupted(case):
        take_up(case, services)
    elif case.newer_activity is not None and period_is_over(case, services):
        contain_or_ask_again(case, case.newer_activity, services)


def _said(before: Case | None, case: Case) -> dict[str, str]:
    said = {"status": str(case.status), "mode": case.mode}
    attempted = before is None or case.attempt != before.attempt
    if attempted and case.status in CONTAIN_ENDED:
        said["seen"] = to_iso(case.last_activity)
    if case.not_before is not None and soon(case.not_before):
        said["until"] = to_iso(case.not_before)
    return said


# ---- a question ----


def _decide(case: Case, decided: Decision | None, services: Services) -> Case:
    """What a person decided; or the question is over."""
    if decided is not None and decided.verb is Verb.REJECT:
        return end(case, Event.REJECT, one_line(decided.why, 300) or "rejected", services, decided)
    if decided is not None and decided.verb is Verb.APPROVE:
        return _approve(case, decided, services)
    if is_over(case, services):
        return end(case, Event.EXPIRE, NOBODY, services)
    return case


def _approve(case: Case, decision: Decision, services: Services) -> Case:
    """Contain what a person approved, if it is still what is recorded and still allowed."""
    if {decision.plan_hash, case.plan.hash} != {case.plan_hash}:
        other = "what was approved is not the plan that is recorded"
        return end(case, Event.EXPIRE, other, services, decision)
    facts = facts_now(case, services)
    if why := _forbidden(case, facts):
        refused = one_line(f"it was approved, and not carried out: {why}", 2000)
        return end(case, Event.EXPIRE, refused, services, decision)
    again = case.last_activity if case.awaits_approval_again else None
    return contain(_claimed(case, decision, facts, services), services, again=again)


def _forbidden(case: Case, facts: PolicyInput) -> str:
    """Why policy does not allow now what was approved; "" when it does.

    A person approved the whole plan: what is left of it was not approved. Of a question about newer
    activity, what is not allowed any more is left as it is.
    """
    decision = decide(facts)
    if decision.verdict not in (Verdict.ASK, Verdict.CONTAIN):
        return decision.reason
    if case.awaits_approval_again or not facts.left_out:
        return ""
    return "; ".join(f"{arn}: {reason}" for arn, reason in facts.left_out.items())


def _claimed(case: Case, decision: Decision, facts: PolicyInput, services: Services) -> Case:
    """Claim the case; evidence says who approved, before anything is captured."""
    by, why = one_line(decision.by, 256), one_line(decision.why, 300)
    wanted = (
        for_newer_activity(case, case.last_activity, facts) if case.awaits_approval_again else case
    )
    proof = services.evidence(case)
    said = {"by": by, "why": why, "plan_hash": case.plan_hash, **witnesses(decision)}
    proof.write("approved", {**said, **policy_inputs(facts)})
    approved = replace(
        wanted,
        decided_by=by,
        decided_why=why,
        released_by="",
        question_at=None,
        evidence_end=proof.link,
    )
    return begin(approved, case, Event.APPROVE, services)


# ---- a resource that a person names ----


def _names_a_resource(decision: Decision, case: Case | None) -> bool:
    """Is it a person's wish to contain a resource, that nothing was done about yet?"""
    next_round = (case.round if case is not None else 0) + 1
    return decision.verb is Verb.CONTAIN and decision.complete and decision.round == next_round


def contain_named(name: str, known: Case | None, decision: Decision, services: Services) -> Case:
    """Contain a resource that a person named: question and decision in one, with no finding.

    Raises Refused where the playbook cannot contain it.
    """
    if known is not None and known.live and known.lease_until is not None:
        raise ContainInProgress(known.id, known.lease_until)
    playbook, deployment = services.playbook, services.deployment
    account, region = decision.account or deployment.account, decision.region or deployment.region
    home = Place(deployment.partition, account, region)
    finding = by_arn.finding_of(decision.resource, playbook, home, decision.at or now())
    if playbook.case_id(finding) != name:
        raise CaseConflict(one_line(name, 64), "the resource is another case's")
    plan = playbook.plan_for(finding, deployment)
    facts = facts_without_budget(finding, plan, name, services)
    allowed = decide_by_arn(facts)
    event = Event.CLAIM if allowed.verdict is Verdict.CONTAIN else Event.OBSERVE
    case = Case(
        id=name,
        playbook=playbook.name,
        finding=finding,
        plan=plan,
        plan_hash=plan.hash,
        status=statuses.after(known.status if known else None, event, name),
        mode=str(facts.mode),
        verdict=str(allowed.verdict if event is Event.CLAIM else Verdict.OBSERVE),
        reason=allowed.reason,
        opened_at=known.opened_at if known else now(),
        last_activity=finding.moment,
        round=decision.round,
        attempt=known.attempt if known else 0,
        function_arn=services.function_arn,
        decided_by=one_line(decision.by, 256),
        decided_why=one_line(decision.why, 300),
        changed_at=known.changed_at if known else None,
        evidence_end=known.evidence_end if known else ChainEnd(),
        observed=known.observed if known else None,
    )
    said = {"named_by": case.decided_by, "why": case.decided_why}
    named = {**said, "no_finding": "a person named the resource"}
    record = {**decision_record(case), **policy_inputs(facts), **witnesses(decision), **named}
    if event is Event.CLAIM:
        return contain(begin(case, known, event, services), services, decided=record)
    proof = services.evidence(case)
    proof.write("decided", record)
    return services.cases.open(replace(case, evidence_end=proof.link), replacing=known)


# ---- a release ----


def _may_be_released(case: Case) -> bool:
    return (
        case.status in HOLDING or case.awaits_approval_again or case.status is Status.ESCALATED
    ) and not (case.not_before is not None and case.status is Status.RELEASING)


def _release(
    case: Case, by: str, why: str, services: Services, decision: Decision | None = None
) -> Case:
    """Undo what the case did, as far as it may be undone now; then respond to what came since."""
    by, why, said = one_line(by, 256), one_line(why, 300), witnesses(decision)
    if case.status is Status.ESCALATED:
        return close(case, services, by=by, why=why, said=said)
    case = release(case, services, by=by, why=why, said=said)
    respond_to_newer_activity(case, services)
    return services.cases.get(case.id) or case


def _close_with_incident(case: Case, services: Services) -> Case:
    """A person resolved the incident: what was for a person is done."""
    number = services.reported(case.id).ops_item
    if not number:
        return case
    item = services.client("ssm").get_ops_item(OpsItemId=number)["OpsItem"]
    if item["Status"] != "Resolved":
        return case
    by = one_line(str(item.get("LastModifiedBy", "")), 256)
    return close(case, services, by=by, why=f"the incident {number} was resolved")
