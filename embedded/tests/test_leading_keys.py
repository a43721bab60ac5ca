"""``dynamodb:LeadingKeys`` in calls of every kind, judged as IAM judges them."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from embedded.account import EmbeddedAccount
from embedded.journal import Called

TEMPLATE = Path(__file__).parent / "stack" / "template.yaml"
START = datetime(2026, 11, 24, 6, tzinfo=UTC)
KEYS = {"dynamodb:LeadingKeys": ["case#a#*", "hold#*"]}
PREFIXES = {"ForAllValues:StringLike": KEYS}
PRESENT = {"Null": {"dynamodb:LeadingKeys": "false"}}
Call = Callable[..., Any]


@pytest.fixture
def account() -> Iterator[EmbeddedAccount]:
    with EmbeddedAccount(TEMPLATE, region="eu-central-1", start=START) as entered:
        yield entered


def bind(account: EmbeddedAccount, condition: dict[str, Any], actions: str = "dynamodb:*") -> None:
    """A function's role may do this on the table of cases and its index, and nothing else."""
    role = account.stack.resources["BlockRole"].physical
    table = account.stack.resources["Cases"].arn
    statement = {
        "Effect": "Allow",
        "Action": actions,
        "Resource": [table, f"{table}/index/open"],
        "Condition": condition,
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    account.client("iam").put_role_policy(
        RoleName=role, PolicyName="cases", PolicyDocument=document
    )


def refused(account: EmbeddedAccount, call: Call, **keys: str) -> str:
    """What the role was refused, "" where the call went through."""
    name = account.stack.resources["Cases"].physical
    with account.acting(account.functions["Block"].role):
        dynamodb = boto3.client("dynamodb", region_name="eu-central-1")
        try:
            call(dynamodb, name, **keys)
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDeniedException":
                raise
            return error.response["Error"]["Message"].split("perform: ")[1].split(" on")[0]
    return ""


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


@pytest.mark.parametrize("name", CALLS)
def test_a_role_reaches_only_its_own_keys(account: EmbeddedAccount, name: str) -> None:
    call, action = CALLS[name]
    bind(account, PREFIXES | PRESENT)
    assert refused(account, call, key="case#a#1") == ""
    assert refused(account, call, key="case#b#1") == f"dynamodb:{action}"
    called = account.journal.of(Called)[-1]
    assert (called.actions[-1][0], called.allowed) == (f"dynamodb:{action}", False)


def test_an_entry_of_a_transaction_needs_its_own_action(account: EmbeddedAccount) -> None:
    bind(account, PREFIXES | PRESENT, actions="dynamodb:TransactWriteItems")
    call, _ = CALLS["transact-delete"]
    assert refused(account, call, key="case#a#1") == "dynamodb:PutItem"


def test_an_index_is_a_resource_of_its_own(account: EmbeddedAccount) -> None:
    bind(account, PREFIXES | PRESENT)
    assert refused(account, query_index, key="case#a#1") == ""
    assert account.journal.of(Called)[-1].actions[0][1].endswith("/index/open")


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


@pytest.mark.parametrize("name", WITHOUT_KEYS)
def test_calls_without_keys_need_the_null_test(account: EmbeddedAccount, name: str) -> None:
    """ForAllValues is true of a key that is absent: alone it would let them through."""
    call, action = WITHOUT_KEYS[name]
    account.client("dynamodb").put_item(
        TableName=account.stack.resources["Cases"].physical, Item={"id": {"S": "case#b#0"}}
    )
    bind(account, PREFIXES | PRESENT)
    assert refused(account, call) == f"dynamodb:{action}"
    bind(account, PREFIXES)
    name_of = account.stack.resources["Cases"].physical
    if name == "update":
        put(account.client("dynamodb"), name_of, "case#b#1")
    assert refused(account, call) == ""


def test_a_statement_on_an_index_needs_the_index(account: EmbeddedAccount) -> None:
    bind(account, {})

    def read(db: Any, table: str) -> None:
        db.execute_statement(Statement=f'SELECT * FROM "{table}"."closed"')

    assert refused(account, read) == "dynamodb:PartiQLSelect"
    assert account.journal.of(Called)[-1].actions[0][1].endswith("/index/closed")


# ---- iam:PolicyARN ----

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
DENY_ALL = "arn:aws:iam::aws:policy/AWSDenyAll"


@pytest.mark.parametrize("operation", ["attach", "detach"])
@pytest.mark.parametrize("kind", ["role", "user", "group"])
def test_the_attached_policy_is_a_condition_key(
    account: EmbeddedAccount, kind: str, operation: str
) -> None:
    iam = account.client("iam")
    named = {f"{kind.capitalize()}Name": "app"}
    trust = {"AssumeRolePolicyDocument": "{}"} if kind == "role" else {}
    getattr(iam, f"create_{kind}")(**named, **trust)
    statement = {
        "Effect": "Allow",
        "Action": f"iam:{operation.capitalize()}{kind.capitalize()}Policy",
        "Resource": f"arn:aws:iam::111122223333:{kind}/app",
        "Condition": {"ArnEquals": {"iam:PolicyARN": DENY_ALL}},
    }
    role = account.functions["Block"].role
    iam.put_role_policy(
        RoleName=role.rsplit("/", 1)[-1],
        PolicyName="attach",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    with account.acting(role):
        acting = boto3.client("iam")
        with pytest.raises(ClientError, match="not authorized"):
            getattr(acting, f"{operation}_{kind}_policy")(**named, PolicyArn=READ_ONLY)
        with pytest.raises(ClientError, match="NoSuchEntity"):
            getattr(acting, f"{operation}_{kind}_policy")(**named, PolicyArn=DENY_ALL)
