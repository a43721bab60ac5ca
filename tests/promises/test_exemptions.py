"""What is exempt is ignored, and what is protected is for a person."""

import json
from typing import Any

import pytest

from cordon.statuses import Status
from embedded.journal import Invoked
from tests.examples import QUARANTINE, TAG, event, function_of
from tests.promises.test_holds_on_one_bucket import bucket_of
from tests.promises.test_settings import NAME, exemption, sent
from tests.promises.world import World


@pytest.mark.parametrize("changes", [{}, {"playbook": "*"}, {"resource": "arn:aws:s3:::acme-*"}])
def test_exempt_target_is_ignored(world: World, changes: dict[str, str]) -> None:
    world.set("exemptions", exemption(**changes))
    before, _ = sent(world)
    assert world.cases == []
    assert world.state == before
    invoked = world.account.journal.of(Invoked)
    (said,) = [i.result for i in invoked if i.function == function_of(QUARANTINE)]
    assert "ana@example.com" in said["reason"]
    assert "2026-12-24" in said["reason"]


@pytest.mark.parametrize(
    "changes",
    [
        {"expires": "2026-11-24T11:59:59Z"},
        {"playbook": TAG.name},
        {"resource": "arn:aws:s3:::another"},
    ],
)
def test_an_exemption_covers_no_more_than_it_says(world: World, changes: dict[str, str]) -> None:
    world.set("exemptions", exemption(**changes))
    sent(world)
    assert world.case().status is Status.CONTAINED


def escalated_instead(world: World, before: dict[str, Any], why: str) -> None:
    """An incident says what a person must do, and the bucket is as it was."""
    assert world.case().status is Status.ESCALATED
    assert world.state == before
    (incident,) = world.account.client("ssm").describe_ops_items(
        OpsItemFilters=[{"Key": "Status", "Values": ["Open"], "Operator": "Equal"}]
    )["OpsItemSummaries"]
    body = world.account.client("ssm").get_ops_item(OpsItemId=incident["OpsItemId"])["OpsItem"]
    assert why in body["Description"]
    assert why in world.published[0].message


def test_target_matching_a_pattern_is_escalated(world: World) -> None:
    world.set("protected", {"arn:aws:s3:::acme-backup-*", "arn:aws:s3:::acme-*"})
    before, said = sent(world)
    assert said["outcome"] == "escalated"
    escalated_instead(world, before, "is protected by the pattern")


def test_trail_bucket_is_escalated(world: World) -> None:
    world.stage(event(NAME))
    name = bucket_of(event(NAME))
    s3, trails = world.account.client("s3"), world.account.client("cloudtrail")
    policy = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
    trails.create_trail(Name="everything", S3BucketName=name)
    before, _ = sent(world)
    assert json.loads(s3.get_bucket_policy(Bucket=name)["Policy"]) == policy
    escalated_instead(world, before, "receives the logs of CloudTrail")


@pytest.mark.world("enforce", ProtectedResources="arn:aws:s3:::acme-*")
def test_protected_resource_is_escalated(world: World) -> None:
    before, _ = sent(world)
    escalated_instead(world, before, "is protected by the pattern")
