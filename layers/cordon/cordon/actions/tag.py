"""Tags on the resources of any service: several keys of one resource in one action.

A tag marks a resource and never changes how it works. With the policies in the operator's guide a
tag also restricts access. Values are ids of cases and controls, never text of a finding (AWS: tags
are not meant for private or sensitive data).

One reading and one write cover all keys; a second write is made only where a key must go. Cases
share a key: ``tag_value`` makes its value of what all of them want, and ``is_made_of`` recognises
such a value. A key that no case wants any more goes back to its base with the next apply.

None means that the key is absent (an empty value is ""). ``base`` is the value without Cordon: the
captured one, or a person's if a person changed the tag while it was held.

captured  ``{"tags": {key: text}}``: all of the resource's own tags, since another case may bring
          other keys. Those of AWS (aws:…) are not among them
written   ``{"tags": {key: text | None}, "base": {key: text | None}}``; the tag of a key that no
          case wants any more is its base
left      ``{"tags": {key: text | None}}``
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
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
from cordon.actions.grants import CORDON_TAGS, STATE, Grant, Statement
from cordon.clients import AwsClients
from cordon.finding import ARN

KEY = re.compile(r"(?!aws:)[A-Za-z0-9_.:/=+@-]{1,128}", re.IGNORECASE)
MAX_VALUE_LENGTH = 256
MAX_SHOWN = 5  # keys in one message
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9_.:/=+@-]")  # in the tag values of every service
_LEFT_OUT = re.compile(r"\+[0-9]+")
_NOTHING: Json = {"tags": {}, "base": {}}

Tags = Mapping[str, str | None]


def tag_value(values: Iterable[str]) -> str:
    """The tag value for all of ``values``: sorted, joined with spaces, 256 characters at most.

    Values that do not fit are counted at the end, so that the cut is visible.

    >>> tag_value(("b", "a", "b"))
    'a b'
    >>> tag_value(("x" * 200, "y" * 100))[-4:]
    'x +1'
    """
    names = _names(values)
    for left_out in range(len(names) + 1):
        kept = names[: len(names) - left_out]
        value = " ".join([*kept, f"+{left_out}"] if left_out else kept)
        if len(value) <= MAX_VALUE_LENGTH:
            return value
    return ""


def _names(values: Iterable[str]) -> list[str]:
    """Each value as it is written."""
    return sorted({_NOT_ALLOWED.sub("_", v)[:MAX_VALUE_LENGTH] for v in values} - {""})


def is_made_of(value: str | None, *ours: str) -> bool:
    """Is the value one that we may have written for some of the cases of these values of ours?

    An attempt that died may have written for fewer or more cases than are noted, and have left out
    another number of them.

    >>> is_made_of("a", "a b"), is_made_of("a c", "a b"), is_made_of(None, "a b")
    (True, False, False)
    >>> is_made_of("a +1", "a b"), is_made_of("+1", "a b"), is_made_of("", "")
    (True, False, False)
    """
    names = {name for name in (value or "").split(" ") if not _LEFT_OUT.fullmatch(name)} - {""}
    return bool(names) and names <= set(" ".join(ours).split(" "))


class Tag(Action):
    """Base of the tag actions. Each subclass names the resource, and makes the three calls.

    Sources of the limits: the model of each service's call; AWS General Reference, "Tag naming
    limits and requirements" (50 own tags a resource, keys of 128 and values of 256 characters).
    No service says when a tag is in force: what ``verify`` reads is read again until it shows.
    """

    tags: Mapping[str, tuple[str, ...]]  # key → what the tag names; the subclass has the field

    family: ClassVar[str] = "tag"
    contains: ClassVar[bool] = False
    recognisable_by_value: ClassVar[bool] = False  # the value of another case looks like a person's
    most: ClassVar[int] = 50  # own tags of a resource; AWS's own (aws:…) do not count
    not_found_errors: ClassVar[frozenset[str]] = frozenset({"ResourceNotFoundException"})
    quota_errors: ClassVar[frozenset[str]] = frozenset()  # error codes for too many tags
    policy_errors: ClassVar[frozenset[str]] = frozenset()  # and for values that a tag policy denies

    def __post_init__(self) -> None:
        """Normalise the tags, so that equal actions have equal JSON."""
        object.__setattr__(self, "tags", _normalised(self.tags))

    @property
    def target(self) -> str:
        return f"tags:{self.resource}"

    @property
    def _marked(self) -> str:
        """What has the tags, in messages."""
        return self.resource

    @property
    def in_words(self) -> str:
        return f"sets {_shown(self.tags)}"

    @property
    def shuts_out(self) -> str:
        return "whoever a policy of yours denies access by these tags"

    def combine(self, other: Self) -> Self:
        tags = dict(self.tags)
        for key, values in other.tags.items():
            tags[key] = (*tags.get(key, ()), *values)
        return replace(self, tags=tags)  # type: ignore[call-arg]  # a field of every subclass

    def capture(self, aws: AwsClients) -> Json:
        own = self._own(aws)
        self._require_room(own, self._wanted)
        return {"tags": own}

    def is_as_captured(self, aws: AwsClients, captured: Json) -> bool:
        """Its own keys only, also where a person has filled the resource since."""
        shown = self._own(aws)
        return all(shown.get(key) == captured["tags"].get(key) for key in self.tags)

    def apply(
        self, aws: AwsClients, captured: Json, written: Json | None, current: Json | None = None
    ) -> Json:
        if written is None:  # whatever shows is as captured, or an attempt of ours left it there
            shown = captured["tags"]
        else:
            shown = current["tags"] if current is not None else self._own(aws)
        base = self._base(shown, captured, written or _NOTHING)
        tags = {**self._ours_to_write(base, captured, written or _NOTHING), **self._wanted}
        self._require_room(shown, tags)
        self._write(aws, tags)
        return {"tags": {**base, **self._wanted}, "base": base}

    def verify(self, aws: AwsClients, captured: Json, written: Json) -> None:
        self._require_shown(aws, {**written["base"], **self._wanted})

    def undo(self, aws: AwsClients, captured: Json, written: Json) -> UndoResult:
        try:
            left = self._base(self._own(aws), captured, written)
            self._write(aws, self._ours_to_write(left, captured, written))
        except ResourceDeleted as deleted:
            return UndoResult(Undone.RESOURCE_DELETED, str(deleted))
        theirs = [key for key, value in left.items() if value != captured["tags"].get(key)]
        if not theirs:
            return UndoResult(Undone.RESTORED, left={"tags": left})
        reason = f"a person changed {_shown(theirs)}: now as that person left it"
        return UndoResult(Undone.DRIFTED, reason, {"tags": left})

    def verify_undone(self, aws: AwsClients, left: Json) -> None:
        self._require_shown(aws, left["tags"])

    @property
    def _wanted(self) -> dict[str, str]:
        return {key: tag_value(values) for key, values in self.tags.items()}

    def _base(self, shown: Tags, captured: Json, written: Json) -> dict[str, str | None]:
        """The value of each held tag without Cordon: a person's newer one; else the one before.

        A key that is new to the hold was captured with all others. An old reading shows an earlier
        base, and so changes nothing.
        """
        base = {}
        for key in sorted({*self.tags, *written["tags"]}):
            before = written["base"].get(key, captured["tags"].get(key))
            base[key] = before if self._is_ours(key, shown.get(key), written) else shown.get(key)
        return base

    def _is_ours(self, key: str, value: str | None, written: Json) -> bool:
        noted = written["tags"].get(key) or ""
        if noted == written["base"].get(key):  # it went back to what is not ours
            noted = ""
        return is_made_of(value, noted, *_names(self.tags.get(key, ())))

    @staticmethod
    def _ours_to_write(base: Tags, captured: Json, written: Json) -> dict[str, str | None]:
        """Without what only this reading shows: that is a person's, and there already."""
        before = {**captured["tags"], **written["base"]}
        known = {key: (captured["tags"].get(key), before.get(key)) for key in base}
        return {key: value for key, value in base.items() if value in known[key]}

    def _require_shown(self, aws: AwsClients, expected: Tags) -> None:
        shown = self._own(aws)
        wrong = [key for key, value in expected.items() if shown.get(key) != value]
        if wrong:
            texts = [f"{key} is {shown.get(key)!r}, not {expected[key]!r}" for key in wrong]
            raise NotVerified(f"{self._marked}: tag {_bounded(texts)}")

    def _require_room(self, shown: Tags, tags: Tags) -> None:
        """Raises Refused if the resource would have more tags than it can."""
        there = {key for key, value in {**shown, **tags}.items() if value is not None}
        added, excess = there - shown.keys(), len(there) - self.most
        if added and excess > 0:
            raise Refused(
                f"{self._marked} has {len(shown)} of at most {self.most} tags: remove {excess} to"
                f" make room for {_shown(added)}"
            )

    def _own(self, aws: AwsClients) -> dict[str, str]:
        with self._translating_errors():
            tags = self._read(aws)
        return {key: value for key, value in tags.items() if not key.startswith("aws:")}

    def _write(self, aws: AwsClients, tags: Tags) -> None:
        """What must go goes first, and makes room."""
        to_remove = [key for key, value in tags.items() if value is None]
        to_set = {key: value for key, value in tags.items() if value is not None}
        with self._translating_errors():
            if to_remove:
                self._remove(aws, to_remove)
            if to_set:
                self._set(aws, to_set)

    @contextmanager
    def _translating_errors(self) -> Iterator[None]:
        """Translate the service's errors into ResourceDeleted and Refused. Raise all others."""
        try:
            yield
        except ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"].get("Message")
            if self._is_deleted(code, message or ""):
                raise ResourceDeleted(f"{self._marked} no longer exists") from error
            if self._is_full(code, message or ""):
                raise Refused(
                    f"{self._marked} has no room for {_shown(self.tags)}: it can have {self.most}"
                    " tags; remove others"
                ) from error
            if code in self.policy_errors:
                raise Refused(
                    f"{self._marked}: a tag policy of the organization denies a value of"
                    f" {_shown(self.tags)}"
                ) from error
            raise

    def _is_deleted(self, code: str, message: str) -> bool:
        return code in self.not_found_errors

    def _is_full(self, code: str, message: str) -> bool:
        return code in self.quota_errors

    def _read(self, aws: AwsClients) -> dict[str, str]:
        raise NotImplementedError

    def _set(self, aws: AwsClients, tags: Mapping[str, str]) -> None:
        raise NotImplementedError

    def _remove(self, aws: AwsClients, keys: list[str]) -> None:
        raise NotImplementedError


ANY_TAGGABLE = "findings name any taggable resource in any Region; tag actions change nothing else"


def tag_grants(service: str, name: str, read: str, tag: str, untag: str) -> tuple[Grant, ...]:
    """What tags on the resources of a service need: read any, set and remove only ours.

    ``service``: its prefix in IAM; ``name``: as the statements have it; the others: its actions.
    """
    everywhere = f"arn:${{AWS::Partition}}:{service}:*:${{AWS::AccountId}}:*"
    reading = Statement(f"Read{name}Tags", everywhere, STATE, wide=ANY_TAGGABLE)
    writing = Statement(f"Tag{name}", everywhere, "status, control and case", CORDON_TAGS)
    return (
        reading.allows(f"{service}:{read}"),
        writing.allows(f"{service}:{tag}", f"{service}:{untag}"),
    )


@dataclass(frozen=True)
class TagByArn(Tag):
    """Base of the tag actions on what a finding names by its ARN."""

    arn: str
    tags: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        match = ARN.fullmatch(self.arn)
        here = (self.place.partition, self.place.region, self.place.account)
        if not match or match.group("partition", "region", "account") != here:
            raise ValueError(f"arn: not of {self.place.account} {self.place.region}: {self.arn!r}")
        super().__post_init__()

    @property
    def resource(self) -> str:
        return self.arn


def tags_by_key(
    tags: list[dict[str, Any]], key: str = "Key", value: str = "Value"
) -> dict[str, str]:
    """A service's tag list as a map. The last value counts if a key occurs twice."""
    return {tag[key]: tag[value] for tag in tags}


def _normalised(tags: Any) -> dict[str, tuple[str, ...]]:
    """Sorted, each value once. Raises ValueError: also a row of the table comes through here."""
    if not isinstance(tags, Mapping) or not tags:
        raise ValueError("tags: expected at least one key")
    for key, values in tags.items():
        if not isinstance(key, str) or not KEY.fullmatch(key):
            raise ValueError(f"tags: not a tag key: {key!r}")
        if not isinstance(values, tuple) or not all(isinstance(value, str) for value in values):
            raise ValueError(f"tags: expected texts for {key}")
        if not tag_value(values):
            raise ValueError(f"tags: expected at least one value for {key}")
    return {key: tuple(sorted(set(tags[key]))) for key in sorted(tags)}


def _shown(keys: Collection[str]) -> str:
    """``the tag a``, ``the tags a, b``."""
    return f"the tag{'s' if len(keys) > 1 else ''} {_bounded(sorted(keys), ', ')}"


def _bounded(texts: list[str], between: str = "; ") -> str:
    more = [f"and {len(texts) - MAX_SHOWN} more"] if len(texts) > MAX_SHOWN else []
    return between.join([*texts[:MAX_SHOWN], *more])
