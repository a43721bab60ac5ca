"""``dynamodb:LeadingKeys``: the partition-key values that a call names.

Amazon DynamoDB developer guide, "Using IAM policy conditions for fine-grained access control":
the key holds the values of the table's first key attribute, and of the *index's* where an index
is read; it is used with ForAllValues, also for a single item. Which operations have it: service
authorization reference, "Actions, resources, and condition keys for Amazon DynamoDB". Scan has
not. The reference lists it for PartiQL's actions too; we do not parse WHERE clauses, so here a
statement has none: ``"Null": {"dynamodb:LeadingKeys": "false"}`` refuses it, and ForAllValues
alone lets it through.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

Params = Mapping[str, Any]
Item = Mapping[str, Mapping[str, Any]]  # attribute name -> {"S": …}

_EQUALS = re.compile(r"([#\w.-]+)\s*=\s*(:\w+)")


def of_item(params: Params, attribute: str | None) -> dict[str, list[str]]:
    """Of a call, or an entry of a transaction, that names one item by ``Key`` or ``Item``."""
    return _context([params.get("Key") or params.get("Item") or {}], attribute)


def of_batch(requested: Any, attribute: str | None) -> dict[str, list[str]]:
    """Of all that BatchGetItem or BatchWriteItem wants of one table."""
    if isinstance(requested, Mapping):
        return _context(requested["Keys"], attribute)
    bodies = [body for request in requested for body in request.values()]
    return _context([body.get("Item") or body.get("Key") or {} for body in bodies], attribute)


def of_query(params: Params, attribute: str | None) -> dict[str, list[str]]:
    """Of a Query: the value that its key condition compares the partition key with."""
    if "KeyConditions" in params:  # the legacy form
        conditions = params["KeyConditions"].items()
        return _context([{k: c["AttributeValueList"][0]} for k, c in conditions], attribute)
    names = params.get("ExpressionAttributeNames", {})
    values = params.get("ExpressionAttributeValues", {})
    compared = _EQUALS.findall(params.get("KeyConditionExpression", ""))
    known = [(names.get(name, name), value) for name, value in compared if value in values]
    return _context([{name: values[value]} for name, value in known], attribute)


def _context(items: Iterable[Item], attribute: str | None) -> dict[str, list[str]]:
    """The condition key; it is absent where no partition key is named."""
    named = [item[attribute] for item in items if attribute is not None and attribute in item]
    texts = [str(value) for one in named for value in one.values()]
    return {"dynamodb:LeadingKeys": texts} if texts else {}
