"""What the stack costs without events: bench/prices.py reckons it from the template's resources.

Counted here in the template's text. The prices themselves are AWS's, and no test knows them.
"""

import re

import pytest

from bench import prices
from tests.architecture.stack import ROOT

TEXT = (ROOT / "template.yaml").read_text()
PRICED = {  # by the month, whatever happens
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::KMS::Key",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Logs::MetricFilter",
    "AWS::Serverless::Function",
}
FREE = {  # without events; AWS Config's rules are off unless Assess says otherwise
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    "AWS::Config::ConfigRule",
    "AWS::DynamoDB::Table",
    "AWS::Events::Rule",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Role",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
    "AWS::SecurityHub::Insight",
    "AWS::Serverless::LayerVersion",
    "AWS::Serverless::StateMachine",
    "Custom::CordonParts",
    "Custom::CordonSettings",
}
RECONCILER = re.compile(r"(8,640 runs of `reconcile_cases`, \d+ calls each) (\d+\.\d\d)")


def counted(pattern: str) -> int:
    return len(re.findall(pattern, TEXT, re.MULTILINE))


def test_every_type_of_resource_is_priced_or_free() -> None:
    assert {one["Type"] for one in prices.resources().values()} == PRICED | FREE
    for costs in (
        "ProvisionedConcurrencyConfig",
        "ProvisionedThroughput",
        "NatGateway",
        "PROVISIONED",
    ):
        assert costs not in TEXT


def test_what_is_priced_is_counted() -> None:
    metrics = counted(r"^ +MetricStat:|\{MetricStat:|- MetricStat:|MetricStat: ")
    alarms = counted(r"^    Type: AWS::CloudWatch::Alarm$")
    assert len(prices.alarm_metrics()) == alarms
    plain = sum("Metrics" not in one["Properties"] for one in prices.of("AWS::CloudWatch::Alarm"))
    assert sum(prices.alarm_metrics()) == metrics + plain
    assert prices.mappings() == counted(r"^    Type: AWS::Lambda::EventSourceMapping$") + counted(
        r"^ +Type: SQS$"
    )
    kinds = [
        str(one["Properties"]["EventSourceArn"])
        for one in prices.of("AWS::Lambda::EventSourceMapping")
    ]
    assert all("Queue" in one for one in kinds)  # a stream's is not polled for money
    assert list(prices.idle().values()) == pytest.approx(
        [
            1.00 * counted(r"^    Type: AWS::KMS::Key$"),
            0.10 * sum(prices.alarm_metrics()),
            3.00 * counted(r"^    Type: AWS::CloudWatch::Dashboard$"),
            0.30 * counted(r"FilterPattern: .*>= 0 \}"),
            0.4e-6 * prices.mappings() * 5 * 129_600,
        ]
    )


def test_the_pages_say_what_is_reckoned() -> None:
    """The runs of `reconcile_cases` alone are measured; the rest follows from the template."""
    page = (ROOT / "docs/performance.md").read_text()
    (line,) = [one for one in page.splitlines() if one.startswith("Idle, $ a month: ")]
    found = RECONCILER.search(line)
    assert found, line
    monthly = {**prices.idle(), found[1]: float(found[2])}
    listed = "; ".join(f"{name} {dollars:.2f}" for name, dollars in monthly.items())
    total = sum(monthly.values())
    assert line == f"Idle, $ a month: {listed}; {total:.2f} in all."
    first = (ROOT / "docs/first-account.md").read_text()
    assert f"costs about {total:.0f} dollars a month" in first
    assert f"some {round(10 * total / 30) * 10} cents a day" in first
