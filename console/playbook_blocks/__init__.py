"""Writes the parts of template.yaml that follow from the playbooks' headers, and checks them.

    # >>> playbooks: role ARNs                       a list with an item for each playbook
    # >>> playbook: close_database                   all that one has beside its function
    # <<<

What is between the marks is made by ``make playbooks``, with the indent of the mark. ``make
static`` fails where it is not what the headers say.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from console.playbook_blocks.block import Block
from console.playbook_blocks.resources import resources
from console.playbook_blocks.shared import SECTIONS
from console.playbook_blocks.text import block
from console.playbooks import playbooks
from console.triggers import heard_by
from cordon.playbook import Playbook
from embedded.template import load

MARK = re.compile(r"( *)# >>> (playbooks?): (.+)\n")
END = re.compile(r" *# <<<\n")


class Unmarked(ValueError):
    """The marks of template.yaml and the playbooks do not fit together."""


def pages(root: Path) -> Iterator[tuple[Path, str]]:
    """template.yaml as it should be. Raises Unmarked."""
    path = root / "template.yaml"
    yield path, made(path.read_text(), playbooks(root))


def blocks(headers: Sequence[Playbook]) -> list[Block]:
    """Each playbook as the template has it."""
    heard = heard_by(headers)
    return [Block(playbook, heard[playbook.name]) for playbook in headers]


def made(template: str, headers: Sequence[Playbook]) -> str:
    """The template with every marked part as the headers say."""
    lines = template.splitlines(keepends=True)
    named = {playbook.name for playbook in headers}
    seen: set[str] = set()
    text = "".join(_parts(lines, headers, seen))
    if missing := sorted(named - seen):
        raise Unmarked(f"template.yaml has no mark '# >>> playbook: {missing[0]}'")
    return text


def _parts(lines: list[str], headers: Sequence[Playbook], seen: set[str]) -> Iterator[str]:
    described = load("".join(lines))["Resources"]
    every = blocks(headers)
    by_name = {own.name: own for own in every}
    rest = iter(lines)
    for line in rest:
        yield line
        mark = MARK.fullmatch(line)
        if not mark:
            continue
        indent, kind, name = len(mark[1]), mark[2], mark[3]
        ended = next((skipped for skipped in rest if END.fullmatch(skipped)), None)
        if ended is None:
            raise Unmarked(f"template.yaml: the mark '{line.strip()}' has no end '# <<<'")
        if kind == "playbooks":
            if name not in SECTIONS:
                raise Unmarked(f"template.yaml: no such section: {name}")
            yield block(SECTIONS[name](every), indent)
        else:
            if name not in by_name:
                raise Unmarked(f"template.yaml: functions/{name} has no playbook")
            seen.add(name)
            own = by_name[name]
            description = described[own.logical]["Properties"]["Description"]
            yield block(resources(own, description), indent)
        yield ended
