"""docs/embedded-account.md says which APIs are ours, and says it truly."""

import pytest

from embedded import backends
from embedded.backends import api_table, registry


def test_the_api_table_is_current() -> None:
    written = api_table.DOCUMENT.read_text()
    assert api_table.START in written and api_table.END in written
    assert written == api_table.updated(written), "run make playbooks"


def test_new_backend_makes_table_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.IMPLEMENTED, ("ssm", "Invented"), lambda params, where: {})
    assert "| ssm | Invented | ours |" in api_table.updated(api_table.DOCUMENT.read_text())


def test_every_operation_has_its_row() -> None:
    rows = api_table.table().splitlines()
    assert len(rows) == 2 + len(backends.IMPLEMENTED.keys() | backends.CHECKS.keys())
