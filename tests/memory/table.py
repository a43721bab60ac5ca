"""The table as the template makes it, on moto."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3

from cordon.memory.table import Table
from embedded.emulation import bare_moto

NAME = "cordon"


@cache
def dynamodb() -> Any:
    """One client for all tests: to make one takes longer than most of them."""
    return boto3.client("dynamodb", region_name="eu-central-1")


def create(client: Any) -> None:
    """Key ``id``, and the index of open cases."""
    client.create_table(
        TableName=NAME,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("id", "open", "opened_at")
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "open",
                "KeySchema": [
                    {"AttributeName": "open", "KeyType": "HASH"},
                    {"AttributeName": "opened_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )


@contextmanager
def dynamodb_table() -> Iterator[tuple[Table, Any]]:
    """The table, and the client behind it."""
    with bare_moto():
        create(dynamodb())
        yield Table(dynamodb(), NAME), dynamodb()
