"""The table as the template makes it, on moto."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from moto import mock_aws

from cordon.memory.table import Table

NAME = "cordon"


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
    with mock_aws():
        client = boto3.client("dynamodb", region_name="eu-central-1")
        create(client)
        yield Table(client, NAME), client
