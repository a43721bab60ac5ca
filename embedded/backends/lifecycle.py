"""Lifecycle of buckets. moto forgets sizes, versions to keep and the default minimum size.

Sources: PutBucketLifecycleConfiguration, GetBucketLifecycleConfiguration, DeleteBucketLifecycle
(S3 API Reference). Nothing expires here: it is the configuration that is kept.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.utils import parse_to_aware_datetime
from moto.moto_api._internal import mock_random

from embedded.backends import buckets
from embedded.backends.registry import Params, Refusal, Response, Where, implements

MOST_RULES = 1000
DEFAULT_MINIMUM = "all_storage_classes_128K"
_EFFECTS = (
    "AbortIncompleteMultipartUpload",
    "Expiration",
    "NoncurrentVersionExpiration",
    "NoncurrentVersionTransitions",
    "Transitions",
)


@implements("s3", "PutBucketLifecycleConfiguration")
def put_bucket_lifecycle_configuration(params: Params, where: Where) -> Response:
    """Replaces the whole configuration."""
    bucket = buckets.owned(params["Bucket"], where)
    rules = params.get("LifecycleConfiguration", {}).get("Rules", [])
    names = [rule["ID"] for rule in rules if rule.get("ID")]
    if not 0 < len(rules) <= MOST_RULES or len(names) != len(set(names)):
        raise _malformed()
    minimum = params.get("TransitionDefaultMinimumObjectSize", DEFAULT_MINIMUM)
    kept = {
        "Rules": [_rule(rule) for rule in rules],
        "TransitionDefaultMinimumObjectSize": minimum,
    }
    buckets.configure(bucket, "lifecycle", kept)
    return {"TransitionDefaultMinimumObjectSize": minimum}


@implements("s3", "GetBucketLifecycleConfiguration")
def get_bucket_lifecycle_configuration(params: Params, where: Where) -> Response:
    """As it was put, each rule with an ID."""
    found = buckets.configuration(buckets.owned(params["Bucket"], where), "lifecycle")
    if found is None:
        text = "The lifecycle configuration does not exist"
        raise Refusal("NoSuchLifecycleConfiguration", text, 404)
    return dict(found)


@implements("s3", "DeleteBucketLifecycle")
def delete_bucket_lifecycle(params: Params, where: Where) -> Response:
    """Does no harm where there is none."""
    buckets.configure(buckets.owned(params["Bucket"], where), "lifecycle", None)
    return {}


def _malformed() -> Refusal:
    text = "The XML you provided was not well-formed or did not validate against our schema"
    return Refusal("MalformedXML", text)


def _rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    if ("Filter" in rule) is ("Prefix" in rule) or not any(effect in rule for effect in _EFFECTS):
        raise _malformed()
    if len(rule.get("Filter", {})) > 1:  # And joins several
        raise _malformed()
    days = rule.get("Expiration", {}).get("Days")
    if days is not None and days < 1:
        text = "'Days' for Expiration action must be a positive integer"
        raise Refusal("InvalidArgument", text)
    made = {"ID": mock_random.get_random_hex(32), **rule}
    if "Expiration" in rule:
        made["Expiration"] = _dated(rule["Expiration"])
    if "Transitions" in rule:
        made["Transitions"] = [_dated(transition) for transition in rule["Transitions"]]
    return made


def _dated(part: Mapping[str, Any]) -> dict[str, Any]:
    """Dates are midnight UTC; a client reads them as aware datetimes."""
    if "Date" not in part:
        return dict(part)
    date: datetime = parse_to_aware_datetime(part["Date"]).astimezone(UTC)
    if (date.hour, date.minute, date.second) != (0, 0, 0):
        raise Refusal("InvalidArgument", "'Date' must be at midnight GMT")
    return {**part, "Date": date}
