"""moto's responses, without looking for each member that a shape has and a value has not.

moto looks in every value for each member of its shape, under several names: in a value
of DynamoDB ten times, to find the one that is there. That took a quarter of a call.
"""

import string
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any

_TEXT = frozenset({"S", "N"})
_CHARACTERS = string.ascii_letters + string.digits
Serialize = Callable[[Any, Any, Any, Any, str], None]


def install() -> None:
    """Change moto, once per process. It responds the same."""
    module = import_module("moto.core.serialize")
    base, json = module.ResponseSerializer, module.BaseJSONSerializer
    base._serialize_structure_member = _of_what_is_there(base._serialize_structure_member, module)
    json._serialize_type_structure = _plain_as_it_is(json._serialize_type_structure)
    random = import_module("moto.moto_api._internal.moto_random").MotoRandom
    random.get_random_string = _at_once(random.get_random_string)


def _of_what_is_there(original: Serialize, module: Any) -> Serialize:
    """Of a dict that has none of a member's names nothing is serialized."""
    names: dict[tuple[Any, str], tuple[str, ...]] = {}

    @wraps(original)
    def serialize_member(
        serializer: Any, serialized: Any, value: Any, shape: Any, key: str
    ) -> None:
        picker = serializer._value_picker
        if (
            type(value) is dict
            and key not in value
            and type(picker) is module.XFormedAttributePicker
            and picker.alias_providers is module.DEFAULT_ALIAS_PROVIDERS
            and not picker.response_transformers
        ):
            known = names.get((shape, key))
            if known is None:
                context = module.AttributePickerContext(
                    value, key, shape, serializer.operation_model, serializer.service_model
                )
                known = names[shape, key] = tuple(picker.get_possible_keys(context))
            if not any(name in value or "." in name for name in known):
                return
        original(serializer, serialized, value, shape, key)

    return serialize_member


def _plain_as_it_is(original: Serialize) -> Serialize:
    """A value of DynamoDB that is made of text, truth, lists and maps is its own form in JSON."""

    @wraps(original)
    def serialize_structure(
        serializer: Any, serialized: Any, value: Any, shape: Any, key: str
    ) -> None:
        if shape.name == "AttributeValue" and key and _is_plain(value):
            serializer._default_serialize(serialized, value, shape, key)
        else:
            original(serializer, serialized, value, shape, key)

    return serialize_structure


def _is_plain(value: Any) -> bool:
    """Whether this has one member, of text, truth, a list or a map of such."""
    if type(value) is not dict or len(value) != 1:
        return False
    ((kind, inner),) = value.items()
    if kind in _TEXT:
        return type(inner) is str
    if kind == "M":
        return type(inner) is dict and "" not in inner and all(map(_is_plain, inner.values()))
    if kind == "L":
        return type(inner) is list and all(map(_is_plain, inner))
    return kind in ("BOOL", "NULL") and type(inner) is bool


def _at_once(original: Callable[..., str]) -> Callable[..., str]:
    """Each response has an id of 52 characters; moto chooses them one by one."""

    @wraps(original)
    def get_random_string(random: Any, length: int = 20, *args: Any, **more: Any) -> str:
        if args or more:
            return original(random, length, *args, **more)
        return "".join(random.choices(_CHARACTERS, k=length))

    return get_random_string
