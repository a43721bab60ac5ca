"""The commands that show cases: all that are open, and one of them."""

from typing import Annotated

import typer
from rich.console import Console

from console import case_list, tables
from console.options import STACK
from console.stack import NotPossible, Stack, playbook_names

out = Console()
errors = Console(stderr=True)
DELETED = (
    "The stack {stack} is deleted. What its cases above hold stays as it is until you put it back "
    "manually: cordon evidence CASE shows what was captured."
)


def cases(
    waiting: Annotated[bool, typer.Option(help="Those that await approval.")] = False,
    held: Annotated[bool, typer.Option(help="Those that hold a change of a resource.")] = False,
    failed: Annotated[bool, typer.Option(help="Those of which something was not done.")] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Every open case, as without these three.")
    ] = False,
    since: Annotated[str, typer.Option(help="Changed since: 30m, 12h, 7d, 2027-01-31.")] = "",
    account: Annotated[str, typer.Option(help="Only of this account.")] = "",
    playbook: Annotated[str, typer.Option(help="Only of this playbook.")] = "",
    severity: Annotated[str, typer.Option(help="Of this severity, or a higher one.")] = "",
    sequence: Annotated[
        str, typer.Option(help="Only of this GuardDuty attack sequence: its finding's id or ARN.")
    ] = "",
    output: tables.OUTPUT = tables.Output.TABLE,
    stack: STACK = "cordon",
) -> None:
    """List the open cases, newest first; also those of a deleted stack.

    Of --waiting, --held and --failed a case needs one; of all others, each that is given. A closed
    case is in no index and never in this list: `cordon show CASE`, with its whole id, shows it.
    """
    if playbook and playbook not in playbook_names():
        raise NotPossible(f"there is no playbook {playbook}: {', '.join(playbook_names())}")
    wanted = case_list.Wanted(
        waiting=waiting and not every,
        held=held and not every,
        failed=failed and not every,
        since=case_list.since_of(since),
        account=account,
        severity=case_list.severity_of(severity),
        sequence=sequence,
    )
    found = Stack.named(stack)
    listed = sorted(wanted.of(found.open_cases(playbook)), key=lambda c: c.opened_at, reverse=True)
    tables.write([case_list.row(case) for case in listed], case_list.COLUMNS, output, out)
    if not listed:
        errors.print("no open case is so")
    if every or since:
        errors.print(case_list.CLOSED_UNKNOWN, markup=False, soft_wrap=True, highlight=False)
    if found.deleted:
        errors.print(DELETED.format(stack=stack), markup=False, soft_wrap=True, highlight=False)


def review(
    sequence: Annotated[
        str, typer.Option(help="Only of this GuardDuty attack sequence: its finding's id or ARN.")
    ] = "",
    output: tables.OUTPUT = tables.Output.TABLE,
    stack: STACK = "cordon",
) -> None:
    """List the open cases: as `cordon cases`."""
    cases(sequence=sequence, output=output, stack=stack)


COMMANDS = (cases, review)
