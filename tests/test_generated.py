"""What is made from headers and code is as they are; what is not is named, and written."""

from pathlib import Path

import pytest

from console import generated
from console.playbooks import playbooks
from tests.architecture.stack import ROOT


@pytest.mark.drawn(0)
def test_all_that_is_made_is_up_to_date() -> None:
    pages, mistakes = generated.write(ROOT, only_check=True)
    assert ([path for path, stale in pages.items() if stale], mistakes) == ([], [])


def test_stale_page_is_found_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "page.md"
    pages = (lambda root: [(root / "page.md", "as it is")],) * 2  # the second finds it written
    monkeypatch.setattr(generated, "PAGES", pages)
    monkeypatch.setattr("console.permissions.page.mistakes", lambda _root: ["a mistake"])
    for old in (None, "old"):
        if old:
            path.write_text(old)
        assert generated.write(tmp_path, only_check=True) == ({path: True}, ["a mistake"])
        assert (path.read_text() if path.exists() else None) == old
        assert generated.write(tmp_path, only_check=False) == ({path: True}, ["a mistake"])
        assert path.read_text() == "as it is"
        assert generated.write(tmp_path, only_check=True) == ({path: False}, ["a mistake"])


def test_whoever_changes_something_has_a_question_to_read() -> None:
    """On a page of its own; and a sequence has one for each playbook that contains a part of it."""
    pages = {path.stem: path.read_text() for path in (ROOT / "docs" / "playbooks").iterdir()}
    found = {name: text.count("\nTime to decide: ") for name, text in pages.items()}
    assert found == {one.name: int(bool(one.actions)) for one in playbooks(ROOT)}
    sequence = (ROOT / "docs" / "attack-sequence.md").read_text()
    assert sequence.count("\nTime to decide: ") > 2
