"""Lifecycle and replication of a bucket, beyond the contract of all actions."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from cordon.actions import Undone
from cordon.clients import AwsClients
from tests.actions.scenario import stub
from tests.actions.scenario_s3 import (
    CUT,
    FOREIGN,
    HIDDEN,
    HOME,
    LYING,
    NOWHERE,
    SUSPEND,
    SUSPENDED,
    bucket,
    get_setting,
    has_replication,
    has_rules,
    replicates,
)


def test_suspend_keeps_the_minimum_transition_size(aws: AwsClients) -> None:
    """Without the size S3 would set its default. (The embedded account does not store it.)"""
    kept = {"Rules": [SUSPENDED], "TransitionDefaultMinimumObjectSize": "varies_by_storage_class"}
    written: list[dict[str, Any]] = []
    bucket(has_rules(SUSPENDED))(aws)
    stub(aws, "s3", "GetBucketLifecycleConfiguration", lambda _: kept)
    stub(aws, "s3", "PutBucketLifecycleConfiguration", lambda params: written.append(params))
    captured = SUSPEND.capture(aws)
    SUSPEND.apply(aws, captured, None)
    assert written[0]["TransitionDefaultMinimumObjectSize"] == "varies_by_storage_class"


def test_undo_keeps_a_changed_rule_and_enables_others(aws: AwsClients) -> None:
    first, second = SUSPENDED, {**SUSPENDED, "ID": "y"}
    bucket(has_rules(first, second))(aws)
    captured = SUSPEND.capture(aws)
    written = SUSPEND.apply(aws, captured, None)
    changed = {**first, "Status": "Disabled", "Expiration": {"Days": 365}}
    has_rules(changed, {**second, "Status": "Disabled"})(aws, aws.client("s3"))
    undone = SUSPEND.undo(aws, captured, written)
    assert undone.state is Undone.DRIFTED
    rules = {
        rule["ID"]: rule for rule in get_setting(aws, "get_bucket_lifecycle_configuration", "Rules")
    }
    assert rules["x"] == changed
    assert rules["y"] == second


def test_only_replication_to_other_accounts_is_suspended(aws: AwsClients) -> None:
    """Destination.Account is optional and may be wrong. S3 knows the owner of the bucket."""
    bucket(has_replication(replicates(HOME, FOREIGN, HIDDEN, LYING, NOWHERE)))(aws)
    CUT.apply(aws, CUT.capture(aws), None)
    rules = get_setting(aws, "get_bucket_replication", "ReplicationConfiguration")["Rules"]
    assert [rule["Status"] for rule in rules] == ["Enabled"] + ["Disabled"] * 4


def test_replication_to_an_outpost_is_suspended(aws: AwsClients) -> None:
    outpost = {"Bucket": "arn:aws:s3-outposts:us-east-1:123456789012:outpost/op-1/bucket/x"}
    bucket(has_replication(replicates(outpost)))(aws)
    CUT.apply(aws, CUT.capture(aws), None)
    rules = get_setting(aws, "get_bucket_replication", "ReplicationConfiguration")["Rules"]
    assert [rule["Status"] for rule in rules] == ["Disabled"]


def test_unknown_destination_owner_is_a_failure(aws: AwsClients) -> None:
    bucket(has_replication(replicates(HOME)))(aws)
    captured = CUT.capture(aws)
    stub(aws, "s3", "GetBucketLocation", lambda _: "SlowDown")
    with pytest.raises(ClientError, match="SlowDown"):
        CUT.apply(aws, captured, None)
