"""Who runs a vulnerable image is tagged and named; of one that nobody runs nobody is informed."""

import copy
from datetime import timedelta
from typing import Any

import pytest

from cordon.clock import from_iso, to_iso
from cordon.statuses import Status
from embedded import backends
from embedded.backends import image_users, tags
from embedded.journal import DeadLettered
from tests.examples import event
from tests.promises.world import HOME, World

FIRST, SECOND, CLOSED = (
    "inspector_critical_image",
    "inspector_high_image",
    "inspector_critical_image_closed",
)
KEY = "cordon:vulnerable:acme-inference@6105d6cc76af"
RUNS = {
    "endpoint/acme-live",
    "inference-component/acme-part",
    "runtime/acme_helper-0123456789",
}
Event = dict[str, Any]


def tagged() -> set[str]:
    """The ends of the ARNs of what has the tag; a model is moto's own."""
    return {arn.split(":", 5)[5] for arn, found in tags.everything().items() if KEY in found}


def later(one: Event, hours: float) -> Event:
    """The same vulnerability, updated by another scan."""
    other = copy.deepcopy(one)
    moment = to_iso(from_iso("2026-11-16T10:01:00Z") + timedelta(hours=hours))
    other["time"] = moment
    other["detail"] |= {"updatedAt": moment, "lastObservedAt": moment}
    return other


def incident(world: World) -> str:
    number = world.reported(world.case()).ops_item
    item = world.account.client("ssm").get_ops_item(OpsItemId=number)["OpsItem"]
    return str(item["Title"] + item["Description"]).replace("\\", "")


def deploy(world: World) -> None:
    """Somebody deploys the image."""
    digest = event(FIRST)["detail"]["resources"][0]["details"]["awsEcrContainerImage"]["imageHash"]
    where = backends.here(HOME[0], HOME[1])
    exact = f"{where.account}.dkr.ecr.{where.region}.amazonaws.com/acme-inference@{digest}"
    image_users.endpoint("acme-new", where, [image_users.deployed(exact)])


@pytest.mark.world("enforce")
def test_findings_of_one_image_are_one_case_until_a_person_releases_it(world: World) -> None:
    world.send(event(FIRST))
    world.account.deliver(event(SECOND))
    case = world.case()
    assert case.status is Status.TAGGED
    assert tagged() == RUNS
    said = incident(world)
    assert "endpoint/acme-live runs it" in said
    assert "model/acme-model names it by tag" in said
    assert "Until then the old image runs on" in said
    assert "contained" not in said
    assert world.account.deliver(event(CLOSED)).rules == ()
    assert tagged() == RUNS
    assert world.release(case).status is Status.REOPENED
    assert tagged() == set()


@pytest.mark.world("enforce")
def test_image_that_nobody_runs_is_recorded_and_looked_for_once_a_scan(world: World) -> None:
    world.account.deliver(event(FIRST))
    case = world.case()
    assert case.status is Status.OBSERVED
    assert "is known to run" in case.reason
    assert world.reported(case).ops_item == ""
    assert world.holds == {}
    deploy(world)
    world.account.deliver(event(SECOND))
    assert world.case().status is Status.OBSERVED
    world.account.deliver(later(event(SECOND), hours=24))
    assert world.case().status is Status.TAGGED
    assert tagged() == {"endpoint/acme-new"}
    assert world.troubles == []


@pytest.mark.world("approve")
def test_there_is_no_question_about_an_image_that_nobody_runs(world: World) -> None:
    world.account.deliver(event(FIRST))
    case = world.case()
    assert (case.status, world.published) == (Status.OBSERVED, [])
    assert world.reported(case).ops_item == ""
    deploy(world)
    world.account.deliver(later(event(FIRST), hours=24))
    first = world.case()
    assert (first.status, first.round) == (Status.AWAITING_APPROVAL, 2)
    assert "endpoint/acme-new runs it" in incident(world)
    image_users.delete_endpoint("acme-new", backends.here(HOME[0], HOME[1]))
    world.approve(first)
    assert world.case().status is Status.OBSERVED
    assert world.holds == {}
    deploy(world)
    world.account.deliver(later(event(FIRST), hours=48))
    again = world.case()
    assert (again.status, again.round) == (Status.AWAITING_APPROVAL, 3)
    assert tagged() == set()  # what was approved before is not approved now
    world.approve(again)
    assert world.case().status is Status.TAGGED


@pytest.mark.world("enforce")
def test_finding_that_cannot_be_read_is_kept_for_people(world: World) -> None:
    broken = event(FIRST)
    del broken["detail"]["findingArn"]
    world.account.deliver(broken)
    assert world.cases == []
    assert world.account.journal.of(DeadLettered)
