"""Text of a finding, made harmless for Markdown, chat, mail and spreadsheets.

OpsCenter shows descriptions as Markdown, and topics lead to mail, chat and spreadsheets, while the
text of a finding is hostile. ``escape_markdown`` puts look-alikes in place of whatever one of these
would execute or format; it changes no length but for a leading sign.
"""

import re
import unicodedata

_LOOK_ALIKES = str.maketrans(dict(zip("<>`|[]*\\", "‹›´¦⟦⟧∗∖", strict=True)))
_LINK = re.compile(r"(?i)(?<=h)tt(?=ps?:)")  # hxxp: the security trade's own spelling
_WWW = re.compile(r"(?i)(?<=www)\.")
_ACTIVE_FIRST = (
    "=",
    "+",
    "-",
    "@",
    "#",
    "!",
)  # formulas of spreadsheets, headings, lists, mentions
_UNSEEN = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")  # Unicode general categories


def escape_markdown(text: str, limit: int) -> str:
    """Text that Markdown, chat and spreadsheets show unchanged; at most ``limit`` characters.

    Keeps line breaks; takes out other control and direction-changing characters. Applied twice it
    changes nothing more.

    >>> escape_markdown("<!channel> [free](https://x.example)", 99)
    '‹!channel› ⟦free⟧(hxxps://x.example)'
    >>> escape_markdown("=cmd()", 99)
    "'=cmd()"
    """
    return truncate("\n".join(_lines(text)), limit)


def escaped_line(text: str, limit: int) -> str:
    """Escaped text on one line, so that it cannot pass for a line of ours."""
    return truncate(" ".join(" ".join(_lines(text)).split()), limit)


def truncate(text: str, limit: int) -> str:
    """At most ``limit`` characters; an ellipsis says that there was more."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _lines(text: str) -> list[str]:
    return [_escaped(_printable(line)) for line in text.split("\n")]


def _printable(line: str) -> str:
    """Without control, format, surrogate and unassigned characters, and line separators."""
    spaced = line.replace("\t", " ")
    if spaced.isprintable():  # nearly all text: none of these, and found a hundred times as fast
        return spaced
    return "".join(c for c in spaced if unicodedata.category(c) not in _UNSEEN)


def _escaped(line: str) -> str:
    quiet = _WWW.sub("․", _LINK.sub("xx", line.translate(_LOOK_ALIKES)))
    return f"'{quiet}" if quiet.lstrip().startswith(_ACTIVE_FIRST) else quiet
