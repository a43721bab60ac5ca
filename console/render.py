"""What several commands print. Text of findings is shown as text, never as markup."""

from collections.abc import Sequence

from rich.console import Console

from console.evidence import Copy, Fault, verdict
from cordon.sources.text import one_line

COLOURS = {
    "contained": "green",
    "tagged": "green",
    "escalated": "green",
    "released": "green",
    "verified": "green",
    "restored": "green",
    "observed": "cyan",
    "reopened": "cyan",
    "awaiting_approval": "yellow",
    "releasing": "yellow",
    "waiting": "yellow",
    "held_by_others": "yellow",
    "drifted": "yellow",
    "refused": "yellow",
    "partly_contained": "red",
    "failed": "red",
    "✘": "red",
    "?": "yellow",
}


def show_entries(copy: Copy, out: Console, errors: Console) -> None:
    """Every entry as it was written. What cannot be shown is said, and verification says why."""
    for number, body in sorted(copy.entries.items()):
        try:
            out.print_json(body.decode(), ensure_ascii=True)
        except (ValueError, RecursionError):
            errors.print(f"entry {number} cannot be shown as JSON")


def show_verdict(copy: Copy, found: Sequence[Fault], errors: Console) -> int:
    """Say everything that was found, then the verdict. Returns the exit status: 0, 1 or 3."""
    for one in found:
        errors.print(str(one), markup=False, highlight=False, soft_wrap=True)
    errors.print(verdict(copy, found), markup=False, highlight=False, soft_wrap=True)
    return 0 if not found else 3 if all(one.warning for one in found) else 1


def plain(text: str) -> str:
    """Text that others may have written, in one line that no terminal takes for a command."""
    return one_line(text, 2000)
