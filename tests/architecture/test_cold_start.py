"""What a new sandbox may not do until its first event is answered: counts of docs/performance.md.

The layer is built by its own Makefile, from the packages of the same lock that run these tests,
and answers a recorded event in a process of its own, with nothing else to import.
"""

import re
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from bench import packages
from bench.measuring import Package
from bench.recorded_answers import record
from tests.architecture.stack import PLAYBOOKS, ROOT

MB = 1_000_000
LAYER = ROOT / "layers" / "cordon"
THIS = f"{sys.version_info.major}.{sys.version_info.minor}"
FORBIDDEN = (  # each costs about as much as all of our own code
    "aws_lambda_powertools.event_handler",
    "aws_lambda_powertools.utilities.parser",
    "aws_xray_sdk",
    "pydantic",
)


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """/opt/python: what the Makefile makes of installed packages, compiled by this Python."""
    built = tmp_path_factory.mktemp("layer")
    for name in re.findall(r"^(\S+)==", (LAYER / "requirements.txt").read_text(), re.MULTILINE):
        copied(name, built / "python")
    made("build-CordonLayer", LAYER, LAYER / "Makefile", built, "INSTALL=true")
    return built / "python"


def copied(name: str, target: Path) -> None:
    """Copy an installed package, as pip would unpack it."""
    for file in distribution(name).files or ():
        source = Path(str(file.locate()))
        if ".." not in file.parts and source.suffix != ".pyc":
            to = target / file
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, to)


def made(goal: str, folder: Path, makefile: Path, artifacts: Path, *more: str) -> None:
    """Run make as sam build does, with this interpreter as the runtime's."""
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    command = ["make", "-s", "-C", str(folder), "-f", str(makefile), goal, f"RUNTIME={THIS}", *more]
    subprocess.run(
        command, check=True, env={"PATH": path, "ARTIFACTS_DIR": str(artifacts)}, cwd=folder
    )


@pytest.fixture(scope="module", params=PLAYBOOKS)
def told(
    request: pytest.FixtureRequest, layer: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What a sandbox tells of its first event, and of the next."""
    playbook = str(request.param)
    function = tmp_path_factory.mktemp(playbook)
    folder = ROOT / "functions" / playbook
    made(f"build-{packages.FUNCTIONS[playbook]}", folder, folder.parent / "Makefile", function)
    recorded = record(playbook).write(tmp_path_factory.mktemp("recorded") / "first.json")
    package = Package(layer, function, Path(sys.base_prefix) / "bin" / f"python{THIS}")
    return package.run(recorded, 2, counts=True)


def test_the_event_is_answered_with_the_layer_alone(told: dict[str, Any]) -> None:
    first = told["answers"][0]
    assert first == {"batchItemFailures": []} or first["outcome"] in ("contained", "told")


def test_no_file_is_compiled(told: dict[str, Any]) -> None:
    assert [path for path in told["compiled"] if "/bench/inside/" not in path] == []


def test_there_is_one_session_and_every_client_is_made_once(told: dict[str, Any]) -> None:
    first, second = told["clients"]
    assert told["sessions"] == 1
    assert len(first) == len(set(first))
    assert second == first


def test_nothing_heavy_is_imported(told: dict[str, Any]) -> None:
    heavy = [m for m in told["modules"] if m.startswith(FORBIDDEN)]
    assert heavy == []


def test_the_handlers_import_is_no_longer_than_it_was(told: dict[str, Any]) -> None:
    """Modules are what an import costs; botocore's and Python's own are most of them."""
    ours = [m for m in told["modules"] if m.split(".")[0] in ("cordon", "aws_lambda_powertools")]
    assert len(told["modules"]) < 460, len(told["modules"])
    assert len(ours) < 110, len(ours)


def test_the_layer_is_light(layer: Path) -> None:
    assert packages.weight(layer) < 15 * MB
    assert (layer / "amazon-roots.pem").exists()
    assert not [*(layer / "botocore" / "data").rglob("*.gz")]
