"""A playbook costs a folder: no code of ours names one but its own.

What must know of playbooks finds them in their folders. A test takes one by its sample or by what
it does (tests/examples.py); what is wholly about one playbook is in tests/playbooks/<name>/.
"""

import re

import pytest
from botocore import xform_name

from console.playbook_blocks.block import logical_name
from tests.architecture.stack import PLAYBOOKS, ROOT

ROOMS = ("layers", "console", "embedded", "bench", "tests")
# AWS's operations have names of their own, which may begin like a playbook's
OPERATIONS = [
    line.partition(" ")[2]
    for line in (ROOT / "layers/cordon/operations.txt").read_text().splitlines()
    if not line.startswith("#")
]
# What other people's programs say of a role, and why it is so, names the role.
ACCEPTED = ROOT / "tests/auditors/accepted.json"
WRITTEN = (".py", ".json", ".txt", ".in", ".yaml", ".toml", ".md", "")  # "": a Makefile


def named(playbook: str, text: str) -> list[str]:
    """Where the text names the playbook, or what it has in the template.

    A name of one word is a word of English too: it counts where it is alone in quotes. The name of
    an operation of AWS does not count.
    """
    logical = logical_name(playbook)
    for operation in OPERATIONS:
        if operation.startswith(logical) and operation != logical:
            text = text.replace(operation, "").replace(xform_name(operation), "")
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
        if path == ACCEPTED:
            continue
        text, where = path.read_text(), path.relative_to(ROOT)
        for playbook in PLAYBOOKS:
            if where.parts[:3] != ("tests", "playbooks", playbook):
                found += [f"{where}: {line}" for line in named(playbook, text)]
    assert found == []


@pytest.mark.parametrize(
    ("text", "is_named"),
    [
        ("from close_database.playbook import PLAYBOOK", True),
        ('event("close_database/guardduty_first")', True),
        ('"modes.close_databases"', True),
        ('denied("CloseDatabase", "s3:*")', True),
        ('role = "cordon-CloseDatabaseRole-1A2B"', True),
        ('deploy(ModeCloseDatabase="observe")', True),
        ("class CloseDatabases(Action):", False),
        ("def unclose_database() -> None:", False),
    ],
)
def test_names_are_found_in_every_form(text: str, is_named: bool) -> None:
    assert bool(named("close_database", text)) is is_named


def test_a_word_is_a_name_in_quotes() -> None:
    assert named("scan", 'modes["scan"]') and not named("scan", "we scan it")


def test_an_operation_of_aws_is_no_playbook() -> None:
    assert not named("update_agent", "client.update_agent_alias(), UpdateAgentAlias")
    assert named("update_agent", "update_agent, beside UpdateAgentAlias")
