"""Writes the table of repairs in docs/emulators.md from the repairs themselves.

python tests/e2e/emulators_page.py
"""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "emulators.md"
EMULATOR = ROOT / "tests" / "e2e" / "emulator"
REPAIRS = [
    EMULATOR / f"{name}.py"
    for name in ("repairs", "tries", "calls", "streams", "http_api", "schedules", "stacks")
]
START, END = "<!-- repairs: start -->\n", "<!-- repairs: end -->"


def page() -> str:
    """The page as it should be."""
    before, _, rest = PAGE.read_text().partition(START)
    _, _, after = rest.partition(END)
    head = "| Repair | Why |\n|---|---|\n"
    return before + START + head + "".join(rows(one.read_text()) for one in REPAIRS) + END + after


def rows(repairs: str) -> str:
    """One row for each repair that a file installs, in that order, with its docstring."""
    functions = {n.name: n for n in ast.parse(repairs).body if isinstance(n, ast.FunctionDef)}
    named = [n.id for n in ast.walk(functions["install"]) if isinstance(n, ast.Name)]
    listed = [name for name in named if name in functions]
    return "".join(f"| `{name}` | {_reason(functions[name])} |\n" for name in listed)


def installed(repairs: str) -> tuple[list[str], list[str]]:
    """The repairs that a file installs, and all that there are in it."""
    functions = [n for n in ast.parse(repairs).body if isinstance(n, ast.FunctionDef)]
    (install,) = [one for one in functions if one.name == "install"]
    called = [n.id for n in ast.walk(install) if isinstance(n, ast.Name)]
    public = [n.name for n in functions if n.name != "install" and not n.name.startswith("_")]
    return sorted(set(called) & set(public)), sorted(public)


def _reason(function: ast.FunctionDef) -> str:
    said = ast.get_docstring(function) or ""
    return " ".join(said.replace("``", "`").replace("|", "\\|").split())


if __name__ == "__main__":
    PAGE.write_text(page())
