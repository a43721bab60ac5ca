"""A member's event speaks of that member alone; where we serve nobody, a person is informed."""

import json

import pytest

from cordon.statuses import Status
from embedded.journal import Called, DeadLettered
from tests.examples import ESCALATE, event
from tests.promises.world import HOME, Event, World, changed, logged

MEMBER, OTHER = "444455556666", "777788889999"
SERVING = pytest.mark.world("enforce", MemberRole="Member", ExternalId="d3adb33f")
STOLEN = "guardduty_compromised_credentials"
PUBLIC = "guardduty_anonymous_access"
SEQUENCE = "guardduty_attack_sequence_not_served"


def about(name: str, account: str, *, sender: str) -> Event:
    """A sample about an account, from an account."""
    one = event(name)
    detail = json.loads(json.dumps(one["detail"]).replace(HOME[0], account))
    return {**one, "account": sender, "detail": detail}


def calls_elsewhere(world: World) -> list[str]:
    """Calls into other accounts, and every attempt to get there."""
    calls = [c for c in world.account.journal.of(Called) if c.caller in world.account.functions]
    return [
        f"{c.service}:{c.operation}"
        for c in calls
        if c.service == "sts" or c.principal.split(":")[4] not in ("", HOME[0])
    ]


@SERVING
@pytest.mark.parametrize("name", [STOLEN, PUBLIC])
def test_event_of_a_member_that_names_another_assumes_no_role(world: World, name: str) -> None:
    world.account.deliver(about(name, OTHER, sender=MEMBER))
    assert world.cases == []
    assert calls_elsewhere(world) == []
    errors = {dead.reason for dead in world.account.journal.of(DeadLettered)}
    assert errors  # kept for a person, and an alarm sees it
    assert all("account" in reason for reason in errors), errors


@SERVING
@pytest.mark.parametrize("sender", [MEMBER, HOME[0]])
def test_member_and_administrator_lead_to_the_member(world: World, sender: str) -> None:
    world.account.deliver(about(STOLEN, MEMBER, sender=sender))
    assert "sts:AssumeRole" in calls_elsewhere(world)


@pytest.mark.world("enforce", MemberRole="Member")
def test_role_that_requires_no_external_id_is_assumed_without_one(world: World) -> None:
    """An empty one is none: STS takes two characters at least (AssumeRole, ExternalId)."""
    world.account.deliver(about(STOLEN, MEMBER, sender=MEMBER))
    (call,) = [c for c in world.account.journal.of(Called) if c.operation == "AssumeRole"][:1]
    assert call.params["RoleArn"] == f"arn:aws:iam::{MEMBER}:role/cordon/Member"
    assert "ExternalId" not in call.params


@pytest.mark.parametrize("name", [SEQUENCE, "guardduty_account_not_served"])
def test_person_is_informed_of_a_threat_where_we_serve_nobody(world: World, name: str) -> None:
    delivery = world.account.deliver(event(name))
    case = world.case()
    assert (case.playbook, case.status) == (ESCALATE.name, Status.ESCALATED)
    assert case.plan.actions == ()
    assert f"This stack changes nothing in account {MEMBER}" in case.plan.manual_step
    assert len(world.published) == 1
    assert calls_elsewhere(world) == []
    assert world.holds == {}
    assert world.troubles == []
    ignored = logged(delivery, "ignored")
    assert all("is not served" in str(line["reason"]) for line in ignored), ignored


def test_lesser_threat_where_we_serve_nobody_is_ignored(world: World) -> None:
    one = changed(event("guardduty_account_not_served"), "detail.severity", 5)
    delivery = world.account.deliver(one)
    assert world.cases == []
    reasons = [str(line["reason"]) for line in logged(delivery, "ignored")]
    assert any("is not served" in reason for reason in reasons)
    assert calls_elsewhere(world) == []


def test_sample_of_nonsense_is_ignored_as_a_sample(world: World) -> None:
    delivery = world.account.deliver(event("guardduty_sample_nonsense"))
    reasons = {str(line["reason"]) for line in logged(delivery, "ignored")}
    assert reasons == {"a sample finding never leads to a change"}
    assert world.troubles == []
