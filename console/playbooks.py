"""Finds the playbooks under functions/ by their folders, and what they say of themselves."""

import inspect
import sys
from pathlib import Path

from cordon.headers import headers
from cordon.playbook import Playbook


def playbooks(root: Path) -> tuple[Playbook, ...]:
    """Every playbook, by name."""
    return tuple(headers(root / "functions").values())


def header_of(playbook: Playbook) -> dict[str, str]:
    """The parts of a playbook's docstring: title, When, Does, Undo, Leaves."""
    module = sys.modules[f"{playbook.name}.playbook"]
    title, *lines = (inspect.getdoc(module) or "").splitlines()
    header, key = {"title": title}, ""
    for line in lines:
        first, _, rest = line.partition(" ")
        if first in ("When", "Does", "Undo", "Leaves"):
            key = first
            header[key] = rest.strip()
        elif line.strip():
            header[key] += f" {line.strip()}"
    return header
