"""How `cordon` starts: in whatever language the terminal is, and stopped before it has begun."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Whatever was started in the background ignores SIGINT, and what it starts inherits that.
IN_FRONT = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL);"
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}  # else Python changes it


def cordon(*words: str | Path, **more: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", IN_FRONT, ROOT / "console", *words],
        env={**os.environ, **more},
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )


@pytest.mark.parametrize(
    ("more", "mark"),
    [(ASCII, "✘".encode()), ({"PYTHONIOENCODING": "ascii"}, rb"\u2718")],
    ids=["locale", "output"],
)
def test_terminal_of_another_encoding_is_no_fault(
    tmp_path: Path, more: dict[str, str], mark: bytes
) -> None:
    """Our own files are read as they are written, and a mark is never another mark."""
    (tmp_path / "é.json").write_text("")
    done = cordon("replay", tmp_path / "é.json", **more)
    assert (done.returncode, done.stderr) == (1, b"")
    assert done.stdout.startswith(mark)


def test_ctrl_c_before_it_has_begun_is_no_traceback(tmp_path: Path) -> None:
    """While it imports, as it does for a second on a slow machine."""
    (tmp_path / "typer.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    done = cordon("cases", PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")
