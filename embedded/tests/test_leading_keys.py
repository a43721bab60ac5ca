"""``dynamodb:LeadingKeys`` in calls of every kind, judged as IAM judges them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from embedded.account import EmbeddedAccount
from embedded.journal import Called
from embedded.tests.dynamodb_calls import CALLS, WITHOUT_KEYS, Call, put, query_index

TEMPLATE = Path(__file__).parent / "stack" / "template.yaml"
START = datetime(2026, 11, 24, 6, tzinfo=UTC)
KEYS = {"dynamodb:LeadingKeys": ["case#a#*", "hold#*"]}
PREFIXES = {"ForAllValues:StringLike": KEYS}
PRESENT = {"Null": {"dynamodb:LeadingKeys": "false"}}


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
            return str(error).split("perform: ")[1].split(" on")[0]
    return ""


@pytest.mark.parametrize("name", CALLS)
def test_a_role_reaches_only_its_own_keys(account: EmbeddedAccount, name: str) -> None:
    call, action = CALLS[name]
    bind(account, PREFIXES | PRESENT)
    assert refused(account, call, key="case#a#1") == ""
    assert refused(account, call, key="case#b#1") == f"dynamodb:{action}"
    called = account.journal.of(Called)[-1]
    assert (called.actions[-1][0], called.allowed) == (f"dynamodb:{action}", False)


def test_a_transaction_entry_needs_its_action(account: EmbeddedAccount) -> None:
    bind(account, PREFIXES | PRESENT, actions="dynamodb:TransactWriteItems")
    call, _ = CALLS["transact-delete"]
    assert refused(account, call, key="case#a#1") == "dynamodb:PutItem"


def test_an_index_is_a_resource_of_its_own(account: EmbeddedAccount) -> None:
    bind(account, PREFIXES | PRESENT)
    assert refused(account, query_index, key="case#a#1") == ""
    assert account.journal.of(Called)[-1].actions[0][1].endswith("/index/open")


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
        iam = boto3.client("iam")
        with pytest.raises(ClientError, match="not authorized"):
            getattr(iam, f"{operation}_{kind}_policy")(**named, PolicyArn=READ_ONLY)
        with pytest.raises(ClientError, match="NoSuchEntity"):
            getattr(iam, f"{operation}_{kind}_policy")(**named, PolicyArn=DENY_ALL)
