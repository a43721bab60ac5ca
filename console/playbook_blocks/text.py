"""Values of a CloudFormation template as YAML text, in the short forms that people read.

PyYAML writes neither ``!GetAtt A.Arn`` nor a short list in one line, and the generated parts of
template.yaml are read beside those that people wrote.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

WIDTH = 118  # of a line that holds a whole value
_PLAIN = re.compile(r"[A-Za-z/][\w./:-]*(?<!:)")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


def block(value: Any, indent: int) -> str:
    """A mapping or a list, each line with this indent; ends with a newline.

    ``{"Ref": …}``, ``{"Fn::GetAtt": [resource, attribute]}`` and ``{"Fn::Sub": text}`` become tags.
    """
    return "".join(f"{' ' * indent}{line}\n" for line in _lines(value, WIDTH - indent))


def _lines(value: Any, width: int) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _entry(f"{_scalar(key)}:", inner, width, "  ")
    else:
        for inner in value:
            if isinstance(inner, Mapping) and not _tagged(inner):
                first, *rest = _entry_of_list(inner, width)
                yield f"- {first}"
                yield from (f"  {line}" for line in rest)
            else:
                yield f"- {_flow(inner)}"


def _entry_of_list(value: Mapping[str, Any], width: int) -> list[str]:
    short = _flow(value)
    if len(value) == 1 and len(short) < width - 2 and _depth(value) <= 1:
        return [short]
    return list(_lines(value, width - 2))


def _entry(head: str, value: Any, width: int, step: str) -> Iterator[str]:
    line = f"{head} {_flow(value, alone=True)}"
    if _depth(value) <= 1 and len(line) <= width:
        yield line
    elif isinstance(value, Mapping | list | tuple):
        yield head
        yield from (f"{step}{inner}" for inner in _lines(value, width - len(step)))
    else:
        yield line


def _depth(value: Any) -> int:
    """How many collections lie in one another; a tag is none."""
    if _tagged(value) or isinstance(value, str) or not isinstance(value, Mapping | Sequence):
        return 0
    inner = value.values() if isinstance(value, Mapping) else value
    return 1 + max((_depth(one) for one in inner), default=0)


def _tagged(value: Any) -> str:
    match value:
        case {"Ref": str(name)}:
            return f"!Ref {name}"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"!GetAtt {name}.{attribute}"
        case {"Fn::Sub": str(text)}:
            return f"!Sub {json.dumps(text)}"
    return ""


def _flow(value: Any, *, alone: bool = False) -> str:
    """In one line. ``alone``: nothing follows in the line, so that a text needs fewer quotes."""
    if tag := _tagged(value):
        plain = alone and re.fullmatch(r'!Sub "[\w$][^"#\\]*(?<![:\s])"', tag)
        return tag.replace('"', "") if plain and ": " not in tag else tag
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
    return value if plain else json.dumps(value)
