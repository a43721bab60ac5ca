"""The facts that a decision depends on: plan, settings, memory and protection, read together.

Policy is pure: what must be looked up is looked up here, before it, and the same for a finding that
comes and for a plan that a person has approved.
"""

from dataclasses import dataclass, replace
from functools import partial

from botocore.exceptions import ClientError

from cordon.bootstrap import Services
from cordon.clients import AwsClients
from cordon.clock import now
from cordon.concurrency import gather
from cordon.finding import Finding, Place
from cordon.memory.cases import Remembered
from cordon.playbook import Plan
from cordon.policy import PolicyInput, protected_by_pattern, without_exempt
from cordon.protection import ACCESS_DENIED_CODES, protected_log_buckets, resolve_arns

MANUAL_STEP = "Decide whether it must be contained, and do it yourself."


def gather_facts(
    finding: Finding, case: str, services: Services
) -> tuple[PolicyInput, Remembered, "LookUp"]:
    """Everything that the decision depends on, read at the same time."""
    plan = services.playbook.plan_for(finding, services.deployment)
    remembered, look_up = gather(
        partial(services.cases.remember, case, finding.place.account, plan.hash),
        partial(look_up_protection, plan, finding.place, case, services),
    )
    facts = facts_of(finding, plan, remembered, look_up, services)
    return facts, remembered, look_up


@dataclass(frozen=True)
class LookUp:
    """Whether a target is protected: why, or why that is unknown."""

    protected: str = ""
    unknown: str = ""  # the code of a look-up that is not allowed
    arns: frozenset[str] = frozenset()  # the targets' ARNs as the account has them
    error: ClientError | None = None  # a look-up that failed for the moment


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
        code = str(error.response["Error"]["Code"])
        return LookUp(unknown=code) if code in ACCESS_DENIED_CODES else LookUp(error=error)
    return LookUp(protected=next(iter(logs.values()), ""), arns=frozenset(arns))


def facts_of(
    finding: Finding,
    plan: Plan,
    remembered: Remembered,
    look_up: LookUp,
    services: Services,
) -> PolicyInput:
    """All that policy looks at. A plan that would change a protected target is for a person."""
    deployment, playbook, settings = services.deployment, services.playbook, remembered.settings
    arns = sorted(look_up.arns or plan.resources)
    protected = protected_by_pattern(arns, settings, deployment) or look_up.protected
    if protected and plan.actions:
        plan = Plan((), f"{protected}. {MANUAL_STEP}")
    facts = PolicyInput(
        finding=finding,
        playbook=playbook,
        plan=plan,
        settings=settings,
        deployment=deployment,
        now=now(),
        budget_left=remembered.spent < settings.budget_for(playbook.name),
        protected=protected,
        protection_unknown=look_up.unknown,
        released_by=remembered.case.released_by if remembered.case else "",
    )
    return replace(facts, plan=without_exempt(facts))
