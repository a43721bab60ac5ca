"""Hostile text made safe to store and show: bounded, one line, nothing invisible in it.

Whoever shows it still escapes it for Markdown, JSON, CSV or a terminal.
"""

import unicodedata

TITLE = 256  # ASFF Title
DESCRIPTION = 1024  # ASFF Description
NAME = 1024  # the longest S3 object key, in characters

# Controls (C0, DEL, C1), format characters (bidi overrides, zero width, tags), lone surrogates,
# private use, and the two separators that split lines.
_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_BREAKS = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029")


def is_printable(value: str) -> bool:
    """Is there nothing in it that hides, reorders or breaks a line?"""
    return not any(unicodedata.category(char) in _HARMFUL for char in value)


def one_line(value: str, limit: int) -> str:
    """One line of at most ``limit`` characters, cut with a visible ellipsis.

    >>> one_line("a\\x1b[31m  b\\n\\u202ec", 20)
    'a[31m b c'
    >>> one_line("abcdef", 4)
    'abc…'
    """
    # Four times the limit is enough to fill it, however much of it is dropped or collapsed.
    seen = "".join(_shown(char) for char in value[: 4 * limit])
    line = " ".join(seen.split())
    if len(line) <= limit and len(value) <= 4 * limit:
        return line
    return line[: limit - 1].rstrip() + "…"


def _shown(char: str) -> str:
    if char in _BREAKS:
        return " "
    return "" if unicodedata.category(char) in _HARMFUL else char
