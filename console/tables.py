"""Lists, as a person and as a program reads them: one shape of rows, four outputs.

A row maps a column's name to text, a number, a list of texts, or None. In a terminal a list is a
table of some columns, in which nothing is cut: what does not fit goes on in the next line. In a
pipe it is one line a row, with a tab between the columns. The other outputs have every column.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import file_digest
from pathlib import Path
from textwrap import indent
from typing import Annotated, Any

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from console.render import COLOURS, plain

Row = Mapping[str, Any]
NARROWEST = 16  # of a column that may be broken into lines: below that, a row is one long line
GAP = 2  # between two columns
FORMULA = "=+@\t\r\n＝＋－＠-"  # a spreadsheet takes what begins so for a formula
BEGINS = re.compile(f"[{FORMULA}]")
# Where its list separator is the semicolon, it begins a cell there; an empty quotation is nothing.
CELLS = re.compile(f'(;[\\s"]*)(?=[{FORMULA}])')


class Output(StrEnum):
    """How a list is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    JSONL = "jsonl"


OUTPUT = Annotated[Output, typer.Option("--output", "-o", help="How the list is written.")]


@dataclass(frozen=True)
class Column:
    """A column of a table: a member of the row, or what is made of it.

    What is ``whole`` is never broken into two lines.
    """

    name: str
    whole: bool = False
    of: Callable[[Row], Any] | None = None

    def cell(self, row: Row) -> str:
        """One line, without anything that a terminal takes for a command."""
        return _cell(self.of(row) if self.of else row.get(self.name))


def write(rows: Iterable[Row], columns: Sequence[Column], output: Output, out: Console) -> None:
    """Write the rows. ``columns`` are those of the table, and of a line in a pipe.

    JSON and JSON lines are written row by row, as they come. A list that is not ended is no JSON.
    """
    match output:
        case Output.JSON:
            _json(rows, out)
        case Output.JSONL:
            for row in rows:
                _raw(json.dumps(row), out)
        case Output.CSV:
            _raw(as_csv(list(rows)), out)
        case _:
            _lines(list(rows), columns, out)


def _json(rows: Iterable[Row], out: Console) -> None:
    """A list, as ``json.dumps`` writes it with an indentation of 2."""
    before = ""
    for row in rows:
        _raw(f"{before}," if before else "[", out)
        before = indent(json.dumps(row, indent=2), "  ")
    _raw(f"{before}\n]" if before else "[]", out)


def _lines(rows: Sequence[Row], columns: Sequence[Column], out: Console) -> None:
    if out.is_terminal and _fits(rows, columns, out.width):
        out.print(_table(rows, columns))
        return
    for row in rows:
        _raw("\t".join(column.cell(row) for column in columns), out)


def _fits(rows: Sequence[Row], columns: Sequence[Column], width: int) -> bool:
    """Is there room for each column that is whole, and for a part of the others?"""
    needed = (_longest(rows, one) if one.whole else NARROWEST for one in columns)
    return sum(needed) + GAP * (len(columns) - 1) <= width


def _longest(rows: Sequence[Row], column: Column) -> int:
    return max(len(column.name), *(cell_len(column.cell(row)) for row in rows), 0)


def as_csv(rows: Sequence[Row]) -> str:
    """The rows with a line of names; a text that a spreadsheet would run begins with ``'``.

    Source: OWASP, "CSV Injection".
    """
    if not rows:
        return ""
    written = io.StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([csv_cell(row.get(name)) for name in names] for row in rows)
    return written.getvalue().rstrip("\n")


def sums_of(file: Path) -> Row:
    """How long a written file is, and its sha256: columns of a row about it."""
    with file.open("rb") as read:
        return {"bytes": file.stat().st_size, "sha256": file_digest(read, "sha256").hexdigest()}


def csv_cell(value: Any) -> str:
    """A value as ``as_csv`` writes it."""
    raw = value if isinstance(value, str) else ""
    listed = isinstance(value, list | tuple)  # whose texts may have blanks
    text = "; ".join(map(_cell, value)) if listed else _cell(value)
    text = CELLS.sub(r"\1'", text)
    return f"'{text}" if BEGINS.match(raw) or BEGINS.match(text) else text


def _cell(value: Any) -> str:
    """One line, without anything that a terminal takes for a command."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return " ".join(plain(str(one)) for one in value)
    return plain(str(value))


def _table(rows: Sequence[Row], columns: Sequence[Column]) -> Table:
    table = Table(box=None, padding=(0, GAP, 0, 0), header_style="bold", pad_edge=False)
    for column in columns:
        least = _longest(rows, column) if column.whole else None
        table.add_column(column.name, no_wrap=column.whole, overflow="fold", min_width=least)
    for row in rows:
        texts = [column.cell(row) for column in columns]
        table.add_row(*(Text(text, style=COLOURS.get(text, "")) for text in texts))
    return table


def _raw(text: str, out: Console) -> None:
    if out.is_terminal:
        out.print(text, markup=False, highlight=False, soft_wrap=True)
    else:
        out.file.write(f"{text}\n")  # print would make spaces of tabs
