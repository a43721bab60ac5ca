"""A person's yes to what is shown, before it is sent."""

import sys

import typer
from rich.console import Console

out = Console()


def can_confirm() -> bool:
    """Is there somebody who sees it and can type a yes?"""
    return out.is_terminal and is_typed()


def is_typed() -> bool:
    """Does a person type what is read? A script's input is no terminal."""
    return sys.stdin is not None and sys.stdin.isatty()


def confirm(prompt: str, *, yes: bool) -> None:
    """Wait for a yes, where somebody can give one: no script waits at night."""
    if not yes and can_confirm():
        typer.confirm(prompt, abort=True, err=True)
