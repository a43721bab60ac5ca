"""Two people who have never seen Cordon: the operator at 3 am, and the engineer on the first day.

Their commands are processes of their own, shown as in a terminal of 80 and of 120 columns.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from cordon.statuses import Status
from tests.e2e.account import ACCOUNT, ROOT, Account
from tests.e2e.test_console import SECONDS
from tests.e2e.test_playbooks import PUBLIC, awaiting, state

WIDTHS = (80, 120)
CORDON = (sys.executable, str(ROOT / "console"))
READY = "Enter ends it"
NEXT = "What to type next"
PLAYED = 400  # seconds, of the six


def terminal(width: int, **more: str) -> dict[str, str]:
    """The environment of somebody whose terminal is so wide, and who has no AWS configuration."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**clean, "COLUMNS": str(width), "FORCE_COLOR": "1", "NO_COLOR": "1", **more}


class Operator:
    """Types commands; ``said`` is all that was on the screen."""

    def __init__(self, account: Account) -> None:
        self._keys = {
            "AWS_ENDPOINT_URL": account.endpoint,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": account.region,
        }

    def types(self, *words: str, width: int = 80, ends: int = 0, typed: str = "") -> str:
        done = subprocess.run(
            [*CORDON, *words],
            env=terminal(width, **self._keys),
            input=typed,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert done.returncode == ends, done.stderr + done.stdout
        assert "Traceback" not in done.stderr
        return re.sub(r"\x1b\[[0-9?;]*[a-zA-Z]", "", done.stdout)


def unbroken(said: str) -> str:
    """What is on the screen, as one line of words."""
    return " ".join(said.split())


def test_an_operator_at_night_decides_and_takes_it_back(account: Account) -> None:
    case, one, before = awaiting(account, PUBLIC)
    ada, short = Operator(account), case.id[:5]
    said = ada.types("status", width=80)
    assert re.search(r"waiting +1 for approval", said)
    assert max(map(len, said.splitlines())) <= 80
    for width in WIDTHS:
        listed = ada.types("cases", "--waiting", width=width)
        assert case.id in listed and max(map(len, listed.splitlines())) <= width
    approved = unbroken(ada.types("approve", short, "--wait", width=80, typed="y\n"))
    question, outcome = approved.split("recorded;")
    assert "What is so Nothing was changed yet." in question
    assert f"cordon approve {case.id}" in question and "Who is shut out" in question
    assert "done and verified" in outcome and f"cordon release {case.id}" in outcome
    assert account.case().status is Status.CONTAINED
    words = ("release", short, "--why", "a public website", "--wait")
    released = unbroken(ada.types(*words, width=120))
    assert "undone and verified" in released and "a public website" in released
    assert account.case().status is Status.REOPENED
    assert state(account, one) == before
    assert ada.types("release", case.id, ends=2) == ""  # nothing was sent


@pytest.fixture
def demo() -> Iterator[subprocess.Popen[str]]:
    """`cordon demo`, which waits for Enter in the end."""
    command = [*CORDON, "demo"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=terminal(80), **pipes) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.terminate()


@pytest.mark.timeout(900)  # a deployment, and then six commands
def test_an_engineer_on_the_first_day_types_what_the_demo_says(
    demo: subprocess.Popen[str],
) -> None:
    assert demo.stdout is not None and demo.stdin is not None
    lines: list[str] = []
    while not lines or READY not in lines[-1]:
        line = demo.stdout.readline()
        assert line, lines
        lines.append(re.sub(r"\x1b\[[0-9?;]*[a-zA-Z]", "", line).rstrip("\n"))
    said = "\n".join(lines)
    assert "It is not AWS" in said
    for status in ("awaiting_approval", "contained", "observed", "escalated", "tagged"):
        assert re.search(rf"^(observe|approve|enforce) +{status} +[0-9a-f]{{16}} ", said, re.M)
    script = said.partition(NEXT)[2].splitlines()[1:-1]
    typed = "\n".join(filter(None, script)).replace(".venv/bin/cordon", " ".join(CORDON))
    done = subprocess.run(
        ["bash", "-ec", typed],
        env=terminal(120),
        input="y\n",  # the only prompt is that of approve
        capture_output=True,
        text=True,
        timeout=PLAYED,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert "evidence verified" in done.stderr
    assert "done and verified" in done.stdout and "reopened" in done.stdout
    (endpoint,) = re.findall(r"AWS_ENDPOINT_URL=(\S+)", said)
    demo.stdin.write("\n")
    demo.stdin.flush()
    assert demo.wait(timeout=SECONDS) == 0
    refused = subprocess.run(["bash", "-c", f"exec 3<>/dev/tcp/{endpoint[7:].replace(':', '/')}"])
    assert refused.returncode != 0  # nobody listens any more
