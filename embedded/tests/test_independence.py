"""The embedded account knows nothing of what it is used for."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "embedded").rglob("*.py"))
FOREIGN = {"cordon", "console", "functions", "bench", "tests"}
ALONE = """
import sys
import embedded.account
print(sorted({name.split(".")[0] for name in sys.modules} & {"cordon", "console", "functions"}))
"""


def imported(source: Path) -> set[str]:
    """The packages that a module imports, anywhere in it."""
    nodes = list(ast.walk(ast.parse(source.read_text())))
    names = {alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names}
    names |= {n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)}
    return {name.split(".")[0] for name in names}


def test_no_module_imports_its_users() -> None:
    assert [source for source in SOURCES if imported(source) & FOREIGN] == []


def test_no_file_names_the_product() -> None:
    kinds = {".py", ".yaml"}
    files = [one for one in (ROOT / "embedded").rglob("*") if one.suffix in kinds]
    naming = [one for one in files if "cordon" in one.read_text().lower()]
    assert naming == [Path(__file__)]


def test_it_is_imported_from_the_root_alone() -> None:
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{ALONE}"]
    ran = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("[]\n", "")
