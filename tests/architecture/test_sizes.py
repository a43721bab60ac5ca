"""No file is longer than one can keep in mind: a second reason to change it is a second file."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST, MOST_OF_TESTS = 400, 500  # lines


def most(path: str) -> int:
    """How many lines a file may have: one of tests is read in parts, a test at a time."""
    return MOST_OF_TESTS if "tests" in Path(path).parts else MOST


def too_long(root: Path, paths: list[str]) -> dict[str, int]:
    """The files that are longer than they may be, each with its lines."""
    lines = {path: len((root / path).read_text().splitlines()) for path in paths}
    return {path: count for path, count in lines.items() if count > most(path)}


def test_no_file_is_too_long() -> None:
    """Python only: template.yaml is long because all that a stack may do is seen in one place
    (decision 35), data and pages have no reasons to change.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    paths = [path for path in listed.stdout.split("\0") if path and (ROOT / path).exists()]
    assert len(paths) > 400
    assert too_long(ROOT, paths) == {}


@pytest.mark.parametrize("path", ["console/a.py", "tests/test_a.py", "embedded/tests/test_a.py"])
def test_a_line_too_many_is_seen(tmp_path: Path, path: str) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text("pass\n" * most(path))
    assert too_long(tmp_path, [path]) == {}
    file.write_text("pass\n" * (most(path) + 1))
    assert too_long(tmp_path, [path]) == {path: most(path) + 1}
