"""Beyond the budget of an hour a threat awaits approval, and a control is held back."""

from datetime import timedelta
from typing import Any

import pytest

from cordon.memory.cases import Cases
from cordon.statuses import Status
from tests.examples import QUARANTINE, event
from tests.promises.test_settings import NAME
from tests.promises.world import World, logged

STANDARD = "securityhub_s3_8_per_standard"
SHUT_BLOCK = "guardduty_block_disabled"


def test_threat_beyond_budget_awaits_approval(world: World) -> None:
    """Other playbooks have a budget of their own; when the hour ends it is contained."""
    world.set(f"budgets.{QUARANTINE.name}", 2)
    names = ("guardduty_public_access", "guardduty_tor", "guardduty_block_disabled")
    for name in names:
        world.send(event(name))
    world.send(event("guardduty_persistence"))
    statuses = {case.finding.id: case.status for case in world.cases}
    ids = [event(name)["detail"]["id"] for name in names]
    assert [statuses[i] for i in ids] == [
        Status.CONTAINED,
        Status.CONTAINED,
        Status.AWAITING_APPROVAL,
    ]
    assert statuses[event("guardduty_persistence")["detail"]["id"]] is (Status.CONTAINED)
    (over,) = [case for case in world.cases if case.status is Status.AWAITING_APPROVAL]
    assert "is used up; a person decides" in over.reason
    assert any(over.plan_hash in published.message for published in world.published)
    world.account.advance(timedelta(hours=1), schedules="last")
    world.set(f"budgets.{QUARANTINE.name}", 10)
    world.account.deliver(event(SHUT_BLOCK))
    assert {case.status for case in world.cases} == {Status.CONTAINED}


def test_control_beyond_budget_is_held_back(world: World) -> None:
    """It stays in the index of what is open, for as long as it is held back."""
    world.set("budget", 0)
    one = event(STANDARD)
    delivery = world.send(one)
    case = world.case()
    assert case.status is Status.OBSERVED
    assert case.held_back
    assert any(line.get("held_back") for line in logged(delivery))
    assert [row.id for row in world.operator.open_cases()] == [case.id]
    assert "expires" not in _row(world, case.id)
    world.set("budget", 10)
    world.account.deliver(one)
    assert world.case().status is Status.CONTAINED
    assert not world.case().held_back


def _row(world: World, case: str) -> dict[str, Any]:
    table = world.account.stack.outputs["CasesTableName"]
    key = {"id": {"S": f"case#{QUARANTINE.name}#{case}"}}
    found = world.account.client("dynamodb").get_item(TableName=table, Key=key)
    return dict(found["Item"])


def test_observed_case_is_held_back_no_longer(world: World) -> None:
    one = event(STANDARD)
    world.set("budget", 0)
    world.send(one)
    world.set(f"modes.{QUARANTINE.name}", "observe")
    world.account.deliver(one)
    assert not world.case().held_back
    assert world.case().reason == "mode is observe"
    assert list(world.operator.open_cases()) == []


@pytest.mark.parametrize(
    ("name", "status"),
    [(NAME, Status.AWAITING_APPROVAL), (STANDARD, Status.OBSERVED)],
)
def test_budget_lost_in_the_race(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str, status: Status
) -> None:
    """Others took the last of it after it was read: the same as if it had been used up before."""
    monkeypatch.setattr(Cases, "take_budget", lambda *_: False)
    world.stage(event(name))
    before = world.state
    delivery = world.account.deliver(event(name))
    case = world.case()
    assert case.status is status
    assert case.held_back is (status is Status.OBSERVED)
    assert any(line.get("held_back") for line in logged(delivery))
    assert [row.id for row in world.operator.open_cases()] == [case.id]
    assert world.state == before
    assert world.holds == {}
    monkeypatch.undo()
    if status is Status.AWAITING_APPROVAL:
        assert case.plan_hash in world.published[-1].message
        world.approve(case)
    else:
        world.account.deliver(event(name))
    assert world.case().status is Status.CONTAINED


def test_budget_below_high_is_smaller(world: World) -> None:
    """Two of ten are kept; of two, none is left."""
    world.set("budget", 2)
    world.send(event("config_bucket_level_block"))  # Config gives no severity
    assert world.case().status is Status.OBSERVED
    assert "for findings below HIGH is used up" in world.case().reason
