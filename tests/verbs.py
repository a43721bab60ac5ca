"""The verbs of the command line, those of a group among them, and how one is understood."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import typer.main

from console import cli

Params = Mapping[str, Any]
GROUP: Any = typer.main.get_command(cli.app)


def verbs(group: Any = GROUP, before: str = "") -> Iterator[tuple[str, Any]]:
    """Each verb by its whole name, as ``evidence verify``, with its command."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from verbs(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def understood(words: Sequence[str], command: Any = GROUP, name: str = cli.PROGRAM) -> Params:
    """What a line says, by parameter; it is not run. Raises click's UsageError."""
    with command.make_context(name, [*words]) as context:
        if not hasattr(command, "commands"):
            return dict(context.params)
        given = [*context._protected_args, *context.args]
        verb, found, rest = command.resolve_command(context, given)
    return understood(rest, found, verb)
