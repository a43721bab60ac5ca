"""State machines of the example stack: tokens, retries and virtual time."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded.account import EmbeddedAccount
from embedded.journal import Called, ExecutionEnded, ExecutionStarted, Invoked, TokenWaiting
from embedded.tests.example import BUCKET, START, blocked, critical, edited, enter, stage


@pytest.fixture
def account() -> Iterator[EmbeddedAccount]:
    with enter() as entered:
        stage(entered)
        yield entered


def question_of(account: EmbeddedAccount) -> TokenWaiting:
    delivery = account.deliver(critical(Ask=True))
    (waiting,) = delivery.waiting
    return waiting


def test_a_workflow_waits_for_its_token(account: EmbeddedAccount) -> None:
    delivery = account.deliver(critical(Ask=True))
    (started,) = account.journal.of(ExecutionStarted)
    assert (started.machine, started.name) == ("Ask", BUCKET)
    assert [i.event.get("do") for i in delivery.invocations] == [None, "ask"]
    assert delivery.invocations[1].event["token"] == delivery.waiting[0].token
    assert account.now == START + timedelta(seconds=90)  # the Wait state took no real time
    assert account.journal.of(ExecutionEnded) == []
    assert not blocked(account)


def test_approved_workflow_blocks(account: EmbeddedAccount) -> None:
    waiting = question_of(account)
    account.client("stepfunctions").send_task_success(
        taskToken=waiting.token,
        output=json.dumps({"decision": "approve", "by": 'the "reviewer"\n{% $x %}'}),
    )
    account.settle()
    (ended,) = account.journal.of(ExecutionEnded)
    assert (ended.machine, ended.status) == ("Ask", "SUCCEEDED")
    assert ended.output == {"contained": BUCKET, "by": 'the "reviewer"\n{% $x %}'}
    assert blocked(account)


def test_a_rejected_workflow_does_nothing(account: EmbeddedAccount) -> None:
    waiting = question_of(account)
    account.client("stepfunctions").send_task_success(
        taskToken=waiting.token, output=json.dumps({"decision": "reject", "by": "x"})
    )
    account.settle()
    (ended,) = account.journal.of(ExecutionEnded)
    assert ended.status == "SUCCEEDED"
    assert not blocked(account)


def test_an_unanswered_workflow_expires(account: EmbeddedAccount) -> None:
    waiting = question_of(account)
    account.advance(timedelta(hours=2) - timedelta(seconds=1))
    assert account.journal.of(ExecutionEnded) == []
    account.advance(timedelta(seconds=1))
    (ended,) = account.journal.of(ExecutionEnded)
    assert (ended.status, ended.output) == ("SUCCEEDED", {"why": "expired"})
    with pytest.raises(ClientError) as late:
        account.client("stepfunctions").send_task_success(
            taskToken=waiting.token, output='{"decision": "approve", "by": "x"}'
        )
    assert late.value.response["Error"]["Code"] in ("TaskTimedOut", "InvalidToken")
    account.settle()
    assert not blocked(account)


def test_the_workflow_runs_under_its_own_role(tmp_path: Path) -> None:
    with enter(edited(tmp_path, "Action: lambda:InvokeFunction", "Action: sns:Publish")) as account:
        account.deliver(critical(Ask=True))
        (ended,) = account.journal.of(ExecutionEnded)
        assert (ended.status, ended.error) == ("FAILED", "Lambda.AccessDeniedException")
        refused = [c for c in account.journal.of(Called) if not c.allowed]
        assert [(c.caller, c.actions[0][0]) for c in refused] == [("Ask", "lambda:InvokeFunction")]


def test_a_workflow_retries_in_virtual_time(account: EmbeddedAccount) -> None:
    waiting = question_of(account)
    before = account.now
    account.client("s3").delete_bucket(Bucket=BUCKET)
    account.client("stepfunctions").send_task_success(
        taskToken=waiting.token, output='{"decision": "approve", "by": "x"}'
    )
    account.settle()
    (ended,) = account.journal.of(ExecutionEnded)
    assert (ended.status, ended.error) == ("FAILED", "NoSuchBucket")
    blocks = [i for i in account.journal.of(Invoked) if i.event.get("do") == "block"]
    assert len(blocks) == 3
    assert account.now == before + timedelta(seconds=30)  # 10 s, then 20 s


def test_patience_stops_before_a_long_wait(account: EmbeddedAccount) -> None:
    delivery = account.deliver(critical(Ask=True), patience=timedelta(seconds=30))
    assert delivery.waiting == []
    assert account.now == START
    assert len(account.advance(timedelta(seconds=90)).waiting) == 1


def test_two_workflows_wait_at_once(account: EmbeddedAccount) -> None:
    stage(account, "victim-2")
    first = account.deliver(critical(Ask=True)).waiting[0]
    second = account.deliver(critical("victim-2", Ask=True)).waiting[0]
    account.client("stepfunctions").send_task_success(
        taskToken=second.token, output='{"decision": "approve", "by": "x"}'
    )
    account.settle()
    assert blocked(account, "victim-2")
    assert not blocked(account)
    account.client("stepfunctions").send_task_success(
        taskToken=first.token, output='{"decision": "approve", "by": "x"}'
    )
    account.settle()
    assert blocked(account)


UNTIL_DONE = {
    "QueryLanguage": "JSONata",
    "StartAt": "Try",
    "States": {
        "Try": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {"FunctionName": "{% $states.context.Execution.Input.function %}"},
            "Output": "{% $states.result.Payload %}",
            "Next": "Done",
        },
        "Done": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $states.input.until != '' %}", "Next": "Wait"}],
            "Default": "End",
        },
        "Wait": {"Type": "Wait", "Timestamp": "{% $states.input.until %}", "Next": "Try"},
        "End": {"Type": "Succeed"},
    },
}


def test_a_wait_ends_despite_a_fraction(account: EmbeddedAccount) -> None:
    until = START + timedelta(hours=2)

    def handler(event: Any, context: Any) -> dict[str, str]:
        late = datetime.now(UTC) >= until
        return {"until": "" if late else until.strftime("%Y-%m-%dT%H:%M:%SZ")}

    account.runtime._handlers["Block"] = handler
    machine = account.client("stepfunctions").create_state_machine(
        name="until", definition=json.dumps(UNTIL_DONE), roleArn=account.machines["Ask"].role
    )["stateMachineArn"]
    account.clock.sleep(0.25)
    started = json.dumps({"function": account.functions["Block"].arn})
    account.client("stepfunctions").start_execution(stateMachineArn=machine, input=started)
    account.settle()
    assert [r.status for r in account.journal.of(ExecutionEnded)] == ["SUCCEEDED"]
    assert len(account.journal.of(Invoked)) == 2
    assert until <= account.now < until + timedelta(seconds=1)
