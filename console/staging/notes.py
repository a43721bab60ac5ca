"""Shared by the modules of staging: notes and existence checks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

Client = Callable[[str, str, str], Any]  # (service, region, account) -> boto3 client

OWN_TAGS = {"owner": "data-team", "environment": "production"}


@dataclass(frozen=True)
class Note:
    """One sentence about what was created, or what was skipped and why."""

    made: bool
    text: str


def exists(read: Callable[..., Any], not_found: str, **params: Any) -> bool:
    """Does ``read`` find its resource? ``not_found`` is the error code if it does not."""
    try:
        read(**params)
    except ClientError as error:
        if error.response["Error"]["Code"] != not_found:
            raise
        return False
    return True
