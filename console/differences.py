"""How two states differ, line by line: a policy as a policy, and never cut in the middle.

A text that is a JSON document, as IAM and S3 keep policies, is laid open first.
"""

import json
from collections.abc import Iterator, Mapping
from difflib import unified_diff
from typing import Any

from rich.text import Text

AROUND = 3  # lines that are shown before and after what differs
ABSENT = "absent"
STYLES = {"+": "green", "-": "red", "@": "cyan"}


def opened(value: Any) -> Any:
    """The value with each text that is a JSON document in the document's place."""
    match value:
        case str() if value[:1] in ("{", "["):
            try:
                return opened(json.loads(value))
            except (ValueError, RecursionError):
                return value
        case Mapping():
            return {key: opened(one) for key, one in value.items()}
        case list() | tuple():
            return [opened(one) for one in value]
    return value


def lines(value: Any) -> list[str]:
    """The value over as many lines as it needs; control characters are escaped."""
    if value is None:
        return [ABSENT]
    return json.dumps(opened(value), indent=2, sort_keys=True, default=str).splitlines()


def unified(before: Any, after: Any) -> list[str]:
    """What differs, with ``-`` and ``+``; nothing where both mean the same JSON."""
    made = unified_diff(lines(before), lines(after), n=AROUND, lineterm="")
    return [line for line in made if not line.startswith(("---", "+++"))]


def changed(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Each property that differs: where it is, and its two values; None is absent.

    Policies and lists are one property each: ``unified`` shows what differs in them.
    """
    before, after = opened(before), opened(after)
    if before == after:
        return
    inner = [one for one in (before, after) if isinstance(one, dict) and "Statement" not in one]
    if inner and all(one is None or one in inner for one in (before, after)):
        for key in sorted({key for one in inner for key in one}):
            was, now = ((one or {}).get(key) for one in (before, after))
            yield from changed(was, now, f"{path} {key}".strip())
    else:
        yield path, before, after


def counted(before: Any, after: Any) -> str:
    """One line: a short value as it is, of a long one how many lines differ."""
    short = [json.dumps(one, default=str) if one is not None else ABSENT for one in (before, after)]
    if all(len(one) <= 60 for one in short):
        return f"{short[0]} → {short[1]}"
    made = unified(before, after)
    more, less = (sum(line.startswith(sign) for line in made) for sign in "+-")
    return f"{more} lines more, {less} less" if before is not None else f"{more} lines, new"


def styled(made: list[str]) -> Text:
    """A difference in colours."""
    return Text("\n").join(Text(line, style=STYLES.get(line[:1], "")) for line in made)
