"""From a finding to an outcome: ours? → plan → remembered → policy → claim → contain → report.

Policy decides once, with everything known. The case is claimed before anything is touched. A
finding that comes again finds its case.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError

from cordon import statuses
from cordon.attempt import begin
from cordon.bootstrap import Services
from cordon.clock import now, to_iso
from cordon.contain import contain
from cordon.errors import CaseConflict, ContainFailed, ContainInProgress, SettingsUnavailable
from cordon.facts import LookUp, gather_facts
from cordon.finding import Finding
from cordon.memory.cases import Case, Remembered
from cordon.policy import (
    RELEASE_ACTION,
    Decision,
    PolicyInput,
    Verdict,
    decide,
    may_release,
    not_ours,
    passes,
)
from cordon.release import FINDING_SOURCE, close, release
from cordon.reporting import is_reported, report
from cordon.statuses import CONTAIN_ENDED, Event, Status

CASE_FINDING_ID = re.compile(
    r"cordon/[0-9]{12}/[a-z0-9-]+/(?P<playbook>[a-z_]+)/(?P<case>[0-9a-f]{16})"
)
LONGEST_WAIT = timedelta(minutes=15)  # of a workflow for a change; longer, the row alone knows
OPENING = {  # what a decision makes of a case that is new, or that begins anew
    Verdict.OBSERVE: Event.OBSERVE,
    Verdict.ASK: Event.ASK,
    Verdict.ESCALATE: Event.ESCALATE,
    Verdict.CONTAIN: Event.CLAIM,
}


@dataclass(frozen=True)
class Outcome:
    """What the function did with a finding; also what replay prints and metrics count.

    ``outcome`` is the case's status, or ignored, unchanged, stale.
    """

    outcome: str
    reason: str
    case: str = ""
    mode: str = ""
    held_back: bool = False
    settings_refused: bool = False  # some entry is: a metric filter counts it too
    refused: tuple[str, ...] = ()  # these entries, with their reasons

    def to_json(self) -> dict[str, Any]:
        """The handler's return value."""
        return asdict(self)


def respond(finding: Finding, services: Services) -> Outcome:
    """Respond to one finding. Raises what a retry may mend: see ``cordon.errors``."""
    playbook = services.playbook
    if finding.custom_action == RELEASE_ACTION:
        return release_from_security_hub(finding, services)
    if finding.custom_action and finding.is_cordon_finding:
        finding = original_of(finding, services)
    if not playbook.matches(finding):
        unhandled = f"{playbook.name} does not handle {finding.kind}"
        return Outcome("ignored", not_ours(finding, playbook, services.deployment) or unhandled)
    case = playbook.case_id(finding)
    if reason := not_ours(finding, playbook, services.deployment):
        return Outcome("ignored", reason, case)
    facts, remembered, look_up = gather_facts(finding, case, services)
    outcome = on_known_facts(facts, case, remembered, look_up, services)
    faults = facts.settings.faults
    return replace(outcome, settings_refused=bool(faults), refused=faults)


def on_known_facts(
    facts: PolicyInput, case: str, remembered: Remembered, look_up: LookUp, services: Services
) -> Outcome:
    """Decide with everything known, and do what is decided."""
    if passes(facts.finding, facts.playbook):
        return on_control_passed(facts, case, remembered.case, services)
    decision = decide(facts)
    if decision.verdict is Verdict.IGNORE:
        return Outcome("ignored", decision.reason, case, facts.mode)
    if look_up.error is not None and decision.verdict is not Verdict.OBSERVE:
        raise look_up.error  # throttled or broken for the moment: the event is tried again
    return apply_decision(decision, case, facts, remembered, services)


def apply_decision(
    decision: Decision, case: str, facts: PolicyInput, remembered: Remembered, services: Services
) -> Outcome:
    """Open the case, or a new round of it; else do what a known case needs."""
    finding, known, passed = facts.finding, remembered.case, remembered.passed_at
    if known is not None and not starts_new_round(known, finding, decision):
        return on_known_case(known, finding, decision, remembered, services)
    if passed is not None and finding.last_seen <= passed:
        stale = f"the control passed at {to_iso(passed)}"
        return Outcome("stale", stale, case, facts.mode)
    try:
        opened = open_case(facts, decision, case, known)
        return carry_out(opened, known, facts, decision, services)
    except CaseConflict:
        raced = services.cases.get(case)
        if raced is None or (known is not None and raced.version == known.version):
            raise
        return on_known_case(raced, finding, decision, remembered, services)


def starts_new_round(known: Case, finding: Finding, decision: Decision) -> bool:
    """Does a finding that has a case start a new round of it?"""
    newer = finding.last_seen > known.last_activity or bool(finding.custom_action)
    match known.status:
        case Status.OBSERVED:
            return decision.verdict is not Verdict.OBSERVE
        case Status.RELEASED | Status.REOPENED | Status.EXPIRED:
            return newer
        case Status.REJECTED:
            return bool(finding.custom_action)
        case _:
            return False


def open_case(facts: PolicyInput, decision: Decision, case: str, known: Case | None) -> Case:
    """The case as the decision makes it; nothing is written yet."""
    again = known is not None and known.status is not Status.OBSERVED
    opened = Case(
        id=case,
        playbook=facts.playbook.name,
        finding=facts.finding,
        plan=facts.plan,
        plan_hash=facts.plan.hash,
        status=statuses.after(known.status if known else None, OPENING[decision.verdict], case),
        mode=facts.mode,
        verdict=decision.verdict,
        reason=decision.reason,
        opened_at=known.opened_at if known else now(),
        last_activity=facts.finding.last_seen,
    )
    if known is None:
        return opened
    return replace(
        opened,
        round=known.round + (1 if again else 0),
        attempt=known.attempt,
        released_by=known.released_by,
        changed_at=known.changed_at,
        evidence_end=known.evidence_end,
        observed=known.observed,
    )


def carry_out(
    case: Case, known: Case | None, facts: PolicyInput, decision: Decision, services: Services
) -> Outcome:
    """Do what was decided of a case that is new, or that begins anew."""
    case = replace(case, function_arn=services.function_arn)
    record = decision_record(case) | policy_inputs(facts)
    if case.status is Status.CONTAINING:
        case = begin(case, known, Event.CLAIM, services)
        budget = facts.settings.budget_for(facts.playbook.name)
        return contain_and_report(case, services, record, budget)
    if services.batch is not None and known is None and case.status is Status.OBSERVED:
        services.batch.add(case, record)
        return Outcome(
            str(case.status), case.reason, case.id, case.mode, held_back=decision.held_back
        )
    proof = services.evidence(case)
    proof.write("decided", record)
    case = services.cases.open(replace(case, evidence_end=proof.link), replacing=known)
    return ask_or_report(case, services, held_back=decision.held_back)


def decision_record(case: Case) -> dict[str, Any]:
    """What happened, what policy said, what is planned: the first thing in evidence."""
    return {
        "finding": case.finding.to_json(),
        "decision": {"verdict": case.verdict, "reason": case.reason},
        "mode": case.mode,
        "plan": case.plan.to_json(),
        "plan_hash": case.plan_hash,
        "round": case.round,
    }


def policy_inputs(facts: PolicyInput) -> dict[str, Any]:
    """What policy looked at."""
    settings = facts.settings
    return {
        "policy": {
            "mode": facts.mode,
            "switch": settings.switch,
            "budget": settings.budget_for(facts.playbook.name),
            "budget_left": facts.budget_left,
            "exemptions": len(settings.exemptions),
            "protected": facts.protected,
            "protection_unknown": facts.protection_unknown,
            "settings_refused": list(settings.faults),
            "released_by": facts.released_by,
        }
    }


def contain_and_report(
    case: Case, services: Services, record: Mapping[str, Any], budget: int | None = None
) -> Outcome:
    """Contain, and show people how it ended, also when it failed."""
    try:
        case = contain(case, services, decided=record, budget=budget)
    except ContainFailed:
        report(services.cases.get(case.id) or case, services)
        raise
    if case.not_before is not None:
        wait_for_change(case, services)
    report(case, services)
    return Outcome(str(case.status), case.reason, case.id, case.mode, held_back=_held_back(case))


def _held_back(case: Case) -> bool:
    return case.status is Status.OBSERVED and case.attempt > 0


def ask_or_report(case: Case, services: Services, *, held_back: bool = False) -> Outcome:
    """Start the workflow of a question, and show people how the case is."""
    if case.status is Status.AWAITING_APPROVAL:
        start_workflow(services, services.deployment.contain_workflow, case.execution_name, case)
    report(case, services)
    return Outcome(str(case.status), case.reason, case.id, case.mode, held_back=held_back)


def on_known_case(
    case: Case, finding: Finding, decision: Decision, remembered: Remembered, services: Services
) -> Outcome:
    """A finding that comes again: taken up if an attempt died, contained anew if it goes on."""
    if case.live and case.lease_until is not None:
        raise ContainInProgress(case.id, case.lease_until)
    if case.not_before is not None and now() < case.not_before:
        return unchanged(case)
    if is_interrupted(case):
        if may_resume(case, decision):
            return resume(case, services)
        return unchanged(case)
    if has_new_activity(case, finding) and decision.verdict is Verdict.CONTAIN:
        return contain_again(case, finding, services)
    if not is_reported(case, remembered.reported, services):
        ask_or_report(case, services)
    return unchanged(case)


def is_interrupted(case: Case) -> bool:
    """Did an attempt to contain it die, or end with changes that failed?"""
    failed = case.status in CONTAIN_ENDED and bool(case.failed)
    return case.status is Status.CONTAINING or failed


def may_resume(case: Case, decision: Decision) -> bool:
    """Was it decided to contain, and is it still?"""
    approved = case.verdict == Verdict.ASK and bool(case.decided_by)
    still = (Verdict.CONTAIN, Verdict.ASK) if approved else (Verdict.CONTAIN,)
    return (case.verdict == Verdict.CONTAIN or approved) and decision.verdict in still


def resume(case: Case, services: Services) -> Outcome:
    """Take up a case whose attempt died or failed, by a new attempt."""
    record = decision_record(case) | {"resumed": True}
    return contain_and_report(begin(case, case, Event.CLAIM, services), services, record)


def has_new_activity(case: Case, finding: Finding) -> bool:
    """Was it seen again after it was contained? A control's finding only repeats itself."""
    contained = case.status in CONTAIN_ENDED
    since = max(case.last_activity, case.contained_at or case.last_activity)
    return contained and finding.last_seen > since


def contain_again(case: Case, finding: Finding, services: Services) -> Outcome:
    """Something undid the containment, or there are newer sessions: every change is made anew."""
    again = replace(case, last_activity=finding.last_seen, results=())
    record = decision_record(again) | {"again": True}
    return contain_and_report(begin(again, case, Event.CLAIM, services), services, record)


def unchanged(case: Case) -> Outcome:
    """There is nothing to do."""
    return Outcome(
        "unchanged", f"the status of case {case.id} is {case.status}", case.id, case.mode
    )


def on_control_passed(
    facts: PolicyInput, case: str, known: Case | None, services: Services
) -> Outcome:
    """The control passed: release the case that its failure opened."""
    finding = facts.finding
    if facts.settings.unreadable:
        raise SettingsUnavailable(facts.settings.unreadable)  # a pass comes once
    decision = may_release(facts)
    if decision.verdict is Verdict.IGNORE:
        return Outcome("ignored", decision.reason, case, facts.mode)
    if known is None:
        services.cases.remember_pass(case, finding.last_seen)
        return Outcome("ignored", f"{decision.reason} and nothing is held", case, facts.mode)
    if finding.last_seen < known.last_activity:
        stale = f"the case was seen at {to_iso(known.last_activity)}"
        return Outcome("stale", stale, case, facts.mode)
    known = replace(known, last_activity=finding.last_seen)
    return release_on_pass(known, services, decision.reason)


def release_on_pass(case: Case, services: Services, why: str) -> Outcome:
    """What is held is undone; a question is over; what is closed stays as it is."""
    if case.status in (Status.OBSERVED, Status.AWAITING_APPROVAL, Status.ESCALATED):
        by = {"decided_by": FINDING_SOURCE, "decided_why": why}
        case = services.cases.transition(case, Event.SOURCE_UNDID, **by)
    elif case.status in (Status.CONTAINING, Status.RELEASING, *CONTAIN_ENDED):
        case = release(case, services, by=FINDING_SOURCE, why=why)
    elif is_reported(case, services.cases.reported(case), services):
        return unchanged(case)
    report(case, services)
    return Outcome(str(case.status), why, case.id, case.mode)


def original_of(finding: Finding, services: Services) -> Finding:
    """The finding behind Cordon's own finding that a person chose: the case's row has it."""
    known = case_behind(finding, services)
    if known is None:
        return finding
    return replace(known.finding, custom_action=finding.custom_action)


def case_behind(finding: Finding, services: Services) -> Case | None:
    """Only findings of our own account: any member may import one that looks like ours."""
    named = CASE_FINDING_ID.fullmatch(finding.id)
    ours = named is not None and finding.place.account == services.deployment.account
    if named is None or not ours or named["playbook"] != services.playbook.name:
        return None
    return services.cases.get(named["case"])


def release_from_security_hub(finding: Finding, services: Services) -> Outcome:
    """The custom action on the original finding, or on Cordon's own finding of the case.

    The row says that it is to be released before the workflow starts: the workflow's input has no
    authority.
    """
    known = None
    if finding.is_cordon_finding:
        known = case_behind(finding, services)
    elif services.playbook.matches(finding):
        known = services.cases.get(services.playbook.case_id(finding))
    if known is None:
        return Outcome("ignored", f"{services.playbook.name} has no case for this finding")
    if known.live and known.lease_until is not None:
        raise ContainInProgress(known.id, known.lease_until)
    why, by = "custom action CordonRelease in Security Hub", "a Security Hub reviewer"
    if known.status is Status.ESCALATED:
        closed = close(known, services, by=by, why=why)
        report(closed, services)
        return Outcome(str(closed.status), why, closed.id, closed.mode)
    if known.status not in (Status.CONTAINING, Status.RELEASING, *CONTAIN_ENDED):
        return unchanged(known)
    changes = {"decided_by": by, "decided_why": why, "released_by": by}
    case = services.cases.transition(known, Event.RELEASE, **changes)
    name = release_execution_name(case)
    start_workflow(services, services.deployment.release_workflow, name, case)
    return Outcome("releasing", why, case.id, case.mode)


def wait_for_change(case: Case, services: Services) -> None:
    """A change needs time: a workflow takes the case up then, or where that is long, the row says
    when."""
    if case.not_before is None or case.not_before - now() > LONGEST_WAIT:
        return
    name = f"{case.id}-wait-{case.attempt}"
    start_workflow(services, services.deployment.contain_workflow, name, case)


def workflow_input(case: Case) -> str:
    """The input of our workflows: names, and when to wake; all else is read from the case."""
    named = {"case": case.id, "playbook": case.playbook, "function": case.function_arn}
    until = case.not_before if case.status is Status.CONTAINING else None
    return json.dumps({**named, **({"until": to_iso(until)} if until is not None else {})})


def release_execution_name(case: Case) -> str:
    """The name of a new ``release`` execution: each request is one of its own."""
    return f"{case.id}-release-{case.round}-{int(now().timestamp())}"


def start_workflow(services: Services, workflow: str, name: str, case: Case) -> None:
    """Start a workflow for the case. The same name again is the same execution."""
    states = services.client("stepfunctions")
    try:
        states.start_execution(stateMachineArn=workflow, name=name, input=workflow_input(case))
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
            raise
