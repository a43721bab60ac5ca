"""The alarms of one playbook: an alarm takes ten metrics at most, and each playbook brings its own.

CloudWatch User Guide, "Limits" of alarms; Lambda Developer Guide, "Types of metrics for Lambda
functions"; EventBridge User Guide, "Monitoring Amazon EventBridge"; Amazon SQS Developer Guide,
"Available CloudWatch metrics for Amazon SQS". docs/operating/alarms.md is the run book.
"""

from collections.abc import Iterator
from typing import Any

from console.playbook_blocks.block import Block

MOST_METRICS = 10
MINUTES_WAITED = 15
DROPPED = (
    "An event of this playbook was dropped: neither was it handled, nor do the dead letters have "
    "it. Look at the policies of UndeliveredEvents and FailedInvocations, and at the function's "
    "role."
)
BULK_DROPPED = (
    "A compliance event of this playbook was dropped: no rule could bring it to the queue, nor do "
    "the dead letters have it. Look at the policies of the queue and of UndeliveredEvents."
)
FAILED = (
    "The playbook failed. Lambda, SQS or the workflow tries again; look at its log if this stays."
)
THROTTLED = "The playbook was refused for want of concurrency: what it must do waits."
WAITS = f"A compliance finding has waited for more than {MINUTES_WAITED} minutes."

Metric = dict[str, Any]


def alarms(block: Block) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each with its logical id."""
    function = {"Ref": block.logical}
    errors, throttles = (_lambda(name, function) for name in ("Errors", "Throttles"))
    yield _alarm(f"{block.logical}Errors", FAILED, errors)
    yield _alarm(f"{block.logical}Throttles", THROTTLED, throttles)
    if block.bulk:
        name = {"Fn::GetAtt": [block.queue, "QueueName"]}
        age = _metric("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", name)
        waits = f"{block.logical}BulkWaitsLong"
        yield _alarm(waits, WAITS, age, threshold=60 * MINUTES_WAITED, statistic="Maximum")
    direct = [one for one in block.triggers if not one.bulk]
    dropped = [
        _lambda("AsyncEventsDropped", function),
        _lambda("DestinationDeliveryFailures", function),
        *(_rule(block.rule(trigger)) for trigger in direct),
    ]
    bulk = [_rule(block.rule(trigger)) for trigger in block.bulk]
    if len(dropped) + len(bulk) <= MOST_METRICS:
        yield _sum(f"{block.logical}EventsDropped", DROPPED, [*dropped, *bulk])
    else:
        yield _sum(f"{block.logical}EventsDropped", DROPPED, dropped)
        yield _sum(f"{block.logical}BulkEventsDropped", BULK_DROPPED, bulk)


def _rule(name: str) -> Metric:
    dimension = {"Ref": name}
    return _metric("AWS/Events", "InvocationsFailedToBeSentToDlq", "RuleName", dimension)


def _lambda(metric: str, function: Any) -> Metric:
    return _metric("AWS/Lambda", metric, "FunctionName", function)


def _metric(namespace: str, name: str, dimension: str, value: Any) -> Metric:
    dimensions = [{"Name": dimension, "Value": value}]
    return {"Namespace": namespace, "MetricName": name, "Dimensions": dimensions}


def _alarm(
    name: str, says: str, metric: Metric, *, threshold: int = 0, statistic: str = "Sum"
) -> tuple[str, dict[str, Any]]:
    watched = {**metric, "Statistic": statistic, "Period": 300}
    return name, _resource(name, says, watched, threshold)


def _sum(name: str, says: str, metrics: list[Metric]) -> tuple[str, dict[str, Any]]:
    added = {"Id": "dropped", "Label": name, "Expression": "SUM(METRICS())"}
    each = [
        {
            "Id": f"d{number}",
            "ReturnData": False,
            "MetricStat": {"Stat": "Sum", "Period": 300, "Metric": metric},
        }
        for number, metric in enumerate(metrics)
    ]
    return name, _resource(name, says, {"Metrics": [added, *each]}, 0)


def _resource(name: str, says: str, watched: dict[str, Any], threshold: int) -> dict[str, Any]:
    topic = [{"Ref": "AlertsTopic"}]
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": {"Fn::Sub": f"${{AWS::StackName}}-{name}"},
            "AlarmDescription": says,
            "AlarmActions": topic,
            "OKActions": topic,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": threshold,
            "EvaluationPeriods": 1,
            "TreatMissingData": "notBreaching",
            **watched,
        },
    }
