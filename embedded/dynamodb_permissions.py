"""What calls of DynamoDB need: each with the partition keys that it names, where it names any.

Source: "Actions, resources, and condition keys for Amazon DynamoDB", and the pages named below.
"""

import re
from collections.abc import Callable
from typing import Any

from embedded import leading_keys
from embedded.place import Place
from embedded.required_permission import AccountFacts, Params, RequiredPermission, Rule, Unmapped

Keys = Callable[[Params, str | None], dict[str, Any]]  # dynamodb:LeadingKeys of a call


def _table(params: Params, place: Place) -> str:
    name = str(params["TableName"])
    arn = name if name.startswith("arn:") else place.arn("dynamodb", f"table/{name}")
    return f"{arn}/index/{params['IndexName']}" if "IndexName" in params else arn


def _on_table(action: str, keys: Keys) -> Rule:
    def rule(params: Params, place: Place, known: AccountFacts) -> list[RequiredPermission]:
        table = _table(params, place)
        context = keys(params, known.partition_key(table))
        return [RequiredPermission(f"dynamodb:{action}", table, context)]

    return rule


def _no_keys(_params: Params, _attribute: str | None) -> dict[str, Any]:
    return {}


_ENTRIES = {  # of a transaction: each is authorised as what it does ("Amazon DynamoDB
    "Put": "PutItem",  # Transactions: How it works", IAM): there is no action TransactWriteItems
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}


def _transact(params: Params, place: Place, known: AccountFacts) -> list[RequiredPermission]:
    return [
        need
        for entry in params["TransactItems"]
        for kind, body in entry.items()
        for need in _on_table(_ENTRIES[kind], leading_keys.of_item)(body, place, known)
    ]


def _batch(action: str) -> Rule:
    def rule(params: Params, place: Place, known: AccountFacts) -> list[RequiredPermission]:
        tables = {_table({"TableName": n}, place): r for n, r in params["RequestItems"].items()}
        return [
            RequiredPermission(
                f"dynamodb:{action}",
                table,
                leading_keys.of_batch(requested, known.partition_key(table)),
            )
            for table, requested in tables.items()
        ]

    return rule


_STATEMENT = re.compile(
    r"""\s*(?:EXISTS\s*\(\s*)?(?P<verb>SELECT|INSERT|UPDATE|DELETE)\b
        (?:.*?\b(?:FROM|INTO)\b)?\s*
        "?(?P<table>[\w.:/-]+?)"?(?:\."(?P<index>[\w.-]+)")?(?=\s|$|\))""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)


def _statement(params: Params, place: Place) -> RequiredPermission:
    """dynamodb:PartiQLSelect and its kin ("IAM security policies with PartiQL for DynamoDB")."""
    found = _STATEMENT.match(params["Statement"])
    if found is None:
        raise Unmapped(f"which table does this statement name? {params['Statement']}")
    index = {"IndexName": found["index"]} if found["index"] else {}
    resource = _table({"TableName": found["table"], **index}, place)
    return RequiredPermission(f"dynamodb:PartiQL{found['verb'].capitalize()}", resource)


def _statements(member: str) -> Rule:
    return lambda p, at, _: [_statement(one, at) for one in (p[member] if member else [p])]


_ON_ITEM = "DeleteItem GetItem PutItem UpdateItem"


RULES: dict[tuple[str, str], Rule] = {
    **{("dynamodb", name): _on_table(name, leading_keys.of_item) for name in _ON_ITEM.split()},
    ("dynamodb", "Query"): _on_table("Query", leading_keys.of_query),
    ("dynamodb", "Scan"): _on_table("Scan", _no_keys),
    ("dynamodb", "DescribeTable"): _on_table("DescribeTable", _no_keys),
    ("dynamodb", "UpdateTable"): _on_table("UpdateTable", _no_keys),
    ("dynamodb", "ExecuteStatement"): _statements(""),
    ("dynamodb", "BatchExecuteStatement"): _statements("Statements"),
    ("dynamodb", "ExecuteTransaction"): _statements("TransactStatements"),
    ("dynamodb", "TransactWriteItems"): _transact,
    ("dynamodb", "TransactGetItems"): _transact,
    ("dynamodb", "BatchGetItem"): _batch("BatchGetItem"),
    ("dynamodb", "BatchWriteItem"): _batch("BatchWriteItem"),
}
