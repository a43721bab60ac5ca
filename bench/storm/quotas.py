"""What AWS allows: each number with its unit and the page it is from.

What no page says is marked ``assumed``, and scenarios.py shows what another number would change.
Where a quota differs by Region, the number is that of the smallest Region.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Quota:
    """``rate``: so many a second, ``burst``: so many at once. Other numbers have a rate alone."""

    name: str
    rate: float
    unit: str
    page: str
    burst: float = 0
    assumed: bool = False


HUB = "AWS Security Hub API Reference, Welcome (throttling limits)"
ASYNC = "AWS Lambda Developer Guide, How Lambda handles errors and retries with asynchronous ..."
SQS = "AWS Lambda Developer Guide, Configuring scaling behavior for SQS event source mappings"
OPSCENTER = "AWS Systems Manager User Guide, Troubleshooting issues with OpsCenter"
IAM = "AWS Security Blog, How to monitor and query IAM resources at scale, part 2 (says no rate)"

TABLE = (
    Quota(
        "lambda concurrency",
        1_000,
        "executions, an account and Region",
        "AWS Lambda Developer Guide, Lambda quotas (new accounts have less)",
    ),
    Quota(
        "lambda scaling",
        100,
        "new environments a second, a function",
        "AWS Lambda Developer Guide, Lambda scaling behavior (1,000 every 10 seconds)",
        burst=1_000,
    ),
    Quota("first retry", 60, "seconds after a function error", ASYNC),
    Quota("second retry", 120, "seconds after a function error", ASYNC),
    Quota("first throttle wait", 1, "seconds, doubled each time", ASYNC),
    Quota("longest throttle wait", 300, "seconds", ASYNC),
    Quota("first pollers", 5, "batches of a queue at the same time", SQS),
    Quota("more pollers", 5, "batches more, a second (300 a minute)", SQS),
    Quota(
        "stream polls",
        4,
        "a second, a shard",
        "AWS Lambda Developer Guide, Using AWS Lambda with Amazon DynamoDB",
    ),
    Quota(
        "table writes",
        4_000,
        "units a second, a new table on demand",
        "Amazon DynamoDB Developer Guide, DynamoDB on-demand capacity mode",
        burst=4_000,
    ),
    Quota(
        "partition writes",
        1_000,
        "units a second, a partition",
        "AWS re:Post, Why is my on-demand DynamoDB table being throttled?",
    ),
    Quota("securityhub:BatchImportFindings", 10, "calls a second", HUB, burst=30),
    Quota("securityhub:BatchUpdateFindings", 10, "calls a second", HUB, burst=30),
    Quota("securityhub:GetFindings", 3, "calls a second", HUB, burst=6),
    Quota("OpsItems a month", 10_000, "OpsItems, an account", OPSCENTER),
    Quota("ssm:OpsItem", 20, "calls a second", OPSCENTER, burst=20, assumed=True),
    Quota(
        "sns:PublishBatch",
        30,
        "calls a second (300 messages)",
        "AWS General Reference, Amazon SNS endpoints and quotas (of large Regions: much more)",
        burst=30,
        assumed=True,
    ),
    Quota(
        "events:PutEvents",
        400,
        "calls a second",
        "Amazon EventBridge User Guide, Amazon EventBridge quotas (us-east-1: 10,000)",
        burst=400,
        assumed=True,
    ),
    Quota(
        "rule invocations",
        750,
        "a second; beyond it they are delayed",
        "Amazon EventBridge User Guide, Amazon EventBridge quotas",
        burst=750,
    ),
    Quota(
        "s3:PutObject",
        3_500,
        "a second, a partitioned prefix",
        "Amazon S3 User Guide, Best practices design patterns: optimizing Amazon S3 performance",
        burst=3_500,
    ),
    Quota("iam reads", 100, "calls a second", IAM, burst=200, assumed=True),
    Quota("iam changes", 20, "calls a second", IAM, burst=40, assumed=True),
    Quota("bucket reads", 100, "calls a second", "no page says it", burst=200, assumed=True),
    Quota("bucket changes", 50, "calls a second", "no page says it", burst=100, assumed=True),
    Quota("tag reads", 100, "calls a second", "no page says it", burst=200, assumed=True),
    Quota("tag changes", 50, "calls a second", "no page says it", burst=100, assumed=True),
)
QUOTAS: Mapping[str, Quota] = {quota.name: quota for quota in TABLE}
