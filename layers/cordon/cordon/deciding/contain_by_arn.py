"""Contain a resource that a person names: question and decision in one, without a finding.

It counts in every mode and costs no budget. The master switch, protection, exemptions and the actor
refuse it. The playbook makes the case from the decision's row; evidence says that no finding is
behind it.
"""

from dataclasses import replace

from cordon.by_arn import finding_of
from cordon.clock import now
from cordon.deciding.cases import STARTED, is_recent, with_second
from cordon.deciding.desk import (
    Desk,
    NotDecided,
    Response,
    facts_today,
    not_the_actor,
    witness,
)
from cordon.deciding.person import Person
from cordon.deciding.request import BadRequest, ByArn, Caller
from cordon.errors import Refused
from cordon.finding import Finding, Place
from cordon.memory import settings as settings_row
from cordon.memory.cases import Case
from cordon.memory.decisions import Decision, Verb
from cordon.playbook import Plan, Playbook
from cordon.policy import Verdict, decide_by_arn
from cordon.sources.places import not_served
from cordon.statuses import CLOSED

# ``reconcile_cases`` looks at open cases, and there is none yet.
NOT_STARTED = "recorded, and its workflow could not be started: send the same request again"
SECOND_PERSON = "recorded; a second person must contain the same resource before anything changes"


def contain_by_arn(body: ByArn, caller: Caller, desk: Desk) -> Response:
    """One person's decision about one resource. Raises NotDecided; then nothing was written."""
    person = desk.person(caller)
    playbook = _playbook(body.playbook, desk)
    finding = _finding(body.resource, playbook, desk)
    not_the_actor(person, finding)
    plan = playbook.plan_for(finding, desk.deployment)
    _policy_allows(finding, plan, playbook, desk)
    case = playbook.case_id(finding)
    known = desk.cases(playbook.name).get(case)
    if known is not None and known.status not in CLOSED:
        raise NotDecided(409, f"case {case} is about this resource: its status is {known.status}")
    before = desk.decided(playbook.name, case)
    made = Decision(
        verb=Verb.CONTAIN,
        round=known.round + 1 if known else 1,
        plan_hash=plan.hash,
        by=caller.arn,
        why=body.why,
        at=now(),
        witnesses=(witness(caller, person.id),),
        resource=body.resource,
        account=finding.place.account,
        region=finding.place.region,
    )
    decision = _beside(before, made, person, desk)
    if decision is not before:
        desk.save(playbook.name, case, decision, before)
    return _carry_out(decision, case, known, playbook, caller, person, desk)


def _playbook(name: str, desk: Desk) -> Playbook:
    able = sorted(one.name for one in desk.playbooks.values() if one.by_arn)
    if name not in able:
        raise BadRequest("playbook", f"must be one that contains by ARN: {', '.join(able)}")
    return desk.playbooks[name]


def _finding(resource: str, playbook: Playbook, desk: Desk) -> Finding:
    deployment = desk.deployment
    home = Place(deployment.partition, deployment.account, deployment.region)
    try:
        finding = finding_of(resource, playbook, home, now())
    except Refused as why:
        raise BadRequest("resource", str(why)) from None
    if why_not := not_served(finding.place, deployment):
        raise NotDecided(409, why_not)
    return finding


def _policy_allows(finding: Finding, plan: Plan, playbook: Playbook, desk: Desk) -> None:
    settings = settings_row.settings_of(settings_row.read(desk.table), (playbook.name,))
    decision = decide_by_arn(facts_today(finding, plan, playbook, settings, desk.deployment))
    if decision.verdict is not Verdict.CONTAIN:
        raise NotDecided(409, f"it is not allowed now: {decision.reason}")


def _beside(before: Decision | None, made: Decision, person: Person, desk: Desk) -> Decision:
    """The decision as it is to be written; the very one that was there where that is complete.

    After ``ApprovalHours`` what was decided counts no more: it is decided from the beginning.
    """
    same = before is not None and (
        before.verb,
        before.round,
        before.plan_hash,
        before.resource,
    ) == (made.verb, made.round, made.plan_hash, made.resource)
    if before is None or not same or not is_recent(before, desk):
        return replace(made, complete=not desk.deployment.two_approvers)
    if before.complete:
        return before
    return with_second(before, made, person)


def _carry_out(
    decision: Decision,
    case: str,
    known: Case | None,
    playbook: Playbook,
    caller: Caller,
    person: Person,
    desk: Desk,
) -> Response:
    said = {
        "case": case,
        "verb": str(decision.verb),
        "by": caller.arn,
        "person": person.id,
        "status": str(known.status) if known else "",
        "complete": decision.complete,
        "round": decision.round,  # the case's, once it is contained
    }
    if not decision.complete:
        return Response(200, said | {"says": SECOND_PERSON})
    function = known.function_arn if known else ""
    if desk.wake(decision, playbook.name, case, function, caller.request):
        return Response(200, said | {"says": STARTED})
    return Response(202, said | {"says": NOT_STARTED, "started": False})
