"""Imports go one way, and what is called pure is pure. The contracts are in pyproject.toml."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers" / "cordon"
LINT = (str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--no-logo")
# The only modules called pure that import the clock: they read and write stamps.
STAMPS = ("finding.py", "actions/revocation_policy.py")


def lint(layer: Path) -> subprocess.CompletedProcess[str]:
    """The contracts, tried on the package in this folder."""
    config = ("--config", str(ROOT / "pyproject.toml"))
    environment = {"PYTHONPATH": str(layer), "COLUMNS": "200"}
    return subprocess.run(
        [*LINT, *config], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_contracts_are_kept() -> None:
    done = lint(LAYER)
    assert done.returncode == 0, done.stdout
    assert "Contracts: 4 kept, 0 broken." in done.stdout


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize(
    ("path", "line", "says"),
    [
        ("finding.py", "import cordon.playbook", "cordon.finding is not allowed to import"),
        ("sources/text.py", "import cordon.policy", "cordon.sources is not allowed to import"),
        ("actions/tag.py", "import cordon.memory", "cordon.actions is not allowed to import"),
        ("release.py", "import cordon.contain", "cordon.release is not allowed to import"),
        ("reporting/texts.py", "import cordon.deciding", "cordon.reporting is not allowed"),
        ("new.py", "", "not listed as layers"),
        ("statuses.py", "import botocore", "cordon.statuses is not allowed to import botocore"),
        ("errors.py", "import boto3", "cordon.errors is not allowed to import boto3"),
        ("policy.py", "import cordon.clients", "cordon.policy is not allowed to import"),
        ("playbook.py", "import cordon.clock", "cordon.playbook is not allowed to import"),
    ],
)
def test_forbidden_import_is_found(tmp_path: Path, path: str, line: str, says: str) -> None:
    shutil.copytree(LAYER / "cordon", tmp_path / "cordon")
    changed = tmp_path / "cordon" / path
    before = changed.read_text() if changed.exists() else ""
    changed.write_text(f"{before}\n{line}\n")
    done = lint(tmp_path)
    assert done.returncode == 1
    assert says in done.stdout


def test_rooms_are_drawn_as_they_are() -> None:
    """docs/architecture.md draws them for people; the contract is what is checked."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = config["tool"]["importlinter"]["contracts"]
    (rooms,) = (c["layers"] for c in contracts if c["id"] == "rooms")
    page = (ROOT / "docs" / "architecture.md").read_text()
    drawing = page.partition("## The rooms")[2].split("```")[1]
    drawn = [re.split(r" {2,}", line.strip())[0] for line in drawing.strip().splitlines()]
    assert [room.replace("│", "|") for room in drawn] == rooms


@pytest.mark.parametrize("path", STAMPS)
def test_stamps_need_no_moment(path: str) -> None:
    """``to_iso`` and ``from_iso`` are pure; ``now`` and ``sleep`` are not."""
    tree = ast.parse((LAYER / "cordon" / path).read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names = {name.name for node in imports if node.module == "cordon.clock" for name in node.names}
    assert names and names <= {"to_iso", "from_iso"}
