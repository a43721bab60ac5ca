"""Faults that were once seeded into the engine and that no test saw, each where AWS sees it."""

from datetime import timedelta
from typing import Any

import pytest

from cordon.memory.cases import Case
from cordon.memory.decisions import Verb
from cordon.sources.own_finding import id_of
from cordon.statuses import Status
from embedded import iam_guard
from embedded.journal import Called
from tests.examples import ESCALATE, QUARANTINE, REVOKE, TAG, event, function_of
from tests.faults import BROKEN, THROTTLED, Fault
from tests.promises.world import World, changed, chosen

BUCKET = "guardduty_anonymous_access"
LOOK_UPS = {
    "guardduty_anonymous_access": (
        "DescribeTrails",
        "DescribeDeliveryChannels",
        "GetModelInvocationLoggingConfiguration",
    ),
    "guardduty_privilege_escalation": ("GetRole",),
    "guardduty_compromised_credentials": ("GetUser",),
}
EACH_LOOK_UP = [(name, operation) for name, made in LOOK_UPS.items() for operation in made]


def failing(world: World, operation: str, fault: Fault) -> list[bool]:
    """The operation fails for every function until the list is empty."""
    fails = [True]

    def intercept(client: Any, called: str, params: Any, go: Any) -> Any:
        if called == operation and fails and world.account._scheduler.owner is not None:
            raise fault.error(client.meta.service_model.service_name, operation)
        return world.account.calls.intercept(client, called, params, go)

    iam_guard.enter(intercept)
    return fails


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("fault", [THROTTLED, BROKEN], ids=str)
@pytest.mark.parametrize(("name", "operation"), EACH_LOOK_UP)
def test_failing_look_up_is_no_decision(
    world: World, name: str, operation: str, fault: Fault
) -> None:
    """Nobody decides on what is not known for the moment: the event is dead, and comes again."""
    world.stage(event(name))
    before, fails = world.state, failing(world, operation, fault)
    world.account.deliver(event(name))
    assert (world.cases, world.state) == ([], before)
    assert len(world.account.messages("FailedInvocations")) == 1
    fails.clear()
    world.account.redeliver("FailedInvocations")
    assert world.case().status is Status.CONTAINED


def test_delivery_beside_a_live_attempt_comes_back(world: World) -> None:
    """The same event comes a second time while the first contains."""
    one = event(BUCKET)
    world.stage(one)
    errors: list[str] = []

    def again(call: Called) -> None:
        if call.operation == "PutPublicAccessBlock" and not errors:
            errors.append("")
            errors[0] = world.account.invoke(function_of(QUARANTINE), one).error

    world.account.after_call(again)
    world.account.deliver(one)
    assert errors[0].startswith("ContainInProgress")
    assert (world.case().status, world.case().attempt) == (Status.CONTAINED, 1)


def test_release_beside_a_live_attempt_waits(world: World) -> None:
    one = event(BUCKET)
    world.stage(one)
    said: list[str] = []

    def release(call: Called) -> None:
        if call.operation == "PutPublicAccessBlock" and not said:
            said.append("")
            world.decide(world.case(), Verb.RELEASE)
            said[0] = world.proceed(world.case()).error

    world.account.after_call(release)
    world.account.deliver(one)
    assert said[0].startswith("ContainInProgress")
    assert world.case().status is Status.CONTAINED


@pytest.mark.parametrize("minutes", [-1, 1, 3], ids=["before", "while it settles", "after"])
def test_only_activity_after_containment_is_new(world: World, minutes: int) -> None:
    """Of the last activity and the containment the newer one counts."""
    world.send(event(BUCKET))
    case = world.case()
    assert case.contained_at is not None
    assert case.last_activity < case.contained_at
    seen = case.contained_at + timedelta(minutes=minutes)
    moment = f"{seen:%Y-%m-%dT%H:%M:%S}.000Z"
    later = changed(event(BUCKET), "detail.updatedAt", moment)
    later = changed(later, "detail.service.eventLastSeen", moment)
    world.account.advance(seen - world.account.now) if seen > world.account.now else None
    world.account.deliver(later)
    assert world.case().attempt == (2 if minutes > 2 else 1)


def named(world: World, case: Case, playbook: str) -> dict[str, Any]:
    """Our finding of a case, as one of another playbook."""
    return {"Id": id_of(world.account.stack.id, case.finding.place, playbook, case.id)}


@pytest.mark.parametrize("action", ["CordonRelease", "CordonContain"])
def test_case_of_another_playbook_is_not_obeyed(world: World, action: str) -> None:
    """A finding that names this case under another playbook's name is nobody's."""
    world.send(event(BUCKET))
    case, state = world.case(), world.state
    ours = world.finding(case)
    for playbook in (REVOKE.name, TAG.name, ESCALATE.name):
        world.account.deliver(chosen(action, {**ours, **named(world, case, playbook)}))
    assert (world.case(), world.state) == (case, state)
    assert world.account.deliver(chosen("CordonRelease", ours)).invocations
    assert world.case().status in (Status.RELEASING, Status.REOPENED)  # the same, rightly named


def test_step_for_another_playbooks_case_is_an_error(world: World) -> None:
    world.send(event(BUCKET))
    case, state = world.case(), world.state
    command = {"do": "proceed", "case": case.id}
    outcome = world.account.invoke(function_of(TAG), {"cordon": command})
    assert outcome.error.startswith("CaseConflict")
    assert (world.case(), world.state) == (case, state)


def test_bucket_of_configs_history_is_not_contained(world: World) -> None:
    one = event(BUCKET)
    world.stage(one)
    config = world.account.client("config")
    bucket = one["detail"]["resource"]["s3BucketDetails"][0]["name"]
    role = f"arn:aws:iam::{world.account.place.account}:role/config"
    recorder = {"name": "default", "roleARN": role}
    config.put_configuration_recorder(ConfigurationRecorder=recorder)
    config.put_delivery_channel(DeliveryChannel={"name": "default", "s3BucketName": bucket})
    before = world.state
    world.account.deliver(one)
    assert world.state == before
    assert world.case().status is Status.ESCALATED


def test_every_read_of_a_row_is_consistent(world: World) -> None:
    """A hold that was made a moment ago must be seen: else its capture is taken from our change."""
    world.send(event(BUCKET))
    world.release(world.case())
    reads = [c for c in world.account.journal.of(Called) if c.operation == "BatchGetItem"]
    requests = [one for read in reads for one in read.params["RequestItems"].values()]
    assert len(requests) > 5
    assert [one for one in requests if one.get("ConsistentRead") is not True] == []


REPORTS = (
    "BatchImportFindings",
    "BatchUpdateFindings",
    "CreateOpsItem",
    "UpdateOpsItem",
    "PublishBatch",
)


def test_incident_is_closed_last(world: World) -> None:
    """Closed, it says that all is over: what else people look at says so before it does."""
    world.send(event(BUCKET))
    assert reports(world, 0) == [REPORTS[0], REPORTS[1], "CreateOpsItem", "PublishBatch"]
    since = len(world.account.journal)
    world.release(world.case())
    assert reports(world, since) == [REPORTS[0], REPORTS[1], "UpdateOpsItem"]
    (incident,) = world.account.snapshot()["ssm"].values()
    assert incident["Status"] == "Resolved"


def reports(world: World, since: int) -> list[str]:
    """What was shown to people, in order."""
    calls = world.account.journal.of(Called, since=since)
    return [call.operation for call in calls if call.operation in REPORTS]
