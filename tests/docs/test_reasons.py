"""docs/why-nothing-changed.md has every reason for which the code changes nothing."""

import re
from pathlib import Path

import pytest

from tests.docs.reasons import MADE_IN, reasons, texts_of

PAGE = Path(__file__).parents[2] / "docs" / "why-nothing-changed.md"
NO_REASON = ("not_taken_up",)  # the stage of an entry of evidence


def plain(text: str) -> str:
    return " ".join(re.sub(r"[*`]", "", text).split())


def test_every_reason_of_the_code_is_on_the_page() -> None:
    page = plain(PAGE.read_text())
    missing = {
        reason: where
        for reason, where in reasons().items()
        if plain(reason) not in page and reason not in NO_REASON
    }
    assert missing == {}


def test_each_module_makes_some() -> None:
    assert {where.partition(":")[0] for where in reasons().values()} == MADE_IN.keys()
    assert len(reasons()) > 50


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def _rule(s):\n    return _ignore('the moon is full')\n", ["the moon is full"]),
        ("def _rule(s):\n    why = f'{s.name} is too new {s.at}'\n", ["… is too new …"]),
        ("def _rule(s):\n    return f'{a or \"it is too late\"}; wait'\n", ["it is too late"]),
        ("def _rule(s):\n    '''What it is about.'''\n    raise ValueError('a b c d')\n", []),
        ("def other(s):\n    return 'the moon is full'\n", []),
    ],
)
def test_a_new_reason_is_seen(source: str, found: list[str]) -> None:
    assert [text for _, text in texts_of(source, ("_*",))] == found
