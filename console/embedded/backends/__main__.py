"""``python -m console.embedded.backends`` writes the table of docs/embedded-account.md anew."""

from console.embedded.backends.table import DOCUMENT, updated

DOCUMENT.write_text(updated(DOCUMENT.read_text()))
