"""The table of docs/embedded-account.md: which APIs are ours. Written from the registry."""

from collections.abc import Iterator
from pathlib import Path

from embedded.backends.registry import CHECKS, IMPLEMENTED

DOCUMENT = Path(__file__).parents[2] / "docs" / "embedded-account.md"
START, END = "<!-- table: start -->", "<!-- table: end -->"


def table() -> str:
    """A row per operation: service, operation, who implements it, and the module that does."""
    return "\n".join(
        ["| Service | Operation | Implemented by | Code |", "|---|---|---|---|", *_rows()]
    )


def _rows() -> Iterator[str]:
    for service, operation in sorted(IMPLEMENTED.keys() | CHECKS.keys()):
        ours = (service, operation) in IMPLEMENTED
        function = (IMPLEMENTED if ours else CHECKS)[service, operation]
        module = function.__module__.rpartition(".")[2]
        who = "ours" if ours else "moto, after a check of ours"
        name = "every operation" if operation == "*" else operation
        yield f"| {service} | {name} | {who} | `{module}.py` |"


def updated(document: str) -> str:
    """The document with the table as it is now."""
    before, _, rest = document.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n{table()}\n{END}{after}"
