"""The commands on this repository: what is generated in it, and a new playbook."""

from typing import Annotated

import typer
from rich.console import Console

from console.options import ROOT

out = Console()
errors = Console(stderr=True)


def docs(
    check: Annotated[bool, typer.Option(help="Fail where a page is out of date.")] = False,
) -> None:
    """Write the generated parts of the documentation; fail where a role has a fault."""
    from console import generated

    stale, faults = generated.write(ROOT, only_check=check)
    for path in stale:
        errors.print(f"{path} {'is out of date: make playbooks' if check else 'written'}")
    for fault in faults:
        errors.print(fault, markup=False)
    raise typer.Exit(1 if faults or (check and stale) else 0)


def new(
    name: Annotated[str, typer.Argument(help="Of the playbook, like close_database.")],
    kind: Annotated[
        str, typer.Option(help="What it handles first, as SOURCE:TYPE, like securityhub:RDS.2.")
    ],
) -> None:
    """Make a new playbook: its folder, its first event and its block of template.yaml."""
    from console import new_playbook

    for said in new_playbook.make(ROOT, name, kind):
        out.print(said, markup=False, highlight=False, soft_wrap=True)


COMMANDS = {
    docs: "cordon docs --check",
    new: "cordon new close_database --kind securityhub:RDS.2",
}
