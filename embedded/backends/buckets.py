"""moto's buckets, and who owns them."""

from typing import Any

from moto.s3.models import s3_backends

from embedded.backends.registry import Refusal, Where, here

# A bucket in any partition and account has one name.
Bucket = Any  # moto.s3.models.FakeBucket


def find(name: str) -> Bucket | None:
    """The bucket of this name, whoever owns it."""
    if name not in s3_backends.bucket_accounts:
        return None
    partition, account = s3_backends.bucket_accounts[name]
    return s3_backends[account][partition].buckets.get(name)


def required(name: str) -> Bucket:
    """The bucket, or NoSuchBucket."""
    bucket = find(name)
    if bucket is None:
        raise Refusal("NoSuchBucket", "The specified bucket does not exist", 404)
    return bucket


def owned(name: str, where: Where) -> Bucket:
    """The caller's own bucket, or the refusal for another's."""
    bucket = required(name)
    if bucket.account_id != where.account:
        raise Refusal("AccessDenied", "Access Denied", 403)
    return bucket


def configure(bucket: Bucket, name: str, configuration: Any) -> None:
    """Keep a configuration with the bucket. None removes it."""
    kept = _configurations(bucket, name)
    kept.pop(bucket.name, None)
    if configuration is not None:
        kept[bucket.name] = (bucket, configuration)


def configuration(bucket: Bucket, name: str) -> Any:
    """What ``configure`` kept; None where there is none.

    A bucket deleted and made again is another object of moto's, and has none.
    """
    owner, kept = _configurations(bucket, name).get(bucket.name, (None, None))
    return kept if owner is bucket else None


def _configurations(bucket: Bucket, name: str) -> dict[str, tuple[Bucket, Any]]:
    return here(bucket.account_id, bucket.region_name).table(f"s3 {name}")
