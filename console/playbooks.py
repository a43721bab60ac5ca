"""Finds the playbooks under functions/ by their folders."""

from pathlib import Path

from cordon.headers import headers
from cordon.playbook import Playbook


def playbooks(root: Path) -> tuple[Playbook, ...]:
    """Every playbook, by name."""
    return tuple(headers(root / "functions").values())
