"""Cold start: the work of a new sandbox until its first event is handled."""

import shutil
import statistics
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from bench import packages, sections
from bench.measuring import Package, aws_stub, counted
from bench.packages import FUNCTIONS, WORK
from bench.recorded_answers import record
from bench.runtime_api import ColdStart, cold_start
from tests.examples import QUARANTINE

CLIENTS = ("dynamodb", "s3")  # every first event needs these before the first change
MILLION = 1_000_000
MB = 1_000_000

WHY = {  # what is in the layer
    "botocore": "the AWS clients; only the operations of operations.txt",
    "urllib3": "botocore's connections",
    "cordon": "Cordon's code",
    "aws_lambda_powertools": "logger, metrics, batch; other tools are removed",
    "dateutil": "botocore's dates",
    "boto3": "the session that makes the clients",
    "s3transfer": "boto3 imports it",
    "jmespath": "botocore's paginators",
    "typing_extensions.py": "Powertools' types",
    "six.py": "dateutil",
    "amazon-roots.pem": "the roots for connections to AWS",
    "__pycache__": "six and typing_extensions, compiled",
}


@dataclass(frozen=True)
class Bench:
    """The measured builds."""

    cordon: Path
    plain: Path
    recorded: dict[str, Path]
    stock: Path  # boto3 as published, compiled
    raw: Path  # the same, not compiled


def main(
    pairs: Annotated[int, typer.Option(help="Cold starts of each package and function.")] = 7,
    write: Annotated[bool, typer.Option(help="Write to docs/performance.md.")] = False,
) -> None:
    """Cold start of each function, against plain boto3 and a plain sam build."""
    WORK.mkdir(exist_ok=True)
    recorded = {name: record(name).write(WORK / f"{name}.json") for name in FUNCTIONS}
    bench = Bench(packages.cordon(), packages.plain(), recorded, *_stock())
    parts = [_head(), _import(bench), _loop(bench, pairs), _roots(bench), _weight(bench)]
    text = "\n\n".join([*parts, _counts(bench)])
    typer.echo(text)
    if write:
        sections.write("cold start", text)


def _head() -> str:
    return (
        "## Cold start\n"
        f"`python -m bench cold --write` ({sections.machine()}; Python {packages.RUNTIME}). "
        "Instructions are counted by cachegrind and repeat within 0.1 %; times are only compared "
        "within pairs. AWS is a process that returns the embedded account's responses over HTTP."
    )


# ---- instructions ----


def _import(bench: Bench) -> str:
    python = packages.interpreter()
    events = bench.recorded[QUARANTINE.name]
    script = "import boto3\nfor name in {!r}: boto3.client(name, region_name='us-east-1')"
    clients = tuple(package(bench, QUARANTINE.name).run(events, 1, counts=True)["clients"][0])
    boto3 = _code(python, bench.stock, "import boto3")
    rows = [
        ("python alone", _code(python, bench.stock, "pass")),
        ("`import boto3`", boto3),
        ("`import boto3`, not compiled", _code(python, bench.raw, "import boto3")),
        (
            f"`import boto3`, {len(CLIENTS)} clients ({', '.join(CLIENTS)})",
            _code(python, bench.stock, script.format(CLIENTS)),
        ),
        (
            f"`import boto3`, the {len(clients)} clients of quarantine's first event",
            _code(python, bench.stock, script.format(clients)),
        ),
    ]
    for name in FUNCTIONS:
        built, recorded = package(bench, name), bench.recorded[name]
        rows += [
            (f"{name}: import", built.instructions(recorded, 0)),
            (f"{name}: import and first event", built.instructions(recorded, 1)),
        ]
    make = (
        "from cordon.clients import AwsClients\n"
        f"for n in {CLIENTS!r}: AwsClients('us-east-1', {{}}).client(n)"
    )
    built = package(bench, QUARANTINE.name)
    with_clients = _code(python, built.layer, f"import playbook\n{make}", built.function)
    rows.append((f"{QUARANTINE.name}: import, {len(CLIENTS)} clients", with_clients))
    plain = packages.package(bench.plain, QUARANTINE.name).instructions(events, 1)
    rows.append((f"{QUARANTINE.name}: import and first event, plain sam build", plain))
    figures = [(title, f"{n / MILLION:,.0f}", f"{n / boto3:.2f}") for title, n in rows]
    return (
        sections.table(("", "M instructions", "× `import boto3`"), figures)
        + f"\n\nHandler import with {len(CLIENTS)} clients: **{with_clients / boto3:.2f} × "
        "`import boto3`** (target 2.2, stretch 1.6)."
    )


def package(bench: Bench, name: str) -> Package:
    """Cordon's package of a playbook."""
    return packages.package(bench.cordon, name)


def _code(python: Path, *parts: Path | str) -> int:
    folders = [str(part) for part in parts if isinstance(part, Path)]
    (code,) = [part for part in parts if isinstance(part, str)]
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": ":".join(folders),
        "AWS_ACCESS_KEY_ID": "ASIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    return counted([str(python), "-c", code], environment)


def _stock() -> tuple[Path, Path]:
    """boto3 of the locked version, compiled and not compiled."""
    folders = []
    for name, compiled in (("stock", ["--compile-bytecode"]), ("raw", [])):
        folder = WORK / name
        shutil.rmtree(folder, ignore_errors=True)
        pins = [f"{name}=={version(name)}" for name in ("boto3", "botocore")]
        uv = str(packages.ROOT / ".uv" / "bin" / "uv")
        python = str(packages.interpreter())
        command = [uv, "pip", "install", "--quiet", "--python", python, "--target", str(folder)]
        subprocess.run([*command, *compiled, *pins], check=True)
        folders.append(folder)
    return folders[0], folders[1]


# ---- the runtime's loop ----


def _loop(bench: Bench, pairs: int) -> str:
    client = packages.runtime_client()
    rows = []
    for name in FUNCTIONS:
        both = [
            (_start(bench.plain, name, bench, client), _start(bench.cordon, name, bench, client))
            for _ in range(pairs + 1)
        ][1:]  # the first pair loads the files into memory
        total = [(c.init + c.invoke) / (p.init + p.invoke) for p, c in both]
        init = [c.init / p.init for p, c in both]
        invoke = [c.invoke / p.invoke for p, c in both]
        resident = max(c.resident for _, c in both)
        rows.append(
            (
                name,
                *(f"{statistics.median(ratios):.2f}" for ratios in (init, invoke, total)),
                f"{min(total):.2f}-{max(total):.2f}",
                f"{resident:.0f}",
            )
        )
    head = ("Cordon ÷ plain sam build", "init", "first invoke", "both", "range", "memory, MB")
    return (
        sections.table(head, rows)
        + f"\n\nLambda's own loop ({packages.RIC}) around each handler, {pairs} pairs, one after "
        "the other; median of the pairs' ratios (target 0.5). Memory: the peak resident size "
        "after the first event (target 70 MB)."
    )


def _start(built: Path, name: str, bench: Bench, client: Path) -> ColdStart:
    package, recorded = packages.package(built, name), bench.recorded[name]
    with aws_stub(recorded) as port:
        environment = package.environment(recorded, port)
        environment["PYTHONPATH"] += f":{client}"
        environment |= {"AWS_LAMBDA_FUNCTION_NAME": name, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512"}
        command = [str(package.python), "-m", "awslambdaric", "handler.handler"]
        invocation = package.invocation(recorded)
        return cold_start(command, environment, invocation["event"], invocation["arn"])


# ---- root certificates ----


def _roots(bench: Bench) -> str:
    layer = package(bench, QUARANTINE.name).layer
    python = packages.interpreter()
    load = "import ssl\ncontext = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)"
    files = {"botocore's": layer / "botocore/cacert.pem", "Cordon's": layer / "amazon-roots.pem"}
    base = _code(python, layer, load)
    cost = {
        name: _code(python, layer, f"{load}\ncontext.load_verify_locations({str(file)!r})") - base
        for name, file in files.items()
    }
    roots = {name: file.read_text().count("BEGIN CERTIFICATE") for name, file in files.items()}
    return (
        "Each new TLS connection reads the root certificates: "
        + ", ".join(
            f"{n / MILLION:.1f} M instructions for {roots[name]} roots ({name})"
            for name, n in cost.items()
        )
        + ". A first event opens one connection for each service it calls. TLS itself cannot be "
        "measured here: this saving is not in the tables above."
    )


# ---- weight ----


def _weight(bench: Bench) -> str:
    layers = {"Cordon": bench.cordon / "CordonLayer", "plain": bench.plain / "CordonLayer"}
    rows = [
        (
            f"layer, {name}",
            "",
            f"{packages.zipped(path) / MB:.1f}",
            f"{packages.weight(path) / MB:.1f}",
            str(sum(file.is_file() for file in path.rglob("*"))),
        )
        for name, path in layers.items()
    ]
    entries = sorted(
        (packages.weight(entry), entry)
        for entry in (layers["Cordon"] / "python").iterdir()
        if not entry.name.endswith(".dist-info")
    )
    for size, entry in reversed(entries):
        why = WHY[entry.name]
        count = sum(f.is_file() for f in entry.rglob("*")) if entry.is_dir() else 1
        rows.append((f"`{entry.name}`", why, "", f"{size / MB:.2f}", str(count)))
    head = ("", "why", "zip, MB", "unpacked, MB", "files")
    return sections.table(head, rows, texts=2) + "\n\nTarget for the zip: 15 MB."


# ---- counts ----


def _counts(bench: Bench) -> str:
    rows = []
    for name in FUNCTIONS:
        result = package(bench, name).run(bench.recorded[name], 2, counts=True)
        compiled = [path for path in result["compiled"] if "/bench/inside/" not in path]
        first, second = result["clients"]
        rows.append(
            (
                name,
                str(len(compiled)),
                str(result["sessions"]),
                str(len(first)),
                str(len(second) - len(first)),
            )
        )
    head = ("", "files compiled", "sessions", "clients", "new at the second event")
    return sections.table(head, rows) + "\n\n`tests/architecture/test_cold_start.py` checks these."
