"""The `cordon` command. Never deployed; everything a person does with Cordon starts here."""

import os
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from console import (
    attest_command,
    case_commands,
    decision_commands,
    demo,
    evidence_commands,
    left_out_commands,
    lineage,
    render,
    replay_commands,
    repository_commands,
    settings_commands,
    status_commands,
    sweep_commands,
)
from console.aws_errors import explained
from console.coverage import command as coverage_command
from console.exits import EPILOG, Exit
from console.options import PROFILE, REGION, STACK, Where, version
from console.ready_policies import epilog
from console.report import command as report_command
from console.stack import NotPossible

NAMES = {"status_of": "status"}  # of commands whose function cannot have their name
BAD_ENDPOINT = "Invalid endpoint: "  # botocore's ValueError
TRACEBACK = "CORDON_TRACEBACK"  # in the environment, for whoever mends a fault
PROGRAM = "cordon"  # however it was started: the shell completes this name
app = typer.Typer(no_args_is_help=True, help=__doc__, epilog=EPILOG, rich_markup_mode="markdown")
out = Console()
errors = Console(stderr=True)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{PROGRAM} {version()}")
        raise typer.Exit


@app.callback(help=__doc__)
def every_command(
    ctx: typer.Context,
    stack: STACK = "",
    profile: PROFILE = "",
    region: REGION = "",
    is_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which it is.")
    ] = False,
) -> None:
    """Keep what is said before the verb; ``_version`` has ended where that was the question."""
    del is_version
    ctx.obj = Where(stack, profile, region)


for group in (
    status_commands,
    case_commands,
    decision_commands,
    settings_commands,
    sweep_commands,
    replay_commands,
    coverage_command,
    report_command,
    attest_command,
    lineage,
    demo,
    repository_commands,
):
    for command, example in group.COMMANDS.items():
        verb = NAMES.get(command.__name__, command.__name__)
        app.command(verb, epilog=epilog(verb, example))(command)
app.add_typer(evidence_commands.app, name="evidence")
app.add_typer(left_out_commands.exempt, name="exempt")
app.add_typer(left_out_commands.protect, name="protect")


def main() -> None:
    """Run the command; what is not possible, and what AWS refuses, is said in one line."""
    try:
        app(prog_name=PROGRAM)
    except NotPossible as refusal:
        said, status = str(refusal), refusal.status
    except (ClientError, BotoCoreError) as error:
        said, status = explained(error), Exit.AWS
    except TimeoutError as error:  # rows that DynamoDB did not give, again and again
        said, status = f"{error} → wait a minute", Exit.AWS
    except Exception as fault:
        if os.environ.get(TRACEBACK):
            raise
        said, status = _failed(fault), Exit.FAILED
    else:
        return
    with suppress(OSError):  # a full disk takes no reason either
        errors.print(render.plain(said), markup=False, soft_wrap=True, highlight=False)
    _end(status)


def _failed(fault: Exception) -> str:
    """What this machine refuses, or a fault of ours, and where it is."""
    if isinstance(fault, OSError):
        named = f": {fault.filename}" if fault.filename else ""
        return f"this machine refuses it: {fault.strerror or fault}{named}"
    if str(fault).startswith(BAD_ENDPOINT):
        return f"{fault} → look at AWS_ENDPOINT_URL, and at endpoint_url of the AWS configuration"
    *_, at = traceback.extract_tb(fault.__traceback__)
    where = f"{Path(at.filename).name}:{at.lineno}"
    name = type(fault).__name__
    return f"a fault of Cordon: {name}: {fault} ({where}) → {TRACEBACK}=1 shows all of it"


def _end(status: int) -> NoReturn:
    """End so. Output that cannot be written keeps its own status: Python would make it 120."""
    try:
        sys.stdout.flush()
    except (AttributeError, OSError, ValueError):
        sys.stdout = None
    raise SystemExit(status)
