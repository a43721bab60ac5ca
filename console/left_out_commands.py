"""The commands on what is left out of every plan: what is exempt, and what is protected."""

from collections.abc import Iterable
from operator import methodcaller
from typing import Annotated

import typer

from console import effects, tables
from console.options import YES, Find, on_stack
from console.ready_policies import epilog
from console.settings import StackSettings
from console.settings_commands import change, errors, out, say
from console.stack import Stack
from cordon.clock import now, to_iso
from cordon.settings import Exemption, moment

RESOURCE = Annotated[str, typer.Argument(help="ARN, wildcards allowed.")]
LISTED = Annotated[str, typer.Argument(help="The pattern, as it is listed.")]
PLAYBOOK = Annotated[str, typer.Option(help="Its name, wildcards allowed.")]
FORCE = Annotated[bool, typer.Option(help="Also where it covers every resource of its kind.")]

exempt = typer.Typer(
    no_args_is_help=True, help="What playbooks ignore until a date: it is left out of their plans."
)
protect = typer.Typer(
    no_args_is_help=True, help="What is never contained: what is found of it is for a person."
)


@on_stack
def list_exemptions(find: Find, output: tables.OUTPUT = tables.Output.TABLE) -> None:
    """List the exemptions, those that have ended too. Ends with 1 where one is refused."""
    found = StackSettings.of(find())
    rows = [_exemption(one) for one in found.understood.exemptions]
    names = ("resource", "playbook", "until", "ended", "owner", "reason")
    tables.write(rows, tuple(map(tables.Column, names)), output, out)
    _say_refused(found, "exemptions")


@on_stack
def exempt_resource(
    find: Find,
    resource: RESOURCE,
    playbook: PLAYBOOK = "",
    owner: Annotated[str, typer.Option(help="Who is responsible for it.")] = "",
    reason: Annotated[str, typer.Option(help="For the record.")] = "",
    until: Annotated[str, typer.Option(help="Date, as 2027-01-31.")] = "",
    force: FORCE = False,
    yes: YES = False,
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """Let a playbook ignore resources until a date, and say which open cases have one of them.

    The same resource and playbook again replaces the exemption that is there.
    """
    found = StackSettings.of(find())
    make = methodcaller("exempt", resource, playbook, owner, reason, until, force=force)

    def effect(stack: Stack) -> list[str]:  # the desk has understood the date by then
        added = Exemption(playbook, resource, owner, reason, moment(until))
        return effects.of_exemption(added)(stack)

    change(found, make, output, yes=yes, effect=effect)


@on_stack
def end_exemption(
    find: Find,
    resource: LISTED,
    playbook: Annotated[str, typer.Option(help="Only from this one, as it is listed.")] = "",
    yes: YES = False,
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """End the exemptions of this pattern: from one playbook, or from all."""
    found = StackSettings.of(find())
    change(found, methodcaller("end_exemptions", resource, playbook), output, yes=yes)


@on_stack
def list_protected(find: Find, output: tables.OUTPUT = tables.Output.TABLE) -> None:
    """List the patterns of the settings. Ends with 1 where one is refused.

    Protected besides: break-glass roles, Cordon's own roles, and buckets that receive logs.
    """
    found = StackSettings.of(find())
    rows = [{"resource": pattern} for pattern in found.understood.protected]
    tables.write(rows, (tables.Column("resource"),), output, out)
    _say_refused(found, "protected")


@on_stack
def protect_resource(
    find: Find,
    resource: RESOURCE,
    force: FORCE = False,
    yes: YES = False,
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """Never contain these resources, and say which open cases have one of them."""
    found = StackSettings.of(find())
    make = methodcaller("protect", resource, force=force)
    change(found, make, output, yes=yes, effect=effects.of_protection(resource))


@on_stack
def end_protection(
    find: Find,
    resource: LISTED,
    yes: YES = False,
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """Take a pattern away. What the roles' policies deny stays denied."""
    found = StackSettings.of(find())
    change(found, methodcaller("unprotect", resource), output, yes=yes)


def _exemption(one: Exemption) -> dict[str, str]:
    return {
        "resource": one.resource,
        "playbook": one.playbook,
        "until": to_iso(one.expires),
        "ended": "ended" if one.expires <= now() else "",
        "owner": one.owner,
        "reason": one.reason,
    }


def _say_refused(found: StackSettings, entry: str) -> None:
    """What is refused of this setting counts for nothing, or makes every playbook observe."""
    refused: Iterable[str] = [fault for fault in found.faults() if fault.startswith(entry)]
    for fault in refused:
        say(f"refused: {fault}", errors)
    raise typer.Exit(1 if refused else 0)


COMMANDS = {
    exempt: {
        "list": (list_exemptions, "cordon exempt list"),
        "add": (
            exempt_resource,
            "cordon exempt add 'arn:aws:s3:::www-*' --playbook NAME --owner Ada --reason website"
            " --until 2027-01-31",
        ),
        "remove": (end_exemption, "cordon exempt remove 'arn:aws:s3:::www-*'"),
    },
    protect: {
        "list": (list_protected, "cordon protect list"),
        "add": (protect_resource, "cordon protect add 'arn:aws:s3:::backup-*'"),
        "remove": (end_protection, "cordon protect remove 'arn:aws:s3:::backup-*'"),
    },
}
for group, commands in COMMANDS.items():
    of = "exempt" if group is exempt else "protect"
    for name, (command, example) in commands.items():
        group.command(name, epilog=epilog(f"{of} {name}", example))(command)
