"""The parameters of a stack, checked as CloudFormation checks them before it makes anything.

Source: CloudFormation User Guide, "Parameters" (a value has at most 4,096 bytes; a pattern matches
the whole of a String and each item of a list, which is trimmed; only a String has a length).
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from embedded.stack import Unresolved

LONGEST = 4096  # bytes, of any value
LIST = "CommaDelimitedList"
NUMBER = re.compile(r"-?\d+(\.\d+)?")

Spec = Mapping[str, Any]


def parameters_of(declared: Mapping[str, Spec], given: Mapping[str, str]) -> dict[str, str]:
    """Every parameter's value as text, given or by default. Raises Unresolved, as a sentence."""
    if unknown := given.keys() - declared.keys():
        raise Unresolved(f"no such parameter: {', '.join(sorted(unknown))}")
    return {name: _value(name, spec, given) for name, spec in declared.items()}


def as_text(value: Any) -> str:
    """A scalar as CloudFormation passes it: booleans in lower case."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def items(value: str) -> list[str]:
    """The items of a list, trimmed."""
    return [item.strip() for item in value.split(",")]


def _value(name: str, spec: Spec, given: Mapping[str, str]) -> str:
    if name not in given and "Default" not in spec:
        raise Unresolved(f"parameter {name} has no default and is not given")
    value = as_text(given.get(name, spec.get("Default")))
    if len(value.encode()) > LONGEST:
        raise Unresolved(f"parameter {name}: a value has at most {LONGEST} bytes")
    if spec.get("Type") == "Number" and not NUMBER.fullmatch(value):
        raise Unresolved(f"parameter {name} must be a number")
    for one in items(value) if spec.get("Type") == LIST else [value]:
        for constraint, (holds, says) in _CONSTRAINTS.items():
            if constraint in spec and not holds(one, spec[constraint]):
                why = spec.get("ConstraintDescription", f"{says} {spec[constraint]}")
                raise Unresolved(f"parameter {name} failed to satisfy constraint: {why}")
    return value


_CONSTRAINTS: dict[str, tuple[Callable[[str, Any], bool], str]] = {
    "AllowedValues": (lambda v, all: v in [as_text(one) for one in all], "must be one of"),
    "AllowedPattern": (lambda v, pattern: bool(re.fullmatch(pattern, v)), "must match pattern"),
    "MinLength": (lambda v, least: len(v) >= int(least), "length must be at least"),
    "MaxLength": (lambda v, most: len(v) <= int(most), "length must be at most"),
    "MinValue": (lambda v, least: Decimal(v) >= Decimal(str(least)), "must be at least"),
    "MaxValue": (lambda v, most: Decimal(v) <= Decimal(str(most)), "must be at most"),
}
