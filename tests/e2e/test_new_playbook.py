"""The playbook that the generator makes, deployed with nothing else touched.

It has an account of its own: in the one that the other tests share, test_same_as_replay would
compare two templates. What was built for them is built here too, but for the layer, which SAM
finds in the copied cache.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from console import stack
from cordon.statuses import Status
from tests.e2e.account import BUILT, Account, emulator
from tests.e2e.conftest import by_us
from tests.e2e.test_playbooks import allowed, bucket_of, contained, person, shown_as_it_is
from tests.new_playbook import EVENT, NAME, ROOT, copied, fill_in, generate

CACHED = BUILT.parents[1]


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Path]:
    """A copy of the repository with the new playbook, filled in and built."""
    made = copied(tmp_path / "copy")
    generate(made)
    fill_in(made)
    build(made)
    yield made
    shutil.rmtree(made)


def build(copy: Path) -> None:
    """As `make build` does it."""
    shutil.copytree(CACHED / "cache", copy / ".aws-sam" / "cache")
    definitions = (CACHED / "build.toml").read_text()
    (copy / ".aws-sam" / "build.toml").write_text(definitions.replace(str(ROOT), str(copy)))
    uv = ROOT / ".uv" / "bin"
    environment = {**os.environ, "PATH": f"{uv}:{os.environ['PATH']}", "SAM_CLI_TELEMETRY": "0"}
    command = [sys.executable, "-m", "samcli", "build"]
    ran = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.fixture
def deployed(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An account in which the copy is deployed, and its new playbook enforces. The operator has
    the copy, so they see its cases."""
    known = (*stack.playbook_names(), NAME)
    monkeypatch.setattr(stack, "playbook_names", lambda: known)
    with emulator(tmp_path / "log") as account:
        account.client("securityhub").enable_security_hub()
        built = copy / ".aws-sam" / "build" / "template.yaml"
        account.deploy("enforce", modes={NAME: "enforce"}, template=built)
        yield account


def test_generated_playbook_contains_and_releases(deployed: Account, copy: Path) -> None:
    """It alone has the case: what informs people was built with its header, and leaves it to it."""
    one = json.loads((copy / EVENT).read_text())
    deployed.stage(one)
    colleague = deployed.as_role(person(deployed, "colleague"), "s3")
    written = {"Bucket": bucket_of(one), "Key": "weights", "Body": b"x"}
    assert allowed(colleague.put_object, **written)
    before = deployed.state()
    case = contained(deployed, one)
    assert (case.playbook, case.status) == (NAME, Status.CONTAINED)
    assert not allowed(colleague.put_object, **written)
    deployed.stack.release(case, "it was an exercise")
    deployed.settle()
    assert allowed(colleague.put_object, **written)
    released = deployed.case()
    assert released.status is Status.REOPENED
    shown_as_it_is(deployed, released)
    assert deployed.state() == before
    assert deployed.holds() == {}
    assert [call for call in deployed.calls() if by_us(call)] == []
