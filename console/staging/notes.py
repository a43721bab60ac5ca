"""What every part of a scene says and asks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

Client = Callable[[str, str, str], Any]  # (service, region, account) -> boto3 client

OWN_TAGS = {"owner": "data-team", "environment": "production"}


@dataclass(frozen=True)
class Note:
    """One sentence of what was made, or of what was left and why."""

    made: bool
    text: str


def there(read: Callable[..., Any], absent: str, **params: Any) -> bool:
    """Whether ``read`` finds its resource; ``absent`` is the error code that says it does not."""
    try:
        read(**params)
    except ClientError as error:
        if error.response["Error"]["Code"] != absent:
            raise
        return False
    return True
