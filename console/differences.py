"""How two states differ, line by line: a policy as a policy, and never cut in the middle.

A text that is a JSON document, as IAM and S3 keep policies, is laid open first.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from difflib import unified_diff
from typing import Any

AROUND = 3  # lines that are shown before and after what differs
ABSENT = "absent"
SHORT = 60  # characters of a value that is shown in a table
NAMED = 3  # of a list in a statement
WORDS = {  # of a statement, in the order in which they are read
    "Action": "",
    "NotAction": "all but ",
    "Principal": "to ",
    "NotPrincipal": "to all but ",
    "Resource": "on ",
    "NotResource": "on all but ",
}
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


def unified(before: Any, after: Any, around: int = AROUND) -> list[str]:
    """What differs, with ``-`` and ``+``; nothing where both mean the same JSON."""
    made = unified_diff(lines(before), lines(after), n=around, lineterm="")
    return [line for line in made if not line.startswith(("---", "+++"))]


def changed(
    before: Any, after: Any, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Each property that differs: where it is, and its two values; None is absent.

    Policies and lists are one property each: ``unified`` shows what differs in them.
    """
    before, after = opened(before), opened(after)
    if before == after:
        return
    states = [one for one in (before, after) if one is not None]
    if all(isinstance(one, dict) and not is_policy(one) for one in states):
        for key in sorted({key for one in states for key in one}):
            was, now = ((one or {}).get(key) for one in (before, after))
            yield from changed(was, now, (*path, str(key)))
    else:
        yield path, before, after


def value_at(state: Any, path: tuple[str, ...]) -> Any:
    """The property of a state; None where it is absent."""
    for key in path:
        state = opened(state)
        state = state.get(key) if isinstance(state, dict) else None
    return opened(state)


def is_policy(value: Any) -> bool:
    """Is it an IAM policy document?"""
    return isinstance(value, dict) and "Statement" in value


def statements(before: Any, after: Any, of: Sequence[str] = ()) -> list[str]:
    """What differs between two policies, one line a statement, in words.

    ``of``: names of what the policy is of; a statement on that alone is *on it*.
    """
    was, now = (_statements(one) for one in (before, after))
    return [
        *(f"- {_words(one, of)}" for one in was if one not in now),
        *(f"+ {_words(one, of)}" for one in now if one not in was),
    ]


def _statements(policy: Any) -> list[Any]:
    found = policy.get("Statement") if is_policy(policy) else []
    return found if isinstance(found, list) else [found]


def _words(statement: Any, of: Sequence[str]) -> str:
    """A statement in one line. Of long lists the first are named, and the others counted."""
    if not isinstance(statement, dict):
        return json.dumps(statement)
    parts = [
        f"{statement['Sid']}:" if "Sid" in statement else "",
        str(statement.get("Effect")),
        *(
            f"{word}{_on(statement[name], of) if name == 'Resource' else _first(statement[name])}"
            for name, word in WORDS.items()
            if name in statement
        ),
    ]
    conditions = statement.get("Condition")
    keys = [key for one in conditions.values() for key in one] if conditions else []
    return " ".join([*filter(None, parts), *([f"if {_first(keys)}"] if keys else [])])


def _on(resources: Any, of: Sequence[str]) -> str:
    """``it`` for what the policy is of, and all that is in it."""
    listed = resources if isinstance(resources, list) else [resources]
    names = {str(one).removesuffix("/*").rpartition(":")[2] for one in listed}
    return "it" if names and names <= {*of} else _first(resources)


def _first(value: Any) -> str:
    if isinstance(value, dict):
        value = [
            one for some in value.values() for one in (some if isinstance(some, list) else [some])
        ]
    listed = [str(one) for one in (value if isinstance(value, list) else [value])]
    more = f" and {len(listed) - NAMED} more" if len(listed) > NAMED else ""
    return ", ".join(listed[:NAMED]) + more


def counted(before: Any, after: Any) -> str:
    """One line: a short value as it is, of a long one how many lines differ."""
    if is_policy(before) or is_policy(after):
        made, what = statements(before, after), "statements"
    else:
        made, what = unified(before, after), "lines"
    short = [short_of(one) for one in (before, after)]
    if all(short):
        return f"{short[0]} → {short[1]}"
    more, less = (sum(line.startswith(sign) for line in made) for sign in "+-")
    return f"+{more} −{less} {what}"


def short_of(value: Any) -> str:
    """The value in one line; "" where it is too long for that."""
    text = ABSENT if value is None else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= SHORT else ""
