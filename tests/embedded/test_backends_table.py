"""docs/embedded-account.md says which APIs are ours, and says it truly."""

import pytest
from console.embedded import backends
from console.embedded.backends import registry, table


def test_the_table_is_current() -> None:
    written = table.DOCUMENT.read_text()
    assert table.START in written and table.END in written
    assert written == table.updated(written), "run make playbooks"


def test_a_new_stand_in_makes_it_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.ANSWERS, ("ssm", "Invented"), lambda params, where: {})
    assert "| ssm | Invented | ours |" in table.updated(table.DOCUMENT.read_text())


def test_every_operation_has_its_row() -> None:
    rows = table.table().splitlines()
    assert len(rows) == 2 + len(backends.ANSWERS.keys() | backends.CHECKS.keys())
