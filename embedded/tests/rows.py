"""A stack with a table whose stream a function reads, and what tests write into the table."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from embedded.account import EmbeddedAccount
from embedded.journal import Invoked

START = datetime(2026, 11, 24, 6, tzinfo=UTC)
STACK = Path(__file__).parent / "stack" / "streams"
Account = Callable[..., EmbeddedAccount]


def reading(folder: Path) -> Account:
    """Makes accounts whose mapping has more properties, one a line; with parameters."""
    (folder / "reader").symlink_to(STACK / "reader")

    def made(*more: str, without: str = "", **parameters: str) -> EmbeddedAccount:
        text = (STACK / "template.yaml").read_text().replace("#more", "\n            ".join(more))
        assert without in text
        path = folder / "template.yaml"
        path.write_text(text.replace(without, "") if without else text)
        return EmbeddedAccount(path, region="eu-central-1", start=START, parameters=parameters)

    return made


def put(entered: EmbeddedAccount, *keys: str, **attributes: str) -> None:
    """Write rows. One whose key ends in ``!`` is bad."""
    more = {name: {"S": value} for name, value in attributes.items()}
    for key in keys:
        bad = {"bad": {"BOOL": True}} if key.endswith("!") else {}
        name = entered.stack.resources["Rows"].physical
        item = {"id": {"S": key}, **more, **bad}
        entered.client("dynamodb").put_item(TableName=name, Item=item)


def update(entered: EmbeddedAccount, key: str, expression: str, **values: Any) -> None:
    entered.client("dynamodb").update_item(
        TableName=entered.stack.resources["Rows"].physical,
        Key={"id": {"S": key}},
        UpdateExpression=expression,
        **({"ExpressionAttributeValues": values["values"]} if values else {}),
    )


def delete(entered: EmbeddedAccount, key: str) -> None:
    table = entered.stack.resources["Rows"].physical
    entered.client("dynamodb").delete_item(TableName=table, Key={"id": {"S": key}})


def batches(entered: EmbeddedAccount) -> list[list[str]]:
    """The keys in each batch that the function got."""
    return [
        [one["dynamodb"]["Keys"]["id"]["S"] for one in invoked.event["Records"]]
        for invoked in entered.journal.of(Invoked)
    ]


def records(entered: EmbeddedAccount) -> list[dict[str, Any]]:
    """All records that the function got."""
    return [one for invoked in entered.journal.of(Invoked) for one in invoked.event["Records"]]
