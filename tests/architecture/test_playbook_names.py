"""A playbook costs a folder: no code of ours names one but its own.

What must know of playbooks finds them in their folders. A test takes one by its sample or by what
it does (tests/examples.py); what is wholly about one playbook is in tests/playbooks/<name>/.
"""

import re

import pytest

from console.playbook_blocks.block import logical_name
from tests.architecture.stack import PLAYBOOKS, ROOT

ROOMS = ("layers", "console", "embedded", "bench", "tests")
WRITTEN = (".py", ".json", ".txt", ".in", ".yaml", ".toml", ".md", "")  # "": a Makefile


def named(playbook: str, text: str) -> list[str]:
    """Where the text names the playbook, or what it has in the template.

    A name of one word is a word of English too: it counts where it is alone in quotes.
    """
    logical = logical_name(playbook)
    if playbook not in text and logical not in text:
        return []
    name = rf"(?<![A-Za-z]){playbook}s?(?![a-z])" if "_" in playbook else rf"[\"']{playbook}[\"']"
    found = re.compile(rf"{name}|(?:\b|(?<=Mode)){logical}(?![a-z])")
    return [line.strip() for line in text.splitlines() if found.search(line)]


@pytest.mark.parametrize("room", ROOMS)
def test_no_code_names_a_playbook(room: str) -> None:
    found = []
    for path in sorted((ROOT / room).rglob("*")):
        if not path.is_file() or path.suffix not in WRITTEN or "__pycache__" in path.parts:
            continue
        text, where = path.read_text(), path.relative_to(ROOT)
        for playbook in PLAYBOOKS:
            if where.parts[:3] != ("tests", "playbooks", playbook):
                found += [f"{where}: {line}" for line in named(playbook, text)]
    assert found == []


@pytest.mark.parametrize(
    ("text", "is_named"),
    [
        ("from stop_notebook.playbook import PLAYBOOK", True),
        ('event("stop_notebook/guardduty_first")', True),
        ('"modes.stop_notebooks"', True),
        ('denied("StopNotebook", "s3:*")', True),
        ('role = "cordon-StopNotebookRole-1A2B"', True),
        ('deploy(ModeStopNotebook="observe")', True),
        ("class StopNotebooks(Action):", False),
        ("def unstop_notebook() -> None:", False),
    ],
)
def test_names_are_found_in_every_form(text: str, is_named: bool) -> None:
    assert bool(named("stop_notebook", text)) is is_named


def test_a_word_is_a_name_in_quotes() -> None:
    assert named("scan", 'modes["scan"]') and not named("scan", "we scan it")
