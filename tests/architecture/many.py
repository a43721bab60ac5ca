"""The template as it would be with many more playbooks, made as ``cordon new`` makes one."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from console.new_playbook import skeleton, with_function
from console.playbook_blocks import made
from console.playbook_blocks.block import Block
from console.playbooks import playbooks
from console.triggers import heard_by
from embedded.place import Place
from embedded.stack import Stack
from embedded.template import synthesise
from tests.architecture import largest
from tests.architecture.stack import PLAYBOOKS, ROOT, TEMPLATE, compact, source
from tests.examples import TAG

COUNT = 20
LONG = "close_what_somebody_left_open"  # a name of a playbook is in its function's environment


def template() -> str:
    """The text, with so many playbooks. Each new one has all that one can have, a queue too."""
    headers, text = playbooks(ROOT), source()
    for number in range(COUNT - len(PLAYBOOKS)):
        kind = f"securityhub:Made.{number + 1}"
        new = replace(TAG, name=f"{LONG}_{chr(ord('a') + number)}", handles=(kind,))
        block = Block(new, heard_by([new])[new.name])
        text = with_function(text, skeleton.function(block, kind))
        headers = (*headers, new)
    return made(text, headers)


@cache
def stack(place: Place) -> Stack:
    """It, at all other limits too."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        for part in TEMPLATE.parent.iterdir():
            if part.name in ("functions", "layers", "statemachines"):
                (folder / part.name).symlink_to(part)
        path = folder / TEMPLATE.name
        path.write_text(template())
        return synthesise(path, place, parameters=largest.largest(), stack=largest.STACK)


def environments(built: Stack) -> Mapping[str, Mapping[str, str]]:
    """The variables of each function, by its logical id."""
    return {
        one.logical: one.properties["Environment"]["Variables"]
        for one in built.of("AWS::Lambda::Function")
    }


def size(variables: Mapping[str, str]) -> int:
    """In bytes, as Lambda counts it."""
    return len(compact(variables).encode())
