"""Builds the two compared packages: Cordon's own, and a plain ``sam build`` of the same code."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from bench.measuring import Package
from console.playbook_blocks.block import logical_name
from console.playbooks import playbooks

ROOT = Path(__file__).parents[1]
WORK = ROOT / ".bench"
RUNTIME = "3.13"
RIC = "awslambdaric==4.2.2"
FUNCTIONS = {playbook.name: logical_name(playbook.name) for playbook in playbooks(ROOT)}


def interpreter() -> Path:
    """The runtime's Python on this machine. RuntimeError if there is none."""
    name = f"python{RUNTIME}"
    for path in Path.home().glob(f".pyenv/versions/{RUNTIME}*/bin/{name}"):
        return path
    if on_path := shutil.which(name):
        return Path(on_path)
    raise RuntimeError(f"the measurement needs {name}, like the functions")


def cordon() -> Path:
    """``sam build`` of the template as it is."""
    return _built(_copy("cordon"))


def plain() -> Path:
    """The same code, built with SAM's Python builder: nothing is compiled or pruned."""
    folder = _copy("plain")
    template = folder / "template.yaml"
    text = template.read_text()
    text = text.replace(
        "Metadata: {BuildMethod: makefile}", f"Metadata: {{BuildMethod: python{RUNTIME}}}"
    )
    text = re.sub(r"\n +Metadata: \{BuildMethod: makefile, ContextPath.*\}", "", text)
    if "makefile" in text:
        raise RuntimeError("the template's builds are not as expected")
    template.write_text(text)
    layer = folder / "layers" / "cordon"
    for path in layer.iterdir():
        if path.name not in ("cordon", "requirements.txt"):
            path.unlink()
    return _built(folder)


def package(built: Path, playbook: str) -> Package:
    """The package of one function."""
    layer = built / "CordonLayer" / "python"
    return Package(layer, built / FUNCTIONS[playbook], interpreter())


def runtime_client() -> Path:
    """Lambda's runtime client in its own folder, compiled as on Lambda."""
    folder = WORK / "ric"
    if not folder.exists():
        uv = ROOT / ".uv" / "bin" / "uv"
        command = [uv, "pip", "install", "--quiet", "--python", interpreter(), "--target", folder]
        subprocess.run([*map(str, command), "--compile-bytecode", RIC], check=True)
    return folder


def zipped(folder: Path) -> int:
    """The size of the folder as a zip in bytes, about as ``sam package`` makes it."""
    target = WORK / "size.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    size = target.stat().st_size
    target.unlink()
    return size


def weight(path: Path) -> int:
    """The size of a file, or of all files in a folder, in bytes."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _copy(name: str) -> Path:
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    ignore = shutil.ignore_patterns("__pycache__")
    for part in ("functions", "layers", "statemachines"):
        shutil.copytree(ROOT / part, folder / part, ignore=ignore)
    shutil.copy(ROOT / "template.yaml", folder)
    return folder


def _built(folder: Path) -> Path:
    path = f"{ROOT / '.uv' / 'bin'}:{interpreter().parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "SAM_CLI_TELEMETRY": "0"}
    sam = Path(sys.executable).with_name("sam")
    process = subprocess.run(
        [str(sam), "build"], cwd=folder, env=environment, capture_output=True, text=True
    )
    if process.returncode:
        raise RuntimeError(process.stderr[-3000:])
    return folder / ".aws-sam" / "build"
