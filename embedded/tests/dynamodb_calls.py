"""Calls of every kind that name an item by its key, and calls that name none.

Each is ``call(client, table, key)``: beside that key it names only ``hold#1`` keys. The table
has the partition key ``id`` and an index ``open`` on ``open`` and ``changed``. The embedded
account and the end-to-end emulator are tried with the same calls.
"""

from collections.abc import Callable
from typing import Any

Call = Callable[..., Any]


def get(db: Any, table: str, key: str) -> None:
    db.get_item(TableName=table, Key={"id": {"S": key}})


def put(db: Any, table: str, key: str) -> None:
    db.put_item(TableName=table, Item={"id": {"S": key}, "other": {"S": "case#a#1"}})


def update(db: Any, table: str, key: str) -> None:
    db.update_item(
        TableName=table,
        Key={"id": {"S": key}},
        UpdateExpression="SET x = :x",
        ExpressionAttributeValues={":x": {"S": "1"}},
    )


def delete(db: Any, table: str, key: str) -> None:
    db.delete_item(TableName=table, Key={"id": {"S": key}})


def query(db: Any, table: str, key: str) -> None:
    db.query(
        TableName=table,
        KeyConditionExpression="#k = :k",
        ExpressionAttributeNames={"#k": "id"},
        ExpressionAttributeValues={":k": {"S": key}},
    )


def legacy_query(db: Any, table: str, key: str) -> None:
    condition = {"AttributeValueList": [{"S": key}], "ComparisonOperator": "EQ"}
    db.query(TableName=table, KeyConditions={"id": condition})


def query_index(db: Any, table: str, key: str) -> None:
    db.query(
        TableName=table,
        IndexName="open",
        KeyConditionExpression="changed > :since AND open=:k",
        ExpressionAttributeValues={":k": {"S": key}, ":since": {"S": "2026"}},
    )


def batch_get(db: Any, table: str, key: str) -> None:
    keys = [{"id": {"S": "hold#1"}}, {"id": {"S": key}}]
    db.batch_get_item(RequestItems={table: {"Keys": keys}})


def batch_write(db: Any, table: str, key: str) -> None:
    item = {"PutRequest": {"Item": {"id": {"S": "hold#1"}}}}
    db.batch_write_item(
        RequestItems={table: [item, {"DeleteRequest": {"Key": {"id": {"S": key}}}}]}
    )


def transact_get(db: Any, table: str, key: str) -> None:
    named = [{"Get": {"TableName": table, "Key": {"id": {"S": k}}}} for k in ("hold#1", key)]
    db.transact_get_items(TransactItems=named)


def entry(kind: str, table: str, key: str) -> dict[str, Any]:
    named: dict[str, Any] = {"TableName": table, "Key": {"id": {"S": key}}}
    if kind == "Put":
        named = {"TableName": table, "Item": {"id": {"S": key}}}
    if kind == "Update":
        named |= {"UpdateExpression": "REMOVE x"}
    if kind == "ConditionCheck":
        named |= {"ConditionExpression": "attribute_not_exists(x)"}
    return {kind: named}


def transact(kind: str) -> Call:
    def call(db: Any, table: str, key: str) -> None:
        mine = entry("Put", table, "hold#1")
        db.transact_write_items(TransactItems=[mine, entry(kind, table, key)])

    return call


CALLS: dict[str, tuple[Call, str]] = {
    "get": (get, "GetItem"),
    "put": (put, "PutItem"),
    "update": (update, "UpdateItem"),
    "delete": (delete, "DeleteItem"),
    "query": (query, "Query"),
    "legacy-query": (legacy_query, "Query"),
    "query-index": (query_index, "Query"),
    "batch-get": (batch_get, "BatchGetItem"),
    "batch-write": (batch_write, "BatchWriteItem"),
    "transact-get": (transact_get, "GetItem"),
    "transact-put": (transact("Put"), "PutItem"),
    "transact-update": (transact("Update"), "UpdateItem"),
    "transact-delete": (transact("Delete"), "DeleteItem"),
    "transact-check": (transact("ConditionCheck"), "ConditionCheckItem"),
}


def scan(db: Any, table: str) -> None:
    db.scan(TableName=table)


def select(db: Any, table: str) -> None:
    db.execute_statement(Statement=f"SELECT * FROM \"{table}\" WHERE id = 'case#b#1'")


def select_many(db: Any, table: str) -> None:
    statement = f"SELECT * FROM \"{table}\" WHERE id = 'case#b#1'"
    db.batch_execute_statement(Statements=[{"Statement": statement}])


def insert(db: Any, table: str) -> None:
    db.execute_statement(Statement=f"INSERT INTO \"{table}\" VALUE {{'id': 'case#b#1'}}")


def change(db: Any, table: str) -> None:
    statement = f"UPDATE \"{table}\" SET x='1' WHERE id='case#b#1'"
    db.execute_transaction(TransactStatements=[{"Statement": statement}])


WITHOUT_KEYS: dict[str, tuple[Call, str]] = {
    "scan": (scan, "Scan"),
    "select": (select, "PartiQLSelect"),
    "select-many": (select_many, "PartiQLSelect"),
    "insert": (insert, "PartiQLInsert"),
    "update": (change, "PartiQLUpdate"),
}
