"""Two people who have never seen Cordon: the operator at 3 am, and the engineer on the first day.

Each has a folder as a clone is: what git knows, and nothing else but the locked environments that
`make` installs. Their commands are those of the README, processes of their own, shown as in a
terminal of 80 and of 120 columns.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cordon.statuses import Status
from tests.e2e.account import ACCOUNT, ROOT, Account
from tests.e2e.test_playbooks import PUBLIC, awaiting, state
from tests.e2e.waiting import HANGS

WIDTHS = (80, 120)
ENVIRONMENTS = (".uv", ".e2e")  # as `make` has installed them
READY = "Enter ends it"
NEXT = "What to type next"


def terminal(width: int, **more: str) -> dict[str, str]:
    """The environment of somebody whose terminal is so wide, and who has no AWS configuration."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**clean, "COLUMNS": str(width), "FORCE_COLOR": "1", "NO_COLOR": "1", **more}


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `git clone` makes it, with the environments, which would take minutes.

    What an environment was made of is older than it, as where `make` has just made it.
    """
    folder = tmp_path_factory.mktemp("clone")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for name in ENVIRONMENTS:
        (folder / name).symlink_to((ROOT / name).resolve())
    own, theirs = folder / ".venv", (ROOT / ".venv").resolve()
    (own / "bin").mkdir(parents=True)
    (own / "lib").symlink_to(theirs / "lib")
    shutil.copy(theirs / "pyvenv.cfg", own)
    for program in (theirs / "bin").iterdir():
        (own / "bin" / program.name).symlink_to(program)
    for name in ("uv.lock", "pyproject.toml", "tests/e2e/requirements.txt"):
        os.utime(folder / name, (0, 0))
    (own / "bin" / "cordon").unlink()
    (own / "bin" / "cordon").write_text(
        f'#!/bin/sh\nexec "{own}/bin/python" "{folder}/console" "$@"\n'
    )
    (own / "bin" / "cordon").chmod(0o755)
    (own / ".ready").touch()
    return folder


class Operator:
    """Types commands, and sees what is on the screen."""

    def __init__(self, account: Account, folder: Path) -> None:
        self._folder = folder
        self._keys = {
            "AWS_ENDPOINT_URL": account.endpoint,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": account.region,
        }

    def types(self, *words: str, width: int = 80, ends: int = 0, typed: str = "") -> str:
        done = subprocess.run(
            [".venv/bin/cordon", *words],
            cwd=self._folder,
            env=terminal(width, **self._keys),
            input=typed,
            capture_output=True,
            text=True,
            timeout=HANGS,
        )
        assert done.returncode == ends, done.stderr + done.stdout
        assert "Traceback" not in done.stderr
        return plain(done.stdout)


def plain(said: str) -> str:
    """Without what a terminal takes for a command."""
    return re.sub(r"\x1b\[[0-9?;]*[a-zA-Z]", "", said)


def unbroken(said: str) -> str:
    """What is on the screen, as one line of words."""
    return " ".join(said.split())


def widest(said: str) -> int:
    """Of the lines that are Cordon's to break: a document's are the terminal's."""
    ours = (line for line in plain(said).splitlines() if not line.startswith(("+", "-", "case ")))
    return max((len(line.rstrip()) for line in ours), default=0)


def test_an_operator_at_night_decides_and_takes_it_back(account: Account, clone: Path) -> None:
    case, one, before = awaiting(account, PUBLIC)
    ada, short = Operator(account, clone), case.id[:5]
    for width in WIDTHS:
        said = ada.types("status", width=width)
        assert re.search(r"waiting +1 for approval", said) and widest(said) <= width
        listed = ada.types("cases", "--waiting", width=width)
        assert case.id in listed and widest(listed) <= width
        prompted = ada.types("approve", short, width=width, typed="n\n", ends=1)
        question = unbroken(prompted)
        assert "What is so Nothing was changed yet." in question
        assert f"cordon approve {case.id}" in question and "Who is shut out" in question
        assert "What it would change now" in question and "unknown" not in question
        assert "public_access_block BlockPublicAcls: " in question
    assert account.case().status is Status.AWAITING_APPROVAL  # nobody has said yes
    approved = ada.types("approve", short, "--wait", width=80, typed="y\n")
    outcome = unbroken(approved.split("recorded;")[1])
    assert "done and verified" in outcome and f"cordon release {case.id}" in outcome
    assert account.case().status is Status.CONTAINED
    for width in WIDTHS:
        shown = ada.types("show", short, width=width)
        assert "done and verified" in unbroken(shown) and case.id in shown
    words = ("release", short, "--why", "a public website", "--wait")
    released = unbroken(ada.types(*words, width=120))
    assert "What a release would change now" in released and "unknown" not in released
    assert "undone and verified" in released and "a public website" in released
    assert account.case().status is Status.REOPENED
    assert state(account, one) == before
    assert ada.types("release", case.id, ends=2) == ""  # nothing was sent


@pytest.fixture
def demo(clone: Path) -> Iterator[subprocess.Popen[str]]:
    """`make demo`, which builds and deploys, and waits for Enter in the end."""
    with subprocess.Popen(
        ["make", "demo"],
        cwd=clone,
        env=terminal(80),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:  # make, and what it has started
                os.killpg(process.pid, signal.SIGTERM)


def test_an_engineer_on_the_first_day_types_what_the_demo_says(
    demo: subprocess.Popen[str], clone: Path
) -> None:
    assert demo.stdout is not None and demo.stdin is not None
    lines: list[str] = []
    while not lines or READY not in lines[-1]:
        line = demo.stdout.readline()
        assert line, lines
        lines.append(plain(line).rstrip("\n"))
    said = "\n".join(lines)
    assert "It is not AWS" in said
    for status in ("awaiting_approval", "contained", "observed", "escalated", "tagged"):
        assert re.search(rf"^(observe|approve|enforce) +{status} +[0-9a-f]{{16}} ", said, re.M)
    script = [line for line in said.partition(NEXT)[2].splitlines()[1:-1] if line]
    first = next(n for n, line in enumerate(script) if " approve " in line)

    def types(lines: list[str], width: int) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["bash", "-ec", "\n".join(lines)],
            cwd=clone,
            env=terminal(width),
            input="y\n",  # the only prompt is that of approve
            capture_output=True,
            text=True,
            timeout=HANGS,
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done

    looked = types(script[:first], 80)  # before anything is decided
    assert "awaiting_approval" in looked.stdout and widest(looked.stdout) <= 80
    done = types(script, 120)
    assert "evidence verified" in done.stderr
    assert "done and verified" in done.stdout and "reopened" in done.stdout
    (endpoint,) = re.findall(r"AWS_ENDPOINT_URL=(\S+)", said)
    demo.stdin.write("\n")
    demo.stdin.flush()
    assert demo.wait(timeout=HANGS) == 0
    refused = subprocess.run(["bash", "-c", f"exec 3<>/dev/tcp/{endpoint[7:].replace(':', '/')}"])
    assert refused.returncode != 0  # nobody listens any more


def test_a_program_reads_what_came_of_the_demo() -> None:
    """Its input ends, and so does the demo, as it does with Enter."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "console"), "demo", "--output", "json"],
        env=terminal(80),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=HANGS,
    )
    assert done.returncode == 0, done.stderr
    statuses = {one["status"] for one in json.loads(done.stdout)}
    assert statuses == {"awaiting_approval", "contained", "observed", "escalated", "tagged"}
    assert NEXT in done.stderr and READY in done.stderr
