"""How the handling of a finding ends: contained, awaiting approval or as it was.

What a finding that comes first and one that comes again have in common.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from cordon import VERSION
from cordon.bootstrap import Services
from cordon.contain import contain
from cordon.errors import ContainFailed
from cordon.finding import Fact
from cordon.frameworks import versions_of
from cordon.lifecycle import stage
from cordon.memory.cases import Case
from cordon.policy import PolicyInput
from cordon.statuses import Status
from cordon.waking import soon, wake


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
    recorded: bool = False  # nothing was to be done, and nobody is needed
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
    """What policy looked at, the targets that it left out, what the case is evidence for, and the
    versions of Cordon and of the frameworks.

    ``lifecycle_stage`` is "" where the finding is of no stage of the data lifecycle; so is
    ``ai_workload``, the operator's own name, where its resource was named as part of none.
    """
    settings, playbook = facts.settings, facts.playbook
    return {
        "cordon": VERSION,
        "supports_evidence_for": list(playbook.controls),
        "frameworks": versions_of(playbook.controls),
        "serves": str(playbook.serves),
        "defence_layer": playbook.layer_of(facts.finding),
        "lifecycle_stage": stage(facts.finding),
        "ai_workload": facts.finding.fact(Fact.WORKLOAD),
        "periods_of_laws": [
            {"law": clock.law, "seconds": int(clock.period.total_seconds())}
            for clock in playbook.clocks
        ],
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
            "sweep": facts.sweep,
        },
    }


def contain_case(
    case: Case,
    services: Services,
    record: Mapping[str, Any],
    budget: int | None = None,
    again: datetime | None = None,
) -> Outcome:
    """Contain a case that was claimed. A change that needs minutes is waited for, also when
    another failed.
    """
    try:
        case = contain(case, services, decided=record, budget=budget, again=again)
    except ContainFailed:
        wait_for_change(services.cases.get(case.id) or case, services)
        raise
    wait_for_change(case, services)
    over_budget = case.held_back or case.status is Status.AWAITING_APPROVAL
    return replace(ended(case, held_back=over_budget), recorded=case.found_nothing)


def ended(case: Case, *, held_back: bool = False) -> Outcome:
    """What the function says of a case that it has written."""
    left = dict.fromkeys(result.reason for result in case.left)
    reason = "; ".join((case.reason, *left))
    return Outcome(str(case.status), reason, case.id, case.mode, held_back=held_back)


def wait_for_change(case: Case, services: Services) -> None:
    """A change or an undo needs time: a workflow takes the case up then. Where that is long, the
    row says when, and reconcile_cases reads it.
    """
    if case.not_before is None or not soon(case.not_before):
        return
    wake(
        services.client("stepfunctions"),
        services.deployment.workflow,
        f"{case.id}-wait-{case.attempt}",
        case=case.id,
        playbook=case.playbook,
        function=services.function_arn,
        until=case.not_before,
    )
