"""docs/emulators.md names every repair of the emulator, with its reason."""

from tests.e2e.emulators_page import PAGE, REPAIRS, installed, page, table


def test_the_page_is_as_the_repairs_say() -> None:
    assert PAGE.read_text() == page(), "run python tests/e2e/emulators_page.py"


def test_every_repair_is_installed_and_has_a_reason() -> None:
    repairs = REPAIRS.read_text()
    used, all_there_are = installed(repairs)
    assert used == all_there_are
    assert not [row for row in table(repairs).splitlines() if row.endswith("|  |")]
