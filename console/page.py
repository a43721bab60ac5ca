"""How a page of headings and lines is printed: wrapped in a terminal, a line each in a pipe."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from console.case_page import Section
from console.differences import STYLES
from cordon.sources.text import one_line

LONGEST = 20_000  # characters of a line: a plan's manual step has some hundred
INDENT = 2
NAME = 14  # characters of a fact's name


def show(title: str, sections: Sequence[Section], out: Console) -> None:
    """Print it all; whatever the lines have in them, no terminal takes it for a command."""
    head = Text(_plain(title), style="bold", overflow="fold")
    out.print(head, soft_wrap=not out.is_terminal, highlight=False)
    for section in sections:
        lines([section.heading], out, style="bold cyan")
        for line in section.lines:
            text = Text(_plain(line), style=STYLES.get(line[:1], ""), overflow="fold")
            if out.is_terminal and line[:1] not in (*STYLES, " "):
                out.print(Padding(text, (0, 0, 0, INDENT)), highlight=False)
            else:  # a document's line is the terminal's to break
                out.print(text, soft_wrap=True, highlight=False)


def facts(named: Iterable[tuple[str, str]], out: Console, style: str = "") -> None:
    """Print one fact each: its name in a column of its own, and what it is, beside it."""
    if not out.is_terminal:
        for name, text in named:
            line = Text(f"{name.ljust(NAME)}{_plain(text)}", style=style)
            out.print(line, soft_wrap=True, highlight=False)
        return
    table = Table.grid(Column(width=NAME, no_wrap=True, style="cyan"), Column(overflow="fold"))
    for name, text in named:
        table.add_row(Text(name), Text(_plain(text), style=style, overflow="fold"))
    out.print(table, highlight=False)


def lines(texts: Iterable[str], out: Console, style: str = "", *, by_words: bool = False) -> None:
    """Print one line each, which the terminal may break; it takes none for a command.

    ``by_words``: in a terminal it is broken between words. A document's lines are not.
    """
    for text in texts:
        line = Text(_plain(text), style=style, overflow="fold")
        out.print(line, soft_wrap=not (by_words and out.is_terminal), highlight=False)


def _plain(line: str) -> str:
    """The line with its indentation, which says where in a document it is."""
    indentation = line[: len(line) - len(line.lstrip(" "))]
    sign = line[:1] if line[:1] in STYLES else ""
    if sign:
        rest = line[1:]
        indentation = sign + rest[: len(rest) - len(rest.lstrip(" "))]
    return indentation + one_line(line[len(indentation) :], LONGEST)
