"""A fault that one message of a batch meets leaves the others done; that one alone comes back."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from cordon.statuses import Status
from embedded import iam_guard
from embedded.iam_guard import SandboxDied
from embedded.journal import Invoked
from tests.examples import TAG, event, function_of
from tests.faults import BROKEN, DENIED, DIED_AFTER, LOST, THROTTLED, Fault
from tests.promises.world import World

BULK = tuple(
    name
    for name in ("securityhub_sagemaker_2", "securityhub_sagemaker_5", "securityhub_sagemaker_9")
)
RAISED = (THROTTLED, DENIED, BROKEN, LOST)


def break_second(world: World, operation: str, fault: Fault, *, lasting: bool = False) -> list[str]:
    """Break the operation for the second message; the list has each break."""
    broken: list[str] = []
    second = arn(BULK[1])

    def intercept(client: Any, called: str, params: Any, go: Callable[[], Any]) -> Any:
        account = world.account
        caller = account._scheduler.owner
        meant = called == operation and second in json.dumps(params, default=str)
        if caller is None or not meant or (broken and not lasting):
            return account.calls.intercept(client, called, params, go)
        broken.append(called)
        if fault.takes_effect:
            account.calls.intercept(client, called, params, go)
        error = fault.error(client.meta.service_model.service_name, called)
        caller.crashed = isinstance(error, SandboxDied)
        raise error

    iam_guard.enter(intercept)
    return broken


def arn(name: str) -> str:
    """The resource that a sample's finding is about."""
    return str(event(name)["detail"]["findings"][0]["Resources"][0]["Id"])


def deliver(world: World) -> list[Invoked]:
    """All in one batch, until it is quiet; the invocations of the function."""
    for name in BULK:
        world.stage(event(name))
    for name in BULK:
        world.account.event_delivery.put(event(name))
    world.account.settle()
    made = [one for one in world.account.journal.of(Invoked) if one.function == function_of(TAG)]
    assert len(made[0].event["Records"]) == len(BULK)
    return [one for one in made if "Records" in one.event]


def tagged(world: World) -> set[str]:
    """The resources whose case ended well."""
    return {c.plan.resources[0] for c in world.cases if c.status is Status.TAGGED}


def attempts(world: World) -> dict[str, int]:
    return {case.plan.resources[0]: case.attempt for case in world.cases}


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("fault", RAISED, ids=str)
@pytest.mark.parametrize("operation", ["TransactWriteItems", "AddTags"])
def test_others_are_done_and_one_comes_again(world: World, operation: str, fault: Fault) -> None:
    broken = break_second(world, operation, fault)
    first, *later = deliver(world)
    second = [r for r in first.event["Records"] if arn(BULK[1]) in r["body"]]
    assert broken
    assert first.result == {"batchItemFailures": [{"itemIdentifier": second[0]["messageId"]}]}
    assert [len(one.event["Records"]) for one in later] == [1] * len(later)
    assert tagged(world) == {arn(name) for name in BULK}
    assert {attempts(world)[arn(name)] for name in (BULK[0], BULK[2])} == {1}
    assert world.account.messages("FailedBulkEvents") == []


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("fault", RAISED, ids=str)
def test_poison_ends_dead_and_alone(world: World, fault: Fault) -> None:
    break_second(world, "AddTags", fault, lasting=True)
    deliver(world)
    assert tagged(world) == {arn(name) for name in (BULK[0], BULK[2])}
    (kept,) = map(json.loads, world.account.messages("FailedBulkEvents"))
    assert kept == event(BULK[1])
    assert len(world.cases) == len(BULK)
    (failed,) = [case for case in world.cases if case.status is Status.FAILED]
    assert failed.failed[0].reason


@pytest.mark.parametrize("operation", ["TransactWriteItems", "AddTags"])
def test_dead_sandbox_brings_all_again(world: World, operation: str) -> None:
    """Lambda cannot say which message killed it; who was done stays done."""
    assert break_second(world, operation, DIED_AFTER) == []
    first, *_ = deliver(world)
    assert first.crashed
    assert tagged(world) == {arn(name) for name in BULK}
    assert sorted(attempts(world).values()) in ([1, 1, 1], [1, 1, 2])
    assert world.account.messages("FailedBulkEvents") == []


@pytest.mark.world("observe")
@pytest.mark.parametrize("fault", RAISED, ids=str)
def test_observed_batch_leaves_the_others_done(world: World, fault: Fault) -> None:
    """Rows of a batch are written at its end, with one object of evidence for all."""
    broken = break_second(world, "PutItem", fault)
    first, *later = deliver(world)
    assert broken
    assert len(first.result["batchItemFailures"]) == 1
    assert [len(one.event["Records"]) for one in later] == [1]
    assert [case.status for case in world.cases] == [Status.OBSERVED] * len(BULK)
    assert world.account.messages("FailedBulkEvents") == []
