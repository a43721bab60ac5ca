"""EventBridge's event patterns: checked as PutRule checks them, matched as the service does.

Semantics: "Comparison operators for use in event patterns in Amazon EventBridge" and the README
of event-ruler, the engine behind it. An event is flattened to paths that ignore array indices;
values taken from one array of objects must come from the same object.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

from embedded.wildcard_complexity import MOST as MOST_COMPLEXITY
from embedded.wildcard_complexity import complexity

MOST_CHARACTERS = 2048  # default quota "Event pattern size"
MOST_COMBINATIONS = 1000  # of $or, "rule combinations"
LARGEST = 5e9  # numeric matching works between -5e9 and 5e9

Indices = Mapping[tuple[str, ...], int]  # array path -> which element


class BadPattern(ValueError):
    """What PutRule would refuse with InvalidEventPatternException."""


class _Leaf(NamedTuple):
    value: Any
    indices: Indices


Leaves = Mapping[tuple[str, ...], list[_Leaf]]  # the values at each path of an event


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether the pattern matches the event. The pattern must have passed ``check``."""
    return matches_flat(pattern, flat(event))


def flat(event: Mapping[str, Any]) -> Leaves:
    """A flat event, for ``matches_flat`` with many patterns."""
    leaves: dict[tuple[str, ...], list[_Leaf]] = {}
    _flatten(event, (), {}, leaves)
    return leaves


def matches_flat(pattern: Mapping[str, Any], leaves: Leaves) -> bool:
    """``matches`` for a flat event."""
    return next(_satisfied(pattern, (), {}, leaves), None) is not None


def _flatten(
    node: Any,
    path: tuple[str, ...],
    indices: Indices,
    into: dict[tuple[str, ...], list[_Leaf]],
    nesting: int = 0,
) -> None:
    if _is_object(node):
        for key, value in node.items():
            _flatten(value, (*path, key), indices, into)
    elif isinstance(node, list):
        array = (*path, f"[{nesting}]")
        for index, value in enumerate(node):
            _flatten(value, path, {**indices, array: index}, into, nesting + 1)
    else:
        into.setdefault(path, []).append(_Leaf(node, indices))


def _is_object(node: Any) -> bool:
    """Most are plain dicts or plain values: to know that takes no look at a class's bases."""
    kind = type(node)
    return kind is dict or (kind not in _VALUES and isinstance(node, Mapping))


_VALUES = frozenset({str, int, float, bool, type(None), list})


def _satisfied(
    pattern: Mapping[str, Any],
    path: tuple[str, ...],
    chosen: Indices,
    leaves: Leaves,
) -> Iterator[Indices]:
    """Every choice of array elements under which all fields of the pattern match."""
    fields = list(pattern.items())

    def rest(position: int, chosen: Indices) -> Iterator[Indices]:
        if position == len(fields):
            yield chosen
            return
        key, wanted = fields[position]
        for one in _field(key, wanted, path, chosen, leaves):
            yield from rest(position + 1, one)

    yield from rest(0, chosen)


def _field(
    key: str,
    wanted: Any,
    path: tuple[str, ...],
    chosen: Indices,
    leaves: Leaves,
) -> Iterator[Indices]:
    if key == "$or":
        for alternative in wanted:
            yield from _satisfied(alternative, path, chosen, leaves)
    elif _is_object(wanted):
        yield from _satisfied(wanted, (*path, key), chosen, leaves)
    else:
        found = leaves.get((*path, key), [])
        if {"exists": False} in wanted and not found:
            yield chosen
        tests = [w for w in wanted if w != {"exists": False}]
        for leaf in found:
            if _consistent(leaf.indices, chosen) and any(_leaf(leaf.value, t) for t in tests):
                yield {**chosen, **leaf.indices}


def _consistent(indices: Indices, chosen: Indices) -> bool:
    return all(chosen.get(path, index) == index for path, index in indices.items())


def _leaf(value: Any, wanted: Any) -> bool:
    if not _is_object(wanted):
        return _same(value, wanted)
    operator, argument = next(iter(wanted.items()))
    return _MATCH[operator](value, argument)


def _same(value: Any, wanted: Any) -> bool:
    """Exact matches compare JSON text: 300, 300.0 and "300" are three different values."""
    if isinstance(value, str) or isinstance(wanted, str):  # most are: their text need not be made
        return bool(value == wanted)
    return json.dumps(value) == json.dumps(wanted)


def _prefix(value: Any, argument: Any) -> bool:
    if not isinstance(value, str):
        return False
    if isinstance(argument, Mapping):
        return value.lower().startswith(argument["equals-ignore-case"].lower())
    return value.startswith(argument)


def _suffix(value: Any, argument: Any) -> bool:
    if not isinstance(value, str):
        return False
    if isinstance(argument, Mapping):
        return value.lower().endswith(argument["equals-ignore-case"].lower())
    return value.endswith(argument)


def _same_letters(value: Any, argument: str) -> bool:
    return isinstance(value, str) and value.lower() == argument.lower()


def _wildcard(value: Any, argument: str) -> bool:
    return isinstance(value, str) and _glob(argument).fullmatch(value) is not None


@lru_cache(maxsize=1024)
def _glob(pattern: str) -> re.Pattern[str]:
    """``*`` is any run of characters; ``\\*`` and ``\\\\`` are literal."""
    parts = re.findall(r"\\[*\\]|\*|[^*\\]+", pattern)
    return re.compile(
        "".join(".*" if p == "*" else re.escape(p.removeprefix("\\") or p) for p in parts),
        re.DOTALL,
    )


_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "=": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _numeric(value: Any, argument: list[Any]) -> bool:
    pairs = zip(argument[::2], argument[1::2], strict=True)
    return _is_number(value) and all(_COMPARE[op](value, bound) for op, bound in pairs)


def _cidr(value: Any, argument: str) -> bool:
    try:
        return ip_address(value) in ip_network(argument, strict=False)
    except ValueError:
        return False


def _anything_but(value: Any, argument: Any) -> bool:
    if isinstance(argument, Mapping):
        operator, inner = next(iter(argument.items()))
        options = inner if isinstance(inner, list) else [inner]
        return not any(_MATCH[operator](value, option) for option in options)
    options = argument if isinstance(argument, list) else [argument]
    return not any(_same(value, option) for option in options)


_MATCH: dict[str, Callable[[Any, Any], bool]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _same_letters,
    "wildcard": _wildcard,
    "numeric": _numeric,
    "cidr": _cidr,
    "anything-but": _anything_but,
    "exists": lambda _value, argument: bool(argument),
}


def check(pattern: Any) -> None:
    """Raise BadPattern, naming the place, where PutRule would refuse the pattern."""
    size = len(json.dumps(pattern, separators=(",", ":")))
    if size > MOST_CHARACTERS:
        raise BadPattern(f"{size} characters, more than {MOST_CHARACTERS}")
    _check_object(pattern, "$")
    if (count := _combinations(pattern)) > MOST_COMBINATIONS:
        raise BadPattern(f"{count} combinations of $or, more than {MOST_COMBINATIONS}")
    fields: dict[str, set[str]] = {}  # alternatives of $or may meet in one event
    for field, text in _wildcards(pattern, "$"):
        fields.setdefault(field, set()).add(text)
    for field, texts in fields.items():
        if complexity(texts) > MOST_COMPLEXITY:
            raise BadPattern(f"{field}: the rule is too complex, try fewer wildcards: {texts}")


def _wildcards(pattern: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """Each wildcard's field and its text."""
    for key, value in pattern.items():
        field = f"{path}.{key}"
        if key == "$or":
            for alternative in value:
                yield from _wildcards(alternative, path)
        elif isinstance(value, Mapping):
            yield from _wildcards(value, field)
        else:
            yield from ((field, text) for one in value for text in _wildcards_of(one))


def _wildcards_of(matcher: Any) -> list[str]:
    if not isinstance(matcher, Mapping):
        return []
    but = matcher.get("anything-but")
    argument = (but if isinstance(but, Mapping) else matcher).get("wildcard", [])
    return [argument] if isinstance(argument, str) else list(argument)


def _combinations(pattern: Mapping[str, Any]) -> int:
    count = 1
    for key, value in pattern.items():
        if key == "$or":
            count *= sum(_combinations(v) for v in value)
        elif isinstance(value, Mapping):
            count *= _combinations(value)
    return count


def _check_object(pattern: Any, where: str) -> None:
    if not isinstance(pattern, Mapping) or not pattern:
        raise BadPattern(f"{where}: must be an object with at least one field")
    for key, value in pattern.items():
        _check_field(key, value, f"{where}.{key}")


def _check_field(key: str, value: Any, where: str) -> None:
    if key == "$or":
        if not isinstance(value, list) or len(value) < 2:
            raise BadPattern(f"{where}: must list at least two alternatives")
        for alternative in value:
            _check_object(alternative, where)
    elif isinstance(value, Mapping):
        _check_object(value, where)
    elif isinstance(value, list) and value:
        for one in value:
            _check_value(one, where)
    else:
        raise BadPattern(f"{where}: must be an object or an array with at least one value")


def _check_value(value: Any, where: str) -> None:
    if isinstance(value, list):
        raise BadPattern(f"{where}: an array inside an array")
    if isinstance(value, Mapping):
        if len(value) != 1:
            raise BadPattern(f"{where}: exactly one operator in each object")
        operator, argument = next(iter(value.items()))
        if operator not in _CHECK:
            raise BadPattern(f"{where}: unknown operator {operator!r}")
        _CHECK[operator](argument, f"{where}.{operator}")


def _check_text(argument: Any, where: str) -> None:
    if not isinstance(argument, str):
        raise BadPattern(f"{where}: must be a string")


def _check_edge(argument: Any, where: str) -> None:
    if isinstance(argument, Mapping):
        if argument.keys() != {"equals-ignore-case"}:
            raise BadPattern(f"{where}: only equals-ignore-case is allowed here")
        argument = argument["equals-ignore-case"]
    _check_text(argument, where)


def _check_wildcard(argument: Any, where: str) -> None:
    _check_text(argument, where)
    if "**" in re.sub(r"\\.", "", argument):
        raise BadPattern(f"{where}: consecutive wildcard characters")
    if re.search(r"\\([^*\\]|$)", re.sub(r"\\\\", "", argument)):
        raise BadPattern(f"{where}: only * and \\ may be escaped")


def _check_numeric(argument: Any, where: str) -> None:
    if not isinstance(argument, list) or len(argument) not in (2, 4):
        raise BadPattern(f"{where}: must be [operator, number] or two of them")
    operators, bounds = argument[::2], argument[1::2]
    if not all(_is_number(b) and abs(b) <= LARGEST for b in bounds):
        raise BadPattern(f"{where}: bounds must be numbers between -5e9 and 5e9")
    if not all(isinstance(o, str) and o in _COMPARE for o in operators):
        raise BadPattern(f"{where}: unknown numeric operator in {operators}")
    if len(operators) == 2 and not _is_range(operators, bounds):
        raise BadPattern(f"{where}: a range is a lower bound, then a higher upper bound")


def _is_range(operators: list[str], bounds: list[float]) -> bool:
    return operators[0] in (">", ">=") and operators[1] in ("<", "<=") and bounds[0] < bounds[1]


def _check_cidr(argument: Any, where: str) -> None:
    _check_text(argument, where)
    try:
        ip_network(argument, strict=False)
    except ValueError as error:
        raise BadPattern(f"{where}: {error}") from None


def _check_exists(argument: Any, where: str) -> None:
    if not isinstance(argument, bool):
        raise BadPattern(f"{where}: must be true or false")


def _check_anything_but(argument: Any, where: str) -> None:
    if isinstance(argument, Mapping):
        _check_but_operator(argument, where)
        return
    options = argument if isinstance(argument, list) else [argument]
    texts = all(isinstance(o, str) for o in options)
    numbers = all(_is_number(o) for o in options)
    if not options or not (texts or numbers):
        raise BadPattern(f"{where}: must be strings, or numbers, not both")


def _check_but_operator(argument: Mapping[str, Any], where: str) -> None:
    if len(argument) != 1 or next(iter(argument)) not in _BUT:
        raise BadPattern(f"{where}: one of {', '.join(sorted(_BUT))} is allowed here")
    operator, inner = next(iter(argument.items()))
    options = inner if isinstance(inner, list) else [inner]
    if not options:
        raise BadPattern(f"{where}.{operator}: empty array")
    for option in options:
        _check_text(option, f"{where}.{operator}")
        if operator == "wildcard":
            _check_wildcard(option, f"{where}.{operator}")


_BUT = {"prefix", "suffix", "equals-ignore-case", "wildcard"}
_CHECK: dict[str, Callable[[Any, str], None]] = {
    "prefix": _check_edge,
    "suffix": _check_edge,
    "equals-ignore-case": _check_text,
    "wildcard": _check_wildcard,
    "numeric": _check_numeric,
    "cidr": _check_cidr,
    "exists": _check_exists,
    "anything-but": _check_anything_but,
}
