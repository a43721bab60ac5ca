"""Findings and deployments for tests, complete and plain; each test changes what it is about."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from cordon.deployment import Deployment
from cordon.finding import (
    Finding,
    HubReference,
    Place,
    Principal,
    Resource,
    ResourceRole,
    Severity,
    SeverityLabel,
    State,
)
from tests.examples import QUARANTINE, function_of

ACCOUNT = "111122223333"
PLACE = Place("aws", ACCOUNT, "eu-central-1")
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
BUCKET = Resource("AWS::S3::Bucket", "training-data", PLACE, "arn:aws:s3:::training-data")

DEPLOYMENT = Deployment(
    account=ACCOUNT,
    region="eu-central-1",
    partition="aws",
    table="cordon",
    evidence_bucket="cordon-evidence",
    topic=PLACE.arn("sns", "cordon"),
    workflow=PLACE.arn("states", "stateMachine:cordon-proceed"),
    stack=PLACE.arn("cloudformation", "stack/cordon/cb092c04-6ab3-5e28-a77e-4a05b3028798"),
    deny_policies={
        name: f"arn:aws:iam::{ACCOUNT}:policy/cordon/cordon-{name}-1A2B3C"
        for name in ("inference", "agent_tools")
    },
    own_roles=(f"arn:aws:iam::{ACCOUNT}:role/cordon/cordon-{function_of(QUARANTINE)}Role-1A2B3C",),
)


def a_finding(**changes: Any) -> Finding:
    """A GuardDuty finding on a public bucket, as the native event gives it."""
    finding = Finding(
        id="arn:aws:guardduty:eu-central-1:111122223333:detector/d/finding/f",
        source="guardduty",
        channel="guardduty",
        type="Policy:S3/BucketAnonymousAccessGranted",
        severity=Severity("8.0", SeverityLabel.HIGH),
        place=PLACE,
        first_seen=NOON,
        last_seen=NOON,
        state=State.ACTIVE,
        sample=False,
        authored_by_aws=True,
        resources=(BUCKET,),
        principal=None,
        title="A bucket became public",
        description="Anybody can read it.",
        detail_sha256="0" * 64,
        hub=HubReference("f", "arn:aws:securityhub:eu-central-1::product/aws/guardduty"),
    )
    return replace(finding, **changes)


def a_principal(user_type: str = "AssumedRole", name: str = "trainer", **more: str) -> Principal:
    """Somebody whose credentials were used."""
    return Principal(user_type, name, **more)


def an_actor(kind: str, name: str) -> Resource:
    """The role, user or key behind a principal."""
    return Resource(kind, name, PLACE, role=ResourceRole.ACTOR)
