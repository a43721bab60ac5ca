"""Detection is on again, also when it was found twice, and no release switches it off."""

from typing import Any

import pytest

from cordon import by_arn
from cordon.finding import Place
from cordon.memory.cases import ActionStatus, Case
from cordon.reporting.incident import body
from cordon.statuses import Status
from tests.examples import HEADERS, event, folder_of
from tests.make import DEPLOYMENT, NOON
from tests.promises.world import HOME, World

PLACE = Place("aws", HOME[0], HOME[1])
BY_CALL, BY_GUARDDUTY = "cloudtrail_trail_stopped", "guardduty_named_trail_stopped"
RESTORE = HEADERS[folder_of(BY_CALL)]
TRAIL = f"arn:aws:cloudtrail:us-east-1:{HOME[0]}:trail/acme-trail"


def logs(world: World) -> bool:
    status = world.account.client("cloudtrail").get_trail_status(Name=TRAIL)
    return bool(status["IsLogging"])


def kept(case: Case) -> list[str]:
    return [r.reason for r in case.results if r.status is ActionStatus.KEPT]


def test_one_stop_that_two_found_is_started_once_and_stays(world: World) -> None:
    """CloudTrail's event and GuardDuty's finding are two cases about one trail."""
    world.stage(event(BY_CALL))
    assert not logs(world)
    world.account.deliver(event(BY_CALL))
    assert logs(world)
    after = world.state
    world.account.deliver(event(BY_GUARDDUTY))
    first, second = sorted(world.cases, key=lambda case: case.finding.source)
    assert (first.finding.source, second.finding.source) == ("cloudtrail", "guardduty")
    assert first.status is second.status is Status.CONTAINED
    assert world.state == after
    assert len(world.holds) == 1

    released = world.release(first)
    assert [r.status for r in released.results] == [ActionStatus.HELD_BY_OTHERS]
    released = world.release(second)
    assert released.status is Status.RELEASED
    assert "switch detection off again" in kept(released)[0]
    assert world.state == after
    assert world.holds == {}
    assert world.troubles == []


def test_stopped_again_is_started_again(world: World) -> None:
    """A release keeps nothing in mind: the next stop is a case of its own, with its own capture."""
    world.send(event(BY_CALL))
    world.release(world.case())
    world.account.client("cloudtrail").stop_logging(Name=TRAIL)
    world.account.deliver(event(BY_GUARDDUTY))
    assert logs(world)
    case = next(one for one in world.cases if one.finding.source == "guardduty")
    assert case.status is Status.CONTAINED
    assert len(world.holds) == 1


def test_what_a_person_stopped_since_is_said(world: World) -> None:
    world.send(event(BY_CALL))
    world.account.client("cloudtrail").stop_logging(Name=TRAIL)
    released = world.release(world.case())
    assert "a reading shows logging off now" in kept(released)[0]
    assert not logs(world)


def test_trail_that_was_deleted_is_said_to_be(world: World) -> None:
    world.stage(event(BY_CALL))
    world.account.client("cloudtrail").delete_trail(Name="acme-trail")
    world.account.deliver(event(BY_CALL))
    assert world.case().status is Status.RESOURCE_DELETED


@pytest.mark.world("approve")
def test_question_says_who_called_and_that_nothing_is_undone(world: World) -> None:
    world.send(event(BY_CALL))
    case = world.case()
    assert case.status is Status.AWAITING_APPROVAL
    assert not logs(world)
    text = body(case, RESTORE, DEPLOYMENT)
    assert "Actor: AssumedRole DataPlatformDeployer" in text
    assert "a deployment may have made it" in text
    assert f"start_trail_logging on {TRAIL}: not undone" in text
    assert "A release puts back" not in text
    world.approve(case)
    assert logs(world)


@pytest.mark.world("observe")
def test_observed_stays_off(world: World) -> None:
    world.send(event(BY_CALL))
    assert world.case().status is Status.OBSERVED
    assert not logs(world)


KEY = f"arn:aws:kms:us-east-1:{HOME[0]}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
DETECTOR = f"arn:aws:guardduty:us-east-1:{HOME[0]}:detector/e20ae021059252ea36fff9f443c8fef1"


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        (TRAIL, {"action": "start_trail_logging", "trail": "acme-trail"}),
        (KEY, {"action": "restore_key", "enable": False}),
        (DETECTOR, {"action": "enable_detector", "enable": True, "features": ()}),
    ],
)
def test_person_may_name_it(arn: str, expected: dict[str, Any]) -> None:
    finding = by_arn.finding_of(arn, RESTORE, PLACE, NOON)
    (action,) = RESTORE.plan_for(finding, DEPLOYMENT).actions
    assert expected.items() <= action.to_json().items()
    assert action.resource == arn
