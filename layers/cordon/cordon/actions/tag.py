"""Tags on the resources of any service.

A tag marks a resource and never changes how it works. With the policies in the operator's guide a
tag also restricts access. Values are ids of cases and controls, never text of a finding (AWS: tags
are not meant for private or sensitive data).

``tag_value`` makes the value of a tag that several cases share, and ``is_made_of`` recognises one.
``TagBucket`` uses them too.

captured  ``{"value": text | None}``; None if the key is absent (an empty value is "")
written   ``{"value": text, "base": text | None}``; ``base`` is the value without Cordon
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
MAX_VALUE_LENGTH = 256
MAX_TAGS = 50  # of a resource; AWS's own tags (aws:…) do not count
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9_.:/=+@-]")  # in the tag values of every service


def tag_value(values: tuple[str, ...]) -> str:
    """The tag value for all of ``values``: sorted, joined with spaces, 256 characters at most.

    Values that do not fit are counted at the end, so that the cut is visible.

    >>> tag_value(("b", "a", "b"))
    'a b'
    >>> tag_value(("x" * 200, "y" * 100))[-4:]
    'x +1'
    """
    names = sorted({_NOT_ALLOWED.sub("_", v)[:MAX_VALUE_LENGTH] for v in values} - {""})
    for left_out in range(len(names) + 1):
        kept = names[: len(names) - left_out]
        value = " ".join([*kept, f"+{left_out}"] if left_out else kept)
        if len(value) <= MAX_VALUE_LENGTH:
            return value
    return ""


def is_made_of(value: str | None, *ours: str) -> bool:
    """Is the value one that we may have written for some of the cases of these values of ours?

    An attempt that died may have written for fewer or more cases than are noted.

    >>> is_made_of("a", "a b"), is_made_of("a c", "a b"), is_made_of(None, "a b")
    (True, False, False)
    """
    return value is not None and set(value.split(" ")) <= set(" ".join(ours).split(" "))


@dataclass(frozen=True)
class Tag(Action):
    """Base of the tag actions. Each subclass makes the three calls of its service."""

    arn: str
    key: str
    values: tuple[str, ...]

    family: ClassVar[str] = "tag"
    contains: ClassVar[bool] = False
    recognisable_by_value: ClassVar[bool] = False  # the value of another case looks like a person's
    not_found_errors: ClassVar[frozenset[str]] = frozenset({"ResourceNotFoundException"})
    quota_errors: ClassVar[frozenset[str]] = frozenset()  # error codes for too many tags

    def __post_init__(self) -> None:
        match = ARN.fullmatch(self.arn)
        here = (self.place.partition, self.place.region, self.place.account)
        if not match or match.group("partition", "region", "account") != here:
            raise ValueError(f"arn: not of {self.place.account} {self.place.region}: {self.arn!r}")
        if not KEY.fullmatch(self.key):
            raise ValueError(f"key: not a tag key: {self.key!r}")
        if not tag_value(self.values):
            raise ValueError("values: expected at least one")
        object.__setattr__(self, "values", tuple(sorted(set(self.values))))  # normalised

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
        if self.key not in tags and len(own) >= MAX_TAGS:
            raise Refused(self._quota_message)
        return {"value": tags.get(self.key)}

    def apply(
        self, aws: AwsClients, captured: Json, written: Json | None, current: Json | None = None
    ) -> Json:
        value = tag_value(self.values)
        base = self._base(aws, written) if written else captured["value"]
        with self._translating_errors():
            self._write(aws, value)
        return {"value": value, "base": base}

    def verify(self, aws: AwsClients, captured: Json, written: Json) -> None:
        value = self._tags(aws).get(self.key)
        if value != written["value"]:
            raise NotVerified(
                f"{self.arn}: tag {self.key} is {value!r}, expected {written['value']!r}"
            )

    def undo(self, aws: AwsClients, captured: Json, written: Json) -> UndoResult:
        try:
            return self._undo(aws, captured["value"], written)
        except ResourceDeleted as deleted:
            return UndoResult(Undone.RESOURCE_DELETED, str(deleted))

    def _base(self, aws: AwsClients, written: Json) -> str | None:
        """A person's newer value of the tag; else its value before Cordon."""
        current = self._tags(aws).get(self.key)
        return written["base"] if self._is_ours(current, written) else current

    def _is_ours(self, value: str | None, written: Json) -> bool:
        return is_made_of(value, tag_value(self.values), written["value"])

    def verify_undone(self, aws: AwsClients, left: Json) -> None:
        value = self._tags(aws).get(self.key)
        if value != left["value"]:
            raise NotVerified(f"{self.arn}: tag {self.key} is {value!r}, not {left['value']!r}")

    def _undo(self, aws: AwsClients, captured: str | None, written: Json) -> UndoResult:
        """The base is written back also where a reading shows it already: it may be old."""
        value, base = self._tags(aws).get(self.key), written["base"]
        if value != captured and not self._is_ours(value, written):
            kept = f"a person changed the tag {self.key}: it was not changed"
            return UndoResult(Undone.DRIFTED, kept, {"value": value})
        restored = captured if value == captured else base
        self._restore(aws, restored)
        left = {"value": restored}
        if restored == captured:
            return UndoResult(Undone.RESTORED, left=left)
        theirs = f"a person changed the tag {self.key}: their value was restored"
        return UndoResult(Undone.DRIFTED, theirs, left)

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
        """Translate the service's errors into ResourceDeleted and Refused. Raise all others."""
        try:
            yield
        except ClientError as error:
            response = error.response["Error"]
            if self._is_deleted(response["Code"], response.get("Message", "")):
                raise ResourceDeleted(self.arn) from error
            if response["Code"] in self.quota_errors:
                raise Refused(self._quota_message) from error
            raise

    @property
    def _quota_message(self) -> str:
        return f"{self.arn} already has {MAX_TAGS} tags; remove one to make room for {self.key}"

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
    """A service's tag list as a map. The last value counts if a key occurs twice."""
    return {tag[key]: tag[value] for tag in tags}
