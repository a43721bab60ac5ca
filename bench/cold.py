"""Cold start: what a new sandbox does until its first event is answered."""

import shutil
import statistics
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from bench import packages, sections
from bench.measuring import Package, answering, counted
from bench.packages import FUNCTIONS, WORK
from bench.recorded_answers import record
from bench.runtime_api import Ran, cold_start

CLIENTS = ("dynamodb", "s3", "ssm")  # what every first event needs before it may act
MILLION = 1_000_000
MB = 1_000_000

WHY = {  # what is in the layer
    "botocore": "the AWS clients; of its data the operations of operations.txt",
    "urllib3": "botocore's connections",
    "cordon": "ours",
    "aws_lambda_powertools": "logger, metrics, parameters, batch; its other tools are left out",
    "dateutil": "botocore's dates",
    "boto3": "the session that makes them",
    "s3transfer": "boto3 imports it",
    "jmespath": "botocore's paginators",
    "typing_extensions.py": "Powertools' types",
    "six.py": "dateutil",
    "amazon-roots.pem": "whom connections to AWS trust",
    "__pycache__": "six and typing_extensions, compiled",
}


@dataclass(frozen=True)
class Bench:
    """What is measured."""

    ours: Path
    plain: Path
    recorded: dict[str, Path]
    stock: Path  # boto3 as it comes, compiled
    raw: Path  # the same, not compiled


def main(
    pairs: Annotated[int, typer.Option(help="Cold starts of each package and function.")] = 7,
    write: Annotated[bool, typer.Option(help="Into docs/performance.md.")] = False,
) -> None:
    """Cold start of each function, against plain boto3 and a plain sam build."""
    WORK.mkdir(exist_ok=True)
    recorded = {name: record(name).write(WORK / f"{name}.json") for name in FUNCTIONS}
    bench = Bench(packages.ours(), packages.plain(), recorded, *_stock())
    parts = [_head(), _import(bench), _loop(bench, pairs), _trust(bench), _weight(bench)]
    text = "\n\n".join([*parts, _counts(bench)])
    typer.echo(text)
    if write:
        sections.write("cold start", text)


def _head() -> str:
    return (
        "## Cold start\n"
        f"`python -m bench cold --write` ({sections.machine()}; Python {packages.RUNTIME}). "
        "Instructions are counted by cachegrind and repeat within 0.1 %; times are only compared "
        "within pairs. AWS is a process that answers as the embedded account did, over plain HTTP."
    )


# ---- instructions ----


def _import(bench: Bench) -> str:
    python = packages.interpreter()
    events = bench.recorded["quarantine_bucket"]
    wanted = "import boto3\nfor name in {!r}: boto3.client(name, region_name='us-east-1')"
    nine = tuple(package(bench, "quarantine_bucket").run(events, 1, counts=True)["clients"][0])
    boto3 = _code(python, bench.stock, "import boto3")
    rows = [
        ("python alone", _code(python, bench.stock, "pass")),
        ("`import boto3`", boto3),
        ("`import boto3`, not compiled", _code(python, bench.raw, "import boto3")),
        (
            f"`import boto3`, {len(CLIENTS)} clients ({', '.join(CLIENTS)})",
            _code(python, bench.stock, wanted.format(CLIENTS)),
        ),
        (
            f"`import boto3`, the {len(nine)} clients of quarantine's first event",
            _code(python, bench.stock, wanted.format(nine)),
        ),
    ]
    for name in FUNCTIONS:
        ours, answers = package(bench, name), bench.recorded[name]
        rows += [
            (f"{name}: import", ours.instructions(answers, 0)),
            (f"{name}: import and first event", ours.instructions(answers, 1)),
        ]
    make = f"from cordon.clients import Aws\nfor n in {CLIENTS!r}: Aws('us-east-1', {{}}).client(n)"
    ours = package(bench, "quarantine_bucket")
    with_clients = _code(python, ours.layer, f"import playbook\n{make}", ours.function)
    rows.append((f"quarantine_bucket: import, {len(CLIENTS)} clients", with_clients))
    plain = packages.package(bench.plain, "quarantine_bucket").instructions(events, 1)
    rows.append(("quarantine_bucket: import and first event, plain sam build", plain))
    figures = [(what, f"{n / MILLION:,.0f}", f"{n / boto3:.2f}") for what, n in rows]
    return (
        sections.table(("", "M instructions", "× `import boto3`"), figures)
        + f"\n\nHandler import with {len(CLIENTS)} clients: **{with_clients / boto3:.2f} × "
        "`import boto3`** (target 2.2, stretch 1.6)."
    )


def package(bench: Bench, name: str) -> Package:
    """Our package of a playbook."""
    return packages.package(bench.ours, name)


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
    """boto3 of the same lock, compiled and as installed."""
    made = []
    for name, compiled in (("stock", ["--compile-bytecode"]), ("raw", [])):
        folder = WORK / name
        shutil.rmtree(folder, ignore_errors=True)
        wanted = [f"{one}=={version(one)}" for one in ("boto3", "botocore")]
        uv = str(packages.ROOT / ".uv" / "bin" / "uv")
        python = str(packages.interpreter())
        command = [uv, "pip", "install", "--quiet", "--python", python, "--target", str(folder)]
        subprocess.run([*command, *compiled, *wanted], check=True)
        made.append(folder)
    return made[0], made[1]


# ---- the runtime's loop ----


def _loop(bench: Bench, pairs: int) -> str:
    client = packages.runtime_client()
    rows = []
    for name in FUNCTIONS:
        both = [
            (_start(bench.plain, name, bench, client), _start(bench.ours, name, bench, client))
            for _ in range(pairs + 1)
        ][1:]  # the first pair brings the files into memory
        whole = [(ours.init + ours.invoke) / (p.init + p.invoke) for p, ours in both]
        init = [ours.init / p.init for p, ours in both]
        invoke = [ours.invoke / p.invoke for p, ours in both]
        resident = max(ours.resident for _, ours in both)
        rows.append(
            (
                name,
                *(f"{statistics.median(ratios):.2f}" for ratios in (init, invoke, whole)),
                f"{min(whole):.2f}-{max(whole):.2f}",
                f"{resident:.0f}",
            )
        )
    head = ("Ours ÷ plain sam build", "init", "first invoke", "both", "range", "memory, MB")
    return (
        sections.table(head, rows)
        + f"\n\nLambda's own loop ({packages.RIC}) around each handler, {pairs} pairs, one after "
        "the other; median of the pairs' ratios (target 0.5). Memory: the most that was resident "
        "after the first event (target 70 MB)."
    )


def _start(built: Path, name: str, bench: Bench, client: Path) -> Ran:
    one, recorded = packages.package(built, name), bench.recorded[name]
    with answering(recorded) as port:
        environment = one.environment(recorded, port)
        environment["PYTHONPATH"] += f":{client}"
        environment |= {"AWS_LAMBDA_FUNCTION_NAME": name, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512"}
        command = [str(one.python), "-m", "awslambdaric", "handler.handler"]
        told = one.told(recorded)
        return cold_start(command, environment, told["event"], told["arn"])


# ---- whom connections trust ----


def _trust(bench: Bench) -> str:
    layer = package(bench, "quarantine_bucket").layer
    python = packages.interpreter()
    load = "import ssl\ncontext = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)"
    files = {"botocore's": layer / "botocore/cacert.pem", "ours": layer / "amazon-roots.pem"}
    base = _code(python, layer, load)
    cost = {
        name: _code(python, layer, f"{load}\ncontext.load_verify_locations({str(file)!r})") - base
        for name, file in files.items()
    }
    roots = {name: file.read_text().count("BEGIN CERTIFICATE") for name, file in files.items()}
    return (
        "Each new TLS connection reads whom to trust: "
        + ", ".join(
            f"{n / MILLION:.1f} M instructions for {roots[name]} roots ({name})"
            for name, n in cost.items()
        )
        + ". A first event opens one connection for each service it calls. TLS itself cannot be "
        "measured here: this saving is not in the tables above."
    )


# ---- weight ----


def _weight(bench: Bench) -> str:
    layers = {"ours": bench.ours / "CordonLayer", "plain": bench.plain / "CordonLayer"}
    rows = [
        (
            f"layer, {name}",
            "",
            f"{packages.zipped(path) / MB:.1f}",
            f"{packages.weight(path) / MB:.1f}",
            str(sum(one.is_file() for one in path.rglob("*"))),
        )
        for name, path in layers.items()
    ]
    inside = sorted(
        (packages.weight(one), one)
        for one in (layers["ours"] / "python").iterdir()
        if not one.name.endswith(".dist-info")
    )
    for size, one in reversed(inside):
        why = WHY[one.name]
        count = sum(f.is_file() for f in one.rglob("*")) if one.is_dir() else 1
        rows.append((f"`{one.name}`", why, "", f"{size / MB:.2f}", str(count)))
    head = ("", "why", "zip, MB", "unpacked, MB", "files")
    return sections.table(head, rows, texts=2) + "\n\nTarget for the zip: 15 MB."


# ---- counts ----


def _counts(bench: Bench) -> str:
    rows = []
    for name in FUNCTIONS:
        told = package(bench, name).run(bench.recorded[name], 2, counts=True)
        compiled = [path for path in told["compiled"] if "/bench/inside/" not in path]
        first, second = told["clients"]
        rows.append(
            (
                name,
                str(len(compiled)),
                str(told["sessions"]),
                str(len(first)),
                str(len(second) - len(first)),
            )
        )
    head = ("", "files compiled", "sessions", "clients", "new at the second event")
    return sections.table(head, rows) + "\n\n`tests/architecture/test_cold_start.py` holds these."
