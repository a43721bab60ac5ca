"""Finds the playbooks under functions/ by their folders."""

import importlib
from pathlib import Path

from cordon.playbook import Playbook


def playbooks(root: Path) -> tuple[Playbook, ...]:
    """Every playbook, by name. Folder, function and ``name`` are the same word."""
    names = sorted(path.parent.name for path in (root / "functions").glob("*/playbook.py"))
    result = tuple(importlib.import_module(f"{name}.playbook").PLAYBOOK for name in names)
    for name, playbook in zip(names, result, strict=True):
        if playbook.name != name:
            raise ValueError(f"functions/{name} holds the playbook {playbook.name}")
    return result
