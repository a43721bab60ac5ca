"""An execution that failed goes on where it failed, and only as Step Functions allows it."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded.account import EmbeddedAccount
from embedded.backends import NotModelled
from embedded.journal import ExecutionEnded, ExecutionStarted
from embedded.tests.example import enter

TASK = "arn:aws:states:::aws-sdk:s3"
ROLE = "arn:aws:iam::111122223333:role/machine"
TAKES_ITS_TIME = {"Type": "Wait", "Seconds": 600, "Next": "Find"}
FINDS = {
    "Type": "Task",
    "Resource": f"{TASK}:headBucket",
    "Arguments": {"Bucket": "{% $states.input.bucket %}"},
    "Output": {"bucket": "{% $states.input.bucket %}"},
    "End": True,
}
ONE_AFTER_THE_OTHER = {"QueryLanguage": "JSONata", "StartAt": "Wait"}
BOTH = {**ONE_AFTER_THE_OTHER, "States": {"Wait": TAKES_ITS_TIME, "Find": FINDS}}
OF_EACH = {
    "QueryLanguage": "JSONata",
    "StartAt": "Each",
    "States": {
        "Each": {
            "Type": "Map",
            "Items": "{% $states.input.all %}",
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "Wait",
                "States": {"Wait": TAKES_ITS_TIME, "Find": FINDS},
            },
            "MaxConcurrency": 1,
            "End": True,
        }
    },
}


@pytest.fixture
def account() -> Iterator[EmbeddedAccount]:
    with enter() as entered:
        role = json.dumps({"Version": "2012-10-17", "Statement": []})
        entered.client("iam").create_role(RoleName="machine", AssumeRolePolicyDocument=role)
        allowed = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        entered.client("iam").put_role_policy(
            RoleName="machine", PolicyName="a", PolicyDocument=document
        )
        yield entered


def start(account: EmbeddedAccount, definition: dict[str, Any], given: dict[str, Any]) -> str:
    """The ARN of an execution that has ended."""
    states = account.client("stepfunctions")
    machine = states.create_state_machine(
        name="m", definition=json.dumps(definition), roleArn=ROLE
    )["stateMachineArn"]
    begun = states.start_execution(stateMachineArn=machine, name="a", input=json.dumps(given))
    account.settle(patience=timedelta(days=1))
    return str(begun["executionArn"])


def redrive(account: EmbeddedAccount, arn: str, **given: str) -> Any:
    return account.client("stepfunctions").redrive_execution(executionArn=arn, **given)


def refusal(account: EmbeddedAccount, arn: str) -> str:
    with pytest.raises(ClientError) as raised:
        redrive(account, arn)
    return str(raised.value.response["Error"]["Code"])


def make(account: EmbeddedAccount, bucket: str) -> None:
    account.client("s3").create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )


def test_execution_goes_on_with_the_state_that_failed(account: EmbeddedAccount) -> None:
    arn, states = start(account, BOTH, {"bucket": "later"}), account.client("stepfunctions")
    described = states.describe_execution(executionArn=arn)
    assert (described["status"], described["redriveStatus"]) == ("FAILED", "REDRIVABLE")
    make(account, "later")
    before = account.now
    redrive(account, arn)
    account.settle(patience=timedelta(days=1))
    assert account.now == before  # what had waited does not wait again
    described = states.describe_execution(executionArn=arn)
    assert (described["status"], described["redriveCount"]) == ("SUCCEEDED", 1)
    assert json.loads(described["output"]) == {"bucket": "later"}
    assert "error" not in described
    assert described["redriveStatusReason"] == "Execution is SUCCEEDED and cannot be redriven"
    kinds = [one["type"] for one in states.get_execution_history(executionArn=arn)["events"]]
    assert kinds.count("ExecutionRedriven") == kinds.count("WaitStateEntered") == 1
    assert [one.status for one in account.journal.of(ExecutionEnded)] == ["FAILED", "SUCCEEDED"]
    assert len(account.journal.of(ExecutionStarted)) == 1
    assert refusal(account, arn) == "ExecutionNotRedrivable"


def test_only_items_that_failed_go_on(account: EmbeddedAccount) -> None:
    """As often as there are any, with the items of the beginning, in the same Map Run."""
    states, all = account.client("stepfunctions"), [{"bucket": f"bucket-{n}"} for n in range(3)]
    make(account, "bucket-1")
    before = account.now
    arn = start(account, OF_EACH, {"all": all})
    assert account.now - before == timedelta(seconds=1800)
    make(account, "bucket-2")
    redrive(account, arn)
    account.settle(patience=timedelta(days=1))
    (run,) = states.list_map_runs(executionArn=arn)["mapRuns"]
    described = states.describe_map_run(mapRunArn=run["mapRunArn"])
    counts = described["itemCounts"]
    assert (described["status"], described["redriveCount"]) == ("FAILED", 1)
    assert (counts["total"], counts["succeeded"], counts["failed"]) == (3, 2, 1)
    make(account, "bucket-0")
    redrive(account, arn)
    account.settle(patience=timedelta(days=1))
    assert account.now - before == timedelta(seconds=1800)
    described = states.describe_execution(executionArn=arn)
    assert (described["status"], described["redriveCount"]) == ("SUCCEEDED", 2)
    assert json.loads(described["output"]) == all


def test_redrive_is_refused(account: EmbeddedAccount) -> None:
    arn = start(account, BOTH, {"bucket": "never"})
    assert refusal(account, arn.replace(":a", ":b")) == "ExecutionDoesNotExist"
    first = redrive(account, arn, clientToken="t")
    assert refusal(account, arn) == "ExecutionNotRedrivable"  # it runs
    account.settle(patience=timedelta(days=1))
    assert redrive(account, arn, clientToken="t")["redriveDate"] == first["redriveDate"]
    described = account.client("stepfunctions").describe_execution(executionArn=arn)
    assert (described["status"], described["redriveCount"]) == ("FAILED", 1)
    account.advance(timedelta(days=14, seconds=1), schedules="none")
    assert refusal(account, arn) == "ExecutionNotRedrivable"
    described = account.client("stepfunctions").describe_execution(executionArn=arn)
    assert described["redriveStatusReason"] == "Execution redrivable period exceeded"


def stopped(
    account: EmbeddedAccount, definition: dict[str, Any], given: dict[str, Any], after: timedelta
) -> str:
    """The ARN of an execution that somebody stopped."""
    states = account.client("stepfunctions")
    machine = states.create_state_machine(name="m", definition=json.dumps(definition), roleArn=ROLE)
    begun = states.start_execution(
        stateMachineArn=machine["stateMachineArn"], name="a", input=json.dumps(given)
    )
    account.settle(patience=after)
    states.stop_execution(executionArn=begun["executionArn"])
    account.settle(patience=timedelta(days=1))
    described = states.describe_execution(executionArn=begun["executionArn"])
    assert (described["status"], described["redriveStatus"]) == ("ABORTED", "REDRIVABLE")
    return str(begun["executionArn"])


def test_execution_that_was_stopped_goes_on_with_the_state_it_was_in(
    account: EmbeddedAccount,
) -> None:
    make(account, "bucket")
    arn, before = stopped(account, BOTH, {"bucket": "bucket"}, timedelta(seconds=1)), account.now
    redrive(account, arn)
    account.settle(patience=timedelta(days=1))
    assert account.now - before == timedelta(seconds=600)  # it waits anew
    described = account.client("stepfunctions").describe_execution(executionArn=arn)
    assert (described["status"], json.loads(described["output"])) == (
        "SUCCEEDED",
        {"bucket": "bucket"},
    )
    assert [one.status for one in account.journal.of(ExecutionEnded)] == ["ABORTED", "SUCCEEDED"]


def test_items_of_a_map_run_that_was_stopped_go_on(account: EmbeddedAccount) -> None:
    """One had succeeded, one ran, one had not begun: the last two are processed."""
    states, all = account.client("stepfunctions"), [{"bucket": f"bucket-{n}"} for n in range(3)]
    for one in all:
        make(account, one["bucket"])
    arn, before = stopped(account, OF_EACH, {"all": all}, timedelta(seconds=900)), account.now

    def described() -> tuple[str, dict[str, int]]:
        (run,) = states.list_map_runs(executionArn=arn)["mapRuns"]
        said = states.describe_map_run(mapRunArn=run["mapRunArn"])
        return said["status"], {k: n for k, n in said["itemCounts"].items() if n}

    counts = {"succeeded": 1, "aborted": 1, "resultsWritten": 1, "total": 2}
    assert described() == ("ABORTED", counts)
    redrive(account, arn)
    account.settle(patience=timedelta(days=1))
    assert account.now - before == timedelta(seconds=1200)
    assert described() == ("SUCCEEDED", {"succeeded": 3, "resultsWritten": 3, "total": 3})
    ended = states.describe_execution(executionArn=arn)
    assert (ended["status"], json.loads(ended["output"])) == ("SUCCEEDED", all)


def test_execution_that_has_timed_out_is_not_modelled(account: EmbeddedAccount) -> None:
    waits = {**TAKES_ITS_TIME, "Seconds": 10}
    definition = {**BOTH, "TimeoutSeconds": 1, "States": {"Wait": waits, "Find": FINDS}}
    arn = start(account, definition, {"bucket": "bucket"})
    described = account.client("stepfunctions").describe_execution(executionArn=arn)
    assert described["status"] == "TIMED_OUT"
    with pytest.raises(NotModelled):
        redrive(account, arn)
