"""What a person waits for before a command does anything: the instructions of its start.

``python -m bench console``
"""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from bench import sections
from bench.measuring import counted
from tests.examples import path_of

ROOT = Path(__file__).parents[1]
MILLION = 1_000_000
EVENT = path_of("guardduty_ransomware_delete").relative_to(ROOT)
BOTO3 = "`import boto3`"
PYTHON = {
    "python alone": "pass",
    BOTO3: "import boto3",
    "`import moto, samtranslator.translator.translator`": (
        "import moto, samtranslator.translator.translator"
    ),
}
COMMANDS = ("--version", "cases --help", "playbooks", f"plan {EVENT}")


def main(
    write: Annotated[bool, typer.Option("--write", help="Write docs/performance.md.")] = False,
) -> None:
    """Count the instructions of commands that reach no account."""
    figures = [(name, _of("-c", code)) for name, code in PYTHON.items()]
    figures += [(f"`cordon {words}`", _of("console", *words.split())) for words in COMMANDS]
    base = dict(figures)[BOTO3]
    rows = [(name, f"{n / MILLION:,.0f}", f"{n / base:.2f}") for name, n in figures]
    text = "\n\n".join(
        (
            "## Commands",
            f"`python -m bench console --write` ({sections.machine()}; {_version()}). Instructions "
            "from the start of the interpreter to its end, by cachegrind; all code was compiled "
            "before. Which commands load neither moto nor the SAM translator is in "
            "`tests/console/test_options.py`.",
            sections.table(("", "M instructions", f"× {BOTO3}"), rows),
        )
    )
    if write:
        sections.write("console", text)
    typer.echo(text)


def _of(*words: str) -> int:
    """Run it once before, so that everything is compiled."""
    environment = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": "0", "HOME": os.devnull}
    command = [sys.executable, *words]
    counted(command, environment, ROOT)
    return counted(command, environment, ROOT)


def _version() -> str:
    return f"Python {sys.version_info.major}.{sys.version_info.minor}"
