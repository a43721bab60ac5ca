"""Tags of buckets through S3 Control, which also work where a bucket has ABAC enabled.

moto shares these tags with PutBucketTagging, as we do, but does not check whether the bucket
exists and finds no bucket with a dot in its name. S3 Control models no errors for these calls;
the codes are those of S3 (Amazon S3 API Reference, "Error responses", Tagging-related codes).
"""

from typing import Any

from moto.s3.models import s3_backends

from embedded.backends import buckets
from embedded.backends.registry import (
    NotModelled,
    Params,
    Refusal,
    Response,
    Where,
    implements,
)

MOST = 50


@implements("s3control", "TagResource")
def tag_resource(params: Params, where: Where) -> Response:
    """A key that is there gets the new value; other tags stay."""
    kept = _kept(params, where)
    wanted = {tag["Key"]: tag["Value"] for tag in params["Tags"]}
    _not_reserved(list(wanted))
    merged = {**kept, **wanted}
    if sum(not key.startswith("aws:") for key in merged) > MOST:
        raise Refusal("TooManyTags", f"The number of tags exceeds the limit of {MOST}")
    kept.update(wanted)
    return {}


@implements("s3control", "UntagResource")
def untag_resource(params: Params, where: Where) -> Response:
    """Keys that are not there do no harm."""
    kept = _kept(params, where)
    _not_reserved(params["TagKeys"])
    for key in params["TagKeys"]:
        kept.pop(key, None)
    return {}


@implements("s3control", "ListTagsForResource")
def list_tags_for_resource(params: Params, where: Where) -> Response:
    """All tags; an empty list where there are none."""
    kept = _kept(params, where)
    return {"Tags": [{"Key": key, "Value": value} for key, value in kept.items()]}


def _kept(params: Params, where: Where) -> dict[str, Any]:
    """moto's own tags of the bucket, to be changed in place."""
    _, _, _, region, account, name = params["ResourceArn"].split(":", 5)
    if region or account:
        raise NotModelled(f"s3control tags of {params['ResourceArn']}")
    if params["AccountId"] != where.account:
        raise Refusal("AccessDenied", "Access Denied", 403)
    bucket = buckets.owned(name, where)
    tagger = s3_backends[bucket.account_id][bucket.partition].tagger
    kept: dict[str, Any] = tagger.tags.setdefault(bucket.arn, {})
    return kept


def _not_reserved(keys: list[str]) -> None:
    if any(key.lower().startswith("aws:") for key in keys):
        raise Refusal("InvalidTag", "System tags cannot be added or removed by requester")
