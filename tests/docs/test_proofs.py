"""docs/proofs.md names tests that there are."""

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "proofs.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ")][1:]
FILE = re.compile(r"`(tests/[\w/]+(?:\.py|/))`")


@cache
def defined_in(path: Path) -> frozenset[str]:
    files = [path] if path.is_file() else path.rglob("test_*.py")
    return frozenset(
        name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text(), re.M)
    )


def test_each_row_names_a_test_or_a_page() -> None:
    assert len(ROWS) > 30
    assert [row for row in ROWS if not re.search(r"`tests/|`make|\]\(", row)] == []


def test_the_files_are_there() -> None:
    named = set(FILE.findall(PAGE))
    assert len(named) > 30
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_the_tests_are_there() -> None:
    every = defined_in(ROOT / "tests")
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) > 25
    assert named - every == set()
