"""An event that cannot be handled is kept where it can be redelivered."""

import json

import pytest

from cordon.statuses import Status
from embedded.journal import DeadLettered, Dropped, Invoked
from tests.examples import TAG, event, folder_of, function_of
from tests.promises.test_delivery import FAILED, PUBLIC
from tests.promises.world import PLAYBOOKS, World, logged, without

BULK = ("securityhub_sagemaker_2", "securityhub_sagemaker_5", "securityhub_sagemaker_9")


@pytest.mark.parametrize(
    ("name", "missing", "queue"),
    [
        (PUBLIC, "detail.id", "FailedInvocations"),
        ("guardduty_persistence", "detail.region", "FailedInvocations"),
        ("guardduty_prompt_injection_blocked", "detail.accountId", "FailedInvocations"),
        ("guardduty_root_credential_usage", "detail.id", "FailedInvocations"),
        (FAILED, "detail.findings.0.AwsAccountId", "FailedBulkEvents"),
        ("macie_public", "detail.accountId", "FailedInvocations"),
        ("config_sagemaker_endpoint_kms", "detail.resourceId", "FailedBulkEvents"),
    ],
)
def test_a_malformed_event_is_kept_in_its_queue(
    world: World, name: str, missing: str, queue: str
) -> None:
    world.stage(event(name))
    before = world.state
    one = without(event(name), missing)
    delivery = world.account.deliver(one)
    dead = [d for d in delivery.records if isinstance(d, DeadLettered)]
    assert world.state == before
    assert not [r for r in delivery.records if isinstance(r, Dropped)]
    assert world.cases == []
    assert dead
    assert {d.queue.rsplit(":", 1)[-1] for d in dead} == {world.account.queues[queue].name}
    for message in map(json.loads, world.account.messages(queue)):
        assert message.get("requestPayload", message) == one
    assert all("Malformed" in d.reason or queue == "FailedBulkEvents" for d in dead)
    assert logged(delivery, "event cannot be read")


@pytest.mark.parametrize(
    ("name", "queue"), [(PUBLIC, "FailedInvocations"), (FAILED, "FailedBulkEvents")]
)
def test_dead_letters_are_handled_after_the_fix(world: World, name: str, queue: str) -> None:
    one = event(name)
    function = PLAYBOOKS[folder_of(name)]
    world.stage(one)
    with world.denied(function, "dynamodb:*"):
        world.account.deliver(one)
        assert world.cases == []
        assert len(world.account.messages(queue)) >= 1
    world.account.redeliver(queue)
    assert world.case().status in (Status.CONTAINED, Status.TAGGED)
    assert world.account.messages(queue) == []
    assert not world.account.journal.of(Dropped)


def test_undeliverable_event_is_kept_and_handled_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = event(PUBLIC)
    world.stage(one)
    functions = world.account.runtime.functions
    with monkeypatch.context() as away:
        away.setattr(world.account.runtime, "functions", {})
        world.account.deliver(one)
    assert world.account.runtime.functions == functions
    assert world.cases == []
    assert json.loads(world.account.messages("UndeliveredEvents")[0]) == one
    world.account.redeliver("UndeliveredEvents")
    assert world.case().status is Status.CONTAINED


def test_of_a_batch_only_the_poison_comes_back(world: World) -> None:
    poison = without(event(FAILED), "detail.findings.0.AwsAccountId")
    good = [event(name) for name in BULK]
    for one in good:
        world.stage(one)
    for one in (good[0], poison, *good[1:]):
        world.account.event_delivery.put(one)
    world.account.settle()
    batches = [i for i in world.account.journal.of(Invoked) if i.function == function_of(TAG)]
    assert len(batches[0].event["Records"]) == 4
    bad = [r["messageId"] for r in batches[0].event["Records"] if json.loads(r["body"]) == poison]
    assert batches[0].result == {"batchItemFailures": [{"itemIdentifier": bad[0]}]}
    assert [case.status for case in world.cases] == [Status.TAGGED] * 3
    (kept,) = world.account.messages("FailedBulkEvents")
    assert json.loads(kept) == poison
    assert all(len(batch.event["Records"]) == 1 for batch in batches[1:])
