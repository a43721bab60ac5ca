"""Makes hostile text safe to store and display: short, one line, no invisible characters.

The code that displays it must still escape it for Markdown, JSON, CSV or a terminal.
"""

import unicodedata

TITLE = 256  # ASFF Title
DESCRIPTION = 1024  # ASFF Description
NAME = 1024  # the longest S3 object key, in characters

# Controls (C0, DEL, C1), format characters (bidi overrides, zero width, tags), lone surrogates,
# private use, and the two separators that split lines.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_BREAKS = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029")


def is_printable(value: str) -> bool:
    """Is it free of characters that hide or reorder text or break a line?"""
    return value.isprintable() or not any(
        unicodedata.category(char) in _UNPRINTABLE for char in value
    )


def one_line(value: str, limit: int) -> str:
    """One line of at most ``limit`` characters. An ellipsis marks a cut.

    >>> one_line("a\\x1b[31m  b\\n\\u202ec", 20)
    'a[31m b c'
    >>> one_line("abcdef", 4)
    'abc…'
    """
    # Read four times the limit, because characters are dropped and white space collapses.
    printable = value[: 4 * limit]
    if not printable.isprintable():  # nearly all text is, and that is found a hundred times as fast
        printable = "".join(_printable(char) for char in printable)
    line = " ".join(printable.split())
    if len(line) <= limit and len(value) <= 4 * limit:
        return line
    return line[: limit - 1].rstrip() + "…"


def _printable(char: str) -> str:
    if char in _BREAKS:
        return " "
    return "" if unicodedata.category(char) in _UNPRINTABLE else char
