"""What calls of Amazon S3 need: ``authorization`` has the general case.

Source: "Actions, resources, and condition keys for Amazon S3", required permissions.
"""

from collections.abc import Mapping
from typing import Any

from embedded.place import Place
from embedded.required_permission import (
    AccountFacts,
    Params,
    RequiredPermission,
    Rule,
    tag_context,
    tag_pairs,
)

BYPASS = "BypassGovernanceRetention"  # needed beside the action itself


def _bucket(params: Params, place: Place) -> str:
    name = str(params["Bucket"])
    return name if name.startswith("arn:") else f"arn:{place.partition}:s3:::{name}"


def _on_bucket(*actions: str) -> Rule:
    return lambda p, at, _: [
        RequiredPermission(f"s3:{a}", _bucket(p, at), _s3_context(p)) for a in actions
    ]


def _on_object(action: str, versioned: str = "") -> Rule:
    def rule(params: Params, place: Place, _known: AccountFacts) -> list[RequiredPermission]:
        chosen = versioned if versioned and params.get("VersionId") else action
        wanted = [chosen] if not params.get("BypassGovernanceRetention") else [BYPASS, chosen]
        resource = f"{_bucket(params, place)}/{params['Key']}"
        return [RequiredPermission(f"s3:{one}", resource, _s3_context(params)) for one in wanted]

    return rule


def _s3_context(params: Params) -> dict[str, Any]:
    headers = {
        "ACL": "s3:x-amz-acl",
        "ServerSideEncryption": "s3:x-amz-server-side-encryption",
        "SSEKMSKeyId": "s3:x-amz-server-side-encryption-aws-kms-key-id",
        "ObjectLockMode": "s3:object-lock-mode",
        "Prefix": "s3:prefix",
        "IfNoneMatch": "s3:if-none-match",
        "VersionId": "s3:VersionId",
    }
    found = {key: str(params[name]) for name, key in headers.items() if name in params}
    if "Tagging" in params and isinstance(params["Tagging"], Mapping):
        pairs = tag_pairs(params["Tagging"].get("TagSet"))
        found |= {f"aws:RequestTag/{k}": v for k, v in pairs}
    return {"aws:SecureTransport": "true", **found}


def _put_object(params: Params, place: Place, known: AccountFacts) -> list[RequiredPermission]:
    actions = {
        "Tagging": "PutObjectTagging",
        "ACL": "PutObjectAcl",
        "ObjectLockMode": "PutObjectRetention",
        "ObjectLockLegalHoldStatus": "PutObjectLegalHold",
    }
    also = [action for name, action in actions.items() if name in params]
    return [n for a in ("PutObject", *also) for n in _on_object(a)(params, place, known)]


def _delete_objects(params: Params, place: Place, _known: AccountFacts) -> list[RequiredPermission]:
    rule = _on_object("DeleteObject", "DeleteObjectVersion")
    objects = [{**params, **one} for one in params["Delete"]["Objects"]]
    return [need for one in objects for need in rule(one, place, _known)]


def _put_replication(params: Params, place: Place, known: AccountFacts) -> list[RequiredPermission]:
    role = params["ReplicationConfiguration"]["Role"]
    passed = RequiredPermission("iam:PassRole", role, {"iam:PassedToService": "s3.amazonaws.com"})
    return [*_on_bucket("PutReplicationConfiguration")(params, place, known), passed]


_S3: dict[str, Rule] = {
    "HeadBucket": _on_bucket("ListBucket"),
    "ListObjects": _on_bucket("ListBucket"),
    "ListObjectsV2": _on_bucket("ListBucket"),
    "ListObjectVersions": _on_bucket("ListBucketVersions"),
    "ListBuckets": lambda _p, _at, _k: [RequiredPermission("s3:ListAllMyBuckets", "*")],
    "GetPublicAccessBlock": _on_bucket("GetBucketPublicAccessBlock"),
    "PutPublicAccessBlock": _on_bucket("PutBucketPublicAccessBlock"),
    "DeletePublicAccessBlock": _on_bucket("PutBucketPublicAccessBlock"),
    "DeleteBucketTagging": _on_bucket("PutBucketTagging"),
    "GetBucketLifecycle": _on_bucket("GetLifecycleConfiguration"),
    "GetBucketLifecycleConfiguration": _on_bucket("GetLifecycleConfiguration"),
    "PutBucketLifecycleConfiguration": _on_bucket("PutLifecycleConfiguration"),
    "DeleteBucketLifecycle": _on_bucket("PutLifecycleConfiguration"),
    "GetBucketReplication": _on_bucket("GetReplicationConfiguration"),
    "PutBucketReplication": _put_replication,
    "DeleteBucketReplication": _on_bucket("PutReplicationConfiguration"),
    "GetBucketEncryption": _on_bucket("GetEncryptionConfiguration"),
    "PutBucketEncryption": _on_bucket("PutEncryptionConfiguration"),
    "DeleteBucketEncryption": _on_bucket("PutEncryptionConfiguration"),
    "GetObjectLockConfiguration": _on_bucket("GetBucketObjectLockConfiguration"),
    "PutObjectLockConfiguration": _on_bucket("PutBucketObjectLockConfiguration"),
    "GetBucketNotificationConfiguration": _on_bucket("GetBucketNotification"),
    "PutBucketNotificationConfiguration": _on_bucket("PutBucketNotification"),
    "GetBucketCors": _on_bucket("GetBucketCORS"),
    "PutBucketCors": _on_bucket("PutBucketCORS"),
    "DeleteBucketOwnershipControls": _on_bucket("PutBucketOwnershipControls"),
    "HeadObject": _on_object("GetObject", "GetObjectVersion"),
    "GetObject": _on_object("GetObject", "GetObjectVersion"),
    "PutObject": _put_object,
    "DeleteObject": _on_object("DeleteObject", "DeleteObjectVersion"),
    "DeleteObjects": _delete_objects,
    "GetObjectTagging": _on_object("GetObjectTagging", "GetObjectVersionTagging"),
    "PutObjectTagging": _on_object("PutObjectTagging", "PutObjectVersionTagging"),
    "DeleteObjectTagging": _on_object("DeleteObjectTagging", "DeleteObjectVersionTagging"),
    "GetObjectAcl": _on_object("GetObjectAcl", "GetObjectVersionAcl"),
    "PutObjectAcl": _on_object("PutObjectAcl", "PutObjectVersionAcl"),
    "GetObjectRetention": _on_object("GetObjectRetention"),
    "PutObjectRetention": _on_object("PutObjectRetention"),
    "GetObjectLegalHold": _on_object("GetObjectLegalHold"),
    "PutObjectLegalHold": _on_object("PutObjectLegalHold"),
}
_S3_PLAIN = (  # the action has the operation's name, the resource is the bucket
    "CreateBucket DeleteBucket DeleteBucketPolicy GetBucketAcl GetBucketLocation GetBucketLogging"
    " GetBucketOwnershipControls GetBucketPolicy GetBucketPolicyStatus GetBucketTagging"
    " GetBucketVersioning GetBucketWebsite PutBucketAcl PutBucketLogging"
    " PutBucketOwnershipControls PutBucketPolicy PutBucketTagging PutBucketVersioning"
)


def _anywhere(*actions: str) -> Rule:
    return lambda p, _at, _k: [RequiredPermission(a, "*", tag_context(p)) for a in actions]


RULES: dict[tuple[str, str], Rule] = {
    **{("s3", name): rule for name, rule in _S3.items()},
    **{("s3", name): _on_bucket(name) for name in _S3_PLAIN.split()},
    ("s3control", "GetPublicAccessBlock"): _anywhere("s3:GetAccountPublicAccessBlock"),
    ("s3control", "PutPublicAccessBlock"): _anywhere("s3:PutAccountPublicAccessBlock"),
    ("s3control", "DeletePublicAccessBlock"): _anywhere("s3:PutAccountPublicAccessBlock"),
}
