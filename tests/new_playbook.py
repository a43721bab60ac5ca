"""A playbook made by the generator in a copy of the repository, with a plan of a few lines."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

NAME, KIND = "probe_bucket", "guardduty:Discovery:S3/TorIPCaller"
EVENT = f"events/{NAME}/guardduty_first.json"
PLAN_FILE = EVENT.replace(".json", ".plan.json")
ROOT = Path(__file__).parents[1]
COPIED = ("console", "docs", "embedded", "events", "functions", "layers", "statemachines")
FILES = ("README.md", "samconfig.toml", "template.yaml")
PLAN = """\
    (one,) = targets(finding)
    exempt = deployment.never_locked_out(one.place.partition, one.place.account)
    return [DenyBucketAccess(one.place, one.name, ("writes",), exempt)]
"""


def copied(to: Path) -> Path:
    """What the generator reads and writes, and what is built and replayed."""
    for name in COPIED:  # with what Python has compiled
        shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("tests"))
    for name in FILES:
        shutil.copy(ROOT / name, to / name)
    return to


def cordon(copy: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command of the copy."""
    command = [sys.executable, "-m", "console", *words]
    return subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)


def generate(copy: Path) -> set[str]:
    """As `make playbook` does it: the files that it says it has written.

    AssertionError with what it said where it fails.
    """
    made = cordon(copy, "new", NAME, "--kind", KIND, "--output", "json")
    assert made.returncode == 0, made.stdout + made.stderr
    return {one["file"] for one in json.loads(made.stdout)}


def fill_in(copy: Path) -> None:
    """A plan of three lines, its import, and its action in the header. Then what follows
    from them is made, as `make playbooks` does it."""
    module = copy / "functions" / NAME / "playbook.py"
    text = module.read_text()
    text = text.replace("    return []\n", PLAN)
    text = text.replace("actions=(),", "actions=(DenyBucketAccess,),")
    first = "from cordon.actions import Action\n"
    more = "from cordon.actions.s3 import DenyBucketAccess\n"
    module.write_text(text.replace(first, first + more))
    cordon(copy, "docs")  # ends with 1: what the role is used for is not recorded yet
