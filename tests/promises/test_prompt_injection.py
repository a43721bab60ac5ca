"""A prompt injection: what was blocked is recorded, what was not is for people."""

from datetime import timedelta
from typing import Any

import pytest

from cordon.memory.cases import ActionStatus
from cordon.statuses import Status
from embedded.backends import guardrails
from tests.examples import event
from tests.promises.permission_scenarios_guardrail import (
    BLOCKED,
    FOLDER,
    GUARDRAIL,
    HERE,
    NAMED,
    PASSED,
    with_question,
)
from tests.promises.world import Event, World, changed, logged

COPIES = [f"{door}_guardduty_prompt_injection" for door in ("securityhub", "ocsf")]
OTHER = "grother00001"


def blocked(of: str = PASSED) -> Event:
    """The same finding, where the guardrail blocked."""
    path = "detail.resource.bedrockGuardrailDetails.contentPolicyFilters.0.action"
    return changed(event(of), path, "BLOCKED")


def later(one: Event, day: int = 16) -> Event:
    """The same finding after further activity."""
    at, when = f"2026-11-{day}T15:50:00.000Z", f"2026-11-{day}T15:55:00.000Z"
    if one["detail-type"] == "GuardDuty Finding":
        one = changed(one, "detail.service.eventLastSeen", at)
        return changed(one, "detail.updatedAt", when)
    for member in ("LastObservedAt", "UpdatedAt"):
        one = changed(one, f"detail.findings.0.{member}", when)
    one["detail"]["findings"][0]["ProductFields"]["aws/guardduty/service/eventLastSeen"] = at
    return one


def enforced(world: World) -> list[dict[str, Any]]:
    """What the account enforces here."""
    bedrock = world.account.client("bedrock")
    return list(bedrock.list_enforced_guardrails_configuration()["guardrailsConfig"])


def incidents(world: World) -> list[str]:
    """The status of each incident."""
    return [one["Status"] for one in world.account.snapshot()["ssm"].values()]


# ---- blocked ----


@pytest.mark.parametrize("mode", ["observe", "approve", "enforce"])
def test_blocked_is_recorded_and_counted_and_needs_nobody(world: World, mode: str) -> None:
    world.set(f"modes.{FOLDER}", mode)
    before = world.state
    delivery = world.send(event(BLOCKED))
    (said,) = logged(delivery, "observed")
    (counted,) = [line for line in logged(delivery) if "Recorded" in line]
    assert said["recorded"] is True
    assert said["held_back"] is False
    assert counted["Recorded"] == [1.0]
    assert counted["playbook"] == FOLDER
    assert world.case().status is Status.OBSERVED
    assert world.case().reason == "the guardrail blocked the attack: nothing has to be done"
    assert world.stages(world.case()) == ["decided"]
    assert (
        "CordonContain" not in world.finding(world.case())["Remediation"]["Recommendation"]["Text"]
    )
    assert incidents(world) == []
    assert world.published == []
    assert world.state.keys() == before.keys()
    assert world.troubles == []


@pytest.mark.parametrize("copy", COPIES)
def test_copy_of_what_was_blocked_needs_nobody(world: World, copy: str) -> None:
    """It comes minutes later and does not say what the guardrail did."""
    world.send(blocked())
    world.send(event(copy))
    assert world.case().status is Status.OBSERVED
    assert incidents(world) == []


@pytest.mark.parametrize("mode", ["enforce", "approve"])
@pytest.mark.parametrize("copy", COPIES)
def test_copy_that_came_first_is_closed_by_the_event_itself(
    world: World, copy: str, mode: str
) -> None:
    world.set(f"modes.{FOLDER}", mode)
    world.send(event(copy))
    assert world.case().status is Status.ESCALATED
    delivery = world.send(blocked())
    assert [line["recorded"] for line in logged(delivery, "released")] == [True]
    case = world.case()
    assert case.status is Status.RELEASED
    assert case.decided_why == "the guardrail blocked the attack: nothing has to be done"
    assert incidents(world) == ["Resolved"]
    world.send(event(copy))
    assert world.case().status is Status.RELEASED


def test_blocked_again_and_its_copy_need_nobody(world: World) -> None:
    world.send(blocked())
    world.send(later(blocked()))
    world.send(later(event(COPIES[0])))
    assert world.case().status is Status.OBSERVED
    assert incidents(world) == []


def test_what_passes_after_all_is_for_a_person(world: World) -> None:
    world.send(blocked())
    world.send(later(event(PASSED)))
    case = world.case()
    assert (case.status, case.round) == (Status.ESCALATED, 1)
    assert incidents(world) == ["Open"]


def test_copy_of_newer_activity_alone_is_for_a_person(world: World) -> None:
    """Nobody has said of that activity that it was blocked."""
    world.send(blocked())
    world.send(later(event(COPIES[0])))
    assert world.case().status is Status.ESCALATED


def test_what_passed_is_not_closed_by_a_later_attack_that_was_blocked(world: World) -> None:
    world.send(event(PASSED))
    world.send(later(blocked()))
    assert world.case().status is Status.ESCALATED


# ---- not blocked ----


def test_incident_says_what_to_enforce_and_what_it_breaks(world: World) -> None:
    world.send(event(PASSED))
    case = world.case()
    assert case.status is Status.ESCALATED
    assert world.changes() and enforced(world) == []
    for word in ("PROMPT_ATTACK", "EnforcedGuardrail", "embedding", "ApplyGuardrail", "text unit"):
        assert word in case.plan.manual_step
    assert "role as it is" in case.plan.manual_step
    assert incidents(world) == ["Open"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("detail.resource.bedrockGuardrailDetails", "odd"),
        ("detail.resource.bedrockGuardrailDetails.contentPolicyFilters", []),
        ("detail.resource.bedrockGuardrailDetails.contentPolicyFilters.0.action", "ALLOWED"),
        ("detail.resource.bedrockGuardrailDetails.contentPolicyFilters.0.type", None),
    ],
)
def test_what_cannot_be_read_was_not_blocked(world: World, path: str, value: Any) -> None:
    world.send(changed(blocked(), path, value))
    assert world.case().status is Status.ESCALATED


# ---- enforced, where the operator named a guardrail ----


@pytest.mark.parametrize("mode", ["approve", "enforce"])
@pytest.mark.world("approve", **NAMED)
def test_guardrail_is_enforced_only_once_a_person_approved(world: World, mode: str) -> None:
    world.set(f"modes.{FOLDER}", mode)
    case = with_question(world)
    assert enforced(world) == []
    before = world.state
    message = world.published[-1].message
    for word in ("embedding models", "bedrock:ApplyGuardrail", "text unit", "Who loses access"):
        assert word in message
    world.approve(case)
    assert world.case().status is Status.CONTAINED
    (now,) = enforced(world)
    assert (now["guardrailId"], now["guardrailVersion"]) == (GUARDRAIL, "3")
    assert now["modelEnforcement"] == {"includedModels": ["ALL"], "excludedModels": []}
    assert world.release(world.case()).status is Status.REOPENED
    assert world.state == before
    assert world.refused == []


@pytest.mark.world("observe", **NAMED)
def test_observe_enforces_nothing(world: World) -> None:
    guardrails.is_there(GUARDRAIL, "3", HERE)
    world.send(event(PASSED))
    assert world.case().status is Status.OBSERVED
    assert enforced(world) == []


@pytest.mark.world("approve", **NAMED)
def test_attack_that_the_enforced_guardrail_blocks_needs_nobody_again(world: World) -> None:
    world.approve(with_question(world))
    world.account.advance(timedelta(hours=4), schedules="last")
    delivery = world.send(later(blocked(), day=24))
    (said,) = logged(delivery, "unchanged")
    assert "was denied" in said["reason"]
    assert world.case().status is Status.CONTAINED


@pytest.mark.world("approve", **NAMED)
def test_guardrail_of_others_stays_enforced(world: World) -> None:
    case = with_question(world)
    guardrails.is_there(OTHER, "1", HERE)
    world.account.client("bedrock").put_enforced_guardrail_configuration(
        guardrailInferenceConfig={"guardrailIdentifier": OTHER, "guardrailVersion": "1"}
    )
    before = enforced(world)
    world.approve(case)
    assert world.case().status is Status.FAILED
    (result,) = world.case().results
    assert result.status is ActionStatus.REFUSED
    assert f"guardrail/{OTHER} is enforced here already" in result.reason
    assert enforced(world) == before


@pytest.mark.world("approve", OtherRegions="eu-west-1", **NAMED)
def test_guardrail_of_another_region_is_for_a_person(world: World) -> None:
    """A guardrail is of one account and Region: there is none of this id elsewhere."""
    one = changed(event(COPIES[0]), "detail.findings.0.Region", "eu-west-1")
    text = str(one["detail"]["findings"][0]["Id"])
    one = changed(one, "detail.findings.0.Id", text.replace("us-east-1", "eu-west-1"))
    world.send(one)
    assert world.case().status is Status.ESCALATED
    assert world.case().plan.actions == ()
