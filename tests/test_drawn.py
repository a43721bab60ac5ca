"""What a run of the whole suite draws, and that nothing is only ever drawn."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.drawn import SEED, choose, drawn, is_drawn

ROOT = Path(__file__).parents[1]
POINTS = range(2_000)
DRAWING = re.compile(r"^from tests.drawn import", re.MULTILINE)
PAIRS = "tests/fencing/test_pairs.py"
MARK = "pytest.mark.drawn("
EACH = re.compile(r"[ @]each\(")


def test_a_share_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SEED, "7")
    found = [*drawn(POINTS, 1 / 4, "calls")]
    assert 400 < len(found) < 600
    assert found == [*drawn(POINTS, 1 / 4, "calls")]
    assert found != [*drawn(POINTS, 1 / 4, "other calls")]
    assert (is_drawn("any", 0), is_drawn("any", 1)) == (False, True)
    monkeypatch.setenv(SEED, "8")
    assert found != [*drawn(POINTS, 1 / 4, "calls")]


def test_without_a_seed_all_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SEED, "")
    assert [*drawn(POINTS, 0, "calls")] == [*POINTS]


def test_what_draws_is_marked_so_that_all_of_it_runs_in_thorough() -> None:
    """``make thorough`` chooses by the mark."""
    files = {path: path.read_text() for path in (ROOT / "tests").rglob("test_*.py")}
    draw = {path.name for path, text in files.items() if DRAWING.search(text)}
    marked = {path.name for path, text in files.items() if MARK in text or EACH.search(text)}
    assert draw - {Path(__file__).name} <= marked
    assert len(marked) > 20


@pytest.mark.parametrize(
    ("given", "whole", "draws"),
    [(None, True, True), (None, False, False), ("", True, False), ("3", False, True)],
)
def test_a_run_of_the_whole_suite_draws(
    monkeypatch: pytest.MonkeyPatch, given: str | None, whole: bool, draws: bool
) -> None:
    """A person who names a file wants all of it; ``make thorough`` gives an empty seed."""
    monkeypatch.setenv(SEED, given or "")  # so that it is put back
    if given is None:
        monkeypatch.delenv(SEED)
    choose(whole=whole)
    assert bool(os.environ[SEED]) is draws
    assert os.environ[SEED] == (given or os.environ[SEED])


def test_what_is_not_drawn_is_left_out_and_the_run_says_so() -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:xdist", "--collect-only", "-q", PAIRS]
    env = {**os.environ, SEED: "3"}
    ran = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert " deselected)" in ran.stdout
    assert "A share was drawn, with DRAWN=3" in ran.stdout
