"""How a bucket is built: each of its settings has a call of its own."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from embedded.clients import Clients
from embedded.stack import Resource, Stack, Unresolved


def build_bucket(resource: Resource, stack: Stack, client: Clients) -> None:
    """The bucket with its settings; its policy is a resource of its own."""
    s3, name, properties = client("s3"), resource.physical, resource.properties
    location = (
        {}
        if stack.place.region == "us-east-1"
        else {"CreateBucketConfiguration": {"LocationConstraint": stack.place.region}}
    )
    locked = bool(properties.get("ObjectLockEnabled", False))
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=locked, **location)
    for key, configure in _BUCKET_SETTINGS.items():
        if key in properties:
            configure(s3, name, properties[key])


def _encryption(s3: Any, name: str, value: Mapping[str, Any]) -> None:
    ours = value["ServerSideEncryptionConfiguration"]
    rules_ = [
        {
            "ApplyServerSideEncryptionByDefault": r["ServerSideEncryptionByDefault"],
            "BucketKeyEnabled": r.get("BucketKeyEnabled", False),
        }
        for r in ours
    ]
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": rules_})


def _lock(s3: Any, name: str, value: Mapping[str, Any]) -> None:
    retention = dict(value["Rule"]["DefaultRetention"])
    for unit in retention.keys() & {"Days", "Years"}:
        retention[unit] = int(retention[unit])
    configuration = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}}
    s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=configuration)


_LIFECYCLE: dict[str, Callable[[Any], dict[str, Any]]] = {  # CloudFormation's members as the API's
    "Id": lambda value: {"ID": value},
    "Status": lambda value: {"Status": value},
    "Prefix": lambda value: {"Filter": {"Prefix": value}},
    "ExpirationInDays": lambda value: {"Expiration": {"Days": int(value)}},
    "ExpiredObjectDeleteMarker": lambda value: {
        "Expiration": {"ExpiredObjectDeleteMarker": value in (True, "true")}
    },
    "NoncurrentVersionExpiration": lambda value: {
        "NoncurrentVersionExpiration": {k: int(v) for k, v in value.items()}
    },
    "AbortIncompleteMultipartUpload": lambda value: {
        "AbortIncompleteMultipartUpload": {k: int(v) for k, v in value.items()}
    },
}


def _lifecycle_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    dropped = rule.keys() - _LIFECYCLE.keys()
    if dropped:
        raise Unresolved(f"the embedded account does not build lifecycle rules with {dropped}")
    built: dict[str, Any] = {"Filter": {"Prefix": ""}}
    for member, value in rule.items():
        built |= _LIFECYCLE[member](value)
    return built


_BUCKET_SETTINGS: dict[str, Callable[[Any, str, Any], Any]] = {
    "VersioningConfiguration": lambda s3, name, value: s3.put_bucket_versioning(
        Bucket=name, VersioningConfiguration={"Status": value["Status"]}
    ),
    "ObjectLockConfiguration": _lock,
    "BucketEncryption": _encryption,
    "PublicAccessBlockConfiguration": lambda s3, name, value: s3.put_public_access_block(
        Bucket=name, PublicAccessBlockConfiguration=dict(value)
    ),
    "OwnershipControls": lambda s3, name, value: s3.put_bucket_ownership_controls(
        Bucket=name, OwnershipControls=value
    ),
    "LifecycleConfiguration": lambda s3, name, value: s3.put_bucket_lifecycle_configuration(
        Bucket=name,
        LifecycleConfiguration={"Rules": [_lifecycle_rule(rule) for rule in value["Rules"]]},
    ),
    "Tags": lambda s3, name, value: s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": value}),
}


def build_bucket_policy(resource: Resource, _stack: Stack, client: Clients) -> None:
    """The policy of a bucket."""
    properties = resource.properties
    policy = json.dumps(properties["PolicyDocument"])
    client("s3").put_bucket_policy(Bucket=properties["Bucket"], Policy=policy)
