"""The backlog is sent to the playbooks, which only observe it; whatever else comes is as before."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from console import cli
from console.stack import Stack
from cordon.backlog import of_sweep
from cordon.policy import BACKLOG
from cordon.statuses import Status
from cordon.sweeping import reading, sending
from embedded.journal import Called, ExecutionEnded
from tests.examples import QUARANTINE, TAG, event, function_of
from tests.promises.permission_scenarios_sweep import NAME, store, swept
from tests.promises.policies import commands, user
from tests.promises.world import World

pytestmark = pytest.mark.world("enforce")
SAMPLE = "securityhub_sagemaker_1"


def test_backlog_is_observed_and_a_live_finding_is_contained(world: World) -> None:
    for sample in (SAMPLE, "securityhub_guardduty_console_login"):
        world.stage(event(sample))
    before = world.state
    ended = swept(world)
    assert (ended.status, ended.output["pages"], ended.output["pages_not_sent"]) == (
        "SUCCEEDED",
        1,
        0,
    )
    assert ended.output["counts"] == {"findings": 1, TAG.name: 1}  # a threat is not read
    case = world.case()
    assert (case.status, case.reason, case.held_back) == (Status.OBSERVED, BACKLOG, False)
    batch = world.operator.evidence_copy(case).batch or b""
    (record,) = json.loads(batch)["observed"]
    assert record["content"]["policy"]["sweep"] == NAME
    assert (world.state, world.troubles) == (before, [])
    world.account.deliver(event(SAMPLE))
    assert world.case().status is Status.TAGGED
    held = world.case()
    swept(world, name="again")  # and a sweep changes nothing of it
    assert world.case() == held
    assert world.troubles == []


def test_desk_lets_a_playbook_respond_to_the_backlog(world: World) -> None:
    change = {"do": "backlog", "playbook": TAG.name, "backlog": "respond"}
    world.operator.request("settings", {"change": change})
    swept(world, SAMPLE, control="SageMaker.1")
    assert world.case().status is Status.TAGGED
    assert world.evidence(world.case())[0]["content"]["policy"]["sweep"] == NAME
    assert world.troubles == []


def test_dead_letter_of_the_backlog_stays_backlog(world: World) -> None:
    world.stage(event(SAMPLE))
    queue = f"{function_of(TAG)}BulkQueue"
    with world.denied(function_of(TAG), "dynamodb:BatchGetItem"):
        swept(world)
        world.account.advance(timedelta(hours=2), schedules="last")
    assert world.account.messages(queue) == []
    (letter,) = world.account.messages("FailedBulkEvents")
    assert NAME in str(letter)
    done = world.operator.request("redeliver", {"queue": "FailedBulkEvents"})
    assert done["redelivered"] == 1
    world.account.settle()
    assert world.case().reason == BACKLOG


def test_sweep_brings_no_pass(world: World) -> None:
    """Not even one that is forged with the sweep's own rights."""
    world.send(event(SAMPLE))
    held = world.case()
    passed = of_sweep(event("securityhub_sagemaker_1_passed"), NAME)
    record = {"messageId": "1", "body": json.dumps(passed)}
    world.account.invoke(function_of(TAG), {"Records": [record]})
    assert world.case() == held


def test_sweep_whose_pages_fail_says_so(world: World) -> None:
    with world.denied("SweepFindings", "sqs:SendMessage"):
        ended = swept(world, SAMPLE)
    assert (ended.status, ended.error) == ("FAILED", "States.ExceedToleratedFailureThreshold")
    assert world.cases == []


def test_operator_starts_a_sweep_and_follows_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.stage(event(SAMPLE))
    with commands(world, user(world, "ada", "operator")) as stack:
        monkeypatch.setattr(Stack, "named", lambda *_: stack)
        done = CliRunner().invoke(cli.app, ["sweep", "--control", "SageMaker.1"])
        assert (done.exit_code, done.exception) == (0, None), done.output
        world.account.settle(patience=timedelta(hours=1))
        name = done.stdout.split()[1]
        shown = CliRunner().invoke(cli.app, ["sweep", "--show", name, "-o", "jsonl"])
    assert (shown.exit_code, shown.exception) == (0, None), shown.output
    assert '{"what": "pages sent", "is": 1}' in shown.stdout
    assert f'{{"what": "{TAG.name}", "is": 1}}' in shown.stdout
    assert world.case().reason == BACKLOG


# ---- one that failed goes on ----


@contextmanager
def no_way_to(world: World, queue: str) -> Iterator[None]:
    """While it lasts, a sweep may not send to this queue (its logical id)."""
    iam, sweeps = world.account.client("iam"), world.account.functions["SweepFindings"]
    arn = world.account.stack.resources[queue].arn
    denied = {"Effect": "Deny", "Action": "sqs:SendMessage", "Resource": arn}
    document = json.dumps({"Version": "2012-10-17", "Statement": [denied]})
    given = {"RoleName": sweeps.role.rsplit("/", 1)[-1], "PolicyName": "denied"}
    iam.put_role_policy(**given, PolicyDocument=document)
    yield
    iam.delete_role_policy(**given)


def redriven(world: World, monkeypatch: pytest.MonkeyPatch) -> ExecutionEnded:
    """An operator lets the sweep go on; how it ended then."""
    with commands(world, user(world, "ada", "operator")) as stack:
        monkeypatch.setattr(Stack, "named", lambda *_: stack)
        shown = CliRunner().invoke(cli.app, ["sweep", "--show", NAME, "-o", "jsonl"])
        assert f"cordon sweep --redrive {NAME}" in shown.stdout
        done = CliRunner().invoke(cli.app, ["sweep", "--redrive", NAME])
        assert (done.exit_code, done.exception) == (0, None), done.output
        world.account.settle(patience=timedelta(hours=1))
        again = CliRunner().invoke(cli.app, ["sweep", "--redrive", NAME])
        assert isinstance(again.exception, ClientError)
        assert again.exception.response["Error"]["Code"] == "ExecutionNotRedrivable"
    return world.account.journal.of(ExecutionEnded)[-1]


def sent(world: World) -> list[tuple[str, int]]:
    """To which queue a sweep sent how many messages, in order."""
    return [
        (one.params["QueueUrl"].rpartition("/")[2], len(one.params["Entries"]))
        for one in world.account.journal.of(Called)
        if (one.caller, one.operation, one.allowed) == ("SweepFindings", "SendMessageBatch", True)
    ]


def test_redriven_sweep_sends_what_was_not_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a page that was sent nothing comes again. Of the page that failed all does: what a queue
    had taken of it is one case all the same."""
    monkeypatch.setattr(reading, "RESPONSES", 1)  # a page for each response,
    monkeypatch.setattr(reading, "MOST_FINDINGS", 2)  # which has two findings
    first, second = f"{function_of(TAG)}BulkQueue", f"{function_of(QUARANTINE)}BulkQueue"
    (finding,) = event(SAMPLE)["detail"]["findings"]
    (resource,) = finding["Resources"]
    for number in range(3):  # two for one page, and one beside that of a bucket
        store(
            world,
            {
                **finding,
                "Id": f"{finding['Id']}-{number}",
                "Resources": [{**resource, "Id": f"{resource['Id']}-{number}"}],
            },
        )
    with no_way_to(world, second):
        failed = swept(world, "securityhub_s3_2")
    assert (failed.status, failed.error) == ("FAILED", "States.ExceedToleratedFailureThreshold")
    names = {queue: world.account.queues[queue].arn.rpartition(":")[2] for queue in (first, second)}
    before = sent(world)
    assert {name for name, _ in before} == {names[first]}
    ended = redriven(world, monkeypatch)
    assert (ended.status, ended.output["pages_not_sent"]) == ("SUCCEEDED", 0)
    assert ended.output["pages"] == 4  # that of the bucket is found by three queries
    assert ended.output["counts"] == {"findings": 6, TAG.name: 3, QUARANTINE.name: 3}
    assert sent(world)[len(before) :] == [(names[first], 1), *[(names[second], 1)] * 3]
    assert len(world.cases) == 4
    assert {case.reason for case in world.cases} == {BACKLOG}


def test_page_that_found_no_room_is_sent_by_a_redrive(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    states, machine = world.account.client("stepfunctions"), world.account.stack.outputs["Sweep"]
    definition = states.describe_state_machine(stateMachineArn=machine)["definition"]
    states.update_state_machine(
        stateMachineArn=machine, definition=definition.replace(">= 2000", ">= 2")
    )
    with monkeypatch.context() as full:
        full.setattr(sending, "MOST_WAITING", -1)
        assert swept(world, SAMPLE).status == "FAILED"
    assert sent(world) == [] and world.cases == []
    ended = redriven(world, monkeypatch)
    assert (ended.status, ended.output["counts"]) == ("SUCCEEDED", {"findings": 1, TAG.name: 1})
    assert world.case().reason == BACKLOG


def test_sweep_that_somebody_stopped_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """While its pages wait for room: then none is sent, and a redrive sends them."""
    states, machine = world.account.client("stepfunctions"), world.account.stack.outputs["Sweep"]
    world.stage(event(SAMPLE))
    with monkeypatch.context() as full:
        full.setattr(sending, "MOST_WAITING", -1)
        arn = states.start_execution(stateMachineArn=machine, name=NAME, input="{}")["executionArn"]
        world.account.settle(patience=timedelta(minutes=1))
        states.stop_execution(executionArn=arn)
        world.account.settle(patience=timedelta(hours=1))
    assert world.account.journal.of(ExecutionEnded)[-1].status == "ABORTED"
    assert sent(world) == [] and world.cases == []
    ended = redriven(world, monkeypatch)
    assert (ended.status, ended.output["pages_not_sent"]) == ("SUCCEEDED", 0)
    assert ended.output["counts"] == {"findings": 1, TAG.name: 1}
    assert world.case().reason == BACKLOG
