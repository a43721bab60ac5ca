"""A playbook costs a folder: the generator makes one in a copy of the repository, and it works.

In the copy nothing else is touched: three lines of a plan, and the event is contained and released
by replay. What the generator refuses leaves the copy as it was.
"""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from console.new_playbook import make
from console.playbook_blocks.block import logical_name
from console.playbooks import playbooks
from console.stack import NotPossible
from embedded.template import load
from tests.examples import QUARANTINE, TAG
from tests.new_playbook import EVENT, KIND, NAME, PLAN_FILE, copied, cordon, fill_in, generate

ROOT = Path(__file__).parents[1]
MOST_LINES = 60  # of template.yaml, written by people for one playbook


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("copy"))


def content(copy: Path) -> dict[str, bytes]:
    """Every file that is no cache."""
    files = (path for path in copy.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(copy)): path.read_bytes() for path in files}


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize(
    ("name", "kind", "why"),
    [
        ("ProbeBucket", KIND, "is no name for a playbook"),
        ("lambda", KIND, "is no name for a playbook"),
        ("json", KIND, "is the name of a Python module"),
        ("report_cases", KIND, "exists already"),
        ("nobody", KIND, "exists already"),
        ("evidence_bucket", KIND, "template.yaml has EvidenceBucket already"),
        (NAME, "RDS.2", "a kind is SOURCE:TYPE"),
        (NAME, "inspector:CVE-2026-1", "a kind is SOURCE:TYPE"),
        (NAME, "securityhub:RDS.*", "name one type"),
        (NAME, "macie:SensitiveData:S3Table/Personal", "no event pattern can say it"),
        (NAME, "securityhub:nonsense", "no parser of Cordon reads such an event"),
        (NAME, "guardduty:Impact:S3/MaliciousIPCaller", f"{QUARANTINE.name} handles"),
        (NAME, "securityhub:SageMaker.99", f"{TAG.name} handles"),
        (NAME, "config:s3-bucket-public-read-prohibited", f"{QUARANTINE.name} handles"),
        (NAME, "config:my-s3-bucket-public-read-prohibited", "our parser reads such an event as"),
    ],
)
def test_what_is_refused_changes_nothing(copy: Path, name: str, kind: str, why: str) -> None:
    before = content(copy)
    with pytest.raises(NotPossible, match=re.escape(why)):
        make(copy, name, kind)
    assert content(copy) == before


@pytest.mark.drawn(0)
def test_playbook_is_its_folder_its_events_and_a_block(copy: Path) -> None:
    before = content(copy)
    said = generate(copy)
    now = content(copy)
    new = {path for path in now if path not in before}
    page = f"docs/playbooks/{NAME}.md"
    assert new == {f"functions/{NAME}/playbook.py", EVENT, PLAN_FILE, page}
    changed = {path for path in before if before[path] != now[path]}
    with_hash = {path for path in changed if path.startswith("docs/playbooks/")}  # of plans
    names = ("attack-sequence", "coverage", "one-case", "permissions", "playbooks")
    pages = {f"docs/{name}.md" for name in (*names, "reference/parameters")}
    generated = {"README.md", "template.yaml", *pages}
    beside = {path: json.loads(now[path]) for path in now if path.endswith(".plan.json")}
    plans = {path: json.dumps([one["plan"], one.get("others")]) for path, one in beside.items()}
    roles = {path for path, text in plans.items() if ":role/cordon/" in text}  # never locked out
    ours = f"{logical_name(NAME)}Role"
    assert roles and all(ours in plans[path] for path in roles)
    assert with_hash < set(before)  # those whose plan exempts our roles
    assert changed == {*generated, "events/README.md", *roles, *with_hash}
    assert said == new | changed
    assert json.loads(now[PLAN_FILE])["outcome"] == "escalated"

    fill_in(copy)
    assert "s3:PutBucketPolicy" in role_of(copy)
    planned = cordon(copy, "plan", EVENT, "--write")
    assert planned.returncode == 0, planned.stderr
    assert json.loads((copy / PLAN_FILE).read_text())["outcome"] == "contained"
    assert is_built(copy)

    played = cordon(copy, "replay", EVENT, "--mode", "enforce", "--release", "--full", "-o", "json")
    assert played.returncode == 0, played.stdout + played.stderr
    (run,) = json.loads(played.stdout)
    (case,) = run["cases"]
    assert {one["playbook"]: one["outcome"] for one in run["outcomes"]}[NAME] == "contained"
    assert (case["playbook"], case["status"]) == (NAME, "reopened")  # a person released it
    assert run["contained"] != run["before"] == run["released"]


def role_of(copy: Path) -> str:
    """The part of the template that is made for the playbook."""
    _, _, below = (copy / "template.yaml").read_text().partition(f"# >>> playbook: {NAME}\n")
    return below.partition("# <<<")[0]


def is_built(copy: Path) -> bool:
    """Make builds the function as sam build does: its module, and nothing else."""
    artifacts = copy / "artifacts"
    artifacts.mkdir()
    logical = logical_name(NAME)
    resource = load((copy / "template.yaml").read_text())["Resources"][logical]["Properties"]
    folder, makefile = copy / resource["CodeUri"], copy / "functions" / "Makefile"
    command = ["make", "-s", "-C", str(folder), "-f", str(makefile), f"build-{logical}"]
    subprocess.run(command, check=True, env={**os.environ, "ARTIFACTS_DIR": str(artifacts)})
    module = artifacts / "playbook.py"
    return bool(module.read_bytes() == (folder / "playbook.py").read_bytes())


def test_template_has_few_lines_of_a_playbook_by_people() -> None:
    """Its function, down to the mark: all else of it is made."""
    text = (ROOT / "template.yaml").read_text()
    lines = re.sub(r"(?sm)^( *)# >>> (.+?)\n.*?^ *# <<<\n", r"\1# >>> \2\n", text).splitlines()
    for playbook in playbooks(ROOT):
        logical = logical_name(playbook.name)
        first, mark = lines.index(f"  {logical}:"), f"  # >>> playbook: {playbook.name}"
        assert 0 < lines.index(mark) - first < MOST_LINES
        others = lines[:first] + lines[lines.index(mark) + 1 :]
        named = [line for line in others if re.search(rf"\b{logical}|\b{playbook.name}\b", line)]
        assert named == [], "written by people in another place"
