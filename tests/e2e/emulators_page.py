"""Writes the table of repairs in docs/emulators.md from the repairs themselves.

python tests/e2e/emulators_page.py
"""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "emulators.md"
REPAIRS = ROOT / "tests" / "e2e" / "emulator" / "repairs.py"
START, END = "<!-- repairs: start -->\n", "<!-- repairs: end -->"


def page() -> str:
    """The page as it should be."""
    before, _, rest = PAGE.read_text().partition(START)
    _, _, after = rest.partition(END)
    return before + START + table(REPAIRS.read_text()) + END + after


def table(repairs: str) -> str:
    """One row for each repair that is installed, in that order, with its docstring."""
    functions = {n.name: n for n in ast.parse(repairs).body if isinstance(n, ast.FunctionDef)}
    named = [n.id for n in ast.walk(functions["install"]) if isinstance(n, ast.Name)]
    rows = [f"| `{name}` | {_reason(functions[name])} |\n" for name in named if name in functions]
    return "| Repair | Why |\n|---|---|\n" + "".join(rows)


def installed(repairs: str) -> tuple[list[str], list[str]]:
    """The repairs that are installed, and all that there are."""
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
