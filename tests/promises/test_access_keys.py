"""Two playbooks disable access keys, and neither undoes what the other holds (decision 46)."""

from typing import Any

import pytest

from cordon.memory.cases import Case
from cordon.sources.shapes import BEDROCK
from cordon.statuses import Status
from embedded.policy_evaluation import Decision
from embedded.required_permission import RequiredPermission
from tests.examples import HEADERS, REVOKE, event, folder_of, function_of
from tests.promises.permission_scenarios import know_deny_all
from tests.promises.test_denials import role_of
from tests.promises.world import HOME, Event, World, changed, finding_of

STOLEN, EXPOSED, MADE = (
    "guardduty_compromised_credentials",
    "health_credentials_exposed",
    "cloudtrail_access_key_created",
)
DISABLE = HEADERS[folder_of(EXPOSED)]
STOLEN_USER = finding_of(event(STOLEN)).resources_of("AWS::IAM::User")[0].name
STOLEN_KEY = finding_of(event(STOLEN)).resources_of("AWS::IAM::AccessKey")[0].name


def exposed() -> Event:
    """The stolen key was found in a public place."""
    return changed(event(EXPOSED), "detail.affectedEntities", [{"entityValue": STOLEN_KEY}])


def made() -> Event:
    """The stolen key was made just before."""
    key = {"userName": STOLEN_USER, "accessKeyId": STOLEN_KEY}
    return changed(event(MADE), "detail.responseElements", {"accessKey": key})


@pytest.fixture
def iam(world: World) -> Any:
    """A user with two active keys, one of them stolen."""
    world.stage(event(STOLEN))
    know_deny_all(world)
    return world.account.client("iam")


def statuses(iam: Any) -> dict[str, str]:
    listed = iam.list_access_keys(UserName=STOLEN_USER)["AccessKeyMetadata"]
    return {"stolen" if k["AccessKeyId"] == STOLEN_KEY else "other": k["Status"] for k in listed}


def case_of(world: World, playbook: str) -> Case:
    (found,) = (case for case in world.cases if case.playbook == playbook)
    return found


@pytest.mark.parametrize("first", [DISABLE.name, REVOKE.name])
def test_both_are_in_one_hold_and_the_last_puts_back(world: World, iam: Any, first: str) -> None:
    """Whichever is released first, what the other holds stays as it is."""
    for one in (made(), event(STOLEN)):
        world.account.deliver(one)
    assert {case.status for case in world.cases} == {Status.CONTAINED}
    (hold,) = (one for target, one in world.holds.items() if "iam-access-keys" in target)
    assert len(hold.cases) == 2
    assert statuses(iam) == {"stolen": "Inactive", "other": "Inactive"}
    world.release(case_of(world, first))
    both = "Inactive" if first == DISABLE.name else "Active"
    assert statuses(iam) == {"stolen": "Inactive", "other": both}
    (last,) = (case for case in world.cases if case.playbook != first)
    world.release(last)
    assert statuses(iam) == {"stolen": "Active", "other": "Active"}
    assert world.holds == {}


def test_exposed_key_stays_inactive_whoever_is_released(world: World, iam: Any) -> None:
    world.account.deliver(exposed())
    world.account.deliver(event(STOLEN))
    assert {case.status for case in world.cases} == {Status.CONTAINED}
    for playbook in (REVOKE.name, DISABLE.name):
        world.release(case_of(world, playbook))
        assert statuses(iam) == {"stolen": "Inactive", "other": "Active"}
    assert world.holds == {}


def test_exposed_key_that_another_case_holds_is_not_called_contained(
    world: World, iam: Any
) -> None:
    """The release of that case makes it active again: a person must know."""
    world.account.deliver(event(STOLEN))
    world.account.deliver(exposed())
    case = world.in_time(case_of(world, DISABLE.name))
    assert case.status is not Status.CONTAINED
    assert "was Inactive already" in case.results[0].reason
    assert STOLEN_KEY in world.published[-1].message
    assert not any("exposed" in target for target in world.holds)
    world.release(case_of(world, REVOKE.name))
    assert statuses(iam)["stolen"] == "Active"


@pytest.mark.parametrize(
    ("service", "decision"),
    [(BEDROCK, Decision.ALLOWED), ("codecommit.amazonaws.com", Decision.NOT_ALLOWED)],
)
def test_role_sets_credentials_of_one_service(
    world: World, service: str, decision: Decision
) -> None:
    """Its condition, and not our code alone, leaves those of Git and Keyspaces as they are."""
    need = RequiredPermission(
        "iam:UpdateServiceSpecificCredential",
        f"arn:aws:iam::{HOME[0]}:user/ben",
        {"iam:ServiceSpecificCredentialServiceName": service},
    )
    role = role_of(world, function_of(DISABLE))
    assert world.account.guard.decide(role, need) is decision
