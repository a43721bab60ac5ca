"""The backlog is sent to the playbooks, which only observe it; whatever else comes is as before."""

import json
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from console import cli
from console.stack import Stack
from cordon.backlog import of_sweep
from cordon.policy import BACKLOG
from cordon.statuses import Status
from tests.examples import TAG, event, function_of
from tests.promises.permission_scenarios_sweep import NAME, swept
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
