"""Does a test fail? One mutant in a copy of the tree, the cheap tests first.

The copy is made once for each worker; a mutant is written into it and taken out again. Nothing is
compiled to files there: two mutants of a second could else be taken for each other.
"""

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

from tests.mutants.generate import ROOT, Mutant

# The stand-ins of the table know each expression word by word: they would refuse any change of one.
BY_BEHAVIOUR = ("-k", "not stand-in", "--deselect", "tests/memory/test_contract.py")
NEAREST = {  # to each room; then CHEAP, then DEAR
    "policy": ("tests/test_policy.py",),
    "statuses": ("tests/test_statuses.py",),
    "memory": ("tests/memory",),
    "contain": ("tests/fencing",),
    "release": ("tests/fencing",),
    "respond": ("tests/test_again.py",),
    "expressions": ("tests/memory", *BY_BEHAVIOUR),
}
CHEAP = (
    *("tests/test_policy.py", "tests/test_statuses.py", "tests/test_settings.py"),
    *("tests/test_again.py", "tests/memory", "tests/reporting", "tests/fencing"),
)
DEAR = tuple(
    f"tests/promises/test_{name}.py"
    for name in ("path", "approval", "delivery", "again", "crash", "evidence", "settings", "time")
)
TEST_SECONDS = 90
RUN_SECONDS = 1200
NOT_COPIED = (".git", ".venv", ".aws-sam", ".bench", ".e2e", ".uv", "__pycache__")


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
        before = _cpu_seconds()
        trees: Queue[Path] = Queue()
        ignore = shutil.ignore_patterns(*NOT_COPIED)
        with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(self._jobs) as pool:
            for number in range(self._jobs):
                tree = Path(folder, str(number))
                shutil.copytree(self._root, tree, symlinks=True, ignore=ignore)
                trees.put(tree)

            def one(mutant: Mutant) -> None:
                tree = trees.get()
                try:
                    done(mutant, self._killed_by(mutant, tree))
                finally:
                    trees.put(tree)

            list(pool.map(one, mutants))
        return _cpu_seconds() - before

    def _killed_by(self, mutant: Mutant, tree: Path) -> str:
        for step in [self._tests] if self._tests else steps(mutant):
            while failed := self._failed_with(mutant, tree, step):
                if self._passes(failed, tree):
                    return failed
        return ""

    def _failed_with(self, mutant: Mutant, tree: Path, step: tuple[str, ...]) -> str:
        with applied(mutant, tree):
            return _failed(tree, (*step, *(f"--deselect={test}" for test in sorted(self.red))))

    def _passes(self, test: str, tree: Path) -> bool:
        """Does it without the mutant? What kept all from running has no name."""
        if "::" in test and test not in self._green:
            if _failed(tree, (test,)):
                self.red.add(test)
                return False
            self._green.add(test)
        return True


def steps(mutant: Mutant) -> tuple[tuple[str, ...], ...]:
    """The tests to run, cheap ones first."""
    nearest = NEAREST[mutant.room]
    cheap = tuple(path for path in CHEAP if path not in nearest)
    return nearest, cheap[:-1] if mutant.room == "expressions" else cheap, DEAR


@contextmanager
def applied(mutant: Mutant, tree: Path) -> Iterator[None]:
    """The mutant is in the tree, and is out of it afterwards."""
    module = tree / mutant.path
    source = module.read_bytes()
    module.write_bytes(mutant.changed(source))
    try:
        yield
    finally:
        module.write_bytes(source)


def _failed(tree: Path, step: tuple[str, ...]) -> str:
    """The first test that failed, or what kept them from running; "" where all passed."""
    options = ("-x", "-q", "--tb=no", "-rfE", f"--timeout={TEST_SECONDS}")
    command = (sys.executable, "-m", "pytest", *options, *step)
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    try:
        ended = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, timeout=RUN_SECONDS
        )
    except subprocess.TimeoutExpired:
        return "no end"
    if ended.returncode == 0:
        return ""
    named = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", ended.stdout, re.MULTILINE)
    if ended.returncode > 2 or (not named and ended.returncode != 1):
        raise RuntimeError(f"pytest did not run: {ended.stdout[-2000:]}{ended.stderr[-2000:]}")
    return named[1] if named else "import"


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
