"""The workflow of a sweep: one function reads and sends for it, a few pages at a time."""

from collections.abc import Mapping
from typing import Any

import pytest
from jsonata import Jsonata

from cordon.backlog import of_sweep
from embedded.policy_evaluation import Decision, Policies, Request, decide
from embedded.template import load
from tests.architecture.stack import listed, policies, stack, statements
from tests.architecture.test_statemachines import evaluated, follows, text
from tests.examples import SWEPT

MACHINE: Mapping[str, Any] = load(stack().resources["Sweep"].properties["DefinitionString"])
STATES: Mapping[str, Mapping[str, Any]] = MACHINE["States"]
OF_A_PAGE: Mapping[str, Mapping[str, Any]] = STATES["Send"]["ItemProcessor"]["States"]
TASKS = [one for one in (*STATES.values(), *OF_A_PAGE.values()) if one["Type"] == "Task"]
NEEDED = {
    "dynamodb:BatchGetItem",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "s3:GetObject",
    "s3:ListBucket",
    "s3:PutObject",
    "securityhub:GetFindings",
    "sqs:GetQueueAttributes",
    "sqs:SendMessage",
}


def test_every_task_is_the_function_timed_and_tried_again() -> None:
    assert len(TASKS) == 3
    function = stack().resources["SweepFindings"]
    for task in TASKS:
        assert task["Arguments"]["FunctionName"] == function.arn
        assert task["TimeoutSeconds"] > function.properties["Timeout"]
        never, always = task["Retry"]
        assert (never["ErrorEquals"], never["MaxAttempts"]) == (["Malformed"], 0)
        assert (always["ErrorEquals"], always["JitterStrategy"]) == (["States.ALL"], "FULL")


@pytest.mark.parametrize(("states", "start"), [(STATES, "Read"), (OF_A_PAGE, "SendPage")])
def test_every_state_is_reachable(states: Mapping[str, Mapping[str, Any]], start: str) -> None:
    found, waiting = set[str](), {start}
    while waiting:
        found.add(name := waiting.pop())
        waiting |= follows(states[name]) - found
    assert found == states.keys()


def test_every_expression_is_jsonata() -> None:
    expressions = [one for one in text(STATES) if "{%" in one]
    assert len(expressions) > 15
    for expression in expressions:
        Jsonata.jsonata(expression.removeprefix("{%").removesuffix("%}"))


def test_it_reads_until_there_is_no_more() -> None:
    more, nothing = STATES["IsMore"]["Choices"]
    some = {"at": {"pages": 3}, "more": False}
    assert not evaluated(more["Condition"], {"input": some})
    assert evaluated(more["Condition"], {"input": {**some, "more": True}})
    assert not evaluated(nothing["Condition"], {"input": some})
    assert evaluated(nothing["Condition"], {"input": {"at": {"pages": 0}, "more": False}})
    assert (more["Next"], nothing["Next"], STATES["IsMore"]["Default"]) == (
        "Pause",
        "Summarise",
        "Send",
    )


def test_pages_are_executions_of_their_own_few_at_a_time() -> None:
    """And of those that fail a few are tolerated: the summary names them; more fail the sweep."""
    sends = STATES["Send"]
    assert sends["ItemProcessor"]["ProcessorConfig"] == {
        "Mode": "DISTRIBUTED",
        "ExecutionType": "STANDARD",
    }
    assert 0 < sends["MaxConcurrency"] <= 2
    assert 0 < sends["ToleratedFailurePercentage"] <= 5
    assert sends["ItemReader"]["Arguments"]["Bucket"] == stack().resources["FailedRecords"].physical
    (sent,) = OF_A_PAGE["IsSent"]["Choices"]
    assert evaluated(sent["Condition"], {"input": {"wait": False}})
    assert not evaluated(sent["Condition"], {"input": {"wait": True}})
    last = OF_A_PAGE["SendPage"]["Arguments"]["Payload"]["last"]
    assert not evaluated(last, {"input": {"waited": 1999}})
    assert evaluated(last, {"input": {"waited": 2000}})
    events = 9  # at most, of a task that is tried once, a choice and a wait
    assert 2000 * events < 25_000  # Step Functions Developer Guide, "Service quotas"


def test_page_that_failed_can_go_on() -> None:
    """A redrive enters a Fail state again, and fails (Step Functions Developer Guide, "Restarting
    state machine executions with redrive"): what fails must be a task."""
    assert {one["Type"] for one in OF_A_PAGE.values()} == {"Task", "Choice", "Wait", "Pass"}


def test_input_and_authority_come_from_nowhere_else() -> None:
    """A person's input is what is wanted, and the name is the execution's own."""
    for task in TASKS:
        assert "cordon" not in str(task["Arguments"]["Payload"])
    payload = STATES["Read"]["Arguments"]["Payload"]
    context = {"Execution": {"Name": "a", "Input": {"source": "macie"}, "StartTime": "t"}}
    known = {"context": context, "input": {}}
    assert evaluated(payload["wanted"], known) == {"source": "macie"}
    assert evaluated(payload["sweep"], known) == "a"


# ---- what it may do ----


def test_role_of_the_function_allows_exactly_what_it_needs() -> None:
    allowed = statements(policies("sweep_findings"), "Allow")
    assert {action for one in allowed for action in listed(one["Action"])} == NEEDED


def may(name: str, action: str, resource: str, **context: Any) -> bool:
    role = stack().resources[f"{name}Role"].arn
    folder = "sweep_findings" if name == "SweepFindings" else "sweep"
    own = {"aws:ResourceAccount": stack().place.account}
    own |= {key.replace("__", ":"): value for key, value in context.items()}
    request = Request(role, action, resource, own)
    return decide(request, Policies(identity=policies(folder))) is Decision.ALLOWED


def test_function_reaches_its_pages_and_the_queues_only() -> None:
    built = stack().resources
    pages, failed = built["FailedRecords"].arn, "aws/lambda/x/shardId-0/2026/11/24/r"
    for action in ("s3:GetObject", "s3:PutObject"):
        assert may("SweepFindings", action, f"{pages}/sweeps/a/pages/00000001.json")
        assert not may("SweepFindings", action, f"{pages}/{failed}")
        assert not may("SweepFindings", action, f"{built['EvidenceBucket'].arn}/sweeps/a")
    for name in ("SweepFindings", "Sweep"):
        assert may(name, "s3:ListBucket", pages, s3__prefix="sweeps/a/pages/")
        assert not may(name, "s3:ListBucket", pages, s3__prefix="")
    for queue in stack().of("AWS::SQS::Queue"):
        sends = may("SweepFindings", "sqs:SendMessage", queue.arn)
        assert sends is (queue.logical in {*SWEPT, "FailedInvocations"})
    table, rows = built["CasesTable"].arn, "dynamodb:BatchGetItem"
    assert may("SweepFindings", rows, table, dynamodb__LeadingKeys=["setup#parts"])
    assert not may("SweepFindings", rows, table, dynamodb__LeadingKeys=["settings"])


def test_machine_starts_and_redrives_itself_only() -> None:
    sweep, other = (stack().resources[name].arn for name in ("Sweep", "Workflow"))
    runs, others = (arn.replace(":stateMachine:", ":execution:") for arn in (sweep, other))
    assert may("Sweep", "lambda:InvokeFunction", stack().resources["SweepFindings"].arn)
    assert not may("Sweep", "lambda:InvokeFunction", stack().resources["DecideCases"].arn)
    for action, own, foreign in (
        ("states:StartExecution", sweep, other),
        ("states:DescribeExecution", f"{runs}:a", f"{others}:a"),
        ("states:RedriveExecution", f"{runs}/Send:a", f"{others}/Send:a"),
    ):
        assert may("Sweep", action, own)
        assert not may("Sweep", action, foreign)


def test_mark_is_none_that_eventbridge_writes() -> None:
    """EventBridge User Guide, "AWS service event metadata"."""
    written = {"version", "id", "detail-type", "source", "account", "time", "region", "resources"}
    assert not of_sweep({}, "a").keys() & (written | {"detail", "replay-name"})
