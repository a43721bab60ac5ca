"""Options that several commands have."""

from typing import Annotated

import typer

STACK = Annotated[str, typer.Option(help="Name of the deployed stack.")]
