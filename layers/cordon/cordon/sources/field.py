"""A value inside an event together with its path, so that every error names its field.

Null counts as absent: AWS Config writes ``"annotation": null``. An empty string counts as absent
where an identifier is expected: GuardDuty writes ``"accessKeyId": ""``.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

from cordon.finding import Malformed
from cordon.sources.shapes import Shape
from cordon.sources.text import is_printable, one_line

_TIME = re.compile(
    r"20[0-9]{2}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_LARGEST = 2**53
_FIRST, _LAST = 946_684_800, 4_102_444_799  # the years 2000 to 2099, in seconds


@dataclass(frozen=True)
class Field:
    """One field of an event. ``value`` is None if it is absent."""

    path: str
    value: Any

    def __getitem__(self, key: str) -> "Field":
        """The member of that name; absent if this is absent. Malformed if this is no object."""
        path = f"{self.path}.{key}" if self.path else key
        if self.value is None:
            return Field(path, None)
        if not isinstance(self.value, dict):
            self.malformed("is not an object")
        return Field(path, self.value.get(key))

    @property
    def present(self) -> bool:
        """Is the value there, and not an empty string?"""
        return self.value is not None and self.value != ""

    def malformed(self, why: str) -> NoReturn:
        """Raise ``Malformed`` for this field."""
        raise Malformed(self.path, why)

    def items(self) -> tuple["Field", ...]:
        """The members of a list; () if it is absent."""
        if self.value is None:
            return ()
        if not isinstance(self.value, list):
            self.malformed("is not a list")
        return tuple(Field(f"{self.path}[{n}]", item) for n, item in enumerate(self.value))

    def text(self, limit: int) -> str:
        """Text for people, made safe by ``text.one_line``; "" if it is absent."""
        return one_line(self._string(), limit)

    def identifier(self, limit: int = 512) -> str:
        """An identifier, never altered; "" if it is absent. Malformed if it is not printable."""
        value = self._string()
        if len(value) > limit or not is_printable(value):
            self.malformed(f"is not printable text of at most {limit} characters")
        return value

    def optional(self, shape: Shape) -> str:
        """An identifier of this shape, never altered; "" if it is absent or empty."""
        value = self._string()
        if value and not (shape.matches(value) and is_printable(value)):
            self.malformed(f"is not {shape.description}")
        return value

    def if_any(self, shape: Shape) -> str:
        """An identifier of this shape; "" if it is absent or anything else. Nothing hangs on it."""
        value = self.value
        readable = isinstance(value, str) and shape.matches(value) and is_printable(value)
        return str(value) if readable else ""

    def required(self, shape: Shape) -> str:
        """An identifier of this shape. Malformed if it is missing."""
        return self.optional(shape) or self.malformed("is missing")

    def choice(self, *options: str) -> str:
        """One of these words; "" if it is absent."""
        value = self._string()
        if value and value not in options:
            self.malformed(f"is not one of {', '.join(options)}")
        return value

    def number(self) -> float | None:
        """A finite number; None if it is absent."""
        value = self.value
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.malformed("is not a number")
        if not -_LARGEST <= value <= _LARGEST:  # excludes NaN and integers that a float cannot hold
            self.malformed("is out of range")
        return float(value)

    def boolean(self) -> bool:
        """True or false, also as the words that ProductFields uses; false if it is absent."""
        if self.value is None or isinstance(self.value, bool):
            return bool(self.value)
        return self.choice("true", "false") == "true"

    def time(self) -> datetime | None:
        """An RFC 3339 time, or milliseconds since 1970 (OCSF); None if it is absent.

        Without fractions of a second: cases store none, so a fraction would make a redelivered
        event look newer.
        """
        if isinstance(self.value, int | float):
            return self._epoch()
        value = self._string()
        if not value:
            return None
        if _TIME.fullmatch(value) is None:
            self.malformed("is not an RFC 3339 time")
        try:
            time = datetime.fromisoformat(value)
        except ValueError:
            self.malformed("is not a time")
        return time.replace(tzinfo=time.tzinfo or UTC, microsecond=0).astimezone(UTC)

    def _epoch(self) -> datetime:
        seconds = (self.number() or 0) / 1000
        if not _FIRST <= seconds <= _LAST:
            self.malformed("is out of range")
        return datetime.fromtimestamp(int(seconds), UTC)

    def _string(self) -> str:
        if self.value is None:
            return ""
        if not isinstance(self.value, str):
            self.malformed("is not text")
        return self.value
