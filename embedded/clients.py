"""Clients of the account that IAM does not check: to build, stage and assert."""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from embedded import patches
from embedded.iam_guard import UNGUARDED

Clients = Callable[[str], Any]  # service name → client in the stack's account and Region


@lru_cache(maxsize=256)
def unguarded(service: str, region: str, account: str) -> Any:
    """A client of one account in one Region."""
    client = _session().client(
        service,
        region_name=region,
        aws_access_key_id=f"{patches.STAGING}{account}",
        aws_secret_access_key="embedded",
    )
    setattr(client, UNGUARDED, True)
    return client


@cache
def _session() -> Any:
    import boto3

    return boto3.session.Session()
