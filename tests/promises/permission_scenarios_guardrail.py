"""The roads of a guardrail that a person has enforced: approved, interrupted, waited for."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from cordon import clock
from cordon.actions import NotVerified, NotYet
from cordon.actions.enforced_guardrail import EnforceGuardrail
from cordon.memory.cases import Case
from cordon.statuses import Status
from embedded import backends
from embedded.backends import guardrails
from embedded.iam_guard import SandboxDied
from embedded.journal import Called
from tests.examples import event, folder_of
from tests.promises.world import HOME, World

Road = Callable[[World], None]
BLOCKED = "guardduty_prompt_injection_blocked"
PASSED = "guardduty_prompt_injection_not_blocked"
FOLDER = folder_of(PASSED)  # the playbook
GUARDRAIL, VERSION = "gr9z8y7x6w5v", "3"
NAMED = {"EnforcedGuardrail": f"{GUARDRAIL}:{VERSION}"}  # as the stack is deployed
HERE = backends.here(HOME[0], HOME[1])


def with_question(world: World) -> Case:
    """The named guardrail is there, and the question is open."""
    guardrails.is_there(GUARDRAIL, VERSION, HERE)
    world.send(event(PASSED))
    case = world.case()
    assert case.status is Status.AWAITING_APPROVAL
    return case


def recorded(world: World) -> None:
    """The attack was blocked: nothing is done."""
    world.send(event(BLOCKED))
    assert world.case().status is Status.OBSERVED


def approved_and_released(world: World) -> None:
    """A person approves, and releases."""
    world.approve(with_question(world))
    assert world.case().status is Status.CONTAINED
    assert world.release(world.case()).status is Status.REOPENED


def needs_time(world: World) -> None:
    """It was approved and failed; tried again, it needs minutes: a workflow waits for it."""
    case = with_question(world)
    failing, verify = [True], EnforceGuardrail.verify
    until = world.account.now + timedelta(hours=1)

    def not_yet(self: EnforceGuardrail, *given: Any) -> None:
        if failing:
            raise NotVerified("it does not show")
        if clock.now() < until:
            raise NotYet(until, "it is being changed")
        verify(self, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EnforceGuardrail, "verify", not_yet)
        world.approve(case)
        assert world.case().status is Status.FAILED
        failing.clear()
        until = world.account.now.replace(microsecond=0) + timedelta(minutes=9)  # rows have seconds
        world.account.deliver(event(PASSED))
    assert world.case().status is Status.CONTAINED


def died(world: World) -> None:
    """A sandbox died, so that the next comes upon what it had written."""
    case = with_question(world)
    deaths = [SandboxDied()]

    def die(call: Called) -> None:
        if deaths and world.writes_evidence(call):
            raise deaths.pop()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.account.guard, "after_call", [])
        world.account.after_call(die)
        world.approve(case, patience=timedelta(minutes=15))
    assert not deaths
    assert world.case().status is Status.CONTAINED


def incident_resolved(world: World) -> None:
    """The guardrail is protected, so it is for a person: they do it, and resolve the incident."""
    world.set("protected", {HERE.arn("bedrock", f"guardrail/{GUARDRAIL}")})
    world.send(event(PASSED))
    assert world.case().status is Status.ESCALATED
    number = world.reported(world.case()).ops_item
    world.account.client("ssm").update_ops_item(OpsItemId=number, Status="Resolved")
    world.account.advance(timedelta(minutes=11))
    assert world.case().status is Status.RELEASED


GUARDRAIL_ROADS: tuple[Road, ...] = (
    recorded,
    approved_and_released,
    needs_time,
    died,
    incident_resolved,
)
