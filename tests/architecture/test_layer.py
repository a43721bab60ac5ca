"""What the layer's build leaves in and what it installs, held against the code and the lock."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.stack import ROOT

LAYER = ROOT / "layers" / "cordon"


def clients(path: Path) -> Iterator[str]:
    """Services the module asks clients for: ``x.client("s3")``, ``service = "bedrock-agent"``."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="client"), args=[ast.Constant(value=str(name)), *_]
            ):
                yield name
            case ast.AnnAssign(target=ast.Name(id="service"), value=ast.Constant(value=str(name))):
                yield name


def test_botocore_keeps_the_services_we_call_and_no_other() -> None:
    kept = (LAYER / "services.txt").read_text().split()
    code = [*LAYER.rglob("cordon/**/*.py"), *(ROOT / "functions").rglob("*.py")]
    assert kept == sorted({name for path in code for name in clients(path)})


def test_the_layer_installs_what_the_lock_says() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    locked = {p["name"]: p for p in lock["package"]}
    wanted, found = ["aws-lambda-powertools", "boto3"], {}
    while wanted:
        package = locked[wanted.pop()]
        found[package["name"]] = package
        wanted += [d["name"] for d in package.get("dependencies", []) if d["name"] not in found]
    expected = {
        f"{name}=={p['version']}": {f["hash"] for f in (*p["wheels"], p["sdist"])}
        for name, p in found.items()
    }
    blocks = re.split(r"\n(?=\S)", (LAYER / "requirements.txt").read_text().strip())
    listed = {b.split()[0]: set(re.findall(r"--hash=(\S+)", b)) for b in blocks}
    assert listed == expected
