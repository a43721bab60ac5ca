"""The tool itself: its list comes again, and it says truly which mutant a test sees."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from tests.mutants.__main__ import COUNT, SEED
from tests.mutants.generate import CORE, ROOMS, ROOT, Mutant, drawn, every
from tests.mutants.run import Runner

CODE = """
def enough(number: int) -> bool:
    return number < 3

def unseen(number: int) -> bool:
    return number == 3
"""
TEST = """
from layers.cordon.cordon.policy import enough

def test_enough():
    assert not enough(3)

def test_red():
    assert not enough(3) and enough(4)
"""


def small_tree(root: Path) -> Path:
    """A core of two functions, and tests of one of them; one test fails whatever the code is."""
    for module in (module for modules in ROOMS.values() for module in modules):
        path = root / CORE / f"{module}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CODE if module == "policy" else "")
    (root / "test_it.py").write_text(TEST)
    return root


@pytest.mark.drawn(0)
def test_list_comes_again() -> None:
    drawn_once = drawn(COUNT, SEED)
    assert drawn_once == drawn(COUNT, SEED) != drawn(COUNT, SEED + 1)
    assert min(Counter(mutant.kind for mutant in drawn_once).values()) >= 4
    assert set(Counter(mutant.room for mutant in drawn_once).values()) == {12}


@pytest.mark.drawn(0)
def test_no_two_changes_have_one_name() -> None:
    names = [mutant.identity for mutant in every()]
    assert len(names) == len(set(names))


@pytest.mark.drawn(0)
def test_every_change_is_another_program() -> None:
    """A change that could not be compiled would pass for one that a test sees."""
    for mutant in drawn(200, SEED):
        source = (ROOT / CORE / f"{mutant.module}.py").read_bytes()
        changed = ast.parse(mutant.changed(source))
        assert ast.dump(changed) != ast.dump(ast.parse(source)), mutant.identity


@pytest.mark.drawn(0)
def test_only_what_a_test_sees_is_killed(tmp_path: Path) -> None:
    found: dict[str, str] = {}

    def done(mutant: Mutant, killed_by: str) -> None:
        found[mutant.function] = killed_by

    runner = Runner(1, ("test_it.py",), root=small_tree(tmp_path))
    runner.run_all(list(every(tmp_path)), done)
    assert found == {"enough": "test_it.py::test_enough", "unseen": ""}
    assert runner.red == {"test_it.py::test_red"}
