"""Calls that read: pages until the time is over, and refusals as what could not be read."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError

from cordon.clients import error_code
from cordon.lineage.walk import TIME, Unread

NOT_FOUND = frozenset({"ResourceNotFound", "ResourceNotFoundException"})
UNREADABLE = {
    "AccessDeniedException": "access is denied",
    "AccessDenied": "access is denied",
    "ThrottlingException": "the service throttles, also after retries",
}
NOT_THERE = "the service is not there, or cannot be reached"
MOST_PAGES = 200
Expired = Callable[[], bool]


def within(seconds: float) -> Expired:
    """Is the time over that begins now?"""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def once(call: Callable[..., Mapping[str, Any]], **named: Any) -> Mapping[str, Any] | Unread | None:
    """What the call says; None where the resource is deleted; Unread where it may not be read.

    Raises every other error: what is not expected is no statement about lineage.
    """
    try:
        return call(**named)
    except ClientError as error:
        if error_code(error) in NOT_FOUND:
            return None
        if (why := UNREADABLE.get(error_code(error))) is None:
            raise
        what = " ".join([error.operation_name, *map(str, named.values())][:2])
        return Unread(what, why)
    except EndpointConnectionError as error:  # a part of Bedrock that the Region may not have
        return Unread(str(error), NOT_THERE)


def pages(
    call: Callable[..., Mapping[str, Any]], items: str, token: str, expired: Expired, **named: Any
) -> tuple[list[Any], list[Unread]]:
    """The items of all pages, and what was left out. ``token`` is how the call names a page."""
    listed: list[Any] = []
    more: dict[str, Any] = {}
    for _ in range(MOST_PAGES):
        said = once(call, **named, **more)
        if said is None:
            return listed, []
        if isinstance(said, Unread):
            return listed, [Unread(said.what, said.why)]
        listed += said.get(items, [])
        if not said.get(token):
            return listed, []
        more = {token: said[token]}
        if expired():
            return listed, [Unread(f"the rest of {items}", TIME)]
    return listed, [Unread(f"the rest of {items}", f"there are more than {MOST_PAGES} pages")]


def below(uri: str, bucket: str) -> bool:
    """Is this URI one of the bucket, or of something in it?

    >>> below("s3://data/a", "data"), below("s3://data", "data"), below("s3://data-2/a", "data")
    (True, True, False)
    """
    return uri == f"s3://{bucket}" or uri.startswith(f"s3://{bucket}/")


def overlap(one: str, other: str) -> bool:
    """Is one of two S3 URIs the other, or a folder that the other is in?

    >>> overlap("s3://b/out/", "s3://b/out/model.tar.gz"), overlap("s3://b/out", "s3://b/outer")
    (True, False)
    """
    short, long = sorted((one.rstrip("/") + "/", other.rstrip("/") + "/"), key=len)
    return short.startswith("s3://") and long.startswith(short)
