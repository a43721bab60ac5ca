"""The question that a case awaits: until when a person may decide, and how it ends without a yes.

The hours count from when people were informed, not from when the question was opened: nobody can
decide what they have not heard of. While nobody was informed, no question ends.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from cordon.bootstrap import Services
from cordon.clock import now
from cordon.memory.cases import Case
from cordon.memory.decisions import Decision
from cordon.sources.text import one_line
from cordon.statuses import STAYS, Event, Status

NOBODY = "nobody approved in time"


def is_over(case: Case, services: Services) -> bool:
    """Does the case await a decision for which it is too late?"""
    if case.status is not Status.AWAITING_APPROVAL:
        return False
    informed = services.reported(case.id).informed_of_question(case)
    hours = timedelta(hours=services.deployment.approval_hours)
    return informed is not None and now() >= informed + hours


def period_is_over(case: Case, services: Services) -> bool:
    """Is the time to decide over that began with the case's last question?"""
    if case.question_at is None:
        return True
    begun = services.reported(case.id).informed_of_question(case) or case.question_at
    return now() >= begun + timedelta(hours=services.deployment.approval_hours)


def end(case: Case, event: Event, why: str, services: Services, by: Decision | None = None) -> Case:
    """End the question without a change; evidence says who decided, or that nobody did.

    A question about newer activity leaves what was changed before as it is.
    """
    person = one_line(by.by, 256) if by is not None else ""
    proof = services.evidence(case)
    stage = "rejected" if event is Event.REJECT else "expired"
    proof.write(stage, {"by": person, "why": why, **witnesses(by)})
    changes = {"decided_by": person, "decided_why": why, "evidence_end": proof.link}
    if case.awaits_approval_again:
        event = STAYS[Status(case.contained_as)]
    return services.cases.transition(case, event, contained_as="", **changes)


def witnesses(decision: Decision | None) -> Mapping[str, Any]:
    """Who decided, for evidence: each request as AWS named it."""
    if decision is None or not decision.witnesses:
        return {}
    return {"witnesses": [asdict(one) for one in decision.witnesses]}
