"""The steps that our state machines call, by the names in ``STEPS``.

A command carries no authority: it names a case, and wakes. Who decided what is read from the
``decision#`` row, which no playbook may write, and from the case's own row. A step may be called
again by the state machine's retry and then changes nothing more.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from cordon.again import allowed_part, for_newer_activity, is_interrupted, take_up
from cordon.attempt import begin
from cordon.bootstrap import Services
from cordon.clock import now, to_iso
from cordon.contain import contain
from cordon.errors import CaseConflict, ContainInProgress, NotAllowedNow, NotApproved
from cordon.facts import facts_now
from cordon.memory.cases import Case, Decision
from cordon.outcome import decision_record, policy_inputs
from cordon.policy import PolicyInput, Verdict, decide
from cordon.release import close, release
from cordon.reporting import report
from cordon.respond import respond_to_newer_activity
from cordon.sources.text import one_line
from cordon.statuses import CLOSED, CONTAIN_ENDED, STAYS, Event, Status

Command = Mapping[str, Any]


def run_step(command: Command, services: Services) -> dict[str, str]:
    """Carry out one command of a state machine. A malformed one is a KeyError naming the field."""
    case = services.cases.get(str(command["case"]))
    if case is None:
        raise CaseConflict(one_line(str(command["case"]), 64), "no case of this playbook")
    return STEPS[command["do"]](case, command, services)


def _ask(case: Case, command: Command, services: Services) -> dict[str, str]:
    """Keep the token that an approval needs."""
    _require_current_round(case, command)
    if case.status is not Status.AWAITING_APPROVAL:
        raise NotApproved(f"the status of case {case.id} is {case.status}: it awaits no approval")
    services.cases.keep_token(case, command["token"])
    return {"state": str(case.status)}


def _contain(case: Case, command: Command, services: Services) -> dict[str, str]:
    """Contain what a person approved, if it is still what is recorded and still allowed."""
    _require_current_round(case, command)
    decision = services.cases.decision(case)
    if decision is None or decision.decision != "approve":
        raise NotApproved(f"case {case.id}: nobody approved this round of it")
    if not decision.plan_hash == case.plan_hash == case.plan.hash:
        raise NotApproved(f"case {case.id}: the approved plan is not the recorded plan")
    if case.status in CONTAIN_ENDED and not case.failed:
        return _contained(case, services)
    if case.status is not Status.AWAITING_APPROVAL and not is_interrupted(case):
        raise NotApproved(f"the status of case {case.id} is {case.status}")
    facts = _facts_that_allow(case, services)
    if case.status is Status.AWAITING_APPROVAL:
        again = case.last_activity if case.awaits_approval_again else None
        claimed = _approve(case, decision, facts, services)
        return _contained(contain(claimed, services, again=again), services)
    record = decision_record(case) | {"resumed": True} | policy_inputs(facts)
    part = replace(allowed_part(case, facts), decided_by=decision.by)
    claimed = begin(part, case, Event.CLAIM, services)
    return _contained(contain(claimed, services, decided=record), services)


def _continue(case: Case, _: Command, services: Services) -> dict[str, str]:
    """Take up a case that needed time, as far as policy still allows it."""
    if case.status is not Status.CONTAINING or not _is_due(case):
        return _contained(case, services)
    outcome = take_up(case, services)
    after = services.cases.get(case.id) or case
    if after.status is Status.CONTAINING and _is_due(after):
        raise NotAllowedNow(f"case {case.id}: {outcome.reason}")
    return _contained(after, services)


def _is_due(case: Case) -> bool:
    return case.not_before is None or now() >= case.not_before


def _approve(case: Case, decision: Decision, facts: PolicyInput, services: Services) -> Case:
    """Claim the case; evidence says who approved, before anything is captured.

    Of an approval to contain again, what is not allowed any more is left as it is.
    """
    by = one_line(decision.by, 256)
    wanted = (
        for_newer_activity(case, case.last_activity, facts) if case.awaits_approval_again else case
    )
    proof = services.evidence(case)
    proof.write("approved", {"by": by, "plan_hash": case.plan_hash, **policy_inputs(facts)})
    approved = replace(
        wanted, decided_by=by, released_by="", question_at=None, evidence_end=proof.link
    )
    return begin(approved, case, Event.APPROVE, services)


def _facts_that_allow(case: Case, services: Services) -> PolicyInput:
    """The same policy as for the finding: settings, exemptions and protection as they are now.

    A person approved the whole plan: what is left of it was not approved.
    """
    facts = facts_now(case, services)
    decision = decide(facts)
    if decision.verdict not in (Verdict.ASK, Verdict.CONTAIN):
        raise NotAllowedNow(f"case {case.id}: {decision.reason}")
    first = case.status is Status.AWAITING_APPROVAL and not case.awaits_approval_again
    if first and facts.left_out:
        why = "; ".join(f"{arn}: {reason}" for arn, reason in facts.left_out.items())
        raise NotAllowedNow(f"case {case.id}: not all that was approved is allowed now: {why}")
    return facts


def _require_current_round(case: Case, command: Command) -> None:
    """An execution of an earlier round must not decide over a later one."""
    if command["execution"] != case.execution_name:
        raise NotApproved(f"case {case.id} is at {case.execution_name}, not {command['execution']}")


def _contained(case: Case, services: Services) -> dict[str, str]:
    """``seen``: when the finding was last seen; the function measures the time since.

    ``until``: a change needs time until then, and people see for what.
    """
    said = {"state": str(case.status), "mode": case.mode, "seen": to_iso(case.last_activity)}
    if case.status is not Status.CONTAINING or case.not_before is None:
        return said
    report(case, services)
    return said | {"until": to_iso(case.not_before)}


_NOT_CARRIED_OUT = {
    "reject": "rejected",
    "approve": "what a person approved was not carried out",  # too late, or not allowed any more
}


def _end_question(case: Case, command: Command, services: Services) -> dict[str, str]:
    """Nothing is done: a person rejected the plan, time is up, or policy allows it no longer."""
    if case.status is not Status.AWAITING_APPROVAL or command["execution"] != case.execution_name:
        return {"state": str(case.status)}
    decision = services.cases.decision(case)
    rejected = decision is not None and decision.decision == "reject"
    by = one_line(decision.by, 256) if decision is not None and rejected else ""
    event = _end_of_question(case, Event.REJECT if rejected else Event.EXPIRE)
    why = _NOT_CARRIED_OUT.get(decision.decision if decision is not None else "", "nobody approved")
    proof = services.evidence(case)
    proof.write("rejected" if rejected else "expired", {"by": by, "why": why})
    changes = {"decided_by": by, "decided_why": why, "evidence_end": proof.link}
    return {"state": str(services.cases.transition(case, event, contained_as="", **changes).status)}


def _end_of_question(case: Case, event: Event) -> Event:
    """A question about newer activity leaves what was changed before as it is."""
    return STAYS[Status(case.contained_as)] if case.awaits_approval_again else event


def _report(case: Case, command: Command, services: Services) -> dict[str, str]:
    """Show people what the case is; after a failed workflow, with what the workflow says of it."""
    if command.get("execution", case.execution_name) != case.execution_name:
        return {"state": str(case.status)}
    if failed := command.get("failed"):
        why = one_line(f"the workflow failed: {failed}", 2000)
        if case.status is Status.AWAITING_APPROVAL:
            event = _end_of_question(case, Event.EXPIRE)
            case = services.cases.transition(case, event, contained_as="", decided_why=why)
        elif case.decided_why != why:
            case = services.cases.write(replace(case, decided_why=why))
    report(case, services)
    return {"state": str(case.status)}


def _release(case: Case, _: Command, services: Services) -> dict[str, str]:
    """Release what a row says is to be released; ``until`` is when to try again."""
    if case.status in CLOSED:
        return _released(case, services)
    decision = services.cases.decision(case)
    decided = decision is not None and decision.decision == "release"
    if not decided and case.status is not Status.RELEASING:
        return {"state": str(case.status)}  # no person wants it, whatever the command says
    if decision is not None and decided:
        by, why = one_line(decision.by, 256), one_line(decision.why, 300)
    else:
        by, why = case.decided_by, case.decided_why
    if case.status is Status.AWAITING_APPROVAL and not case.awaits_approval_again:
        return {"state": str(case.status)}  # it is rejected, not released
    if case.status is Status.ESCALATED:
        return {"state": str(close(case, services, by=by, why=why).status)}
    try:
        case = release(case, services, by=by, why=why)
    except ContainInProgress as live:
        return {"state": "waiting", "until": to_iso(live.until)}
    if case.not_before is None:
        return _released(case, services)
    report(case, services)  # it may wait long, and people must know for what
    return {"state": "waiting", "until": to_iso(case.not_before)}


def _released(case: Case, services: Services) -> dict[str, str]:
    """People see that it is released before what was seen meanwhile opens it again."""
    if case.newer_activity is not None:
        report(case, services)
        respond_to_newer_activity(case, services)
    return {"state": str(case.status)}


STEPS: Mapping[str, Callable[[Case, Command, Services], dict[str, str]]] = {
    "ask": _ask,
    "contain": _contain,
    "continue": _continue,
    "end_question": _end_question,
    "report": _report,
    "release": _release,
}
