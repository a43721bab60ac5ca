"""Prices of us-east-1 in dollars, without free tiers, and what the stack costs without events."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embedded.template import load

TEMPLATE = Path(__file__).parents[1] / "template.yaml"
WHEN = "November 2026"
PRICES = {  # per unit: (dollars, AWS's pricing page)
    "Lambda requests": (0.20e-6, "AWS Lambda pricing"),
    "Lambda GB-seconds (arm64)": (13.3334e-6, "AWS Lambda pricing"),
    "DynamoDB write units": (0.625e-6, "Amazon DynamoDB pricing, on-demand"),
    "DynamoDB read units": (0.125e-6, "Amazon DynamoDB pricing, on-demand"),
    "S3 PUT": (5e-6, "Amazon S3 pricing, requests"),
    "S3 GET": (0.4e-6, "Amazon S3 pricing, requests"),
    "SNS messages": (0.5e-6, "Amazon SNS pricing"),
    "SQS requests": (0.4e-6, "Amazon SQS pricing"),
    "EventBridge events": (1e-6, "Amazon EventBridge pricing, custom events"),
    "API Gateway requests": (1e-6, "Amazon API Gateway pricing, HTTP APIs"),
    "Step Functions transitions": (25e-6, "AWS Step Functions pricing"),
    "log, GB": (0.5, "Amazon CloudWatch pricing, logs"),
}
APART = {  # services that have a price of their own for what Cordon does
    "Security Hub copy": (30e-6, "AWS Security Hub pricing, finding ingestion"),
    "GuardDuty": (4e-6, "Amazon GuardDuty pricing, CloudTrail management events"),
    "OpsCenter": (2970e-6, "AWS Systems Manager pricing, OpsItems"),
    "Config items": (3000e-6, "AWS Config pricing, configuration items"),
}
# Dollars a month: Amazon CloudWatch pricing, AWS KMS pricing.
ALARM_METRIC, CUSTOM_METRIC, DASHBOARD, KEY = 0.10, 0.30, 3.00, 1.00
POLLERS = 5  # of one event source mapping
POLLS = 3 * 60 * 24 * 30  # of a poller in a month, each 20 s
OF_EVERY_RUN = ">= 0 }"  # how the pattern of a metric filter ends that takes a line of every run


def resources() -> Mapping[str, Any]:
    """Those of the template, by logical id."""
    read: Mapping[str, Any] = load(TEMPLATE.read_text())["Resources"]
    return read


def alarm_metrics() -> list[int]:
    """The metrics of each alarm: an alarm over an expression is billed for each one in it."""
    return [
        sum("MetricStat" in metric for metric in alarm["Properties"].get("Metrics", ())) or 1
        for alarm in of("AWS::CloudWatch::Alarm")
    ]


def mappings() -> int:
    """The event source mappings of queues: events of functions, and resources of their own."""
    every = resources()
    events = [r.get("Properties", {}).get("Events", {}) for r in every.values()]
    kinds = [event["Type"] for of in events for event in of.values()]
    sources = [
        str(r["Properties"]["EventSourceArn"]["Fn::GetAtt"][0])
        for r in every.values()
        if r["Type"] == "AWS::Lambda::EventSourceMapping"
    ]
    kinds += [every[source]["Type"] for source in sources]
    return kinds.count("SQS") + kinds.count("AWS::SQS::Queue")


def of(kind: str) -> list[Mapping[str, Any]]:
    """The template's resources of this type."""
    return [one for one in resources().values() if one["Type"] == kind]


def metrics_of_every_run() -> int:
    """The custom metrics that have a value every five minutes, whatever happens."""
    filters = of("AWS::Logs::MetricFilter")
    return sum(str(one["Properties"]["FilterPattern"]).endswith(OF_EVERY_RUN) for one in filters)


def idle() -> dict[str, float]:
    """Dollars a month of the stack without events."""
    metrics, queues, runs = alarm_metrics(), mappings(), metrics_of_every_run()
    keys, dashboards = len(of("AWS::KMS::Key")), len(of("AWS::CloudWatch::Dashboard"))
    alarms = f"{len(metrics)} CloudWatch alarms over {sum(metrics)} metrics"
    polling = f"SQS polling by {queues} event source mappings ({POLLERS} pollers, 20 s)"
    return {
        f"{keys} KMS key": KEY * keys,
        alarms: ALARM_METRIC * sum(metrics),
        f"{dashboards} CloudWatch dashboard": DASHBOARD * dashboards,
        f"{runs} custom metrics of every run of `reconcile_cases`": CUSTOM_METRIC * runs,
        polling: queues * POLLERS * POLLS * PRICES["SQS requests"][0],
    }
