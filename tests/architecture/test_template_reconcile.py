"""The reconciler's part of the stack: what it may do, how often it runs, and who hears of it."""

from collections.abc import Mapping
from typing import Any

import pytest

from cordon.deployment import Deployment
from cordon.memory import heartbeat, sweeps
from cordon.reconciling.due import BEAT
from cordon.reconciling.run import LAST_SECONDS, Summary
from embedded.policy_evaluation import Decision, Policies, Request, decide
from tests.architecture.stack import PLAYBOOKS, listed, policies, stack, statements
from tests.examples import QUARANTINE

NEEDED = {
    "dynamodb:BatchGetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:SendMessage",
    "ssm:DescribeOpsItems",
    "states:StartExecution",
}


def properties(name: str) -> Mapping[str, Any]:
    every = [*stack().resources.values(), *stack().unbuilt]
    (found,) = (r.properties for r in every if r.logical == name)
    return dict(found)


def deployment() -> Deployment:
    variables = properties("ReconcileCases")["Environment"]["Variables"]
    return Deployment.from_environment({**variables, "AWS_REGION": "eu-central-1"})


def test_it_rings_by_the_reports_queue() -> None:
    assert deployment().reports_queue == stack().resources["Reports"].physical


def test_role_allows_exactly_its_needed_permissions() -> None:
    allowed = statements(policies("reconcile_cases"), "Allow")
    assert {action for one in allowed for action in listed(one["Action"])} == NEEDED


def may(action: str, key: str, resource: str = "") -> bool:
    table = stack().resources["CasesTable"].arn
    role = stack().resources["ReconcileCasesRole"].arn
    context = {"dynamodb:LeadingKeys": [key]}
    request = Request(role, f"dynamodb:{action}", resource or table, context)
    return decide(request, Policies(identity=policies("reconcile_cases"))) is Decision.ALLOWED


@pytest.mark.parametrize(
    ("key", "reads", "writes"),
    [
        (heartbeat.KEY, True, True),
        (sweeps.KEY, True, True),
        ("reported#self_test#heartbeat", True, False),
        (f"case#{QUARANTINE.name}#0123456789abcdef", True, False),
        ("case#self_test#other", True, False),
        (f"reported#{QUARANTINE.name}#0123456789abcdef", True, False),
        (f"decision#{QUARANTINE.name}#0123456789abcdef", True, False),
        ("settings", True, False),
        ("setup#parts", True, False),
        (f"plan#{QUARANTINE.name}#0123456789abcdef#0123456789abcdef", False, False),
        ("hold#bucket#arn:aws:s3:::acme", False, False),
        (f"budget#{QUARANTINE.name}#111122223333#2026-11-24T12", False, False),
    ],
)
def test_it_writes_no_row_but_its_own(key: str, reads: bool, writes: bool) -> None:
    assert may("BatchGetItem", key) is reads
    assert may("PutItem", key) is writes
    assert not may("UpdateItem", key)
    assert not may("DeleteItem", key)


def test_it_lists_the_open_cases_of_playbooks_only() -> None:
    index = f"{stack().resources['CasesTable'].arn}/index/open"
    assert all(may("Query", playbook, index) for playbook in PLAYBOOKS)
    assert not may("Query", "other", index)
    assert not may("Query", PLAYBOOKS[0])


def test_it_runs_every_five_minutes_and_ends_before_the_next_run() -> None:
    rule = properties("ReconcileCasesEveryFiveMinutes")
    assert rule["ScheduleExpression"] == "rate(5 minutes)"
    assert BEAT.total_seconds() == heartbeat.BEAT.total_seconds() == 300
    assert 2 * LAST_SECONDS < properties("ReconcileCases")["Timeout"] < 300


@pytest.mark.parametrize(
    ("name", "member", "missing"),
    [
        ("ReporterBehind", "reporter_behind", "breaching"),
        ("QuestionsNotReported", "questions_not_reported", "notBreaching"),
    ],
)
def test_its_log_is_what_the_alarms_watch(name: str, member: str, missing: str) -> None:
    assert member in Summary(reporter_behind=0).to_json()
    watch, alarm = properties(f"{name}Count"), properties(name)
    assert watch["FilterPattern"] == f"{{ $.{member} >= 0 }}"
    (metric,) = watch["MetricTransformations"]
    assert metric["MetricValue"] == f"$.{member}"
    assert metric["MetricName"] == alarm["MetricName"] == f"cordon-{name}"
    assert (alarm["TreatMissingData"], alarm["Threshold"]) == (missing, 0)


def test_a_run_that_cannot_look_says_nothing_of_the_reporter() -> None:
    """So that the alarm breaches, for the data is missing."""
    assert "reporter_behind" not in Summary().to_json()
