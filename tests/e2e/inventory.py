"""What there is in the emulated account: what a stack makes, and what it leaves."""

from collections.abc import Iterator
from typing import Any

from tests.e2e.account import Account

# By what it is called: service, listing, its key, what names one.
LISTED: dict[str, tuple[str, str, str, str]] = {
    "action target": (
        "securityhub",
        "describe_action_targets",
        "ActionTargets",
        "ActionTargetArn",
    ),
    "alarm": ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    "API": ("apigatewayv2", "get_apis", "Items", "ApiId"),
    "bucket": ("s3", "list_buckets", "Buckets", "Name"),
    "dashboard": ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    "event source": ("lambda", "list_event_source_mappings", "EventSourceMappings", "UUID"),
    "function": ("lambda", "list_functions", "Functions", "FunctionName"),
    "insight": ("securityhub", "get_insights", "Insights", "InsightArn"),
    "layer": ("lambda", "list_layers", "Layers", "LayerName"),
    "log group": ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    "parameter": ("ssm", "describe_parameters", "Parameters", "Name"),
    "policy": ("iam", "list_policies", "Policies", "PolicyName"),
    "role": ("iam", "list_roles", "Roles", "RoleName"),
    "rule": ("events", "list_rules", "Rules", "Name"),
    "state machine": ("stepfunctions", "list_state_machines", "stateMachines", "name"),
    "table": ("dynamodb", "list_tables", "TableNames", ""),
    "topic": ("sns", "list_topics", "Topics", "TopicArn"),
}
DEPLOYING = "aws-sam-cli-managed-"  # the bucket for artifacts, which sam makes for itself


def inventory(account: Account) -> set[str]:
    """Everything there is, as "kind name", but for what sam needs to deploy."""
    found = {
        f"{kind} {one[name] if name else one}"
        for kind, (service, listing, key, name) in LISTED.items()
        for one in _all(account.client(service), listing, key)
    }
    found |= {f"queue {url}" for url in account.client("sqs").list_queues().get("QueueUrls", [])}
    kms = account.client("kms")  # a key that is deleted stays for some days more
    keys = [kms.describe_key(KeyId=one["KeyId"])["KeyMetadata"] for one in kms.list_keys()["Keys"]]
    found |= {f"key {key['KeyId']}" for key in keys if key["KeyState"] == "Enabled"}
    return {one for one in found if DEPLOYING not in one}


def _all(client: Any, listing: str, key: str) -> Iterator[Any]:
    """All pages of a listing, without what AWS has of itself."""
    limits = {"Scope": "Local"} if listing == "list_policies" else {}
    if not client.can_paginate(listing):
        yield from getattr(client, listing)(**limits)[key]
        return
    for page in client.get_paginator(listing).paginate(**limits):
        yield from page[key]
