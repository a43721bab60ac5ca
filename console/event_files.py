"""Reads events: one in a file, an array, JSON lines, findings without an envelope, or all of these.

    for event in events_in([Path("day.ndjson"), Path("archive/"), Path("-")]): ...

What cannot be read is a ``ReplayEvent`` as well: its ``fault`` says in one line what is wrong. So
it hides nothing that comes after it. Lines are read as they are needed; other files as a whole.
"""

import errno
import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from console.envelopes import NotAnEvent, event_of
from console.plan_files import SUFFIX

ONE = ".json"  # a file that is one event, an array of events, or the output of get-findings
LINES = (".jsonl", ".ndjson")  # a file with an event on every line
STANDARD_INPUT = Path("-")
LONGEST_FAULT = 400  # characters
GZIP = b"\x1f\x8b"  # how such a file begins (RFC 1952, 2.3.1)
EMPTY = "not an event: it is empty"


@dataclass(frozen=True)
class ReplayEvent:
    """An event as it was recorded: a file, one line of a file, or one element of a document."""

    path: Path
    line: int = 0  # from 1; 0 where the file is not read by lines
    text: str = field(default="", repr=False)  # of the event alone
    element: int = 0  # from 1; 0 where the document is the event
    fault: str = ""  # why there is no event here, in one line
    note: str = ""  # what was added to what was recorded, in one line

    def __str__(self) -> str:
        return f"{self._printable(str(self.path))}{self._position}"

    @property
    def short(self) -> str:
        """``folder/name``, as lists show it."""
        name = f"{self.path.parent.name}/{self.path.stem}" if self.path.parent.name else self.path
        return f"{self._printable(str(name))}{self._position}"

    @property
    def is_file(self) -> bool:
        """Whether the whole file is this one event, so that an expectation may be beside it."""
        return not self.line and not self.element and self.path != STANDARD_INPUT

    @property
    def _position(self) -> str:
        line = f":{self.line}" if self.line else ""
        return f"{line}#{self.element}" if self.element else line

    @staticmethod
    def _printable(name: str) -> str:
        """A file's name may be any bytes, and may have line breaks."""
        shown = name.encode("utf-8", "backslashreplace").decode()
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)


def event_files(paths: Iterable[Path], *suffixes: str) -> list[Path]:
    """The event files among these paths, and in the folders among them, sorted.

    ``suffixes``: which files of a folder may be such; ``.json`` if none is given.
    """
    found = chain.from_iterable(_found(path, suffixes or (ONE,)) for path in paths)
    return [path for path, fault in found if not fault]


def events_in(paths: Iterable[Path]) -> Iterator[ReplayEvent]:
    """The events in these files and folders, and in standard input (``-``), in order.

    Of a folder: ``.json``, ``.jsonl`` and ``.ndjson``. Every other file has to be named.
    """
    for path, fault in chain.from_iterable(_found(path, (ONE, *LINES)) for path in paths):
        if fault:
            yield ReplayEvent(path, fault=fault)
            continue
        try:
            with _opened(path) as stream:
                yield from _read(path, stream)
        except OSError as error:
            yield ReplayEvent(path, fault=_system(error))


def _found(path: Path, suffixes: tuple[str, ...]) -> list[tuple[Path, str]]:
    """The files at a path, each with why it cannot be read, "" where it may be."""
    if path == STANDARD_INPUT or not path.is_dir():
        return [] if path.name.endswith(SUFFIX) else [(path, "")]
    found: list[tuple[Path, str]] = []

    def refused(error: OSError) -> None:
        found.append((Path(error.filename), _system(error)))

    for folder, _, names in os.walk(path, onerror=refused):
        files = (Path(folder) / name for name in names)
        events = (file for file in files if file.suffix.lower() in suffixes)
        found += [(file, _special(file)) for file in events if not file.name.endswith(SUFFIX)]
    return sorted(found)


def _special(file: Path) -> str:
    """A pipe in a folder would be read for ever."""
    return "cannot be read: it is no ordinary file" if file.exists() and not file.is_file() else ""


def _system(error: OSError) -> str:
    return f"cannot be read: {error.strerror or type(error).__name__}"


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    if path == STANDARD_INPUT:
        if sys.stdin is None:  # closed, as with `<&-`
            raise OSError(errno.EBADF, "standard input is closed")
        yield sys.stdin.buffer
        return
    with path.open("rb") as stream:
        yield stream


def _read(path: Path, stream: BinaryIO) -> Iterator[ReplayEvent]:
    """By lines, where the first is a document of its own and not the last; else as a whole."""
    begin: list[bytes] = []
    if path.suffix.lower() not in LINES:
        while len(_filled(begin)) < 2 and (line := stream.readline()):
            begin.append(line)
        first, *others = _filled(begin) or [b""]
        if not (others and _is_document(first)):
            yield from _whole(path, b"".join(begin) + stream.read())
            return
    yield from _by_line(path, chain(begin, stream))


def _filled(lines: Iterable[bytes]) -> list[bytes]:
    return [line for line in lines if line.strip()]


def _whole(path: Path, raw: bytes) -> Iterator[ReplayEvent]:
    lines = raw.splitlines(keepends=True)
    documents = sum(map(_is_document, lines))
    if documents > 1 and documents > len(_filled(lines)) / 2:  # lines, and some are unfit
        yield from _by_line(path, lines)
    elif not raw.strip():
        yield ReplayEvent(path, fault=EMPTY)
    else:
        yield from _document(ReplayEvent(path), raw)


def _by_line(path: Path, lines: Iterable[bytes]) -> Iterator[ReplayEvent]:
    empty = True
    for number, line in enumerate(lines, 1):
        if line.strip():
            empty = False
            yield from _document(ReplayEvent(path, number), line)
    if empty:
        yield ReplayEvent(path, fault=EMPTY)


def _is_document(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict | list)
    except (ValueError, RecursionError):
        return False


def _document(at: ReplayEvent, raw: bytes) -> Iterator[ReplayEvent]:
    """The events in one JSON document."""
    try:
        document = parsed(raw)
    except (ValueError, RecursionError) as error:
        yield replace(at, fault=_not_json(error))
        return
    several = _several(document)
    if several is None:
        yield _one(at, document)
    elif not several:
        yield replace(at, fault="not an event: its list is empty")
    else:
        yield from (_one(replace(at, element=n), one) for n, one in enumerate(several, 1))


def _several(document: Any) -> list[Any] | None:
    """The elements of an array, or of what a get-findings command prints; None for one event."""
    if isinstance(document, list):
        return document
    if isinstance(document, dict) and "detail" not in document:
        listed = document.get("Findings", document.get("findings"))
        return listed if isinstance(listed, list) else None
    return None


def _one(at: ReplayEvent, recorded: Any) -> ReplayEvent:
    try:
        event, note = event_of(recorded)
        return replace(at, text=json.dumps(event), note=note)
    except NotAnEvent as why:
        return replace(at, fault=_shortened(str(why)))
    except RecursionError as error:
        return replace(at, fault=_not_json(error))


def _not_json(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError) and error.object.startswith(GZIP):
        return "not JSON: it is compressed: gzip -dc FILE | cordon VERB - reads what is in it"
    if isinstance(error, UnicodeDecodeError):
        return f"not JSON: byte {error.start + 1} is not {error.encoding}"
    if isinstance(error, RecursionError):
        return "not an event: it is nested too deeply"
    return _shortened(f"not JSON: {error}")


def _shortened(text: str) -> str:
    """In the middle: how it ends says what is wrong."""
    half = LONGEST_FAULT // 2
    return text if len(text) <= LONGEST_FAULT else f"{text[:half]} … {text[-half:]}"


def parsed(raw: bytes) -> Any:
    """A JSON document, as strictly as AWS reads one. ValueError, or RecursionError.

    Python alone would take NaN, Infinity, and the last of two members of one name.
    """
    text = raw.decode(json.detect_encoding(raw))
    return json.loads(
        text, parse_constant=_constant, parse_float=_number, object_pairs_hook=_members
    )


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _number(text: str) -> float:
    number = float(text)
    return _constant(text) if number in (float("inf"), float("-inf")) else number


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"the member {json.dumps(twice)} is there twice")
    return members
