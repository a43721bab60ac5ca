"""Hostile text only shows: it does nothing in Markdown, chat, mail or a spreadsheet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cordon.reporting.escape import escape_markdown, escaped_line, truncate
from cordon.reporting.message import SUBJECT, subject

ANY_TEXT = st.text(max_size=80) | st.text(
    alphabet="<>`|[]()*=+-@#!\n\t htps:/w.\\'\u202e", max_size=80
)


def does_something(text: str) -> bool:
    """Would Markdown, chat, mail or a spreadsheet execute or format the text?"""
    return (
        any(sign in text for sign in "<>`|[]*\\")
        or "http:" in text.lower()
        or "https:" in text.lower()
        or "www." in text.lower()
        or any(
            line.lstrip().startswith(("=", "+", "-", "@", "#", "!")) for line in text.split("\n")
        )
    )


@given(ANY_TEXT, st.integers(1, 99))
def test_escaped_text_does_nothing(text: str, limit: int) -> None:
    escaped = escape_markdown(text, limit)
    assert not does_something(escaped)
    assert len(escaped) <= limit
    assert all(c == "\n" or c.isprintable() or c.isspace() for c in escaped)


@given(ANY_TEXT)
def test_escaping_twice_is_escaping_once(text: str) -> None:
    once = escape_markdown(text, 500)
    assert escape_markdown(once, 500) == once
    line = escaped_line(text, 500)
    assert escaped_line(line, 500) == line


@given(ANY_TEXT)
def test_escaped_line_is_one_line(text: str) -> None:
    line = escaped_line(text, 60)
    assert len(line) <= 60
    assert len(line.splitlines()) <= 1
    assert not does_something(line)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("training-data_2026.csv", "training-data_2026.csv"),
        ("arn:aws:s3:::a/b", "arn:aws:s3:::a/b"),
        ("HTTPS://evil.example", "HxxPS://evil.example"),
        ("see www.evil.example", "see www․evil.example"),
        ("  =1+1", "'  =1+1"),
        ("a\u202eb\x00c\x1b[31m", "abc⟦31m"),
        ("Ü ж 漢 😀", "Ü ж 漢 😀"),
        ("one\ntwo", "one\ntwo"),
        ("<!channel> `x`|y **b**", "‹!channel› ´x´¦y ∗∗b∗∗"),
    ],
)
def test_harmless_text_stays(text: str, shown: str) -> None:
    assert escape_markdown(text, 99) == shown


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [("abcdef", 6, "abcdef"), ("abcdefg", 6, "abcde…"), ("ab   cdefg", 6, "ab…"), ("", 1, "")],
)
def test_cut_is_visible(text: str, limit: int, shown: str) -> None:
    assert truncate(text, limit) == shown


@given(ANY_TEXT)
def test_subject_is_what_sns_takes(text: str) -> None:
    title = subject(text)
    assert 0 < len(title) <= SUBJECT < 100
    assert title.isascii()
    assert title.isprintable()
    assert title[0] != " "
