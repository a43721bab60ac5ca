"""`cordon coverage`: what is handled, and with --live what an account says."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from console import tables
from console.coverage.checks import Result
from console.coverage.live import Attested, attested_in, look, modes_of
from console.options import Where, on_stack

ROOT = Path(__file__).parents[2]
out = Console()


@on_stack
def coverage(
    where: Where,
    live: Annotated[
        bool, typer.Option(help="Look at the account and Region, with read-only calls.")
    ] = False,
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """What is handled, by which playbook in which mode, and what nobody handles.

    Of OWASP's lists, the layers of defence, AWS's scoping matrices, techniques and controls: what
    has a playbook and a sample event, and why not. --live says what is switched on, and fills the
    matrices; what your credentials may not read is unknown. The policy for it is
    docs/coverage/policy.json. In JSON it is one document, in CSV and JSON lines a row for each line
    of the tables.
    """
    from console.coverage import table
    from console.coverage.report import Looked, report

    found = report(ROOT, Looked(*looked(where)) if live else None)
    match output:
        case tables.Output.TABLE:
            table.show(found, out)
        case tables.Output.JSON:
            typer.echo(json.dumps(found, indent=2))
        case _:
            tables.write(table.rows(found), (), output, out)


def looked(
    where: Where,
) -> tuple[str, Mapping[str, Result], Mapping[str, str], str, Attested, str]:
    """What the account of your credentials shows, as ``Looked`` has it.

    What AWS says to credentials that it does not know, or where there are none, rises.
    """
    session = where.session()
    account = session.client("sts").get_caller_identity()["Account"]  # needs no permission
    modes, said = modes_of(where.find)
    place = f"{account} {session.region_name}"
    return place, look(session.client, account), modes, said, *attested_in(where.find)


COMMANDS = {coverage: "cordon coverage --live"}
