"""`cordon report`: a stack's cases, exemptions and coverage as one HTML file."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from console import tables
from console.options import ROOT, Where, on_stack, to_write

out = Console()
errors = Console(stderr=True)


@on_stack
def report(
    where: Where,
    to: Annotated[
        Path,
        typer.Argument(help="The file; one that is there is written over.", callback=to_write),
    ],
    closed: Annotated[
        bool, typer.Option("--closed", help="Closed cases too: reads the whole table.")
    ] = False,
    live: Annotated[
        bool, typer.Option("--live", help="Look at the account, as `cordon coverage --live` does.")
    ] = False,
    evidence: Annotated[
        int, typer.Option(min=0, help="Of how many cases evidence is read, the newest first.")
    ] = 200,
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """Write a page of all open cases, what is exempt and what is covered: one HTML file.

    The file reaches no network and needs no other file. It has what findings, plans and evidence
    say: keep it as you keep those. What your credentials may not read is called unknown.
    """
    from console.coverage.command import looked
    from console.coverage.report import Looked
    from console.coverage.report import report as covered
    from console.report import account, page

    stack = where.find()
    coverage: dict[str, Any] = covered(ROOT, Looked(*looked(where)) if live else None)
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task("cases", total=None)
        found = account.of_stack(
            stack,
            account.Wanted(closed=closed, evidence=evidence),
            coverage,
            lambda done, total: progress.update(task, completed=done, total=total),
        )
    page.write(found, to)
    if output is tables.Output.TABLE:
        typer.echo(f"{len(found.entries):,} cases: {to}")
        return
    row = {"file": str(to), "cases": len(found.entries), **tables.sums_of(to)}
    tables.write([row], (), output, out)


COMMANDS = {report: "cordon report cases.html"}
