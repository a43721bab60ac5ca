"""The commands on this repository: what is generated in it, and a new playbook."""

from typing import Annotated

import typer
from rich.console import Console

from console import tables
from console.options import ROOT

out = Console()
errors = Console(stderr=True)


def docs(
    check: Annotated[bool, typer.Option(help="Fail where a page is out of date.")] = False,
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """Write the generated parts of the documentation; fail where a role has a fault.

    With --output it is a row for each page, and for each fault of a role.
    """
    from console import generated

    pages, faults = generated.write(ROOT, only_check=check)
    stale = [path for path, was_stale in pages.items() if was_stale]
    for path in stale:
        errors.print(
            f"{path} {'is out of date: make playbooks' if check else 'written'}", soft_wrap=True
        )
    for fault in faults:
        errors.print(fault, markup=False, soft_wrap=True)
    if output is not tables.Output.TABLE:
        changed = "out of date" if check else "written"
        rows = [
            {
                "file": str(path.relative_to(ROOT)),
                "is": changed if was_stale else "as it was",
                "why": "",
            }
            for path, was_stale in pages.items()
        ]
        rows += [{"file": "", "is": "fault", "why": fault} for fault in faults]
        tables.write(rows, (), output, out)
    raise typer.Exit(1 if faults or (check and stale) else 0)


def new(
    name: Annotated[str, typer.Argument(help="Of the playbook, like close_database.")],
    kind: Annotated[
        str, typer.Option(help="What it handles first, as SOURCE:TYPE, like securityhub:RDS.2.")
    ],
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """Make a new playbook: its folder, its first event and its block of template.yaml.

    With --output it is a row for each file that is written.
    """
    from console import new_playbook

    made = new_playbook.make(ROOT, name, kind)
    to = out if output is tables.Output.TABLE else errors
    for said in made.says:
        to.print(said, markup=False, highlight=False, soft_wrap=True)
    if output is not tables.Output.TABLE:
        rows = [{"file": str(file.relative_to(ROOT))} for file in made.files]
        tables.write(rows, (), output, out)


COMMANDS = {
    docs: "cordon docs --check",
    new: "cordon new close_database --kind securityhub:RDS.2",
}
