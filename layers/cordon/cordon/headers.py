"""The playbooks' headers, for the functions that are none: people see and decide for all of them.

Their functions are built with every ``functions/<name>/playbook.py`` beside their own code, in the
layout of the repository: so nothing about a playbook is said in a second place.
"""

import importlib
from collections.abc import Mapping
from pathlib import Path

from cordon.playbook import Playbook


def headers(functions: Path) -> Mapping[str, Playbook]:
    """Every playbook below the folder, by name. Folder, function and ``name`` are the same word."""
    names = sorted(path.parent.name for path in functions.glob("*/playbook.py"))
    found = {name: importlib.import_module(f"{name}.playbook").PLAYBOOK for name in names}
    for name, playbook in found.items():
        if playbook.name != name:
            raise ValueError(f"functions/{name} holds the playbook {playbook.name}")
    return found
