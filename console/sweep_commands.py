"""The command by which an operator has the backlog sent to the playbooks."""

from typing import Annotated

import typer
from rich.console import Console

from console import render, tables
from console.options import Find, on_stack
from console.stack import NotPossible
from console.sweeps import Sweeps
from console.tables import Column

out = Console()
COLUMNS = (Column("what", whole=True), Column("is"))


@on_stack
def sweep(
    find: Find,
    source: Annotated[
        str, typer.Option(help="Only of this product: securityhub (its controls), config, …")
    ] = "",
    control: Annotated[str, typer.Option(help="Only of this control, as S3.8.")] = "",
    since: Annotated[str, typer.Option(help="Only what was made since, as 2026-01-31.")] = "",
    show: Annotated[str, typer.Option(help="Start none: show the sweep of this name.")] = "",
    redrive: Annotated[
        str,
        typer.Option(
            help="Start none: go on with the sweep of this name, which failed or was stopped."
        ),
    ] = "",
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """Send findings that Security Hub has already to the playbooks, which only observe them.

    Unless `cordon backlog` says otherwise. Threats are not sent. With --show it ends with 1 where
    the sweep failed, or a page was not sent.
    """
    limits = {"--source": source, "--control": control, "--since": since}
    if (show or redrive) and (both := [name for name, value in limits.items() if value]):
        raise NotPossible(f"{both[0]} is for a new sweep, not for one that there is")
    if show and redrive:
        raise NotPossible("either --show or --redrive")
    sweeps = Sweeps.of(find())
    if show:
        found = sweeps.show(show)
        tables.write(list(found.rows()), COLUMNS, output, out)
        raise typer.Exit(1 if found.is_wrong else 0)
    if redrive:
        sweeps.redrive(redrive)
    name = redrive or sweeps.start(source, control, since)
    did = "goes on" if redrive else "started"
    if output is tables.Output.TABLE:
        text = f"sweep {name} {did}: cordon sweep --show {name}"
        out.print(render.plain(text), markup=False, soft_wrap=True, highlight=False)
    else:
        tables.write([{"sweep": name, "is": did}], (), output, out)


COMMANDS = {sweep: "cordon sweep --control S3.8 --since 2026-01-31"}
