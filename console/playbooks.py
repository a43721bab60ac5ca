"""The playbooks under functions/, found by their folders, as the console needs them."""

import importlib
from pathlib import Path

from cordon.playbook import Playbook


def playbooks(root: Path) -> tuple[Playbook, ...]:
    """Every playbook, by name. Its folder, its function and its ``name`` are one word."""
    names = sorted(path.parent.name for path in (root / "functions").glob("*/playbook.py"))
    found = tuple(importlib.import_module(f"{name}.playbook").PLAYBOOK for name in names)
    for name, playbook in zip(names, found, strict=True):
        if playbook.name != name:
            raise ValueError(f"functions/{name} holds the playbook {playbook.name}")
    return found
