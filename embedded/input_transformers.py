"""The input of a rule's target: the event, Input, InputPath or InputTransformer.

"Amazon EventBridge input transformation", EventBridge user guide.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

ABSENT = object()
_STEP = re.compile(r"\.([A-Za-z0-9_-]+)|\[(\d+|\*)\]|\['([^']+)'\]")
_PLACEHOLDER = re.compile(r"<([A-Za-z0-9_.-]+)>")


class BadPath(ValueError):
    """A JSON path that EventBridge would refuse."""


def target_input(target: Mapping[str, Any], event: Mapping[str, Any], rule_arn: str) -> str:
    """The JSON text that a rule sends to its target."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        found = at(event, target["InputPath"])
        return json.dumps(None if found is ABSENT else found)
    if "InputTransformer" in target:
        return transform(target["InputTransformer"], event, rule_arn)
    return json.dumps(event)


def at(event: Any, path: str) -> Any:
    """The value at a JSON path, or ``ABSENT``."""
    if not path.startswith("$"):
        raise BadPath(path)
    value, position = event, 1
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            raise BadPath(path)
        value = _into(value, step)
        position = step.end()
    return value


def _into(value: Any, step: re.Match[str]) -> Any:
    name = step[1] or step[3]
    if name is not None:
        return value.get(name, ABSENT) if isinstance(value, Mapping) else ABSENT
    if not isinstance(value, list):
        return ABSENT
    if step[2] == "*":
        return value
    index = int(step[2])
    return value[index] if index < len(value) else ABSENT


def transform(transformer: Mapping[str, Any], event: Mapping[str, Any], rule_arn: str) -> str:
    """The template with its placeholders filled.

    Outside quotes a placeholder becomes JSON; inside a quoted string, text. A path that finds
    nothing gives null outside quotes and nothing inside.
    """
    paths = transformer.get("InputPathsMap", {})
    values = {name: at(event, path) for name, path in paths.items()}
    values |= _predefined(event, rule_arn)
    template = str(transformer["InputTemplate"])
    result, position, quoted = "", 0, False
    for match in _PLACEHOLDER.finditer(template):
        between = template[position : match.start()]
        quoted ^= _odd_quotes(between)
        result += between + _filled(values, match, quoted)
        position = match.end()
    return result + template[position:]


def _predefined(event: Mapping[str, Any], rule_arn: str) -> dict[str, Any]:
    return {
        "aws.events.rule-arn": rule_arn,
        "aws.events.rule-name": rule_arn.rsplit("/", 1)[-1],
        "aws.events.event.ingestion-time": event.get("time", ABSENT),
        "aws.events.event": {k: v for k, v in event.items() if k != "detail"},
        "aws.events.event.json": event,
    }


def _odd_quotes(text: str) -> bool:
    return len(re.findall(r'(?<!\\)"', text)) % 2 == 1


def _filled(values: Mapping[str, Any], match: re.Match[str], quoted: bool) -> str:
    if match[1] not in values:
        return match[0]
    value = values[match[1]]
    if not quoted:
        return json.dumps(None if value is ABSENT else value)
    if value is ABSENT:
        return ""
    text = value if isinstance(value, str) else json.dumps(value)
    return json.dumps(text)[1:-1]
