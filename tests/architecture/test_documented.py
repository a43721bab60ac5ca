"""Every setting, parameter, status, output and verb has a heading or a row in docs/.

A name in the midst of a sentence is no documentation: a heading or the first cell of a row must be
about it. Alarms and warnings are held in ``test_alarms.py``.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from cordon.settings import ATTRIBUTES
from cordon.statuses import Status
from embedded.template import load
from tests.verbs import verbs

ROOT = Path(__file__).parents[2]
TEMPLATE = load((ROOT / "template.yaml").read_text())
# What the settings row says of itself: docs/operating/settings.md has it in sentences.
OF_THE_ROW = {"id", "version", "changed_at", "changed_by", "evidence_count", "evidence_hash"}
NO_PERSONS = {"other_home"}  # ``setup`` alone writes it
DECISIONS = "decisions"  # they say what was so
CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
ABOUT = re.compile(r"^(?:#+ (.+)|\| ([^|]+) \|.*)$", re.MULTILINE)

NAMES = {
    "parameter": set(TEMPLATE["Parameters"]),
    "output": set(TEMPLATE["Outputs"]),
    "status": {str(status) for status in Status},
    "setting": set(ATTRIBUTES) - OF_THE_ROW - NO_PERSONS,
    "verb": {f"cordon {name}" for name, _ in verbs()},
}


def subjects_of(page: str) -> Iterator[str]:
    """What its headings and the first cells of its rows are, and name."""
    for heading, cell in ABOUT.findall(CODE.sub("", page)):
        about = heading or cell
        yield from (re.sub(r"[`*…]", "", one) for one in (about, *re.findall(r"`[^`]+`", about)))


@cache
def subjects() -> frozenset[str]:
    pages = (page for page in (ROOT / "docs").rglob("*.md") if DECISIONS not in page.parts)
    return frozenset(one for page in pages for one in subjects_of(page.read_text()))


@pytest.mark.parametrize("kind", NAMES)
def test_each_has_a_heading_or_a_row(kind: str) -> None:
    assert len(NAMES[kind]) > 5
    assert NAMES[kind] - subjects() == set()


def test_a_sentence_is_no_documentation() -> None:
    page = "# The `Stop`\n| `a`, `b` | `c` |\nSee `d`.\n```\n# e\n```\n| f | g |\n"
    assert set(subjects_of(page)) == {"The Stop", "Stop", "a, b", "a", "b", "f"}
