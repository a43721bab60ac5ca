"""One setting of one bucket, contained and put back: what all bucket actions share.

Absence is None. ``base`` is the setting without our part: what was captured, or, where a person
changed the setting while it was held, what that person made of it.

captured  ``{<setting>: value | None}``
wrote     ``{<setting>: value | None, "base": base}``, and what the subclass adds
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

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

GENERAL_PURPOSE = re.compile(r"[A-Za-z0-9._-]{3,255}")  # old buckets in us-east-1 have long names
# Amazon S3 User Guide, "General purpose bucket naming rules": reserved endings
ALIASES = {
    "--x-s3": "directory bucket: deny s3express:CreateSession in its own policy by hand",
    "--table-s3": "table bucket: change its policy in S3 Tables (s3tables) by hand",
    "-s3alias": "access point alias: contain the bucket behind it",
    "--ol-s3": "Object Lambda access point alias: contain the bucket behind it",
    ".mrap": "Multi-Region Access Point alias: contain the buckets behind it",
}
OTHER_SERVICES = ":s3tables:", ":s3vectors:", ":s3express:", ":s3-outposts:"
SHOWN = 300  # characters of a setting in a message


@dataclass(frozen=True)
class BucketSetting(Action):
    """Base of the bucket actions; each subclass knows one setting."""

    bucket: str

    family: ClassVar[str] = "bucket"
    setting: ClassVar[str]  # the setting's name in captured and wrote
    not_found_errors: ClassVar[tuple[str, ...]] = ("NoSuchBucket",)

    @property
    def resource(self) -> str:
        return f"arn:{self.place.partition}:s3:::{self.bucket}"

    @property
    def target(self) -> str:
        return f"bucket-{self.setting.replace('_', '-')}:{self.resource}"

    def capture(self, aws: AwsClients) -> Json:
        self._require_general_purpose()
        with self._raising_deleted():
            return {self.setting: self.read(aws)}

    def apply(self, aws: AwsClients, captured: Json, written: Json | None) -> Json:
        with self._raising_deleted():
            current = self.read(aws)
            base = self._base(current, captured, written)
            return {**self._ensure(aws, current, base), "base": base}

    def verify(self, aws: AwsClients, captured: Json, written: Json) -> None:
        with self._raising_deleted():
            current = self.read(aws)
        if not self.equal(current, written[self.setting]):
            raise NotVerified(f"{self.resource}: {self.difference(current, written[self.setting])}")

    def undo(self, aws: AwsClients, captured: Json, written: Json) -> UndoResult:
        try:
            with self._raising_deleted():
                return self._undo(aws, captured, written)
        except ResourceDeleted as not_found_errors:
            return UndoResult(Undone.RESOURCE_DELETED, str(not_found_errors))

    def _ensure(self, aws: AwsClients, current: Any, base: Any) -> dict[str, Any]:
        """Make the setting ``contained(base)`` unless it is already; returns what it is now."""
        wanted = self.with_ours(aws, base)
        if not self.equal(current, wanted):
            self.write(aws, wanted)
        return {self.setting: wanted}

    def with_ours(self, aws: AwsClients, base: Any) -> Any:
        """The base with our part."""
        raise NotImplementedError

    def without_ours(self, current: Any, base: Any) -> Any:
        """The current setting without our part; ``base`` itself where nothing else changed."""
        raise NotImplementedError

    def read(self, aws: AwsClients) -> Any:
        raise NotImplementedError

    def write(self, aws: AwsClients, setting: Any) -> None:
        raise NotImplementedError

    def equal(self, one: Any, other: Any) -> bool:
        return bool(one == other)

    def difference(self, current: Any, wanted: Any) -> str:
        """What differs, bounded: settings can be long."""
        shown, asked = (json.dumps(value, sort_keys=True)[:SHOWN] for value in (current, wanted))
        return f"{self.setting} is {shown}, not {asked}"

    def _base(self, current: Any, captured: Json, written: Json | None) -> Any:
        """What stands, or stood, without our part.

        ``written`` may be missing or old, when the answer to an apply was lost. Then our part is
        recognised by its content; where that is not possible, what was captured is the base: a
        value that an attempt of ours left behind must not pass for a person's.
        """
        if written is None:
            before = captured[self.setting]
            return self.without_ours(current, before) if self.recognisable_by_value else before
        if self.equal(current, written[self.setting]):
            return written["base"]
        return self.without_ours(current, written["base"])

    def _undo(self, aws: AwsClients, captured: Json, written: Json) -> UndoResult:
        current = self.read(aws)
        base = self._base(current, captured, written)
        if not self.equal(current, base):
            self.write(aws, base)
        if self.equal(base, captured[self.setting]):
            return UndoResult(Undone.RESTORED)
        kept = "left as it is" if self.equal(current, base) else "kept without our part"
        return UndoResult(
            Undone.DRIFTED, f"a person changed {self.target} while it was held: {kept}"
        )

    def _require_general_purpose(self) -> None:
        for ending, todo in ALIASES.items():
            if self.bucket.endswith(ending):
                raise Refused(f"{self.bucket} is a {todo}")
        if any(service in self.bucket for service in OTHER_SERVICES):
            raise Refused(f"{self.bucket} is no general purpose bucket: contain it by hand")
        if not GENERAL_PURPOSE.fullmatch(self.bucket):
            raise Refused(f"{self.bucket!r} is no bucket name: see which bucket the finding means")

    @property
    def _owned_bucket(self) -> dict[str, str]:
        """What every S3 call carries: a bucket that changed hands is refused by S3."""
        return {"Bucket": self.bucket, "ExpectedBucketOwner": self.place.account}

    @contextmanager
    def _raising_deleted(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            if error_code(error) not in self.not_found_errors:
                raise
            raise ResourceDeleted(f"{self.resource} no longer exists") from error


def error_code(error: ClientError) -> str:
    """The service's error code."""
    return str(error.response["Error"]["Code"])
