"""Limits on the work of a new sandbox until its first event: counts of docs/performance.md.

The layer's Makefile builds the layer from the locked packages that also run these tests. The layer
then handles a recorded event in its own process, with nothing else to import.
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
from tests.architecture.stack import PLAYBOOKS, ROOT, raw

MB = 1_000_000
LAYER = ROOT / "layers" / "cordon"
THIS = f"{sys.version_info.major}.{sys.version_info.minor}"
every_playbook = pytest.mark.drawn(1 / 16, together=True)
FORBIDDEN = (  # each costs about as much as all of Cordon's code
    "aws_lambda_powertools.event_handler",
    "aws_lambda_powertools.utilities.parameters",
    "aws_lambda_powertools.utilities.parser",
    "aws_xray_sdk",
    "pydantic",
)


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """/opt/python: built by the Makefile from installed packages, compiled with this Python."""
    built = tmp_path_factory.mktemp("layer")
    for name in re.findall(r"^(\S+)==", (LAYER / "requirements.txt").read_text(), re.MULTILINE):
        copy_package(name, built / "python")
    run_make("build-CordonLayer", LAYER, LAYER / "Makefile", built, "INSTALL=true")
    return built / "python"


def copy_package(name: str, target: Path) -> None:
    """Copy an installed package, as pip would unpack it."""
    for file in distribution(name).files or ():
        source = Path(str(file.locate()))
        if ".." not in file.parts and source.suffix != ".pyc":
            to = target / file
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, to)


def run_make(goal: str, folder: Path, makefile: Path, artifacts: Path, *more: str) -> None:
    """Run make like sam build, with this interpreter in place of the runtime's."""
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    command = ["make", "-s", "-C", str(folder), "-f", str(makefile), goal, f"RUNTIME={THIS}", *more]
    subprocess.run(
        command, check=True, env={"PATH": path, "ARTIFACTS_DIR": str(artifacts)}, cwd=folder
    )


@pytest.fixture(scope="module", params=PLAYBOOKS)
def result(
    request: pytest.FixtureRequest, layer: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """The output of a sandbox for its first two events."""
    playbook = str(request.param)
    function = tmp_path_factory.mktemp(playbook)
    name = packages.FUNCTIONS[playbook]
    folder = ROOT / raw()["Resources"][name]["Properties"]["CodeUri"]
    run_make(f"build-{name}", folder, ROOT / "functions" / "Makefile", function)
    recorded = record(playbook).write(tmp_path_factory.mktemp("recorded") / "first.json")
    package = Package(layer, function, Path(sys.base_prefix) / "bin" / f"python{THIS}")
    return package.run(recorded, 2, counts=True)


@every_playbook
def test_layer_alone_handles_the_event(result: dict[str, Any]) -> None:
    first = result["responses"][0]
    assert first == {"batchItemFailures": []} or first["outcome"] in (
        "contained",
        "tagged",
        "escalated",
    )


@every_playbook
def test_no_file_is_compiled(result: dict[str, Any]) -> None:
    assert [path for path in result["compiled"] if "/bench/inside/" not in path] == []


@every_playbook
def test_session_and_clients_are_created_once(result: dict[str, Any]) -> None:
    first, second = result["clients"]
    assert result["sessions"] == 1
    assert len(first) == len(set(first))
    assert second == first


@every_playbook
def test_no_heavy_module_is_imported(result: dict[str, Any]) -> None:
    heavy = [m for m in result["modules"] if m.startswith(FORBIDDEN)]
    assert heavy == []


@every_playbook
def test_number_of_imported_modules_is_limited(result: dict[str, Any]) -> None:
    """The number of modules is the cost of an import. Most are botocore's and Python's."""
    cordon = [
        m for m in result["modules"] if m.split(".")[0] in ("cordon", "aws_lambda_powertools")
    ]
    assert len(result["modules"]) < 465, len(result["modules"])
    assert len(cordon) < 126, len(cordon)


def test_layer_size_is_limited(layer: Path) -> None:
    assert packages.weight(layer) < 15 * MB
    assert (layer / "amazon-roots.pem").exists()
    assert (layer / "botocore" / "cacert.pem").exists()  # what the functions fall back to
    assert not [*(layer / "botocore" / "data").rglob("*.gz")]
