"""Sets the scene for a finding: its resources, in the bad state the finding describes.

    staged = stage(finding, account.client)

Everything is made in the embedded account, in the account and Region the finding names. What
exists already is left as it is, so that staging again changes nothing. Each bucket, role and AI
resource also gets a policy statement, rule or tags of its owner's, so that one sees whether a
containment leaves them alone and a release brings them back.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from botocore.exceptions import ClientError
from console.embedded import backends
from console.embedded.backends import securityhub, tags
from moto.iam.models import iam_backends

from cordon import catalogue, clock
from cordon.finding import Finding, Part, Resource, State

Client = Callable[[str, str, str], Any]  # (service, region, account) -> boto3 client

FOREIGN = "999988887777"  # the account that data is shared with or replicated to
HOURS = 3600
OWN_TAGS = {"owner": "data-team", "environment": "production"}
BLOCK_DISABLED = (
    "guardduty:Policy:S3/BucketBlockPublicAccessDisabled",
    "macie:Policy:IAMUser/S3BlockPublicAccessDisabled",
    "config:s3-bucket-level-public-access-prohibited*",
    "securityhub:S3.8",
)
UNNAMEABLE = ("config", "events", "kms", "logs")  # moto answers 404 for buckets of these names
OTHER_BUCKETS = {
    "AWS::S3Express::DirectoryBucket": "directory buckets are not embedded",
    "AWS::S3Tables::TableBucket": "table buckets are not embedded",
    "AWS::S3Vectors::VectorBucket": "vector buckets are not embedded",
}
AI = ("AWS::SageMaker::", "AWS::Bedrock::", "AWS::BedrockAgentCore::")
CONTROL_TYPE = "Software and Configuration Checks"


@dataclass(frozen=True)
class Staged:
    """What a finding's scene consists of, in words."""

    made: tuple[str, ...]  # what was not there before
    left: tuple[str, ...]  # what was there already, or cannot be staged, and why


@dataclass(frozen=True)
class _Note:
    made: bool
    text: str


def stage(finding: Finding, client: Client) -> Staged:
    """Make the finding's resources exist, in the state it describes. Safe to call again.

    Raises the ClientError of a call that AWS would refuse as well: the finding cannot be true.
    """
    notes = [
        note for resource in finding.resources for note in _resource(resource, finding, client)
    ]
    notes += _hub(finding, client)
    return Staged(
        tuple(note.text for note in notes if note.made),
        tuple(note.text for note in notes if not note.made),
    )


def _resource(resource: Resource, finding: Finding, client: Client) -> Iterator[_Note]:
    if resource.kind == "AWS::S3::Bucket":
        yield from _bucket(resource, finding, client)
    elif resource.kind == "AWS::IAM::Role":
        yield from _role(resource, finding, client)
    elif resource.kind == "AWS::IAM::User":
        yield from _user(resource.name, resource, finding, client)
    elif resource.kind in OTHER_BUCKETS:
        yield _Note(False, f"{resource.name}: {OTHER_BUCKETS[resource.kind]}")
    elif resource.kind.startswith(AI):
        yield _ai_resource(resource)
    elif resource.kind != "AWS::IAM::AccessKey":  # keys are staged with their user
        yield _Note(False, f"{resource.kind} {resource.name}: not staged, no playbook acts on it")


# ---- buckets ----


def _bucket(resource: Resource, finding: Finding, client: Client) -> Iterator[_Note]:
    place, name = resource.place, resource.name
    if name in UNNAMEABLE:
        yield _Note(False, f"bucket {name}: moto cannot have a bucket of this name")
        return
    s3 = client("s3", place.region, place.account)
    if _there(s3.head_bucket, "404", Bucket=name):
        yield _Note(False, f"bucket {name}: is there already")
        return
    where = {"CreateBucketConfiguration": {"LocationConstraint": place.region}}
    s3.create_bucket(Bucket=name, **({} if place.region == "us-east-1" else where))
    listed = [{"Key": key, "Value": value} for key, value in OWN_TAGS.items()]
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": listed})
    yield _Note(True, f"bucket {name} in {place.region}, with tags of its owner's")
    yield from _state(resource, finding, s3)


def _state(resource: Resource, finding: Finding, s3: Any) -> Iterator[_Note]:
    """The policy before the block: under it S3 takes no public policy."""
    name = resource.name
    statements, blocked, told = _access(resource, finding)
    policy = {"Version": "2012-10-17", "Statement": statements}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    if blocked:
        settings = dict.fromkeys(
            ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"),
            True,
        )
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=settings)
    yield _Note(True, f"{name}: {told}")
    if _is(finding, catalogue.REPLICATED_BUCKETS):
        yield _replicated(resource, s3)
    if _is(finding, catalogue.ATTACKED_BUCKETS):
        yield _expiring(resource, s3)


def _access(resource: Resource, finding: Finding) -> tuple[list[dict[str, Any]], bool, str]:
    """Policy statements, whether public access is blocked, and the same in words."""
    own = _statement(resource, "OwnersRead", {"AWS": _root(resource, resource.place.account)})
    if finding.state is State.PASSED:
        return [own], True, "private again, as the finding says"
    if _is(finding, BLOCK_DISABLED):
        return [own], False, "its public access block is off"
    if _is(finding, catalogue.PUBLIC_BUCKETS):
        public = _statement(resource, "AnybodyReads", "*")
        return [own, public], False, "anybody may read it, and no public access block"
    if _is(finding, catalogue.SHARED_BUCKETS):
        foreign = _statement(resource, "PartnerReads", {"AWS": _root(resource, FOREIGN)})
        return [own, foreign], True, f"shared with account {FOREIGN}"
    return [own], True, "private, with a policy of its owner's"


def _statement(resource: Resource, sid: str, principal: Any) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": principal,
        "Action": "s3:GetObject",
        "Resource": f"arn:{resource.place.partition}:s3:::{resource.name}/*",
    }


def _root(resource: Resource, account: str) -> str:
    return f"arn:{resource.place.partition}:iam::{account}:root"


def _versioned(name: str, s3: Any) -> None:
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})


def _replicated(resource: Resource, s3: Any) -> _Note:
    place, name = resource.place, resource.name
    _versioned(name, s3)
    rules = [
        _rule(1, "backup", f"arn:{place.partition}:s3:::{name}-backup", place.account),
        _rule(2, "abroad", f"arn:{place.partition}:s3:::{name}-abroad", FOREIGN),
    ]
    role = place.arn("iam", "role/replication", region="")
    s3.put_bucket_replication(Bucket=name, ReplicationConfiguration={"Role": role, "Rules": rules})
    return _Note(True, f"{name}: replicated to account {FOREIGN}, and to a backup of its owner's")


def _rule(priority: int, name: str, bucket: str, account: str) -> dict[str, Any]:
    return {
        "ID": name,
        "Priority": priority,
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": bucket, "Account": account},
    }


def _expiring(resource: Resource, s3: Any) -> _Note:
    _versioned(resource.name, s3)
    everything = {"Status": "Enabled", "Filter": {"Prefix": ""}}
    rules = [
        {"ID": "uploads", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
        {"ID": "expire-everything", "Expiration": {"Days": 1}},
    ]
    s3.put_bucket_lifecycle_configuration(
        Bucket=resource.name,
        LifecycleConfiguration={"Rules": [{**everything, **rule} for rule in rules]},
    )
    return _Note(True, f"{resource.name}: a lifecycle rule deletes everything after one day")


def _is(finding: Finding, family: tuple[str, ...]) -> bool:
    return any(fnmatchcase(finding.kind, pattern) for pattern in family)


# ---- roles, users and keys ----


def _role(resource: Resource, finding: Finding, client: Client) -> Iterator[_Note]:
    place, name = resource.place, resource.name
    iam = client("iam", place.region, place.account)
    if _there(iam.get_role, "NoSuchEntity", RoleName=name):
        yield _Note(False, f"role {name}: is there already")
        return
    path = _path(resource, finding)
    aws_made = path.startswith(("/aws-service-role/", "/aws-reserved/"))
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    iam.create_role(
        RoleName=name,
        Path=path,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        MaxSessionDuration=HOURS if aws_made else 4 * HOURS,
    )
    if aws_made:
        yield _Note(True, f"role {path}{name}, which only AWS may change")
        return
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=_own_policy(resource))
    yield _Note(
        True, f"role {path}{name}, sessions up to 4 hours, with an inline policy of its own"
    )


def _path(resource: Resource, finding: Finding) -> str:
    """From an ARN of the role where the finding has one, else from how AWS names its roles."""
    issuer = finding.principal.issuer if finding.principal else ""
    for arn in (resource.arn, issuer):
        path, _, name = arn.partition(":role/")[2].rpartition("/")
        if name == resource.name:
            return f"/{path}/" if path else "/"
    if resource.name.startswith("AWSServiceRoleFor"):
        return "/aws-service-role/sagemaker.amazonaws.com/"
    if resource.name.startswith("AWSReservedSSO_"):
        return "/aws-reserved/sso.amazonaws.com/"
    return "/"


def _own_policy(resource: Resource) -> str:
    statement = {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": f"arn:{resource.place.partition}:s3:::their-own-data/*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _user(name: str, resource: Resource, finding: Finding, client: Client) -> Iterator[_Note]:
    iam = client("iam", resource.place.region, resource.place.account)
    if _there(iam.get_user, "NoSuchEntity", UserName=name):
        yield _Note(False, f"user {name}: is there already")
    else:
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=_own_policy(resource))
        yield _Note(True, f"user {name}, with an inline policy of its own")
    for key in _keys_of(name, finding):
        yield from _key(key, name, resource, iam)


def _keys_of(name: str, finding: Finding) -> list[str]:
    """The long-term keys of the finding, where the user is the one they belong to."""
    users = {r.name for r in finding.named("AWS::IAM::User", part=Part.ACTOR)}
    if users and users != {name}:
        return []
    return [r.name for r in finding.named("AWS::IAM::AccessKey") if r.name.startswith("AKIA")]


def _key(key: str, user: str, resource: Resource, iam: Any) -> Iterator[_Note]:
    listed = iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
    if key in {one["AccessKeyId"] for one in listed}:
        yield _Note(False, f"access key {key}: is there already")
        return
    made = iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
    _rename(made, key, user, resource)
    yield _Note(True, f"access key {key} of {user}, active")
    if not listed:
        iam.create_access_key(UserName=user)
        yield _Note(True, f"a second access key of {user}, active")


def _rename(made: str, wanted: str, user: str, resource: Resource) -> None:
    """No API makes a key of a given id, so it is changed inside moto."""
    place = resource.place
    backend: Any = iam_backends[place.account][place.partition]
    key = backend.access_keys.pop(made)
    key.access_key_id = wanted
    backend.access_keys[wanted] = key
    assert key in backend.users[user].access_keys


# ---- AI resources ----


def _ai_resource(resource: Resource) -> _Note:
    if not resource.arn:
        return _Note(False, f"{resource.kind} {resource.name}: the finding has no ARN of it")
    if not tags.taggable(resource.arn):
        return _Note(False, f"{resource.arn}: a kind that has no tags")
    where = backends.here(resource.place.account, resource.place.region)
    if backends.known(resource.arn, where):
        return _Note(False, f"{resource.arn}: is there already")
    backends.exists(resource.arn, where, OWN_TAGS)
    return _Note(True, f"{resource.arn}, with two tags of its owner's")


# ---- Security Hub ----


def _hub(finding: Finding, client: Client) -> Iterator[_Note]:
    place, reference = finding.place, finding.hub
    hub = client("securityhub", place.region, place.account)
    if not _there(hub.describe_hub, "InvalidAccessException"):
        hub.enable_security_hub()
        yield _Note(True, f"Security Hub enabled in {place.account} {place.region}")
    if reference is None:
        return
    where = backends.here(place.account, place.region)
    if securityhub.holds(where, reference.product_arn, reference.id):
        yield _Note(False, f"the finding is in Security Hub already, as {reference.id}")
        return
    securityhub.store(where, _asff(finding, reference.product_arn, reference.id))
    yield _Note(True, f"the finding in Security Hub, as {reference.id}")


def _asff(finding: Finding, product_arn: str, identifier: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "SchemaVersion": "2018-10-08",
        "Id": identifier,
        "ProductArn": product_arn,
        "ProductName": finding.source,
        "CompanyName": "AWS" if finding.authored_by_aws else "Personal",
        "Region": finding.place.region,
        "GeneratorId": finding.kind,
        "AwsAccountId": finding.place.account,
        "Types": [CONTROL_TYPE if finding.source == "securityhub" else "TTPs"],
        "CreatedAt": clock.stamp(finding.first_seen),
        "UpdatedAt": clock.stamp(finding.last_seen),
        "Severity": {"Label": finding.severity.label.value, "Original": finding.severity.native},
        "Title": finding.title or finding.type,
        "Description": finding.description or finding.type,
        "Resources": [_asff_resource(r) for r in finding.resources] or [_account(finding)],
        "Workflow": {"Status": finding.workflow or "NEW"},
        "RecordState": "ARCHIVED" if finding.state is State.ARCHIVED else "ACTIVE",
        "Sample": finding.sample,
    }
    if finding.source == "securityhub":
        passed = finding.state is State.PASSED
        made["Compliance"] = {
            "Status": "PASSED" if passed else "FAILED",
            "SecurityControlId": finding.type,
        }
    return made


def _asff_resource(resource: Resource) -> dict[str, str]:
    return {
        "Type": resource.kind.replace("::", "").replace("AWS", "Aws", 1),
        "Id": resource.arn or f"{resource.kind}:{resource.name}",
        "Partition": resource.place.partition,
        "Region": resource.place.region,
    }


def _account(finding: Finding) -> dict[str, str]:
    place = finding.place
    return {
        "Type": "AwsAccount",
        "Id": f"AWS::::Account:{place.account}",
        "Partition": place.partition,
        "Region": place.region,
    }


def _there(read: Callable[..., Any], absent: str, **params: Any) -> bool:
    try:
        read(**params)
    except ClientError as error:
        if error.response["Error"]["Code"] != absent:
            raise
        return False
    return True
