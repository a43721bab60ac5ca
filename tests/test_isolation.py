"""Tests of one process do not change each other, whatever their order."""

import subprocess
import sys

import pytest

from console.account import ROOT

ORDER = (  # an account once left its clients behind, which can make few calls
    "tests/promises/test_loops.py",
    "embedded/tests/test_members.py",
    "tests/actions/iam/test_role_sessions.py",
    "embedded/tests/test_snapshot.py",
)


@pytest.mark.drawn(0)
def test_accounts_leave_nothing_behind() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", *ORDER]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
