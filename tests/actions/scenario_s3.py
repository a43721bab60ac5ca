"""Scenarios of buckets in bad states."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError
from moto.s3.models import s3_backends

from cordon.actions.s3 import (
    BlockPublicAccess,
    DenyBucketAccess,
    SuspendLifecycle,
    SuspendReplication,
    TagBucket,
)
from cordon.clients import AwsClients
from tests.actions.scenario import PLACE, Scenario, stub

BUCKET = "training-data"
COPY = "training-data-copy"  # in the same account
STRANGER = "444455556666"
PARTNER = "partner-data"  # in the stranger's account
ROLE = f"arn:aws:iam::{PLACE.account}:role"
EXEMPT = (f"{ROLE}/cordon/*", f"{ROLE}/aws-service-role/*")
BREAK_GLASS = (*EXEMPT, f"{ROLE}/break-glass")

PUBLIC_READ = {
    "Sid": "PublicRead",
    "Effect": "Allow",
    "Principal": "*",
    "Action": "s3:GetObject",
    "Resource": f"arn:aws:s3:::{BUCKET}/*",
}
SHARED = {
    "Sid": "Partner",
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{STRANGER}:root"},
    "Action": ["s3:GetObject", "s3:ListBucket"],
    "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
}
MANUAL_STATEMENT = {**SHARED, "Sid": "WrittenManually", "Action": "s3:GetObjectTagging"}
OPEN = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": False,
    "BlockPublicPolicy": False,
    "RestrictPublicBuckets": False,
}
SHUT = dict.fromkeys(OPEN, True)


def policy(*parts: dict[str, Any], **more: str) -> str:
    document = {"Version": "2012-10-17", **more, "Statement": [*parts]}
    return json.dumps(document, separators=(",", ":"))


def statements(text: str) -> list[dict[str, Any]]:
    raw = json.loads(text)["Statement"]
    return [raw] if isinstance(raw, dict) else raw


# The state of buckets, and manual changes.


def get_setting(aws: AwsClients, operation: str, *keys: str) -> Any:
    """A setting of the bucket; None if it is absent."""
    try:
        response = getattr(aws.client("s3"), operation)(Bucket=BUCKET)
    except ClientError as error:
        if not error.response["Error"]["Code"].startswith(("NoSuch", "ReplicationConfiguration")):
            raise
        return None
    return response[keys[0]] if len(keys) == 1 else {key: response.get(key) for key in keys}


SETTINGS: dict[str, tuple[str, ...]] = {
    "policy": ("get_bucket_policy", "Policy"),
    "block": ("get_public_access_block", "PublicAccessBlockConfiguration"),
    "lifecycle": (
        "get_bucket_lifecycle_configuration",
        "Rules",
        "TransitionDefaultMinimumObjectSize",
    ),
    "replication": ("get_bucket_replication", "ReplicationConfiguration"),
    "tags": ("get_bucket_tagging", "TagSet"),
    "versioning": ("get_bucket_versioning", "Status", "MFADelete"),
}


def read(*settings: str) -> Callable[[AwsClients], Any]:
    """A reader of these settings of the bucket, or of all settings that an action can change."""

    def state(aws: AwsClients) -> Any:
        settings_now = {name: get_setting(aws, *SETTINGS[name]) for name in settings or SETTINGS}
        return json.loads(json.dumps(settings_now, default=str, sort_keys=True))

    return state


def bucket(*then: Callable[[AwsClients, Any], object]) -> Callable[[AwsClients], None]:
    """Create a bucket and run these steps on it."""

    def prepare(aws: AwsClients) -> None:
        client = aws.client("s3")
        client.create_bucket(Bucket=BUCKET)
        for step in then:
            step(aws, client)

    return prepare


def deleted(aws: AwsClients) -> None:
    aws.client("s3").delete_bucket(Bucket=BUCKET)


def blocked(block: dict[str, bool]) -> Callable[[AwsClients, Any], object]:
    return lambda _, client: client.put_public_access_block(
        Bucket=BUCKET, PublicAccessBlockConfiguration=block
    )


def has_policy(text: str) -> Callable[[AwsClients, Any], object]:
    return lambda _, client: client.put_bucket_policy(Bucket=BUCKET, Policy=text)


def statement_added(aws: AwsClients) -> None:
    """A person adds a statement and keeps Cordon's. Where it is too long, they make room first."""
    document = json.loads(get_setting(aws, "get_bucket_policy", "Policy"))
    changed = {**document, "Statement": [MANUAL_STATEMENT, *document["Statement"]]}
    while len(text := json.dumps(changed, separators=(",", ":"))) > 20 * 1024:
        changed["Statement"].pop()
    aws.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=text)


def manual_statements(state: Any) -> Any:
    return [s for s in statements(state["policy"]) if s.get("Sid") == "WrittenManually"]


def the_policy(aws: AwsClients) -> str:
    """The text of the bucket policy."""
    return str(get_setting(aws, "get_bucket_policy", "Policy"))


def policy_deleted(aws: AwsClients) -> None:
    aws.client("s3").delete_bucket_policy(Bucket=BUCKET)


def loosened(aws: AwsClients) -> None:
    blocked({**SHUT, "RestrictPublicBuckets": False})(aws, aws.client("s3"))


def shut(aws: AwsClients) -> None:
    """Another case, or a person, blocks the bucket's public access."""
    blocked(SHUT)(aws, aws.client("s3"))


BLOCK = BlockPublicAccess(PLACE, BUCKET)
BLOCKS = [
    Scenario(
        name=name,
        action=BLOCK,
        other_case=BLOCK,
        prepare=bucket(*then),
        read=read("block"),
        tamper=loosened,
        missing=deleted,
        contained_before=shut,
    )
    for name, then, shut in (
        ("absent", (), False),
        ("partly-open", (blocked(OPEN),), False),
        ("with-a-public-policy", (blocked(OPEN), has_policy(policy(PUBLIC_READ))), False),
        ("already-shut", (blocked(SHUT),), True),
    )
]

OUTSIDERS = DenyBucketAccess(PLACE, BUCKET, ("outsiders",), EXEMPT)
WRITES = DenyBucketAccess(PLACE, BUCKET, ("writes",), BREAK_GLASS)
EVERYONE = DenyBucketAccess(PLACE, BUCKET, ("everyone",), EXEMPT)
QUARANTINED = DenyBucketAccess(PLACE, BUCKET, ("quarantined_objects",), EXEMPT)
IN_ORGANIZATION = replace(OUTSIDERS, organization="o-exampleorgid")
TOO_LONG = policy(*({**SHARED, "Sid": f"Partner{n:03}"} for n in range(98)))
COPIED_SID = policy({**SHARED, "Sid": "CordonDenyOutsiders"}, Id="CordonReplacement")
OLD = json.dumps({"Id": "älter", "Statement": {**SHARED, "Action": "s3:GetObject"}}, indent=2)
DENIALS = [
    Scenario(
        name=name,
        action=action,
        other_case=other,
        prepare=bucket(*(has_policy(text) for text in texts)),
        read=read("policy"),
        tamper=statement_added,
        missing=deleted,
        theirs=manual_statements,
    )
    for name, action, other, *texts in (
        ("absent", OUTSIDERS, WRITES),
        ("shared", OUTSIDERS, EVERYONE, policy(SHARED)),
        ("shared-with-the-organization", IN_ORGANIZATION, OUTSIDERS, policy(SHARED)),
        ("public", EVERYONE, WRITES, policy(PUBLIC_READ, SHARED)),
        ("one-statement-old-version", WRITES, EVERYONE, OLD),
        ("copied-cordon-sid", OUTSIDERS, WRITES, COPIED_SID),
        ("too-long-to-merge", OUTSIDERS, WRITES, TOO_LONG),
        ("objects-first", QUARANTINED, EVERYONE, policy(SHARED)),
        ("objects-second", EVERYONE, QUARANTINED, policy(SHARED)),
        ("objects-too-long-to-merge", QUARANTINED, WRITES, TOO_LONG),
    )
]
DENIALS[3] = replace(DENIALS[3], hinder=shut)
DENIALS.append(
    replace(DENIALS[1], name="then-emptied", tamper=policy_deleted, theirs=lambda state: state)
)

RULES: list[dict[str, Any]] = [
    {"ID": "logs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 90}},
    {"ID": "old", "Status": "Disabled", "Filter": {"Prefix": "old/"}, "Expiration": {"Days": 9}},
    {
        "ID": "expire-everything-tomorrow",
        "Status": "Enabled",
        "Filter": {"And": {"Prefix": "", "Tags": [{"Key": "a", "Value": "b"}]}},
        "Expiration": {"Date": "2026-11-25T00:00:00Z"},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    },
    {
        "ID": "archive",
        "Status": "Enabled",
        "Prefix": "a/",
        "Transitions": [{"Days": 30, "StorageClass": "GLACIER"}],
    },
]


def has_rules(*rules: dict[str, Any]) -> Callable[[AwsClients, Any], object]:
    return lambda _, client: client.put_bucket_lifecycle_configuration(
        Bucket=BUCKET, LifecycleConfiguration={"Rules": [*rules]}
    )


def rule_added(aws: AwsClients) -> None:
    rules = get_setting(aws, "get_bucket_lifecycle_configuration", "Rules") or []
    has_rules(*rules, {**RULES[0], "ID": "manual"})(aws, aws.client("s3"))


def manual_rules(state: Any) -> Any:
    return [rule for rule in state["lifecycle"]["Rules"] if rule["ID"] == "manual"]


SUSPENDED: dict[str, Any] = {
    "ID": "x",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "Expiration": {"Days": 1},
}
SUSPEND = SuspendLifecycle(PLACE, BUCKET)
LIFECYCLES = [
    Scenario(
        name=name,
        action=SUSPEND,
        other_case=SUSPEND,
        prepare=bucket(*then),
        read=read("lifecycle"),
        tamper=rule_added,
        missing=deleted,
        theirs=manual_rules,
        contained_before=contained,
    )
    for name, then, contained in (
        ("absent", (), True),
        ("mixed", (has_rules(*RULES),), False),
        ("all-disabled", (has_rules(RULES[1]),), True),
    )
]


def replicates(*destinations: dict[str, str], status: str = "Enabled") -> dict[str, Any]:
    return {
        "Role": f"{ROLE}/replication",
        "Rules": [
            {
                "ID": f"rule-{number}",
                "Priority": number,
                "Status": status,
                "Filter": {"Prefix": ""},
                "DeleteMarkerReplication": {"Status": "Disabled"},
                "Destination": destination,
            }
            for number, destination in enumerate(destinations, 1)
        ],
    }


def check_owner(params: dict[str, Any]) -> str | None:
    """S3's error for ExpectedBucketOwner, and for a bucket that does not exist."""
    if params["Bucket"] == COPY:
        return None
    return "AccessDenied" if params["Bucket"] == PARTNER else "NoSuchBucket"


def has_replication(configuration: dict[str, Any]) -> Callable[[AwsClients, Any], object]:
    def step(aws: AwsClients, client: Any) -> None:
        client.create_bucket(Bucket=COPY)
        for name in (BUCKET, COPY):
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        partner = s3_backends[STRANGER][PLACE.partition].create_bucket(PARTNER, PLACE.region)
        partner.versioning_status = "Enabled"
        stub(aws, "s3", "GetBucketLocation", check_owner)
        client.put_bucket_replication(Bucket=BUCKET, ReplicationConfiguration=configuration)

    return step


def replication_added(aws: AwsClients) -> None:
    now = get_setting(aws, "get_bucket_replication", "ReplicationConfiguration")
    rule = replicates(HOME)["Rules"][0] | {"ID": "manual", "Priority": 9}
    if now is None:
        has_replication({**replicates(), "Rules": [rule]})(aws, aws.client("s3"))
    else:
        aws.client("s3").put_bucket_replication(
            Bucket=BUCKET, ReplicationConfiguration={**now, "Rules": [*now["Rules"], rule]}
        )


def manual_replication(state: Any) -> Any:
    return [rule for rule in state["replication"]["Rules"] if rule["ID"] == "manual"]


HOME = {"Bucket": f"arn:aws:s3:::{COPY}"}
FOREIGN = {"Bucket": f"arn:aws:s3:::{PARTNER}", "Account": STRANGER}
HIDDEN = {"Bucket": f"arn:aws:s3:::{PARTNER}"}  # no Account: S3 does not require it
LYING = {"Bucket": f"arn:aws:s3:::{PARTNER}", "Account": PLACE.account}
NOWHERE = {"Bucket": "arn:aws:s3:::nobody-has-this-one"}
CUT = SuspendReplication(PLACE, BUCKET)
REPLICATIONS = [
    Scenario(
        name=name,
        action=CUT,
        other_case=CUT,
        prepare=bucket(*(has_replication(configuration) for configuration in then)),
        read=read("replication"),
        tamper=replication_added,
        missing=deleted,
        theirs=manual_replication,
        contained_before=contained,
    )
    for name, then, contained in (
        ("absent", (), True),
        ("at-home", (replicates(HOME),), True),
        ("foreign", (replicates(HOME, FOREIGN),), False),
        ("hidden", (replicates(HIDDEN, HOME, LYING, NOWHERE),), False),
        ("off", (replicates(FOREIGN, status="Disabled"),), True),
    )
]


def tagged(tags: Mapping[str, str]) -> Callable[[AwsClients, Any], object]:
    return lambda aws, _: aws.client("s3control").tag_resource(
        AccountId=PLACE.account,
        ResourceArn=f"arn:aws:s3:::{BUCKET}",
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )


def retagged(aws: AwsClients) -> None:
    tagged({"cordon:case": "manual"})(aws, None)


TAG = TagBucket(
    PLACE, BUCKET, {"cordon:status": ("quarantined",), "cordon:case": ("0123456789abcdef",)}
)
TAGS = [
    Scenario(
        name=name,
        action=TAG,
        other_case=replace(TAG, tags={"cordon:case": ("fedcba9876543210",)}),
        prepare=bucket(*(tagged(tags) for tags in then)),
        read=read("tags"),
        tamper=retagged,
        missing=deleted,
        theirs=lambda state: [tag for tag in state["tags"] or [] if tag["Key"] != "cordon:status"],
    )
    for name, *then in (
        ("absent",),
        ("beside-others", {"owner": "ml-team"}),
        ("present", {"owner": "ml-team", "cordon:case": "an older one"}),
        ("present-and-empty", {"cordon:case": ""}),
        ("full", {f"k{n}": "v" for n in range(48)}),
    )
]

SCENARIOS = [*BLOCKS, *DENIALS, *LIFECYCLES, *REPLICATIONS, *TAGS]
