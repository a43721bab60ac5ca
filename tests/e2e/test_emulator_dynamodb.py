"""What the emulator is mended to know of items: their keys, tokens, conditions, attached policies.

An account without the stack: only the emulator is tried, with the calls that the embedded account
is tried with (embedded/tests/dynamodb_calls.py).
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded.tests.dynamodb_calls import CALLS, WITHOUT_KEYS, Call, entry, put
from tests.e2e.account import ACCOUNT, PYTHON, REGION, Account, emulator

TABLE = "cases"
ARN = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{TABLE}"
PREFIXES = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["case#a#*", "hold#*"]}}
PRESENT = {"Null": {"dynamodb:LeadingKeys": "false"}}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}],
}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account without a stack, with a table and a role."""
    assert PYTHON.exists(), f"{PYTHON} is missing: use `make e2e`"
    with emulator(tmp_path_factory.mktemp("emulator") / "log") as account:
        account.client("iam").create_role(
            RoleName="bound", AssumeRolePolicyDocument=json.dumps(TRUST)
        )
        keys = {"open": "HASH", "changed": "RANGE"}
        index = {
            "IndexName": "open",
            "KeySchema": [{"AttributeName": n, "KeyType": kind} for n, kind in keys.items()],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
        account.client("dynamodb").create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("id", *keys)
            ],
            GlobalSecondaryIndexes=[index],
        )
        yield account


def bind(account: Account, *statements: dict[str, Any]) -> Any:
    """A client of the role, which may do this and nothing else."""
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    account.client("iam").put_role_policy(
        RoleName="bound", PolicyName="only", PolicyDocument=document
    )
    return account.as_role(f"arn:aws:iam::{ACCOUNT}:role/bound", "dynamodb")


def on_table(condition: dict[str, Any], action: str = "dynamodb:*") -> dict[str, Any]:
    resources = [ARN, f"{ARN}/index/open"]
    return {"Effect": "Allow", "Action": action, "Resource": resources, "Condition": condition}


def refused(client: Any, call: Call, **key: str) -> bool:
    try:
        call(client, TABLE, **key)
    except ClientError as error:
        if "AccessDenied" not in str(error):
            raise
        return True
    return False


# ---- the keys of items ----


@pytest.mark.parametrize("name", CALLS)
def test_a_role_reaches_only_its_own_keys(empty: Account, name: str) -> None:
    client, (call, _) = bind(empty, on_table(PREFIXES | PRESENT)), CALLS[name]
    assert not refused(client, call, key="case#a#1")
    assert refused(client, call, key="case#b#1")


@pytest.mark.parametrize("name", WITHOUT_KEYS)
def test_calls_without_keys_need_the_null_test(empty: Account, name: str) -> None:
    call, _ = WITHOUT_KEYS[name]
    assert refused(bind(empty, on_table(PREFIXES | PRESENT)), call)


def test_without_the_null_test_a_scan_goes_through(empty: Account) -> None:
    call, _ = WITHOUT_KEYS["scan"]
    assert not refused(bind(empty, on_table(PREFIXES)), call)


def test_each_entry_is_judged_by_its_own_key(empty: Account) -> None:
    """A role that may write holds and check cases may not write cases."""
    holds = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["hold#*"]}, **PRESENT}
    cases = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["case#*"]}, **PRESENT}
    client = bind(
        empty,
        on_table(holds, "dynamodb:PutItem"),
        on_table(cases, "dynamodb:ConditionCheckItem"),
    )
    writes, checks = CALLS["transact-put"][0], CALLS["transact-check"][0]
    put(empty.client("dynamodb"), TABLE, "case#c#1")
    assert not refused(client, checks, key="case#c#1")
    assert refused(client, writes, key="case#c#1")


# ---- transactions ----


def add(key: str, **more: Any) -> dict[str, Any]:
    """An entry of a transaction: ``n`` grows by one."""
    values = {":one": {"N": "1"}}
    change = {"UpdateExpression": "ADD n :one", "ExpressionAttributeValues": values}
    return {"Update": {"TableName": TABLE, "Key": {"id": {"S": key}}, **change, **more}}


def test_the_same_request_has_one_effect(empty: Account) -> None:
    dynamodb = empty.client("dynamodb")
    for _ in range(2):
        dynamodb.transact_write_items(TransactItems=[add("once")], ClientRequestToken="token")
    found = dynamodb.get_item(TableName=TABLE, Key={"id": {"S": "once"}})["Item"]
    assert found["n"] == {"N": "1"}
    with pytest.raises(ClientError, match="IdempotentParameterMismatchException"):
        dynamodb.transact_write_items(TransactItems=[add("other")], ClientRequestToken="token")


def test_reasons_are_in_order_with_items(empty: Account) -> None:
    dynamodb = empty.client("dynamodb")
    put(dynamodb, TABLE, "held")
    unless_there: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(id)"}
    shown = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    with pytest.raises(ClientError) as cancelled:
        dynamodb.transact_write_items(
            TransactItems=[
                add("free"),
                add("held", **unless_there, **shown),
                add("absent", ConditionExpression="attribute_exists(id)"),
            ]
        )
    reasons = cancelled.value.response["CancellationReasons"]
    assert [one["Code"] for one in reasons] == ["None", *["ConditionalCheckFailed"] * 2]
    assert [one.get("Item", {}).get("id") for one in reasons] == [None, {"S": "held"}, None]
    assert "Item" not in dynamodb.get_item(TableName=TABLE, Key={"id": {"S": "free"}})


@pytest.mark.parametrize("keys", [["a", "a"], [str(number) for number in range(101)]], ids=len)
def test_a_malformed_transaction_is_refused(empty: Account, keys: list[str]) -> None:
    """One item twice; more than a hundred entries."""
    with pytest.raises(ClientError, match="ValidationException"):
        empty.client("dynamodb").transact_write_items(
            TransactItems=[entry("Put", TABLE, key) for key in keys]
        )


# ---- iam:PolicyARN ----


@pytest.mark.parametrize("kind", ["Role", "User", "Group"])
def test_the_attached_policy_is_a_condition_key(empty: Account, kind: str) -> None:
    allowed, other = (f"arn:aws:iam::aws:policy/{n}" for n in ("AWSDenyAll", "ReadOnlyAccess"))
    iam, named = empty.client("iam"), {f"{kind}Name": f"some-{kind.lower()}"}
    trust = {"AssumeRolePolicyDocument": json.dumps(TRUST)} if kind == "Role" else {}
    getattr(iam, f"create_{kind.lower()}")(**named, **trust)
    actions = [f"iam:{verb}{kind}Policy" for verb in ("Attach", "Detach")]
    condition = {"ArnEquals": {"iam:PolicyARN": allowed}}
    bind(empty, {"Effect": "Allow", "Action": actions, "Resource": "*", "Condition": condition})
    acting = empty.as_role(f"arn:aws:iam::{ACCOUNT}:role/bound", "iam")
    for verb in ("attach", "detach"):
        change = getattr(acting, f"{verb}_{kind.lower()}_policy")
        with pytest.raises(ClientError, match="AccessDenied"):
            change(**named, PolicyArn=other)
        change(**named, PolicyArn=allowed)
