"""The reporter's part of the stack: what rings, what it may do, and who hears of its faults."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cordon.clients import CONFIG
from cordon.deployment import Deployment
from cordon.headers import headers
from cordon.reporting.event import DETAIL_TYPE, SOURCE
from cordon.reporting.handle import KEPT
from embedded.event_patterns import matches
from embedded.policy_evaluation import Decision, Policies, Request, decide
from tests.architecture.stack import PLACE, PLAYBOOKS, listed, policies, stack, statements
from tests.examples import QUARANTINE

ROOT = Path(__file__).parents[2]
NEEDED = {
    "dynamodb:BatchGetItem",
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
    "dynamodb:PutItem",
    "events:PutEvents",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "s3:GetObject",
    "s3:ListBucket",
    "s3:PutObject",
    "securityhub:BatchImportFindings",
    "securityhub:BatchUpdateFindings",
    "securityhub:GetFindings",
    "sns:Publish",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
    "sqs:SendMessage",
    "ssm:CreateOpsItem",
    "ssm:GetOpsItem",
    "ssm:UpdateOpsItem",
}


def properties(name: str) -> Mapping[str, Any]:
    return dict(stack().resources[name].properties)


def decision(action: str, resource: str, **context: Any) -> Decision:
    named = {name.replace("__", ":"): value for name, value in context.items()}
    role = stack().resources["ReportCasesRole"].arn
    request = Request(role, action, resource, named)
    return decide(request, Policies(identity=policies("report_cases")))


# ---- what rings ----


@pytest.mark.parametrize(
    ("id", "rings"),
    [
        (f"case#{QUARANTINE.name}#0123456789abcdef", True),
        ("case#self_test#heartbeat", True),
        (f"reported#{QUARANTINE.name}#0123456789abcdef", False),
        (f"plan#{QUARANTINE.name}#0123456789abcdef#0123456789abcdef", False),
        (f"decision#{QUARANTINE.name}#0123456789abcdef", False),
        ("settings", True),
    ],
)
def test_only_cases_and_settings_ring(id: str, rings: bool) -> None:
    filters = properties("ReportCasesStream")["FilterCriteria"]["Filters"]
    patterns = [json.loads(one["Pattern"]) for one in filters]
    key = {"id": {"S": id}}
    record = {"eventName": "MODIFY", "dynamodb": {"Keys": key, "NewImage": key}}
    assert any(matches(pattern, record) for pattern in patterns) is rings
    deleted = {"eventName": "REMOVE", "dynamodb": {"Keys": key}}
    assert any(matches(pattern, deleted) for pattern in patterns) is (id == "settings")


def test_stream_keeps_what_it_gives_up() -> None:
    stream = properties("ReportCasesStream")
    assert stream["DestinationConfig"]["OnFailure"] == {
        "Destination": stack().resources["FailedRecords"].arn
    }
    assert stream["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert stream["BisectBatchOnFunctionError"] is True
    assert stream["MaximumBatchingWindowInSeconds"] <= 1, "threats wait for it"
    assert properties("CasesTable")["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}


def test_failed_records_expire() -> None:
    """They have whole findings in them."""
    bucket = properties("FailedRecords")
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", 14)
    assert all(bucket["PublicAccessBlockConfiguration"].values())


def test_call_that_hangs_ends_before_the_function() -> None:
    tries = int(CONFIG.retries["total_max_attempts"])
    longest = tries * (CONFIG.connect_timeout + CONFIG.read_timeout)
    assert KEPT.total_seconds() >= longest
    assert properties("ReportCases")["Timeout"] > 1.5 * KEPT.total_seconds()


# ---- what it may do ----


def test_role_allows_exactly_its_needed_permissions() -> None:
    allowed = statements(policies("report_cases"), "Allow")
    assert {action for one in allowed for action in listed(one["Action"])} == NEEDED


@pytest.mark.parametrize(
    ("key", "reads", "writes"),
    [
        (f"case#{QUARANTINE.name}#0123456789abcdef", True, False),
        (f"plan#{QUARANTINE.name}#0123456789abcdef#0123456789abcdef", True, False),
        (f"reported#{QUARANTINE.name}#0123456789abcdef", True, True),
        ("reported#self_test#heartbeat", True, True),
        (f"decision#{QUARANTINE.name}#0123456789abcdef", False, False),
        ("settings", False, False),
        ("hold#bucket#arn:aws:s3:::acme", False, False),
    ],
)
def test_it_writes_only_what_was_shown(key: str, reads: bool, writes: bool) -> None:
    table = stack().resources["CasesTable"].arn
    context = {"dynamodb__LeadingKeys": [key]}
    read = decision("dynamodb:BatchGetItem", table, **context)
    write = decision("dynamodb:PutItem", table, **context)
    assert (read is Decision.ALLOWED, write is Decision.ALLOWED) == (reads, writes)


@pytest.mark.parametrize(
    ("source", "kind", "allowed"),
    [
        (SOURCE, DETAIL_TYPE, True),
        ("aws.guardduty", DETAIL_TYPE, False),
        ("other", DETAIL_TYPE, False),
        (SOURCE, "GuardDuty Finding", False),
    ],
)
def test_it_puts_no_other_event_on_the_bus(source: str, kind: str, allowed: bool) -> None:
    bus = f"arn:aws:events:{PLACE.region}:{PLACE.account}:event-bus/default"
    given = decision(
        "events:PutEvents", bus, **{"events__source": source, "events__detail-type": kind}
    )
    assert (given is Decision.ALLOWED) is allowed


@pytest.mark.parametrize(("status", "denied"), [("NOTIFIED", False), ("SUPPRESSED", True)])
def test_it_never_suppresses(status: str, denied: bool) -> None:
    hub = f"arn:aws:securityhub:{PLACE.region}:{PLACE.account}:hub/default"
    context = {"securityhub__ASFFSyntaxPath/Workflow.Status": status}
    given = decision("securityhub:BatchUpdateFindings", hub, **context)
    assert (given is Decision.DENIED) is denied


def test_only_the_reporter_sends_messages() -> None:
    for playbook in PLAYBOOKS:
        allowed = statements(policies(playbook), "Allow")
        actions = {action for one in allowed for action in listed(one["Action"])}
        assert not actions & {"sns:Publish", "ssm:CreateOpsItem", "events:PutEvents"}
        assert not any(action.startswith("securityhub:") for action in actions)
    (keys,) = stack().of("AWS::KMS::Key")
    named = [
        one["Principal"]["AWS"]
        for one in keys.properties["KeyPolicy"]["Statement"]
        if one["Sid"] == "ReporterPublishes"
    ]
    assert named == [stack().resources["ReportCasesRole"].arn]
    others = [s["Principal"] for s in keys.properties["KeyPolicy"]["Statement"]]
    services = ("cloudwatch.amazonaws.com", "events.amazonaws.com")
    assert [p for p in others if "Service" in p] == [{"Service": name} for name in services]


# ---- what it is built of ----


def test_environment_is_a_deployment() -> None:
    variables = properties("ReportCases")["Environment"]["Variables"]
    deployment = Deployment.from_environment({**variables, "AWS_REGION": PLACE.region})
    assert deployment.reports_queue == stack().resources["Reports"].physical
    assert deployment.topic == stack().resources["AlertsTopic"].arn


def test_build_has_every_header(tmp_path: Path) -> None:
    """In the layout of the repository, so that ``headers`` finds them in Lambda too."""
    command = ["make", "-C", "functions", "build-ReportCases", f"ARTIFACTS_DIR={tmp_path}"]
    subprocess.run(command, cwd=ROOT, check=True)
    built = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.py")}
    assert built == {*(f"{p}/playbook.py" for p in PLAYBOOKS), "report_cases/report.py"}
    assert sorted(headers(ROOT / "functions")) == PLAYBOOKS
