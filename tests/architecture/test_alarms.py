"""Every alarm and warning is in the run book, reaches people, and watches what there is."""

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import pytest

from embedded.stack import Resource
from tests.architecture import stack as seen
from tests.architecture.stack import PLAYBOOKS, ROOT, logical, stack

# Metric → the only dimension that it is read by, its statistic, and where AWS documents it.
METRICS = {
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): ("QueueName", "Maximum", "sqs"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): ("QueueName", "Maximum", "sqs"),
    ("AWS/Lambda", "Errors"): ("FunctionName", "Sum", "lambda"),
    ("AWS/Lambda", "Throttles"): ("FunctionName", "Sum", "lambda"),
    ("AWS/Lambda", "IteratorAge"): ("FunctionName", "Maximum", "lambda"),
    ("AWS/Lambda", "AsyncEventsDropped"): ("FunctionName", "Sum", "lambda"),
    ("AWS/Lambda", "DestinationDeliveryFailures"): ("FunctionName", "Sum", "lambda"),
    ("AWS/Lambda", "OnFailureDestinationDeliveredEventCount"): (
        "EventSourceMappingUUID",
        "Sum",
        "lambda",
    ),
    ("AWS/Events", "InvocationsFailedToBeSentToDlq"): ("RuleName", "Sum", "events"),
    ("AWS/States", "ExecutionsFailed"): ("StateMachineArn", "Sum", "states"),
    ("AWS/States", "ExecutionsTimedOut"): ("StateMachineArn", "Sum", "states"),
    ("AWS/States", "ExecutionsAborted"): ("StateMachineArn", "Sum", "states"),
}
PAGES = {
    "sqs": 'Amazon SQS Developer Guide, "Available CloudWatch metrics for Amazon SQS"',
    "lambda": 'AWS Lambda Developer Guide, "Types of metrics for Lambda functions"',
    "events": 'Amazon EventBridge User Guide, "Monitoring Amazon EventBridge" (default bus)',
    "states": 'AWS Step Functions Developer Guide, "Monitoring Step Functions metrics"',
}
MOST_METRICS = 10  # of one alarm on an expression
MOST_TEXT = 1024  # characters of an AlarmDescription (CloudWatch API Reference, "PutMetricAlarm")
BREACHING = {"ReporterBehind"}  # silence is its fault: it says 0 every five minutes


def alarms() -> dict[str, Mapping[str, Any]]:
    """By name, without the stack's."""
    made = (r for r in stack().unbuilt if r.type == "AWS::CloudWatch::Alarm")
    return {str(r.properties["AlarmName"]).removeprefix("cordon-"): r.properties for r in made}


def warnings() -> list[Resource]:
    """The rules that send a message."""
    topic = stack().resources["AlertsTopic"].arn
    rules = stack().of("AWS::Events::Rule")
    return [r for r in rules if any(t["Arn"] == topic for t in r.properties["Targets"])]


def metrics(alarm: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Each metric that an alarm watches, with the statistic."""
    if "MetricName" in alarm:
        yield alarm, alarm["Statistic"]
    for one in alarm.get("Metrics", ()):
        if "MetricStat" in one:
            yield one["MetricStat"]["Metric"], one["MetricStat"]["Stat"]


def rows(heading: str) -> list[list[str]]:
    """The table of a section of the run book."""
    text = (ROOT / "docs" / "operating" / "alarms.md").read_text()
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in found[2:]]


def names(cell: str) -> list[str]:
    """The names in italics; ``…Errors`` is one for each playbook that has it."""
    found = re.findall(r"\*([^*]+)\*", cell)
    return [name for one in found for name in (_brought(one) if "…" in one else [one])]


def _brought(ending: str) -> list[str]:
    possible = (ending.replace("…", logical(playbook)) for playbook in PLAYBOOKS)
    return [name for name in possible if name in alarms()]


def test_every_alarm_has_its_entry_and_every_entry_its_alarm() -> None:
    entries = [name for row in rows("Alarms") for name in names(row[0])]
    assert sorted(entries) == sorted(alarms())


def test_every_warning_has_its_entry() -> None:
    entries = [name for row in rows("Warnings") for name in names(row[0])]
    assert sorted(entries) == sorted(rule.logical for rule in warnings())


def test_every_entry_says_what_is_true_and_what_to_do() -> None:
    for row in rows("Alarms"):
        assert len(row) == 3
        assert all(len(cell) > 10 for cell in row[1:]), row
    assert all(len(row) == 2 and len(row[1]) > 40 for row in rows("Warnings"))


@pytest.mark.parametrize("name", alarms())
def test_alarm_reaches_people(name: str) -> None:
    alarm = alarms()[name]
    topic = stack().resources["AlertsTopic"]
    assert alarm["AlarmActions"] == alarm["OKActions"] == [topic.arn]
    assert 20 < len(alarm["AlarmDescription"]) <= MOST_TEXT
    assert alarm["AlarmName"] == f"cordon-{name}"
    (policy,) = stack().of("AWS::SNS::TopicPolicy")
    (may,) = (
        s for s in policy.properties["PolicyDocument"]["Statement"] if s["Sid"] == "AlarmsPublish"
    )
    # CloudWatch's alarms of this name are let in, and may use the key.
    pattern = may["Condition"]["ArnLike"]["aws:SourceArn"]
    assert pattern.endswith(":alarm:cordon-*")
    assert may["Principal"] == {"Service": "cloudwatch.amazonaws.com"}


@pytest.mark.parametrize("name", alarms())
def test_alarm_watches_a_metric_that_there_is(name: str) -> None:
    watched = list(metrics(alarms()[name]))
    assert 1 <= len(watched) <= MOST_METRICS
    resources = [*stack().resources.values()]
    for metric, statistic in watched:
        if metric["Namespace"] == "Cordon":
            filters = [f for f in metric_filters() if f["name"] == metric["MetricName"]]
            assert filters, "no metric filter has it"
            assert statistic in ("Sum", "Maximum", "Minimum")
            continue
        dimension, expected, page = METRICS[metric["Namespace"], metric["MetricName"]]
        assert page in PAGES
        assert statistic == expected
        ((given),) = metric["Dimensions"]
        assert given["Name"] == dimension
        values = {r.physical for r in resources} | {r.arn for r in resources}
        values |= {r.arn.rpartition(":")[2] for r in resources}
        assert given["Value"] in values


def metric_filters() -> list[dict[str, str]]:
    made = (r.properties for r in stack().unbuilt if r.type == "AWS::Logs::MetricFilter")
    return [
        {"name": t["MetricName"], "group": f["LogGroupName"], "namespace": t["MetricNamespace"]}
        for f in made
        for t in f["MetricTransformations"]
    ]


def test_every_metric_filter_has_its_alarm_and_its_log() -> None:
    watched = {metric["MetricName"] for alarm in alarms().values() for metric, _ in metrics(alarm)}
    groups = {r.physical for r in stack().unbuilt if r.type == "AWS::Logs::LogGroup"}
    for one in metric_filters():
        assert one["namespace"] == "Cordon"
        assert one["name"] in watched
        assert one["group"] in groups


@pytest.mark.parametrize("name", alarms())
def test_silence_is_no_fault_but_where_it_is_one(name: str) -> None:
    expected = "breaching" if name in BREACHING else "notBreaching"
    assert alarms()[name]["TreatMissingData"] == expected


def test_counts_of_the_stream_are_switched_on() -> None:
    """OnFailureDestinationDeliveredEventCount is sent only where it is wanted."""
    stream = stack().resources["ReportCasesStream"].properties
    assert stream["MetricsConfig"] == {"Metrics": ["EventCount"]}


@pytest.mark.parametrize("rule", [rule.logical for rule in warnings()])
def test_warning_reaches_people(rule: str) -> None:
    made = stack().resources[rule]
    topic = stack().resources["AlertsTopic"].arn
    (target,) = made.properties["Targets"]
    assert target["Arn"] == topic
    assert "RoleArn" not in target
    for kind, logical_id in (
        ("AWS::SNS::TopicPolicy", "AlertsTopic"),
        ("AWS::SQS::QueuePolicy", ""),
    ):
        allowed = [
            pattern
            for policy in stack().of(kind)
            if not logical_id or topic in policy.properties["Topics"]
            for s in policy.properties["PolicyDocument"]["Statement"]
            if s.get("Principal") == {"Service": "events.amazonaws.com"}
            for pattern in seen.source_arns(s["Condition"])
        ]
        assert any(fnmatchcase(made.arn, pattern) for pattern in allowed)


@pytest.mark.parametrize("rule", [rule.logical for rule in warnings()])
def test_pattern_of_a_warning_fits_a_stack_with_a_long_name(rule: str) -> None:
    """EventBridge takes 2,048 characters (EventBridge User Guide, "quotas")."""
    pattern = stack().resources[rule].properties["EventPattern"]
    text = seen.compact(pattern)
    assert len(text.replace("cordon-", f"{'x' * 64}-")) <= 2048
    assert pattern["source"] == [{"prefix": "aws."}], "else anybody puts such an event"
    assert pattern["detail-type"] == ["AWS API Call via CloudTrail"]
