"""The facts that a decision depends on: plan, settings, memory and protection, read together.

Policy is pure: what must be looked up is looked up here, before it. ``gather_facts`` does so for a
finding that comes. ``facts_now`` does so for a case that is known, before each further attempt at
it: approved, taken up again, contained again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from botocore.exceptions import ClientError

from cordon.bootstrap import Services
from cordon.clients import AwsClients, error_code
from cordon.clock import now
from cordon.concurrency import gather
from cordon.errors import MemberRoleRefused, NothingToChange, Refused
from cordon.finding import Finding, Place
from cordon.memory import budget
from cordon.memory.cases import Case, Remembered
from cordon.playbook import Plan
from cordon.policy import PolicyInput, protected_by_pattern
from cordon.protection import ACCESS_DENIED_CODES, protected_log_buckets, resolve_arns
from cordon.settings import Settings
from cordon.statuses import CONTAIN_ENDED, Status

PAID = (Status.CONTAINING, *CONTAIN_ENDED)  # a further attempt takes nothing from the budget


def gather_facts(
    finding: Finding, case: str, services: Services
) -> tuple[PolicyInput, Remembered, "LookUp"]:
    """Everything that the decision depends on, read at the same time.

    Where a read brings what the plan depends on (the baseline, an earlier event's facts), the plan
    is made again; what is protected of another plan is then looked up anew.
    """
    plan = services.playbook.plan_for(finding, services.deployment)
    remembered, look_up = gather(
        partial(services.cases.remember, case, finding.place.account, plan.hash),
        partial(look_up_protection, plan, finding.place, case, services),
    )
    fuller, baseline = as_known(finding, remembered.case), remembered.settings.baseline
    if fuller != finding or baseline is not None:
        known = replace(services.deployment, baseline=baseline)
        planned = services.playbook.plan_for(fuller, known)
        if planned != plan:
            look_up = look_up_protection(planned, finding.place, case, services)
        finding, plan = fuller, planned
    facts = facts_of(finding, plan, remembered.settings, look_up, remembered, services)
    return facts, remembered, look_up


def as_known(finding: Finding, known: Case | None) -> Finding:
    """A copy comes minutes after the native event and may state less: what that stated counts.

    Only of the same activity: of a newer one the native event says itself what is so.
    """
    if known is None or known.finding.is_copy or not finding.is_copy:
        return finding
    return finding if finding.moment > known.last_activity else finding.with_facts_of(known.finding)


def with_a_look(facts: PolicyInput, case: str, services: Services) -> tuple[PolicyInput, str]:
    """The same after a look at what the plan finds itself; and what it found, for people.

    Raises what kept it from looking: there is no question about what is not known.
    """
    place = facts.finding.place
    aws: AwsClients = services.clients(place.account, place.region, case)
    found, nothing = [], []
    for action in facts.allowed.actions:
        try:
            found.append(action.look(aws))
        except NothingToChange as why:
            nothing.append(str(why))
        except Refused as why:
            found.append(str(why))
    if nothing and not found:
        return replace(facts, nothing_found="; ".join(nothing)), ""
    return facts, "; ".join(filter(None, (*found, *nothing)))


def facts_now(case: Case, services: Services) -> PolicyInput:
    """The same for a known case: its recorded plan, and all else as it is now."""
    return facts_without_budget(case.finding, case.plan, case.id, services)


def facts_without_budget(
    finding: Finding, plan: Plan, case: str, services: Services
) -> PolicyInput:
    """The same where no budget counts: the case has paid, or a person wants it.

    Raises what kept protection from being looked up for the moment: nothing is decided by what is
    not known.
    """
    settings, look_up = gather(
        services.cases.settings, partial(look_up_protection, plan, finding.place, case, services)
    )
    if look_up.error is not None:
        raise look_up.error
    return facts_of(finding, plan, settings, look_up, None, services)


@dataclass(frozen=True)
class LookUp:
    """Which targets are protected and why, or why that is unknown."""

    protected: Mapping[str, str] = field(default_factory=dict)  # ARN of a target → why
    unknown: str = ""  # the code of a look-up that is not allowed
    arns: Mapping[str, str] = field(default_factory=dict)  # the targets as the account has them
    error: Exception | None = None  # a look-up that failed for the moment


def look_up_protection(plan: Plan, place: Place, case: str, services: Services) -> LookUp:
    """Ask the account which of the plan's targets must not be contained."""
    if not plan.actions:
        return LookUp()
    try:
        aws: AwsClients = services.clients(place.account, place.region, case)
        arns, logs = gather(
            partial(resolve_arns, plan.actions, aws),
            partial(protected_log_buckets, plan.actions, aws),
        )
    except ClientError as error:
        return _failed(error, place, services)
    return LookUp(protected=logs, arns=arns)


def _failed(error: ClientError, place: Place, services: Services) -> LookUp:
    """A refused look-up is said; a member role that cannot be assumed is a fault."""
    if error.operation_name == "AssumeRole":
        role = f"role/cordon/{services.deployment.member_role}"
        arn = f"arn:{place.partition}:iam::{place.account}:{role}"
        return LookUp(error=MemberRoleRefused(arn, str(error)))
    code = error_code(error)
    return LookUp(unknown=code) if code in ACCESS_DENIED_CODES else LookUp(error=error)


def facts_of(
    finding: Finding,
    plan: Plan,
    settings: Settings,
    look_up: LookUp,
    remembered: Remembered | None,
    services: Services,
) -> PolicyInput:
    """All that policy looks at. ``remembered``: None for a case that has paid or was approved."""
    deployment, playbook = services.deployment, services.playbook
    known = remembered.case if remembered else None
    limit = budget.limit(settings.budget_for(playbook.name), urgent=finding.severity.urgent)
    held = known is not None and (known.status in PAID or known.awaits_approval_again)
    paid = remembered is None or held
    return PolicyInput(
        finding=finding,
        playbook=playbook,
        plan=plan,
        settings=settings,
        deployment=replace(deployment, baseline=settings.baseline),
        now=now(),
        budget=limit,
        budget_left=paid or (remembered is not None and remembered.spent < limit),
        protected=_protected(plan, settings, look_up, services),
        protection_unknown=look_up.unknown,
        released_by=known.released_by if known else "",
        sweep=services.sweep,
    )


def _protected(
    plan: Plan, settings: Settings, look_up: LookUp, services: Services
) -> dict[str, str]:
    """Why each protected target is: by a pattern, as one of our roles, or by a look-up."""
    found: dict[str, str] = {}
    for arn in plan.resources:
        names = sorted({arn, look_up.arns.get(arn, arn)})
        by_pattern = protected_by_pattern(names, settings, services.deployment)
        if why := by_pattern or look_up.protected.get(arn, ""):
            found[arn] = why
    return found
