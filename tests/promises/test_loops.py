"""What Cordon writes comes back to it as events, and brings about nothing."""

from typing import Any

import pytest

from embedded.backends import hub
from tests.examples import QUARANTINE, event, folder_of, function_of
from tests.promises.world import Event, World

NAMES = (
    "guardduty_anonymous_access",
    "securityhub_s3_2",
    "securityhub_guardduty_resource_credentials",
    "securityhub_sagemaker_1",
    "securityhub_iam_6",
    "guardduty_root_credential_usage",
)


def listen(world: World) -> list[Event]:
    """Every event that Security Hub emits from now on, also those the rules see by themselves."""
    heard: list[Event] = []
    hub.subscribe(lambda _where, one: heard.append({"id": f"{len(heard)}", **one}))
    return heard


@pytest.mark.parametrize(
    ("name", "mode"),
    [*((name, "enforce") for name in NAMES), (NAMES[0], "observe"), (NAMES[1], "approve")],
)
def test_our_own_words_bring_about_nothing(world: World, name: str, mode: str) -> None:
    world.set(f"modes.{folder_of(name)}", mode)
    world.stage(event(name))
    heard = listen(world)
    world.account.deliver(event(name))
    said = list(heard)
    assert any(f["Id"].startswith("cordon/") for e in said for f in e["detail"]["findings"])
    state, cases = world.account.snapshot(), world.cases
    heard.clear()
    deliveries = [world.account.deliver(one) for one in said]
    assert heard == []
    assert [world.changes(one) for one in deliveries] == [[] for _ in said]
    assert world.cases == cases
    assert world.account.snapshot() == state
    assert world.troubles == []


def test_the_report_of_a_release_brings_about_nothing(world: World) -> None:
    one = event("securityhub_sagemaker_1")
    world.stage(one)
    before = world.state
    world.account.deliver(one)
    heard = listen(world)
    world.release(world.case())
    said, cases = list(heard), world.cases
    assert said
    heard.clear()
    for each in said:
        world.account.deliver(each)
    assert heard == []
    assert world.cases == cases
    assert world.state == before


def test_our_own_change_is_no_finding(world: World) -> None:
    """GuardDuty may find our containment odd: the actor is our own role."""
    role = world.account.functions[function_of(QUARANTINE)].role.rsplit("/", 1)[-1]
    one: dict[str, Any] = event("guardduty_privilege_escalation")
    details = one["detail"]["resource"]["accessKeyDetails"]
    details.update(userName=role, principalId=f"AROAEXAMPLE:{role}")
    world.stage(one)
    state = world.state
    world.account.deliver(one)
    assert world.cases == []
    assert world.state == state
