"""The reasons in the code for which a finding changes nothing, as texts with … for what varies."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

CODE = Path(__file__).parents[2] / "layers" / "cordon" / "cordon"
# Where reasons are made: module → the functions and constants of it that make one.
MADE_IN: dict[str, tuple[str, ...]] = {
    "gate.py": ("_*", "CONTROL_PASSED", "CLOSED_STATES"),
    "policy.py": ("_*", "decide*", "over_budget", "protected_by_pattern"),
    "served.py": ("_why_not",),
    "sources/places.py": ("not_served",),
    "protection.py": ("protected_log_buckets", "_by_its_policy"),
    "settings.py": ("NOT_HOME", "SERVES_INSTEAD", "Settings", "parse"),
    "respond.py": ("respond", "ignored", "apply_decision", "on_control_passed"),
    "again.py": ("*",),
    "question.py": ("NOBODY",),
    "workflow.py": ("_approve",),
    "outcome.py": ("unchanged",),
}
LEAST_WORDS = 3  # less is no sentence: a key, a separator
VARIES = "…"


def reasons() -> dict[str, str]:
    """Each reason, and where it is made."""
    return {
        reason: f"{module}: {name}"
        for module, names in MADE_IN.items()
        for name, reason in texts_of((CODE / module).read_text(), names)
    }


def texts_of(source: str, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The sentences of what has these names in a module, each with the name."""
    yield from ((name, text) for name, node in _nodes(source, names) for text in _texts(node))


def _nodes(source: str, names: tuple[str, ...]) -> Iterator[tuple[str, ast.AST]]:
    """The functions, classes and constants of these names; ``*`` at the end for what follows."""
    for node in ast.parse(source).body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                pass
            case ast.Assign(targets=[ast.Name(id=name)]):
                pass
            case _:
                continue
        if any(name == one or (one[-1] == "*" and name.startswith(one[:-1])) for one in names):
            yield name, node


def _texts(node: ast.AST) -> Iterator[str]:
    """The sentences in it: what a docstring, an annotation or an exception says is none of them."""
    skipped = set(_skipped(node))
    todo = [node]
    while todo:
        one = todo.pop()
        if id(one) in skipped:
            continue
        if isinstance(one, ast.JoinedStr | ast.Constant):
            text = _text(one)
            if len(re.findall(r"[A-Za-z]{2,}", text)) >= LEAST_WORDS:
                yield text
            if isinstance(one, ast.Constant):
                continue
        todo += [
            part.value if isinstance(part, ast.FormattedValue) else part
            for part in ast.iter_child_nodes(one)
            if not (isinstance(one, ast.JoinedStr) and isinstance(part, ast.Constant))
        ]


def _skipped(node: ast.AST) -> Iterator[int]:
    for one in ast.walk(node):
        match one:
            case ast.FunctionDef() | ast.ClassDef():
                if ast.get_docstring(one) is not None:
                    yield id(one.body[0])
            case ast.Raise():
                yield id(one)


def _text(node: ast.JoinedStr | ast.Constant) -> str:
    if isinstance(node, ast.Constant):
        return node.value.strip() if isinstance(node.value, str) else ""
    parts = (p.value if isinstance(p, ast.Constant) else VARIES for p in node.values)
    return "".join(map(str, parts)).strip()
