"""The command by which a person attests what no call can show."""

from typing import Annotated

import typer
from rich.console import Console

from console import render, tables
from console.coverage import cells, data
from console.options import ROOT, Find, on_stack
from console.stack import NotPossible

out = Console()


@on_stack
def attest(
    find: Find,
    cell: Annotated[str, typer.Argument(help="Its id; without one all are listed.")] = "",
    says: Annotated[str, typer.Option(help="What you attest, in a sentence.")] = "",
    until: Annotated[str, typer.Option(help="Until which day, as 2027-01-31.")] = "",
    withdraw: Annotated[bool, typer.Option(help="It is no longer so.")] = False,
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """Attest a cell of the scoping matrices, which no call can fill; or withdraw that.

    `cordon coverage --live` shows it with your name and until when, and never as a check's result.
    Without a cell, it prints what may be attested, and sends nothing.
    """
    known = dict(cells.subjects(data.read(ROOT).scopes))
    if not cell:
        if output is tables.Output.TABLE:
            for id, what in known.items():
                _print(f"{id}: {what}")
        else:
            rows = [{"cell": id, "what": what} for id, what in known.items()]
            tables.write(rows, (), output, out)
        return
    if cell not in known:
        raise NotPossible(f"there is no cell {cell}: cordon attest lists them")
    if not withdraw and not (says and until):
        raise NotPossible("say what you attest, with --says, and until when, with --until")
    given = {"withdraw": True, "says": says} if withdraw else {"says": says, "until": until}
    said = find().request("attest", {"about": cell, **given})
    if output is tables.Output.TABLE:
        _print(f"{said['about']}: {said['says']}, by {said['by']}")
    else:
        tables.write([said], (), output, out)


COMMANDS = {
    attest: "cordon attest generative-3-resilience --says 'two models, tried in May'"
    " --until 2027-05-31",
}


def _print(line: str) -> None:
    out.print(render.plain(line), markup=False, soft_wrap=True, highlight=False)
