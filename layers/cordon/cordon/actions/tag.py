"""Labels on resources, whichever service keeps them.

A label puts up a sign and, with the policies of the operator's guide, a fence: it never changes
what it stands on. Values are ids of cases and controls, never text of a finding (AWS: tags are
not meant for private or sensitive data).

``tag_value`` is the one rule for what a tag of several cases says; ``TagBucket`` follows it too.

captured  ``{"value": text | None}``, None where the key is absent (an empty value is "")
wrote     ``{"value": text, "base": text | None}``; ``base`` is what stands there without us
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from botocore.exceptions import ClientError

from cordon.actions.action import (
    Action,
    Json,
    NotVerified,
    Refused,
    ResourceDeleted,
    Undone,
    UndoResult,
)
from cordon.clients import AwsClients
from cordon.finding import ARN

KEY = re.compile(r"(?!aws:)[A-Za-z0-9_.:/=+@-]{1,128}")
LONGEST_VALUE = 256
MOST_TAGS = 50  # a resource's own, those of AWS (aws:…) not counted
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9_.:/=+@-]")  # what every service's tag values allow


def tag_value(values: tuple[str, ...]) -> str:
    """The tag value that names all of ``values``: sorted, joined by spaces, 256 characters at most.

    What does not fit is counted, so that the cut is seen.

    >>> tag_value(("b", "a", "b"))
    'a b'
    >>> tag_value(("x" * 200, "y" * 100))[-4:]
    'x +1'
    """
    names = sorted({_NOT_ALLOWED.sub("_", v)[:LONGEST_VALUE] for v in values} - {""})
    for left_out in range(len(names) + 1):
        shown = names[: len(names) - left_out]
        value = " ".join([*shown, f"+{left_out}"] if left_out else shown)
        if len(value) <= LONGEST_VALUE:
            return value
    return ""


@dataclass(frozen=True)
class Tag(Action):
    """Base of the tag actions; each subclass knows its service's three calls."""

    arn: str
    key: str
    values: tuple[str, ...]

    family: ClassVar[str] = "tag"
    contains: ClassVar[bool] = False
    recognisable_by_value: ClassVar[bool] = (
        False  # the value of another case may as well be a person's
    )
    not_found_errors: ClassVar[frozenset[str]] = frozenset({"ResourceNotFoundException"})
    quota_errors: ClassVar[frozenset[str]] = frozenset()  # error codes that say: too many tags

    def __post_init__(self) -> None:
        found = ARN.fullmatch(self.arn)
        here = (self.place.partition, self.place.region, self.place.account)
        if not found or found.group("partition", "region", "account") != here:
            raise ValueError(f"arn: not of {self.place.account} {self.place.region}: {self.arn!r}")
        if not KEY.fullmatch(self.key):
            raise ValueError(f"key: not a tag key: {self.key!r}")
        if not tag_value(self.values):
            raise ValueError("values: a tag of ours names at least one")
        object.__setattr__(self, "values", tuple(sorted(set(self.values))))  # one spelling

    @property
    def target(self) -> str:
        return f"tag:{self.arn}:{self.key}"

    @property
    def resource(self) -> str:
        return self.arn

    def combine(self, other: Self) -> Self:
        return replace(self, values=(*self.values, *other.values))

    def capture(self, aws: AwsClients) -> Json:
        tags = self._tags(aws)
        own = [key for key in tags if not key.startswith("aws:")]
        if self.key not in tags and len(own) >= MOST_TAGS:
            raise Refused(self._no_room)
        return {"value": tags.get(self.key)}

    def apply(self, aws: AwsClients, captured: Json, written: Json | None) -> Json:
        value = tag_value(self.values)
        base = self._base(aws, written, value) if written else captured["value"]
        with self._translating_errors():
            self._write(aws, value)
        return {"value": value, "base": base}

    def verify(self, aws: AwsClients, captured: Json, written: Json) -> None:
        value = self._tags(aws).get(self.key)
        if value != written["value"]:
            raise NotVerified(f"{self.arn}: {self.key} is {value!r}, not {written['value']!r}")

    def undo(self, aws: AwsClients, captured: Json, written: Json) -> UndoResult:
        try:
            return self._undo(aws, captured["value"], written)
        except ResourceDeleted as not_found_errors:
            return UndoResult(Undone.RESOURCE_DELETED, str(not_found_errors))

    def _base(self, aws: AwsClients, written: Json, value: str) -> str | None:
        """What a person has put there since; else what stood there before us."""
        current = self._tags(aws).get(self.key)
        return written["base"] if current in (written["value"], value) else current

    def _undo(self, aws: AwsClients, captured: str | None, written: Json) -> UndoResult:
        value = self._tags(aws).get(self.key)
        if value == captured:
            return UndoResult(Undone.RESTORED)
        if value != written["value"]:
            return UndoResult(Undone.DRIFTED, f"a person changed {self.key}: it is left as it is")
        self._restore(aws, written["base"])
        if written["base"] == captured:
            return UndoResult(Undone.RESTORED)
        return UndoResult(Undone.DRIFTED, f"a person changed {self.key}: their value is put back")

    def _restore(self, aws: AwsClients, value: str | None) -> None:
        with self._translating_errors():
            if value is None:
                self._remove(aws)
            else:
                self._write(aws, value)

    def _tags(self, aws: AwsClients) -> Mapping[str, str]:
        with self._translating_errors():
            return self._read(aws)

    @contextmanager
    def _translating_errors(self) -> Iterator[None]:
        """Turns what the service says into Gone and Refused; all else rises as it is."""
        try:
            yield
        except ClientError as error:
            said = error.response["Error"]
            if self._is_deleted(said["Code"], said.get("Message", "")):
                raise ResourceDeleted(self.arn) from error
            if said["Code"] in self.quota_errors:
                raise Refused(self._no_room) from error
            raise

    @property
    def _no_room(self) -> str:
        return f"{self.arn}: has {MOST_TAGS} tags, no room for {self.key}; a person must remove one"

    def _is_deleted(self, code: str, message: str) -> bool:
        return code in self.not_found_errors

    def _read(self, aws: AwsClients) -> dict[str, str]:
        raise NotImplementedError

    def _write(self, aws: AwsClients, value: str) -> None:
        raise NotImplementedError

    def _remove(self, aws: AwsClients) -> None:
        raise NotImplementedError


def tags_by_key(
    tags: list[dict[str, Any]], key: str = "Key", value: str = "Value"
) -> dict[str, str]:
    """A service's tag list as a map; the last one wins where a key stands twice."""
    return {tag[key]: tag[value] for tag in tags}
