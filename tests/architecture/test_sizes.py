"""No file is longer than one can keep in mind: a second reason to change it is a second file."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST, MOST_OF_TESTS = 400, 500  # lines
PICTURES = ".png"  # has no lines
LONGER = {  # file → why it may be longer
    "template.yaml": "what a playbook may do is seen in one place, and most of it is generated",
    "docs/performance.md": "generated: make bench; a line for each playbook and mode",
    "docs/permissions.json": "generated: make permissions",
    "docs/permissions.md": "generated: make permissions",
    "docs/reference/cordon.md": "generated: every verb of the command line",
    "events/README.md": "a line for each sample event, and tests hold it against the files",
    "tests/auditors/prowler.txt": "generated: uv",
    "tests/auditors/requirements.txt": "generated: uv",
    "tests/e2e/requirements.txt": "generated: uv",
    "uv.lock": "generated: uv",
}


def most(path: str) -> int:
    """How many lines a file may have: one of tests is read a test at a time."""
    return MOST_OF_TESTS if "tests" in Path(path).parts else MOST


def too_long(root: Path, paths: list[str]) -> dict[str, int]:
    """The files that are longer than they may be, each with its lines."""
    lines = {path: len((root / path).read_bytes().splitlines()) for path in paths}
    return {path: count for path, count in lines.items() if count > most(path)}


def test_no_file_is_too_long() -> None:
    command = ["git", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = (path for path in listed.stdout.split("\0") if (ROOT / path).is_file())
    paths = [path for path in found if not path.endswith(PICTURES)]
    assert len(paths) > 500
    assert too_long(ROOT, paths).keys() <= LONGER.keys(), too_long(ROOT, paths)
    assert LONGER.keys() <= set(paths), "what is no file needs no reason"


@pytest.mark.parametrize("path", ["console/a.py", "tests/test_a.py", "embedded/tests/test_a.py"])
def test_a_line_too_many_is_seen(tmp_path: Path, path: str) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text("pass\n" * most(path))
    assert too_long(tmp_path, [path]) == {}
    file.write_text("pass\n" * (most(path) + 1))
    assert too_long(tmp_path, [path]) == {path: most(path) + 1}
