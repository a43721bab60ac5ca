"""moto's DynamoDB stores, counts and refuses as it would without our shorter ways."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from embedded import speedups
from embedded.clients import unguarded
from embedded.emulation import bare_moto

TEXT = st.text(max_size=3)
VALUES = st.recursive(
    st.one_of(
        TEXT.map(lambda text: {"S": text}),
        st.integers(-999, 9).map(lambda number: {"N": str(number)}),
        st.booleans().map(lambda truth: {"BOOL": truth}),
        st.just({"NULL": True}),
        st.binary(max_size=3).map(lambda data: {"B": data}),
        st.lists(TEXT, max_size=2).map(lambda texts: {"SS": texts}),
        st.just({"NS": ["1", "22"]}),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda values: {"L": values}),
        st.dictionaries(TEXT, inner, max_size=3).map(lambda values: {"M": values}),
    ),
    max_leaves=8,
)
MOST = 405000  # moto's limit of an item


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    speedups.install()


def values_module() -> Any:
    return import_module("moto.dynamodb.models.dynamo_type")


@contextmanager
def motos_own() -> Iterator[None]:
    """Without what we changed."""
    values = values_module()
    parser = import_module("moto.dynamodb.comparisons").ConditionExpressionParser
    traverser = import_module("moto.dynamodb.parsing.ast_nodes").DepthFirstTraverser
    with pytest.MonkeyPatch.context() as patch:
        for kind, name in (
            (values.DynamoType, "size"),
            (values.Item, "__init__"),
            (parser, "_lex_condition_expression"),
            (traverser, "traverse_node_recursively"),
        ):
            patch.setattr(kind, name, getattr(kind, name).__wrapped__)
        patch.setattr("moto.dynamodb.parsing.validators.deepcopy", import_module("copy").deepcopy)
        yield


def made(attributes: dict[str, Any]) -> Any:
    """What moto stores of an item: its attributes and its size, or that it is too large."""
    values = values_module()
    key = values.DynamoType({"S": "key"})
    try:
        item = values.Item(key, None, attributes)
    except import_module("moto.dynamodb.exceptions").ItemSizeTooLarge:
        return "too large"
    return item.to_json(), item.size(), type(item.attrs), item.hash_key is key


@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_an_item_of_any_values(attributes: dict[str, Any]) -> None:
    quick = made(attributes)
    with motos_own():
        assert quick == made(attributes)


@pytest.mark.parametrize("spare", [-1, 0, 1])
@pytest.mark.parametrize("inside", [False, True])
def test_an_item_is_too_large_from_the_same_byte_on(spare: int, inside: bool) -> None:
    """Its names count too: of the last attribute two bytes, and one of what is inside."""
    text = {"S": "é" + "x" * (MOST - 13 + spare - inside)}
    attributes = {
        "one": {"N": "12345"},
        "ü": {"M": {"m": text}} if inside else text,
        "b": {"S": ""},
    }
    quick = made(attributes)
    assert (quick == "too large") is (spare > 0)
    with motos_own():
        assert quick == made(attributes)


EXPRESSIONS = (
    "SET #n = :a, kept = :b REMOVE third",
    "SET counted = if_not_exists(counted, :one) + :one",
    "SET listed = list_append(listed, :l)",
    "SET inner.#n = :a REMOVE listed[0]",
    "ADD counted :one DELETE marks :s",
    "SET inner.none.none = :a",
    "SET id = :a",
    "SET x = :a, x = :b",
    "SET listed = :a + :one",
)
CONDITIONS = (
    "attribute_exists(id)",
    "NOT counted < :one AND (begins_with(#n, :a) OR size(listed) >= :one)",
    "counted BETWEEN :one AND :one",
    "#n IN (:a, :b)",
    "((counted = :one))",
    "counted ! :one",
)
GIVEN = {
    ":a": {"S": "a"},
    ":b": {"M": {"x": {"L": [{"N": "1"}]}}},
    ":one": {"N": "1"},
    ":l": {"L": [{"S": "last"}]},
    ":s": {"SS": ["mark"]},
}


def updated(expression: str, condition: str) -> list[Any]:
    """What two updates make of the same row, one after the other."""
    seen: list[Any] = []
    with bare_moto():
        table = unguarded("dynamodb", "eu-west-3", "111122223333")
        table.create_table(
            TableName="rows",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        row = {"id": {"S": "one"}, "counted": {"N": "1"}, "inner": {"M": {}}, "named": {"S": "ab"}}
        row |= {"listed": {"L": [{"S": "first"}]}, "marks": {"SS": ["mark", "other"]}}
        table.put_item(TableName="rows", Item=row)
        text = f"{expression} {condition}"
        for _ in range(2):
            try:
                table.update_item(
                    TableName="rows",
                    Key={"id": {"S": "one"}},
                    UpdateExpression=expression,
                    ConditionExpression=condition,
                    ExpressionAttributeValues={k: v for k, v in GIVEN.items() if k in text},
                    **({"ExpressionAttributeNames": {"#n": "named"}} if "#n" in text else {}),
                )
            except (ClientError, ValueError) as error:  # moto has no words for some
                seen.append(str(error))
            seen.append(table.get_item(TableName="rows", Key={"id": {"S": "one"}})["Item"])
    return seen


PAIRS = [(one, CONDITIONS[0]) for one in EXPRESSIONS]
PAIRS += [(EXPRESSIONS[0], one) for one in CONDITIONS[1:]]


@pytest.mark.parametrize(("expression", "condition"), PAIRS)
def test_an_update_does_the_same(expression: str, condition: str) -> None:
    quick = updated(expression, condition)
    with motos_own():
        assert quick == updated(expression, condition)
