"""docs/reference/: every parameter and output of the stack, and every command, in its own words.

What they mean together is in docs/operating/; here is nothing that the template or a command's help
does not say.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import typer.main

from console import cli
from embedded.template import load

PARAMETERS = """# Parameters and outputs

Made from `template.yaml` by `make playbooks`. [Deploying](../operating/deploying.md) says which
limits parameters have, and why. What people change later, without a deployment, are
[settings](../operating/settings.md).

`sam deploy --guided` shows each with its description. *Default* is what counts where nothing is
given."""
OUTPUTS = """## Outputs

`aws cloudformation describe-stacks --stack-name cordon --query "Stacks[0].Outputs"` shows them."""
COMMANDS = """# The command `cordon`

Made from the commands by `make playbooks`: what `cordon VERB --help` says. What they have in
common, and with which status they end: [commands](../operating/commands.md). In a checkout it is
`.venv/bin/cordon`.

Every command about a deployed stack takes `--stack`, `--profile` and `--region`, before the verb or
after it."""
ON_STACK = ("--stack", "--profile", "--region")


def pages(root: Path) -> Iterator[tuple[Path, str]]:
    """The pages as they should be."""
    template = load((root / "template.yaml").read_text())
    folder = root / "docs" / "reference"
    parts = [
        PARAMETERS,
        _parameters(template["Parameters"]),
        OUTPUTS,
        _outputs(template["Outputs"]),
    ]
    yield folder / "parameters.md", "\n\n".join(parts) + "\n"
    group = typer.main.get_command(cli.app)
    yield folder / "cordon.md", "\n\n".join([COMMANDS, *_commands(group)]) + "\n"


def _parameters(parameters: Mapping[str, Any]) -> str:
    rows = ["| parameter | it is | default | values |", "|---|---|---|---|"]
    for name, one in parameters.items():
        values = ", ".join(f"`{value}`" for value in one.get("AllowedValues", ()))
        default = one.get("Default", "")
        cells = (
            f"`{name}`",
            _cell(one["Description"]),
            f"`{default}`" if default != "" else "",
            values,
        )
        rows.append(_row(cells))
    return "\n".join(rows)


def _outputs(outputs: Mapping[str, Any]) -> str:
    rows = ["| output | it is |", "|---|---|"]
    rows += [_row((f"`{name}`", _cell(one["Description"]))) for name, one in outputs.items()]
    return "\n".join(rows)


def _commands(group: Any, before: str = "cordon") -> Iterator[str]:
    for name, command in sorted(group.commands.items()):
        yield f"## {before} {name}"
        yield _sentences(command.help or "")
        if command.epilog:
            yield command.epilog
        options = [one for one in command.params if not set(one.opts) & set(ON_STACK)]
        if options:
            yield "\n".join(_options(options))
        if hasattr(command, "commands"):
            yield from _commands(command, f"{before} {name}")


def _sentences(text: str) -> str:
    """A paragraph each, as the docstring has them."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _options(options: Iterable[Any]) -> Iterator[str]:
    yield "| option | it is |"
    yield "|---|---|"
    for one in options:
        is_argument = one.param_type_name == "argument"
        names = one.name.upper() if is_argument else ", ".join(one.opts)
        said = _cell(one.help or "")
        if isinstance(one.default, Enum):
            said += f" One of {', '.join(f'`{value}`' for value in type(one.default))}."
        yield _row((f"`{names}`", said.strip()))


def _cell(text: str) -> str:
    return " ".join(str(text).split()).replace("|", r"\|")


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |".replace("  ", " ")
