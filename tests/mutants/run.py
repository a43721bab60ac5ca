"""Which test fails first with a mutant? It runs in a copy of the tree, the cheap tests first.

Nothing is compiled to files there: two mutants of a second could else be taken for each other.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants.generate import CORE, ROOT, Mutant

# The stand-ins of the table know each expression word by word: they would refuse any change of one.
BY_BEHAVIOUR = ("-k", "not stand-in", "--deselect", "tests/memory/test_contract.py")
NEAREST = {  # to each room; then the dear ones
    "policy": (
        "tests/test_gate.py",
        "tests/test_policy.py",
        "tests/test_settings.py",
        "tests/deciding/test_contain_by_arn.py",
        "tests/test_plans.py",
        "tests/reporting",
    ),
    "statuses": ("tests/test_statuses.py",),
    "memory": (
        "tests/memory",
        "tests/fencing",
        "tests/deciding/test_settings.py",
        "tests/reconciling/test_run.py",
    ),
    "contain": ("tests/fencing",),
    "release": ("tests/fencing",),
    "respond": ("tests/test_again.py",),
    "expressions": (
        "tests/memory",
        "tests/deciding/test_settings.py",
        "tests/reconciling/test_run.py",
        *BY_BEHAVIOUR,
    ),
}
DEAR = tuple(
    f"tests/promises/test_{name}.py"
    for name in (
        "path",
        "approval",
        "delivery",
        "dead_letters",
        "again",
        "baseline",
        "crash",
        "evidence",
        "settings",
        "exemptions",
        "budget",
        "time",
    )
)
OPTIONS = ("-x", "-q", "--tb=no", "-rfE", "--timeout=90")
ENV = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "DRAWN": ""}
NOT_COPIED = shutil.ignore_patterns(".?*", "__pycache__")


class Runner:
    """Runs mutants in copies of the tree; knows which tests are green without any."""

    def __init__(self, jobs: int, tests: tuple[str, ...] = (), root: Path = ROOT) -> None:
        """``tests``: these alone, in place of those that the mutant's room names."""
        self._jobs, self._tests, self._root = jobs, tests, root
        self._green: set[str] = set()
        self.red: set[str] = set()  # tests that fail without a mutant too: they count for nothing

    def run_all(self, mutants: list[Mutant], done: Callable[[Mutant, str], None]) -> float:
        """Run the tests against each mutant; the CPU seconds that they took.

        ``done`` is called with the test that failed first, or "" where the mutant survived.
        """
        before = sum(os.times()[2:4])
        with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(self._jobs) as pool:

            def work(number: int) -> None:
                tree = Path(folder, str(number))
                shutil.copytree(self._root, tree, symlinks=True, ignore=NOT_COPIED)
                for mutant in mutants[number :: self._jobs]:
                    done(mutant, self._killed_by(mutant, tree))

            list(pool.map(work, range(self._jobs)))
        return sum(os.times()[2:4]) - before

    def _killed_by(self, mutant: Mutant, tree: Path) -> str:
        for step in [self._tests] if self._tests else [NEAREST[mutant.room], DEAR]:
            while failed := self._failed_with(mutant, tree, step):
                if self._is_green(failed, tree):
                    return failed
        return ""

    def _failed_with(self, mutant: Mutant, tree: Path, step: tuple[str, ...]) -> str:
        module = tree / CORE / f"{mutant.module}.py"
        source = module.read_bytes()
        module.write_bytes(mutant.changed(source))
        try:
            return _failed(tree, (*step, *(f"--deselect={test}" for test in sorted(self.red))))
        finally:
            module.write_bytes(source)

    def _is_green(self, test: str, tree: Path) -> bool:
        """Does it pass without the mutant? What kept all from running has no name."""
        if "::" in test and test not in self._green:
            (self.red if _failed(tree, (test,)) else self._green).add(test)
        return test not in self.red


def _failed(tree: Path, tests: tuple[str, ...]) -> str:
    """The first test that failed, or what kept them from running; "" where all passed."""
    command = (sys.executable, "-m", "pytest", *OPTIONS, *tests)
    try:
        ended = subprocess.run(
            command, cwd=tree, env=ENV, capture_output=True, text=True, timeout=1200
        )
    except subprocess.TimeoutExpired:
        return "no end"
    if ended.returncode == 0:
        return ""
    named = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", ended.stdout, re.MULTILINE)
    if ended.returncode > 2 or not named:
        raise RuntimeError(f"pytest did not run: {ended.stdout[-2000:]}{ended.stderr[-2000:]}")
    return named[1]
