"""The steps that our state machines call, by the names in ``STEPS``.

A command carries no authority: it names a case, and wakes. Who decided what is read from the
``decision#`` row, which no playbook may write, and from the case's own row. A step may be called
again by the state machine's retry and then changes nothing more.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from cordon.attempt import begin
from cordon.bootstrap import Services
from cordon.clock import now, to_iso
from cordon.concurrency import gather
from cordon.contain import contain
from cordon.errors import CaseConflict, ContainInProgress, NotAllowedNow, NotApproved
from cordon.facts import facts_of, look_up_protection
from cordon.memory.cases import Case, Decision, Remembered, Reported
from cordon.policy import Verdict, decide
from cordon.release import close, release
from cordon.reporting import report
from cordon.respond import decision_record, is_interrupted
from cordon.sources.text import one_line
from cordon.statuses import CLOSED, CONTAIN_ENDED, Event, Status

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
        return _contained(case)
    if case.status is not Status.AWAITING_APPROVAL and not is_interrupted(case):
        raise NotApproved(f"the status of case {case.id} is {case.status}")
    _require_allowed_now(case, services)
    if case.status is Status.AWAITING_APPROVAL:
        return _contained(contain(_approve(case, decision, services), services))
    record = decision_record(case) | {"resumed": True}
    claimed = begin(replace(case, decided_by=decision.by), case, Event.CLAIM, services)
    return _contained(contain(claimed, services, decided=record))


def _continue(case: Case, _: Command, services: Services) -> dict[str, str]:
    """Take up a case that needed time, if what it does is still allowed."""
    due = case.not_before is None or now() >= case.not_before
    if case.status is not Status.CONTAINING or not due:
        return _contained(case)
    _require_allowed_now(case, services)
    record = decision_record(case) | {"resumed": True}
    return _contained(contain(begin(case, case, Event.CLAIM, services), services, decided=record))


def _approve(case: Case, decision: Decision, services: Services) -> Case:
    """Claim the case; evidence says who approved, before anything is captured."""
    by = one_line(decision.by, 256)
    proof = services.evidence(case)
    proof.write("approved", {"by": by, "plan_hash": case.plan_hash})
    approved = replace(case, decided_by=by, released_by="", evidence_end=proof.link)
    return begin(approved, case, Event.APPROVE, services)


def _require_allowed_now(case: Case, services: Services) -> None:
    """The same policy as for the finding: settings, exemptions and protection as they are now."""
    place, plan = case.finding.place, case.plan
    settings, look_up = gather(
        services.cases.settings, partial(look_up_protection, plan, place, case.id, services)
    )
    if look_up.error is not None:
        raise look_up.error
    remembered = Remembered(None, None, 0, Reported(), settings)
    facts = facts_of(case.finding, plan, remembered, look_up, services)
    decision = decide(facts)
    if decision.verdict not in (Verdict.ASK, Verdict.CONTAIN):
        raise NotAllowedNow(f"case {case.id}: {decision.reason}")
    if facts.plan != case.plan:
        raise NotAllowedNow(f"case {case.id}: a target was exempted since the question")


def _require_current_round(case: Case, command: Command) -> None:
    """An execution of an earlier round must not decide over a later one."""
    if command["execution"] != case.execution_name:
        raise NotApproved(f"case {case.id} is at {case.execution_name}, not {command['execution']}")


def _contained(case: Case) -> dict[str, str]:
    """``seen``: when the finding was last seen; the function measures the time since.

    ``until``: a change needs time until then.
    """
    said = {"state": str(case.status), "mode": case.mode, "seen": to_iso(case.last_activity)}
    if case.status is Status.CONTAINING and case.not_before is not None:
        return said | {"until": to_iso(case.not_before)}
    return said


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
    event = Event.REJECT if rejected else Event.EXPIRE
    why = _NOT_CARRIED_OUT.get(decision.decision if decision is not None else "", "nobody approved")
    proof = services.evidence(case)
    proof.write("rejected" if rejected else "expired", {"by": by, "why": why})
    changes = {"decided_by": by, "decided_why": why, "evidence_end": proof.link}
    return {"state": str(services.cases.transition(case, event, **changes).status)}


def _report(case: Case, command: Command, services: Services) -> dict[str, str]:
    """Show people what the case is; after a failed workflow, with what the workflow says of it."""
    if command.get("execution", case.execution_name) != case.execution_name:
        return {"state": str(case.status)}
    if failed := command.get("failed"):
        why = one_line(f"the workflow failed: {failed}", 2000)
        if case.status is Status.AWAITING_APPROVAL:
            case = services.cases.transition(case, Event.EXPIRE, decided_why=why)
        elif case.decided_why != why:
            case = services.cases.write(replace(case, decided_why=why))
    report(case, services)
    return {"state": str(case.status)}


def _release(case: Case, _: Command, services: Services) -> dict[str, str]:
    """Release what a row says is to be released; ``until`` is when to try again."""
    if case.status in CLOSED:
        return {"state": str(case.status)}
    decision = services.cases.decision(case)
    decided = decision is not None and decision.decision == "release"
    if not decided and case.status is not Status.RELEASING:
        return {"state": str(case.status)}  # no person wants it, whatever the command says
    if decision is not None and decided:
        by, why = one_line(decision.by, 256), one_line(decision.why, 300)
    else:
        by, why = case.decided_by, case.decided_why
    if case.status is Status.AWAITING_APPROVAL:
        return {"state": str(case.status)}  # it is rejected, not released
    if case.status is Status.ESCALATED:
        return {"state": str(close(case, services, by=by, why=why).status)}
    try:
        case = release(case, services, by=by, why=why)
    except ContainInProgress as live:
        return {"state": "waiting", "until": to_iso(live.until)}
    if case.not_before is None:
        return {"state": str(case.status)}
    report(case, services)  # it may wait long, and people must know for what
    return {"state": "waiting", "until": to_iso(case.not_before)}


STEPS: Mapping[str, Callable[[Case, Command, Services], dict[str, str]]] = {
    "ask": _ask,
    "contain": _contain,
    "continue": _continue,
    "end_question": _end_question,
    "report": _report,
    "release": _release,
}
