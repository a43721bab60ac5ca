"""docs/emulators.md names every repair of the emulator, with its reason."""

from pathlib import Path

import pytest

from tests.e2e.emulators_page import EMULATOR, PAGE, REPAIRS, installed, page, rows


def test_the_page_is_as_the_repairs_say() -> None:
    assert PAGE.read_text() == page(), "run python tests/e2e/emulators_page.py"


@pytest.mark.parametrize("path", REPAIRS, ids=lambda path: path.stem)
def test_every_repair_is_installed_and_has_a_reason(path: Path) -> None:
    repairs = path.read_text()
    used, all_there_are = installed(repairs)
    assert used == all_there_are
    assert not [row for row in rows(repairs).splitlines() if row.endswith("|  |")]
    assert f"{path.stem}.install()" in (EMULATOR / "__main__.py").read_text()
