"""People and time decide at the same moment: one of them does, and what is said is so."""

from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from console.account import operator_of
from console.stack import Stack
from cordon.memory.cases import Case
from cordon.memory.decisions import Verb
from cordon.statuses import Status
from embedded.journal import Called
from tests.examples import event
from tests.promises.interruptions import ends
from tests.promises.world import Refused, World

NAME = "guardduty_public_access"
pytestmark = pytest.mark.world("approve")


def awaiting(world: World) -> tuple[Case, dict[str, Any]]:
    """A case that awaits approval, and the account before."""
    world.stage(event(NAME))
    before = world.state
    world.account.deliver(event(NAME))
    return world.case(), before


def decide(operator: Stack, case: Case, verb: Verb) -> None:
    """At the desk; whoever comes too late is refused."""
    with suppress(Refused):
        operator.decide(case, verb, case.plan_hash)


def looked(world: World, before: dict[str, Any]) -> dict[str, Any]:
    """How it ended once everything has come to rest."""
    world.account.settle()
    world.account.advance(timedelta(minutes=11), schedules="last")
    case = world.case()
    stages = world.stages(case)
    changed = world.state != before
    return {
        "status": case.status,
        "changed": changed,
        "held": bool(world.holds),
        "approved": "approved" in stages,
        "ended": [one for one in stages if one in ("rejected", "expired")],
    }


CONTAINED = {"status": Status.CONTAINED, "changed": True, "held": True, "approved": True}
REJECTED = {"status": Status.REJECTED, "changed": False, "held": False, "approved": False}
EXPIRED = {"status": Status.EXPIRED, "changed": False, "held": False, "approved": False}
POSSIBLE = (CONTAINED | {"ended": []}, REJECTED | {"ended": ["rejected"]})
OVER = (*POSSIBLE, EXPIRED | {"ended": ["expired"]})


def before_waking(call: Called) -> bool:
    return call.operation != "StartExecution"  # a copy has no thread of an execution


@pytest.mark.drawn(1 / 6)
@pytest.mark.parametrize(
    ("one", "other"), [(Verb.APPROVE, Verb.REJECT), (Verb.REJECT, Verb.APPROVE)]
)
def test_approve_and_reject_at_once(world: World, one: Verb, other: Verb) -> None:
    """At each call of the desk the other one decides too."""
    case, before = awaiting(world)
    work = partial(decide, world.operator, case, one)
    disturb = partial(decide, operator_of(world.account, "another-operator"), case, other)
    wanted, disturbed = ends(world, work, disturb, partial(looked, world, before), at=before_waking)
    assert wanted == POSSIBLE[one is Verb.REJECT]
    assert len(disturbed) > 3
    wrong = {where: end for where, end in disturbed if end not in POSSIBLE}
    assert wrong == {}


@pytest.mark.drawn(1 / 6)
@pytest.mark.parametrize("verb", [Verb.APPROVE, Verb.REJECT])
def test_decision_while_the_question_ends(world: World, verb: Verb) -> None:
    """At each call by which the playbook ends the question, a person decides."""
    (case, before), operator = awaiting(world), world.operator
    world.account.advance(timedelta(hours=4, minutes=1), schedules="none")
    work, disturb = partial(world.proceed, case), partial(decide, operator, case, verb)
    wanted, disturbed = ends(world, work, disturb, partial(looked, world, before), at=before_waking)
    assert wanted == OVER[2]
    assert len(disturbed) > 3
    wrong = {where: end for where, end in disturbed if end not in OVER}
    assert wrong == {}
