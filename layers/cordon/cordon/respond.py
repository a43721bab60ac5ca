"""From a finding to an outcome: answers? → policy → plan → claim → contain → report.

The order inside: nothing is looked up before the pure decision says that it may matter, and the
case is claimed before anything is touched. A finding that comes again finds its case.
"""

import json
import re
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from cordon import report
from cordon.actions import Refused
from cordon.actions.incident import incident
from cordon.bootstrap import Services
from cordon.cases import Case, CaseConflict, Status, finding_to_json
from cordon.clients import clients_for
from cordon.clock import now, to_iso
from cordon.concurrency import gather
from cordon.engine import CONTAINED, ContainFailed
from cordon.evidence import ChainEnd
from cordon.finding import Finding, Place, State
from cordon.playbook import Plan
from cordon.policy import (
    RELEASE_ACTION,
    Decision,
    PolicyInput,
    Verdict,
    decide,
    may_release,
    protected_by_pattern,
    without_exempt,
)
from cordon.protection import log_bucket_reason, resolve_arns
from cordon.settings import Settings

OVER = (State.PASSED, State.ARCHIVED)  # archived: the resource or the control is gone
# What says that a look-up is not allowed, rather than failed for the moment.
NOT_ALLOWED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
OUR_FINDING = re.compile(
    r"cordon/[0-9]{12}/[a-z0-9-]+/(?P<playbook>[a-z_]+)/(?P<case>[0-9a-f]{16})"
)
PASSED = "the finding's source"  # who lets go when a control passes
Row = tuple[Case | None, datetime | None]  # what Cases.look_up returns
TODO = "Decide whether it must be contained, and do it by hand."


class Unreadable(Exception):
    """The settings cannot be read, and the finding must not be lost meanwhile."""


@dataclass(frozen=True)
class Outcome:
    """What the function says it did; also what replay prints and metrics count."""

    outcome: str  # ignored, known, stale, observed, asked, contained, told, releasing, released
    reason: str
    case: str = ""
    mode: str = ""

    def to_json(self) -> dict[str, str]:
        """The handler's return value."""
        return asdict(self)


def respond(finding: Finding, wired: Services) -> Outcome:
    """Answer one finding. Raises ContainFailed, NotReported or a ClientError to be retried."""
    if finding.custom_action == RELEASE_ACTION:
        return _release_by_hand(finding, wired)
    if finding.custom_action and finding.is_cordon_finding:
        finding = _behind(finding, wired)
    if not wired.playbook.matches(finding):
        return Outcome("ignored", f"{finding.kind} is not answered by {wired.playbook.name}")
    case = wired.playbook.case_id(finding)
    passes = finding.state in OVER and wired.playbook.releases_on_pass
    situation = _situation(finding, case, wired)
    decision = may_release(situation) if passes else decide(situation)
    if decision.verdict is Verdict.IGNORE:  # whatever the settings are: nothing need be asked
        return Outcome("ignored", decision.reason, case)
    settings, row = gather(wired.settings, lambda: wired.cases.find(case))
    situation = _under(settings, situation)
    if passes:
        return _passed(situation, case, row[0], wired)
    decision = decide(situation)
    if decision.verdict is Verdict.IGNORE:
        return Outcome("ignored", decision.reason, case, situation.mode)
    return _claim(situation, decision, case, row, wired)


def _claim(
    situation: PolicyInput, decision: Decision, case: str, row: Row, wired: Services
) -> Outcome:
    """Find the finding's case, or open one. Who loses the race to open it finds it."""
    finding = situation.finding
    known, passed = row
    if known is not None and not _opens_again(known, finding, decision):
        return _known(known, finding, decision, wired)
    if passed is not None and finding.last_seen <= passed:
        return Outcome("stale", f"the control passed at {to_iso(passed)}", case, situation.mode)
    situation, decision = _look_up(situation, decision, known, wired)
    only_observed = known is not None and known.status is Status.OBSERVED
    if known is not None and only_observed and decision.verdict is Verdict.OBSERVE:
        return _known(known, finding, decision, wired)
    try:
        return _open(situation, decision, case, known, wired)
    except CaseConflict:
        raced = wired.cases.get(case)
        if raced is None:
            raise
        return _known(raced, finding, decision, wired)


def _situation(finding: Finding, case: str, wired: Services) -> PolicyInput:
    """What there is to decide, before anybody is asked: no settings yet."""
    try:
        plan = Plan(tuple(wired.playbook.plan(finding, case, wired.deployment)))
    except Refused as refused:
        plan = _for_a_person(finding, case, wired, str(refused))
    return PolicyInput(finding, wired.playbook, plan, Settings(), wired.deployment, now())


def _under(settings: Settings, situation: PolicyInput) -> PolicyInput:
    """The same under the operator's settings; what these exempt is not planned."""
    situation = replace(situation, settings=settings)
    return replace(situation, plan=without_exempt(situation))


def _for_a_person(finding: Finding, case: str, wired: Services, todo: str) -> Plan:
    return Plan((incident(finding, case, wired.deployment, manual_step=todo),))


def _look_up(
    situation: PolicyInput, decision: Decision, known: Case | None, wired: Services
) -> tuple[PolicyInput, Decision]:
    """What a decision to act still depends on: who let go before, protection, the budget."""
    if decision.verdict is Verdict.OBSERVE:
        return situation, decision
    situation = replace(situation, released_by=known.released_by if known else "")
    name, account = wired.playbook.name, situation.finding.place.account
    budget = situation.settings.budget_for(name)
    situation, left = gather(
        partial(_with_protection, situation, wired),
        partial(wired.cases.take_budget, name, account, budget),
    )
    situation = replace(situation, budget_left=left)
    return situation, decide(situation)


def _with_protection(situation: PolicyInput, wired: Services) -> PolicyInput:
    """A plan that would touch a protected target becomes an incident for a person."""
    finding, plan = situation.finding, situation.plan
    case = wired.playbook.case_id(finding)
    try:
        why = protected(plan, finding.place, case, situation.settings, wired)
    except ClientError as error:
        if error.response["Error"]["Code"] not in NOT_ALLOWED:
            raise  # throttled or broken for the moment: the event is tried again
        return replace(situation, protection_unknown=error.response["Error"]["Code"])
    if not why:
        return situation
    instead = _for_a_person(finding, case, wired, f"{why}. {TODO}")
    return replace(situation, plan=instead, protected=why)


def protected(plan: Plan, place: Place, case: str, settings: Settings, wired: Services) -> str:
    """Why a target of the plan must not be contained, by pattern or by asking; "" when none is."""
    if plan.only_tells:
        return ""
    clients = clients_for(place.account, place.region, case)
    arns, logs = gather(
        partial(resolve_arns, plan.actions, clients),
        partial(log_bucket_reason, plan.actions, clients),
    )
    return protected_by_pattern(sorted(arns), settings, wired.deployment) or logs


def _opens_again(known: Case, finding: Finding, decision: Decision) -> bool:
    """Does a finding that has a case start a new round of it?"""
    newer = finding.last_seen > known.last_activity or bool(finding.custom_action)
    if known.status is Status.OBSERVED:
        return decision.verdict is not Verdict.OBSERVE
    if known.status is Status.RELEASED:
        return newer
    rejected = known.decided_why == "rejected" and not finding.custom_action
    return known.status is Status.DECLINED and newer and not rejected


def _open(
    situation: PolicyInput, decision: Decision, case: str, known: Case | None, wired: Services
) -> Outcome:
    """Claim the case with evidence of the decision, then do what was decided."""
    stands = {
        Verdict.OBSERVE: Status.OBSERVED,
        Verdict.ASK: Status.AWAITING_APPROVAL,
        Verdict.CONTAIN: Status.CONTAINING,
    }[decision.verdict]
    again = known is not None and known.status is not Status.OBSERVED
    opened = Case(
        id=case,
        playbook=wired.playbook.name,
        finding=situation.finding,
        plan=situation.plan,
        plan_hash=situation.plan.hash,
        status=stands,
        function_arn=wired.function_arn,
        mode=situation.mode,
        verdict=decision.verdict,
        reason=decision.reason,
        opened_at=known.opened_at if known else now(),
        last_activity=situation.finding.last_seen,
        round=(known.round if known else 1) + (1 if again else 0),
        told_at=known.told_at if known else None,
        released_by=known.released_by if known else "",
        evidence_end=known.evidence_end if known else ChainEnd(),
    )
    proof = wired.evidence(opened)
    _, opened = gather(
        lambda: proof.write("decided", _decided(opened) | _looked_at(situation)),
        lambda: wired.cases.open(opened, instead_of=known),
    )
    return _go_on(replace(opened, evidence_end=proof.link), wired)


def _decided(case: Case) -> dict[str, Any]:
    """The decision record: what happened, what policy said, what is planned."""
    return {
        "finding": finding_to_json(case.finding),
        "decision": {"verdict": case.verdict, "reason": case.reason},
        "mode": case.mode,
        "plan": case.plan.to_json(),
        "plan_hash": case.plan_hash,
        "round": case.round,
    }


def _looked_at(situation: PolicyInput) -> dict[str, Any]:
    """What policy looked at."""
    settings = situation.settings
    return {
        "policy": {
            "mode": situation.mode,
            "switch": settings.switch,
            "budget": settings.budget_for(situation.playbook.name),
            "budget_left": situation.budget_left,
            "exemptions": len(settings.exemptions),
            "protected": situation.protected,
            "unknown": situation.protection_unknown,
            "unreadable": settings.unreadable,
            "let_go_by": situation.released_by,
        }
    }


def _go_on(case: Case, wired: Services) -> Outcome:
    """Do what the case's state calls for; the same on the first delivery and on any later one."""
    if case.status is Status.AWAITING_APPROVAL:
        start(
            wired, wired.deployment.contain_workflow, case.execution_name, case, plan=case.plan_hash
        )
    if _unfinished(case):
        try:
            case = wired.engine.contain(case)
        except ContainFailed:
            tell(wired.cases.get(case.id) or case, wired)
            raise
    told = tell(case, wired)
    outcome = "told" if told.plan.only_tells and told.status is Status.CONTAINED else told.status
    return Outcome(str(outcome), case.reason, case.id, case.mode)


def _known(case: Case, finding: Finding, decision: Decision, wired: Services) -> Outcome:
    """A finding that comes again finds its case: resumed if it died, told if it was not."""
    if _unfinished(case):
        approved = case.verdict == Verdict.ASK and bool(case.decided_by)
        allowed = case.verdict == Verdict.CONTAIN or approved
        acts = decision.verdict is Verdict.CONTAIN or (approved and decision.verdict is Verdict.ASK)
        return _go_on(resumed(case, wired), wired) if allowed and acts else _as_it_stands(case)
    if _goes_on(case, finding) and decision.verdict is Verdict.CONTAIN:
        return _go_on(_contain_again(case, finding, wired), wired)
    if case.told in ("", report.ABSENT):
        _go_on(case, wired)
    return _as_it_stands(case)


def resumed(case: Case, wired: Services) -> Case:
    """Claim a case whose contain died or failed.

    Where it may have died between its claim and the record of its decision, that is recorded now.
    """
    proof = wired.evidence(case)
    if not case.results:
        proof.write("decided", _decided(case) | {"resumed": True})
    return wired.cases.transition(
        case, Status.CONTAINING, when=(Status.CONTAINING, *CONTAINED), evidence_end=proof.link
    )


def _unfinished(case: Case) -> bool:
    """Did its contain die, or end with acts that failed?"""
    failed = case.status is Status.PARTLY_CONTAINED and bool(case.failed)
    return case.status is Status.CONTAINING or failed


def _goes_on(case: Case, finding: Finding) -> bool:
    """Was it seen again after it was contained? A control's finding only repeats itself."""
    contained = case.status in CONTAINED and not case.plan.only_tells
    return contained and finding.last_seen > max(
        case.last_activity, case.contained_at or case.last_activity
    )


def _contain_again(case: Case, finding: Finding, wired: Services) -> Case:
    """Whatever undid the containment, or newer sessions: every act is done anew."""
    again = replace(case, last_activity=finding.last_seen, results=())
    return wired.cases.transition(again, Status.CONTAINING, when=CONTAINED)


def _as_it_stands(case: Case) -> Outcome:
    return Outcome("known", f"case {case.id} stands at {case.status}", case.id, case.mode)


def _passed(situation: PolicyInput, case: str, known: Case | None, wired: Services) -> Outcome:
    """The control passes again: let go of what its failure made us hold."""
    finding = situation.finding
    if situation.settings.unreadable:
        raise Unreadable(situation.settings.unreadable)  # a pass comes once: it is tried again
    decision = may_release(situation)
    if decision.verdict is Verdict.IGNORE:
        return Outcome("ignored", decision.reason, case, situation.mode)
    if known is None:
        wired.cases.remember_pass(case, finding.last_seen)
        return Outcome("ignored", "the control passes and nothing is held", case, situation.mode)
    if finding.last_seen < known.last_activity:
        return Outcome(
            "stale", f"the case has seen {to_iso(known.last_activity)}", case, situation.mode
        )
    return _let_go(replace(known, last_activity=finding.last_seen), wired)


def _let_go(case: Case, wired: Services) -> Outcome:
    why = "the control passes"
    if case.status in (Status.OBSERVED, Status.AWAITING_APPROVAL):
        when = (Status.OBSERVED, Status.AWAITING_APPROVAL)
        case = wired.cases.transition(
            case, Status.RELEASED, when=when, decided_by=PASSED, decided_why=why
        )
    elif case.status not in (Status.RELEASED, Status.DECLINED):
        case = wired.engine.release(case, by=PASSED, why=why, person=False)
    elif case.told:
        return _as_it_stands(case)
    case = tell(case, wired)
    return Outcome(str(case.status), why, case.id, case.mode)


def _behind(finding: Finding, wired: Services) -> Finding:
    """The finding behind our own finding that a person chose: it stands in the case's row."""
    known = _case_of_ours(finding, wired)
    return (
        replace(known.finding, custom_action=finding.custom_action)
        if known is not None
        else finding
    )


def _case_of_ours(finding: Finding, wired: Services) -> Case | None:
    """Only findings of our own account: any member may import one that looks like ours."""
    named = OUR_FINDING.fullmatch(finding.id)
    ours = named is not None and finding.place.account == wired.deployment.account
    if named is None or not ours or named["playbook"] != wired.playbook.name:
        return None
    return wired.cases.get(named["case"])


def _release_by_hand(finding: Finding, wired: Services) -> Outcome:
    """The custom action on the original finding, or on our own finding of the case."""
    if finding.is_cordon_finding:
        known = _case_of_ours(finding, wired)
    elif wired.playbook.matches(finding):
        known = wired.cases.get(wired.playbook.case_id(finding))
    else:
        known = None
    if known is None:
        return Outcome("ignored", f"no case of {wired.playbook.name} for this finding")
    if known.status not in (Status.CONTAINING, *CONTAINED):
        return _as_it_stands(known)
    why, by = "custom action CordonRelease in Security Hub", "a Security Hub reviewer"
    start(
        wired,
        wired.deployment.release_workflow,
        release_execution_name(known),
        known,
        by=by,
        why=why,
    )
    return Outcome("releasing", why, known.id, known.mode)


def workflow_input(case: Case, **more: str) -> str:
    """The input of our workflows: names only; all else is read from the case."""
    named = {"case": case.id, "playbook": case.playbook, "function": case.function_arn}
    return json.dumps(named | more)


def release_execution_name(case: Case) -> str:
    """The name of a new ``release`` execution: each request is one of its own."""
    return f"{case.id}-release-{case.round}-{int(now().timestamp())}"


def start(wired: Services, machine: str, name: str, case: Case, **more: str) -> None:
    """Start a workflow for the case. The same name again is the same execution."""
    states = wired.client("stepfunctions")
    try:
        states.start_execution(
            stateMachineArn=machine, name=name, input=workflow_input(case, **more)
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
            raise


def tell(case: Case, wired: Services) -> Case:
    """Report to Security Hub how the case stands, and keep that it was told."""
    told = report.tell(case, wired.playbook, wired.deployment, wired.client("securityhub"))
    stands = case.status
    return wired.cases.transition(case, stands, when=(stands,), told=told.original, told_at=told.at)
