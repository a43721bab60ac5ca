"""How the handling of a finding ends: contained, awaiting approval or as it was; and reported.

What a finding that comes first and one that comes again have in common.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from cordon.bootstrap import Services
from cordon.clients import error_code
from cordon.clock import now, to_iso
from cordon.contain import contain
from cordon.errors import ContainFailed
from cordon.memory.cases import Case
from cordon.policy import PolicyInput
from cordon.reporting import report
from cordon.statuses import Status

LONGEST_WAIT = timedelta(minutes=15)  # of a workflow for a change; longer, the row alone knows


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


def unchanged(case: Case, why: str = "") -> Outcome:
    """There is nothing to do, or nothing that may be done: ``why`` says so."""
    reason = why or f"the status of case {case.id} is {case.status}"
    return Outcome("unchanged", reason, case.id, case.mode)


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
    """What policy looked at, and the targets that it left out."""
    settings = facts.settings
    return {
        "policy": {
            "mode": facts.mode,
            "switch": settings.switch,
            "budget": facts.budget,
            "budget_left": facts.budget_left,
            "exemptions": len(settings.exemptions),
            "left_out": facts.left_out,
            "protection_unknown": facts.protection_unknown,
            "settings_refused": list(settings.faults),
            "released_by": facts.released_by,
        }
    }


def contain_and_report(
    case: Case,
    services: Services,
    record: Mapping[str, Any],
    budget: int | None = None,
    again: datetime | None = None,
) -> Outcome:
    """Contain, and show people how it ended, also when it failed."""
    try:
        case = contain(case, services, decided=record, budget=budget, again=again)
    except ContainFailed:
        failed = services.cases.get(case.id) or case
        wait_for_change(failed, services)  # beside what failed, something may need time
        report(failed, services)
        raise
    wait_for_change(case, services)
    if case.left:  # people see the whole plan, also what this attempt did not touch
        case = services.cases.get(case.id) or case
    over_budget = case.held_back or case.status is Status.AWAITING_APPROVAL
    return ask_or_report(case, services, held_back=over_budget)


def ask_or_report(case: Case, services: Services, *, held_back: bool = False) -> Outcome:
    """Start the workflow of a question, and show people how the case is."""
    if case.status is Status.AWAITING_APPROVAL:
        start_workflow(services, services.deployment.contain_workflow, case.execution_name, case)
    report(case, services)
    left = dict.fromkeys(result.reason for result in case.left)
    reason = "; ".join((case.reason, *left))
    return Outcome(str(case.status), reason, case.id, case.mode, held_back=held_back)


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
        if error_code(error) != "ExecutionAlreadyExists":
            raise
