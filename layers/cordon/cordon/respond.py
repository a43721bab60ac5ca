"""From a finding to an outcome: ours? → plan → remembered → policy → claim → contain.

Policy decides once, with everything known. The case is claimed before anything is touched. A
finding that comes again finds its case.
"""

from dataclasses import replace
from datetime import timedelta

from cordon import statuses
from cordon.again import (
    is_again,
    is_interrupted,
    leave,
    on_known_case,
    on_newer_activity,
    refused_by_policy,
)
from cordon.attempt import begin
from cordon.bootstrap import Services
from cordon.clock import now, to_iso
from cordon.errors import CaseConflict, SettingsUnavailable
from cordon.facts import LookUp, gather_facts, with_a_look
from cordon.finding import Finding
from cordon.gate import not_ours, passes
from cordon.memory.cases import ActionResult, ActionStatus, Case, Remembered
from cordon.outcome import (
    Outcome,
    contain_case,
    decision_record,
    ended,
    policy_inputs,
    unchanged,
    wait_for_change,
)
from cordon.policy import Decision, PolicyInput, Verdict, decide, may_release
from cordon.question import NOBODY, end, is_over, period_is_over
from cordon.release import FINDING_SOURCE, close, release
from cordon.settings import MasterSwitch
from cordon.sources.custom_action import RELEASE_ACTION
from cordon.sources.own_finding import case_named
from cordon.statuses import CLOSED, CONTAIN_ENDED, Event, Status

HOLDING = (Status.CONTAINING, Status.RELEASING, *CONTAIN_ENDED)
ONE_SCAN = timedelta(hours=1)  # findings of one scan come together: one look is enough
ENDED_BY_PASS = (Status.OBSERVED, Status.AWAITING_APPROVAL, Status.REOPENED)
KNOWN = "a sweep changes no case that there is"
OPENING = {  # what a decision makes of a case that is new, or that begins anew
    Verdict.OBSERVE: Event.OBSERVE,
    Verdict.ASK: Event.ASK,
    Verdict.ESCALATE: Event.ESCALATE,
    Verdict.CONTAIN: Event.CLAIM,
}


def respond(finding: Finding, services: Services) -> Outcome:
    """Respond to one finding. Raises what a retry may mend: see ``cordon.errors``."""
    playbook, finding = services.playbook, finding.as_of(now())
    if finding.custom_action == RELEASE_ACTION:
        return Outcome("ignored", "the desk decides on releases")
    if finding.custom_action and finding.is_cordon_finding:
        finding = original_of(finding, services)
    if not playbook.matches(finding):
        stopped = not_ours(finding, playbook, services.deployment)
        return Outcome("ignored", stopped or playbook.unhandled(finding))
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
    if facts.sweep and passes(facts.finding, facts.playbook):
        return Outcome("ignored", "a sweep brings no pass", case, facts.mode)
    if facts.of_backlog and remembered.case is not None:
        return unchanged(remembered.case, KNOWN)
    if passes(facts.finding, facts.playbook):
        return on_control_passed(facts, case, remembered.case, services)
    decision = decide(facts)
    if decision.verdict is Verdict.IGNORE:
        return ignored(decision, case, facts, remembered.case, services)
    if look_up.error is not None and decision.verdict is not Verdict.OBSERVE:
        raise look_up.error  # throttled or broken for the moment: the event is tried again
    return apply_decision(decision, case, facts, remembered, services)


def ignored(
    decision: Decision, case: str, facts: PolicyInput, known: Case | None, services: Services
) -> Outcome:
    """A stopped Cordon does nothing. Else a case that would be taken up or go on says why not."""
    stopped = facts.settings.switch is MasterSwitch.OFF
    if known is not None and not (stopped or known.live):
        if is_interrupted(known):
            return leave(known, decision.reason, services)
        if is_again(known, facts.finding):
            return on_newer_activity(known, facts.finding, services)
    return Outcome("ignored", decision.reason, case, facts.mode)


def apply_decision(
    decision: Decision, case: str, facts: PolicyInput, remembered: Remembered, services: Services
) -> Outcome:
    """Open the case, or a new round of it; else do what a known case needs."""
    finding, known, passed = facts.finding, remembered.case, remembered.passed_at
    if known is not None and is_over(known, services):
        known = end(known, Event.EXPIRE, NOBODY, services)
    if known is not None and not starts_new_round(known, finding, decision, services):
        return on_known_case(known, finding, decision, services)
    if passed is not None and finding.last_seen <= passed:
        stale = f"the control passed at {to_iso(passed)}"
        return Outcome("stale", stale, case, facts.mode)
    if decision.verdict is Verdict.ASK:
        facts, found = with_a_look(facts, case, services)
        decision = decide(facts)
        decision = replace(decision, reason="; ".join(filter(None, (decision.reason, found))))
    try:
        opened = open_case(facts, decision, case, known)
        return carry_out(opened, known, facts, decision, services)
    except CaseConflict:
        raced = services.cases.get(case)
        if raced is None or (known is not None and raced.version == known.version):
            raise
        if facts.of_backlog:
            return unchanged(raced, KNOWN)
        return on_known_case(raced, finding, decision, services)


def starts_new_round(known: Case, finding: Finding, decision: Decision, services: Services) -> bool:
    """Does a finding that has a case start a new round of it?"""
    chosen, contains = bool(finding.custom_action), decision.verdict is Verdict.CONTAIN
    newer = finding.moment > known.last_activity
    match known.status:
        case Status.OBSERVED:
            if known.found_nothing and finding.moment - known.last_activity < ONE_SCAN:
                return chosen
            same = decision.held_back == known.held_back
            return decision.verdict is not Verdict.OBSERVE or not same
        case Status.AWAITING_APPROVAL:
            return contains and not known.contained_as
        case Status.EXPIRED:
            return chosen or (newer and (contains or period_is_over(known, services)))
        case Status.RELEASED:
            return chosen or (newer and not finding.denied)
        case Status.REOPENED:  # a person wanted it so: its state alone says nothing new
            return chosen or (newer and finding.activity is not None and not finding.denied)
        case _:
            return chosen and known.status is Status.REJECTED


def open_case(facts: PolicyInput, decision: Decision, case: str, known: Case | None) -> Case:
    """The case as the decision makes it; nothing is written yet."""
    # A decision is of a round: what was approved, and then found nothing, is approved no more.
    again = known is not None and (known.status is not Status.OBSERVED or known.found_nothing)
    opened = Case(
        id=case,
        playbook=facts.playbook.name,
        finding=facts.finding,
        plan=facts.allowed,
        plan_hash=facts.allowed.hash,
        status=statuses.after(known.status if known else None, OPENING[decision.verdict], case),
        mode=facts.mode,
        verdict=decision.verdict,
        reason=decision.reason,
        opened_at=known.opened_at if known else now(),
        last_activity=facts.finding.moment,
        results=(*refused_by_policy(facts), *nothing_found(facts)),
        held_back=decision.held_back and decision.verdict is Verdict.OBSERVE,
        question_at=now() if decision.verdict is Verdict.ASK else None,
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


def nothing_found(facts: PolicyInput) -> tuple[ActionResult, ...]:
    """What is said of each change of which a look found nothing."""
    why, ended = facts.nothing_found, ActionStatus.NOTHING_FOUND
    actions = facts.allowed.actions if why else ()
    return tuple(ActionResult(action.name(), action.target, ended, why) for action in actions)


def carry_out(
    case: Case, known: Case | None, facts: PolicyInput, decision: Decision, services: Services
) -> Outcome:
    """Do what was decided of a case that is new, or that begins anew."""
    case = replace(case, function_arn=services.function_arn)
    record = decision_record(case) | policy_inputs(facts)
    if case.status is Status.CONTAINING:
        case = begin(case, known, Event.CLAIM, services)
        return contain_case(case, services, record, facts.budget)
    if services.batch is not None and known is None and case.status is Status.OBSERVED:
        services.batch.add(case, record)
        return Outcome(
            str(case.status), case.reason, case.id, case.mode, held_back=decision.held_back
        )
    proof = services.evidence(case)
    proof.write("decided", record)
    case = services.cases.open(replace(case, evidence_end=proof.link), replacing=known)
    return replace(ended(case, held_back=decision.held_back), recorded=decision.recorded)


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
    if finding.moment < known.last_activity:
        stale = f"the case was seen at {to_iso(known.last_activity)}"
        return Outcome("stale", stale, case, facts.mode)
    known = replace(known, last_activity=finding.moment)
    return release_on_pass(known, services, decision.reason)


def release_on_pass(case: Case, services: Services, why: str) -> Outcome:
    """What is held is undone; a question is over; what a person reopened is over too."""
    if case.awaits_approval_again or case.status in HOLDING:
        case = release(case, services, by=FINDING_SOURCE, why=why)
    elif case.status is Status.ESCALATED:
        case = close(case, services, by=FINDING_SOURCE, why=why)
    elif case.status in ENDED_BY_PASS:
        by = {"decided_by": FINDING_SOURCE, "decided_why": why}
        case = services.cases.transition(case, Event.SOURCE_UNDID, **by)
    else:
        return unchanged(case)
    wait_for_change(case, services)
    respond_to_newer_activity(case, services)
    return Outcome(str(case.status), why, case.id, case.mode)


def respond_to_newer_activity(case: Case, services: Services) -> None:
    """A release has ended: what was seen meanwhile is responded to as a finding that comes now."""
    at = case.newer_activity
    if at is None or case.status not in CLOSED:
        return
    activity = None if case.finding.is_control else at
    seen = replace(case.finding, last_seen=at, activity=activity, denied=False, custom_action="")
    respond(seen, services)


def original_of(finding: Finding, services: Services) -> Finding:
    """The finding behind Cordon's own finding that a person chose: the case's row has it."""
    known = case_behind(finding, services)
    if known is None:
        return finding
    return replace(known.finding, custom_action=finding.custom_action)


def case_behind(finding: Finding, services: Services) -> Case | None:
    """Only findings of our own account: any member may import one that looks like ours."""
    named = case_named(finding.id, services.deployment.stack)
    ours = named is not None and finding.place.account == services.deployment.account
    if named is None or not ours or named[0] != services.playbook.name:
        return None
    return services.cases.get(named[1])
