"""Quarantine a bucket that is reachable, leaking or under attack.

When    GuardDuty, Macie, Config or Security Hub says so of a bucket; an attack sequence names it.
Does    by what the finding says: shuts public access; denies outsiders; freezes writes and
        deletes with lifecycle off; stops foreign replication; or denies everyone but
        break-glass. Tags the bucket. People get an incident.
Undo    restores policy, block, lifecycle, replication and tags as captured.
Leaves  objects, and access for break-glass, responders and service-linked roles.
"""

from cordon.actions import Action
from cordon.actions.s3 import (
    BlockPublicAccess,
    DenyBucketAccess,
    SuspendLifecycle,
    SuspendReplication,
    TagBucket,
)
from cordon.deadlines import GDPR_33, HIPAA_164_404
from cordon.deployment import Deployment
from cordon.entry import serve
from cordon.finding import Finding, Resource
from cordon.playbook import Incident, Playbook, Serves
from cordon.settings import Mode
from cordon.unsupported import (
    ATTACK_SEQUENCES,
    buckets,
    unsupported_bucket,
    unsupported_buckets,
)

# One family per level of containment
SHUT_CONTROLS = (  # they look at the bucket's public access block: with it they pass
    "securityhub:S3.2",
    "securityhub:S3.3",
    "securityhub:S3.8",
    "config:s3-bucket-public-read-prohibited",
    "config:s3-bucket-public-write-prohibited",
    "config:s3-bucket-level-public-access-prohibited",
)
PUBLIC_BUCKETS = (
    *SHUT_CONTROLS,
    "guardduty:Policy:S3/BucketAnonymousAccessGranted",
    "guardduty:Policy:S3/BucketPublicAccessGranted",
    "guardduty:Policy:S3/BucketBlockPublicAccessDisabled",
    "macie:Policy:IAMUser/S3BucketPublic",
    "macie:Policy:IAMUser/S3BlockPublicAccessDisabled",
)
SHARED_BUCKETS = (
    "guardduty:Exfiltration:S3/TransferDataToCloudAccount",
    "macie:Policy:IAMUser/S3BucketSharedExternally",
    "securityhub:S3.6",
)
REPLICATED_BUCKETS = ("macie:Policy:IAMUser/S3BucketReplicatedExternally",)
ATTACKED_BUCKETS = (
    "guardduty:Impact:S3/*",
    "guardduty:DefenseImpairment:S3/*",
)
LEAKING_BUCKETS = (
    "guardduty:Exfiltration:S3/AnomalousBehavior",
    "guardduty:Exfiltration:S3/MaliciousIPCaller",
    "guardduty:UnauthorizedAccess:S3/*",
)
REACHABLE_BUCKETS = (
    *PUBLIC_BUCKETS,
    *SHARED_BUCKETS,
    *REPLICATED_BUCKETS,
    *ATTACKED_BUCKETS,
    *LEAKING_BUCKETS,
)

MANUAL_STEP = (
    "Check whether the bucket was meant to be reachable, and what was read. Then release it."
)


def bucket_actions(
    finding: Finding, case: str, deployment: Deployment, bucket: Resource
) -> list[Action]:
    """The policy before the block: S3 refuses to store a public policy once the block is on."""
    place, name = bucket.place, bucket.name
    exempt = deployment.never_locked_out(place.partition, place.account)
    block = BlockPublicAccess(place, name)
    tags = TagBucket(place, name, {"cordon:status": ("quarantined",), "cordon:case": (case,)})

    def deny(level: str) -> DenyBucketAccess:
        return DenyBucketAccess(place, name, (level,), exempt, deployment.organization)

    if finding.matches(*PUBLIC_BUCKETS):
        return [block, tags]
    if finding.matches(*SHARED_BUCKETS):
        return [deny("outsiders"), block, tags]
    if finding.matches(*REPLICATED_BUCKETS):
        return [SuspendReplication(place, name), tags]
    if finding.matches(*ATTACKED_BUCKETS):
        return [deny("writes"), SuspendLifecycle(place, name), block, tags]
    return [deny("everyone"), block, tags]


def plan(finding: Finding, case: str, deployment: Deployment) -> list[Action]:
    """The changes of each bucket, one bucket after the other."""
    return [
        action
        for bucket in buckets(finding)
        for action in bucket_actions(finding, case, deployment, bucket)
    ]


def manual_step(finding: Finding) -> str:
    """The same for all, and the buckets that Cordon cannot contain by name."""
    others = "".join(
        f" Contain {name} yourself: Cordon cannot." for name in unsupported_buckets(finding)
    )
    return MANUAL_STEP + others


PLAYBOOK = Playbook(
    name="quarantine_bucket",
    handles=(*REACHABLE_BUCKETS, *ATTACK_SEQUENCES),
    targets=buckets,
    unsupported=unsupported_bucket,
    plan=plan,
    actions=(
        BlockPublicAccess,
        DenyBucketAccess,
        SuspendLifecycle,
        SuspendReplication,
        TagBucket,
    ),
    controls=(
        "NIST.800-53.r5 AC-3",
        "NIST.800-53.r5 AC-4",
        "NIST.800-53.r5 SC-7",
        "NIST.800-53.r5 IR-4(1)",
        "ISO/IEC 27001:2022 A.8.12",
        "SOC 2 CC6.1",
        "HIPAA 164.312(a)(1)",
        "GDPR Art. 32",
        "PCI DSS v4.0.1 1.4.4",
    ),
    defence_layer="data protection",
    serves=Serves.SECURITY,
    recommended_mode=Mode.APPROVE,
    manual_step=manual_step,
    incident=Incident.ALWAYS,
    clocks=(GDPR_33, HIPAA_164_404),
    resolves=SHUT_CONTROLS,
    by_arn=("AWS::S3::Bucket",),
)

handler = serve(PLAYBOOK)
