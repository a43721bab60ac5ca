"""Replication of buckets. moto forgets the filters and the encryption of the rules.

Sources: PutBucketReplication, GetBucketReplication, DeleteBucketReplication (S3 API Reference).
"""

from collections.abc import Mapping
from typing import Any

from moto.moto_api._internal import mock_random

from embedded.backends import buckets
from embedded.backends.registry import Params, Refusal, Response, Where, implements

MOST_RULES = 1000


@implements("s3", "PutBucketReplication")
def put_bucket_replication(params: Params, where: Where) -> Response:
    """The bucket, and a destination bucket that exists here, must be versioned."""
    bucket = buckets.owned(params["Bucket"], where)
    configuration = params["ReplicationConfiguration"]
    _versioned(bucket, "Versioning must be 'Enabled' on the bucket")
    if len(configuration["Rules"]) > MOST_RULES:
        raise Refusal("InvalidRequest", f"at most {MOST_RULES} rules")
    for rule in configuration["Rules"]:
        _rule(rule)
    rules = [{"ID": mock_random.get_random_hex(32), **rule} for rule in configuration["Rules"]]
    buckets.configure(bucket, "replication", {**configuration, "Rules": rules})
    return {}


@implements("s3", "GetBucketReplication")
def get_bucket_replication(params: Params, where: Where) -> Response:
    """As it was put, each rule with an ID."""
    found = buckets.configuration(buckets.owned(params["Bucket"], where), "replication")
    if found is None:
        text = "The replication configuration was not found"
        raise Refusal("ReplicationConfigurationNotFoundError", text, 404)
    return {"ReplicationConfiguration": found}


@implements("s3", "DeleteBucketReplication")
def delete_bucket_replication(params: Params, where: Where) -> Response:
    """Does no harm where there is none."""
    buckets.configure(buckets.owned(params["Bucket"], where), "replication", None)
    return {}


def _rule(rule: Mapping[str, Any]) -> None:
    """With a Filter (the newer schema) Priority and DeleteMarkerReplication are required."""
    if "Filter" in rule and not {"Priority", "DeleteMarkerReplication"} <= rule.keys():
        text = "Priority and DeleteMarkerReplication must be given with Filter"
        raise Refusal("InvalidRequest", text)
    destination = buckets.find(rule["Destination"]["Bucket"].rsplit(":", 1)[-1])
    if destination is not None:
        _versioned(destination, "Destination bucket must have versioning enabled.")


def _versioned(bucket: buckets.Bucket, why: str) -> None:
    if bucket.versioning_status != "Enabled":
        raise Refusal("InvalidRequest", why)
