"""moto responds as it would without our shorter ways."""

from contextlib import suppress
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.core.utils import get_service_model
from moto.moto_api._internal import mock_random

from embedded import speedups

serialize = import_module("moto.core.serialize")
TEXT = st.text(max_size=3)
NUMBER = st.integers(-9, 9).map(str)
VALUES = st.recursive(
    st.one_of(
        TEXT.map(lambda text: {"S": text}),
        NUMBER.map(lambda number: {"N": number}),
        st.booleans().map(lambda truth: {"BOOL": truth}),
        st.just({"NULL": True}),
        st.binary(max_size=3).map(lambda data: {"B": data}),
        st.lists(TEXT, max_size=2).map(lambda texts: {"SS": texts}),
        st.just({}),
        st.just({"s": "under another name"}),
        st.just({"S": None}),
        st.just({"N": 1}),
        st.just({"S": "two", "N": "2"}),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda values: {"L": values}),
        st.dictionaries(TEXT, inner, max_size=3).map(lambda values: {"M": values}),
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    speedups.install()


def response_of(service: str, operation: str, result: Any, **transformers: Any) -> Any:
    """The response as moto serializes it: status, headers, body."""
    model = get_service_model(service)
    kind = serialize.get_serializer_class(service, str(model.protocol))
    picker = serialize.XFormedAttributePicker(response_transformers=transformers)
    one = kind(operation_model=model.operation_model(operation), value_picker=picker)
    with suppress(AttributeError, TypeError, ValueError):
        return one.serialize(result)
    return "it raises"


def motos_own(*args: Any, **transformers: Any) -> Any:
    """The same without what we changed."""
    base, json = serialize.ResponseSerializer, serialize.BaseJSONSerializer
    with pytest.MonkeyPatch.context() as patch:
        for kind, name in (
            (base, "_serialize_structure_member"),
            (json, "_serialize_type_structure"),
        ):
            patch.setattr(kind, name, getattr(kind, name).__wrapped__)
        return response_of(*args, **transformers)


@given(st.dictionaries(TEXT, VALUES, max_size=3))
def test_an_item_of_any_values(item: dict[str, Any]) -> None:
    read = {"Item": item}
    assert response_of("dynamodb", "GetItem", read) == motos_own("dynamodb", "GetItem", read)


MEMBERS = st.sampled_from(["Role", "RoleName", "role_name", "Name", "name", "Arn", "Path", "Tags"])
RESULTS = st.recursive(
    st.one_of(TEXT, st.none()),
    lambda inner: st.one_of(
        st.dictionaries(MEMBERS, inner, max_size=4), st.lists(inner, max_size=2)
    ),
    max_leaves=8,
)


@given(st.dictionaries(MEMBERS, RESULTS, max_size=3))
def test_a_result_whose_members_have_other_names(result: dict[str, Any]) -> None:
    assert response_of("iam", "GetRole", result) == motos_own("iam", "GetRole", result)


def test_what_moto_puts_in_place_of_an_absent_member() -> None:
    """Such a member is not left out."""
    there: dict[str, Any] = {
        "Attributes": lambda value: {"Owner": "nobody"} if value is None else value
    }
    assert "nobody" in response_of("sns", "GetTopicAttributes", {}, **there)["body"]
    assert response_of("sns", "GetTopicAttributes", {}, **there) == motos_own(
        "sns", "GetTopicAttributes", {}, **there
    )


def test_an_id_is_of_letters_and_digits() -> None:
    made = {mock_random.get_random_string(52) for _ in range(50)}
    assert len(made) == 50
    assert all(len(one) == 52 and one.isalnum() and one.isascii() for one in made)
    assert mock_random.get_random_string(30, include_digits=False, lower_case=True).islower()
