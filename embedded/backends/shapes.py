"""Values held against botocore's service models, in both directions.

botocore checks types, required members and minima of what a caller sends. The services check
more: maxima, enums and patterns. ``faults`` checks all of it, for input and for output.
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any

from botocore.validate import ParamValidator

_SIZED = ("string", "list", "map", "blob")
_NUMBERS = ("integer", "long", "float", "double")
# Slips in the models that leave out what the services accept: no ARN matches bedrock-agent's
# pattern, no general purpose bucket S3 Control's.
_SLIPS = ("/d{12}", "s3(express)?:[^:].*")


def faults(value: Any, shape: Any) -> list[str]:
    """What is wrong with ``value``, each as "member: why"; an empty list when it fits."""
    report = ParamValidator().validate(value, shape)
    if report.has_errors():
        return [str(report.generate_report())]
    return list(_limits(value, shape, ""))


def _limits(value: Any, shape: Any, path: str) -> Iterator[str]:
    where = path.lstrip(".") or "input"
    yield from _size(value, shape, where)
    if shape.type_name == "string":
        yield from _text(str(value), shape, where)
    if shape.type_name == "map":
        for key in value:
            yield from _limits(key, shape.key, f"{path} (key)")
    for step, member, kind in _members(value, shape):
        yield from _limits(member, kind, f"{path}{step}")


def _size(value: Any, shape: Any, where: str) -> Iterator[str]:
    limits = shape.metadata
    if shape.type_name in _SIZED:
        size, word = len(value), "length"
    elif shape.type_name in _NUMBERS:
        size, word = value, "value"
    else:
        return
    if "max" in limits and size > limits["max"]:
        yield f"{where}: {word} must be at most {limits['max']}"
    if "min" in limits and size < limits["min"]:
        yield f"{where}: {word} must be at least {limits['min']}"


def _text(value: str, shape: Any, where: str) -> Iterator[str]:
    enum = shape.metadata.get("enum")
    if enum and value not in enum:
        yield f"{where}: must be one of {', '.join(enum)}"
    pattern = shape.metadata.get("pattern")
    if pattern and not any(slip in pattern for slip in _SLIPS) and not _matches(pattern, value):
        yield f"{where}: must match {pattern}"


def _matches(pattern: str, value: str) -> bool:
    # \p{L}, \p{Z} and \p{N} are not in Python's re: use one plain letter, space or digit
    # in for every character of the class, and read the class in the pattern as that.
    if r"\p{" in pattern:
        value = "".join(_plain(character) for character in value)
    return _compiled(pattern).fullmatch(value) is not None


def _plain(character: str) -> str:
    kind = unicodedata.category(character)[0]
    return {"L": "a", "Z": " ", "N": "0"}.get(kind, character)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    for name, plain in (("L", "a-zA-Z"), ("Z", " "), ("N", "0-9")):
        pattern = pattern.replace(rf"\p{{{name}}}", plain)
    return re.compile(pattern, re.DOTALL)


def naive_times(value: Any, shape: Any) -> list[str]:
    """The timestamps that are not aware datetimes, which is what a client gives its caller."""
    if shape.type_name == "timestamp":
        aware = isinstance(value, datetime) and value.tzinfo is not None
        return [] if aware else [f"{shape.name}: {value!r} is no aware datetime"]
    return [why for _, member, kind in _members(value, shape) for why in naive_times(member, kind)]


def _members(value: Any, shape: Any) -> Iterator[tuple[str, Any, Any]]:
    """The members of a structure, list or map: step of the path, value, shape."""
    if shape.type_name == "structure":
        yield from ((f".{n}", value[n], shape.members[n]) for n in value if n in shape.members)
    elif shape.type_name == "list":
        yield from ((f"[{n}]", member, shape.member) for n, member in enumerate(value))
    elif shape.type_name == "map":
        yield from ((f".{key}", member, shape.value) for key, member in value.items())
