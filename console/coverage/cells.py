"""The cells of the matrices that a person may attest, by the ids that the desk is sent."""

import re
from collections.abc import Iterator, Mapping
from typing import Any


def scope_id(matrix: Mapping[str, Any], number: int) -> str:
    """A scope: the matrix by its first word, and the scope's number.

    >>> scope_id({"name": "Agentic AI Security Scoping Matrix"}, 2)
    'agentic-2'
    """
    return f"{_words(matrix['name']).partition('-')[0]}-{number}"


def cell_id(matrix: Mapping[str, Any], number: int, column: Mapping[str, Any]) -> str:
    """A cell: its scope, and its column.

    >>> cell_id({"name": "Generative AI"}, 3, {"name": "Legal & privacy"})
    'generative-3-legal-privacy'
    """
    return f"{scope_id(matrix, number)}-{_words(column['name'])}"


def subjects(scopes: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each id, and what a person must attest there."""
    for matrix in scopes["matrices"]:
        for number, scope in enumerate(matrix["scopes"], 1):
            if scope["attest"]:
                yield scope_id(matrix, number), scope["attest"]
            for column in matrix["columns"]:
                yield cell_id(matrix, number, column), column["attest"]


def _words(name: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", name.lower()))
