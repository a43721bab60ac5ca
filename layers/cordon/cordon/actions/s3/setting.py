"""One setting of one bucket, contained and put back: what all bucket actions share.

Absence is None. ``base`` is the setting without our part: what was captured, or, where a person
changed the setting while it was held, what that person made of it.

captured  ``{<what>: setting | None}``
wrote     ``{<what>: setting | None, "over": base}``, and what the subclass adds
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from cordon.actions.action import Action, Gone, Json, NotVerified, Refused, Undo, Undone
from cordon.clients import Aws

GENERAL_PURPOSE = re.compile(r"[A-Za-z0-9._-]{3,255}")  # old buckets in us-east-1 have long names
# Amazon S3 User Guide, "General purpose bucket naming rules": reserved endings
OTHERS = {
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

    what: ClassVar[str]  # the setting's name in captured and wrote
    gone: ClassVar[tuple[str, ...]] = ("NoSuchBucket",)

    @property
    def resource(self) -> str:
        return f"arn:{self.place.partition}:s3:::{self.bucket}"

    @property
    def target(self) -> str:
        return f"bucket-{self.what.replace('_', '-')}:{self.resource}"

    def capture(self, aws: Aws) -> Json:
        self._refuse_others()
        with self._existing():
            return {self.what: self.read(aws)}

    def apply(self, aws: Aws, captured: Json, wrote: Json | None) -> Json:
        with self._existing():
            current = self.read(aws)
            base = self._base(current, captured, wrote)
            return {**self.contain(aws, current, base), "over": base}

    def verify(self, aws: Aws, captured: Json, wrote: Json) -> None:
        with self._existing():
            current = self.read(aws)
        if not self.same(current, wrote[self.what]):
            raise NotVerified(f"{self.resource}: {self.difference(current, wrote[self.what])}")

    def undo(self, aws: Aws, captured: Json, wrote: Json) -> Undo:
        try:
            with self._existing():
                return self._undo(aws, captured, wrote)
        except Gone as gone:
            return Undo(Undone.GONE, str(gone))

    def contain(self, aws: Aws, current: Any, base: Any) -> dict[str, Any]:
        """Make the setting ``contained(base)`` unless it is already; returns what it is now."""
        wanted = self.contained(aws, base)
        if not self.same(current, wanted):
            self.write(aws, wanted)
        return {self.what: wanted}

    def contained(self, aws: Aws, base: Any) -> Any:
        """The base with our part."""
        raise NotImplementedError

    def freed(self, current: Any, base: Any) -> Any:
        """The current setting without our part; ``base`` itself where nothing else changed."""
        raise NotImplementedError

    def read(self, aws: Aws) -> Any:
        raise NotImplementedError

    def write(self, aws: Aws, setting: Any) -> None:
        raise NotImplementedError

    def same(self, one: Any, other: Any) -> bool:
        return bool(one == other)

    def difference(self, current: Any, wanted: Any) -> str:
        """What differs, bounded: settings can be long."""
        shown, asked = (json.dumps(value, sort_keys=True)[:SHOWN] for value in (current, wanted))
        return f"{self.what} is {shown}, not {asked}"

    def _base(self, current: Any, captured: Json, wrote: Json | None) -> Any:
        """What stands, or stood, without our part.

        ``wrote`` may be missing or old, when the answer to an apply was lost: then our part is
        told by what it looks like.
        """
        if wrote is None:
            return self.freed(current, captured[self.what])
        if self.same(current, wrote[self.what]):
            return wrote["over"]
        return self.freed(current, wrote["over"])

    def _undo(self, aws: Aws, captured: Json, wrote: Json) -> Undo:
        current = self.read(aws)
        base = self._base(current, captured, wrote)
        if not self.same(current, base):
            self.write(aws, base)
        if self.same(base, captured[self.what]):
            return Undo(Undone.RESTORED)
        kept = "left as it is" if self.same(current, base) else "kept without our part"
        return Undo(Undone.DRIFTED, f"a person changed {self.target} while it was held: {kept}")

    def _refuse_others(self) -> None:
        for ending, todo in OTHERS.items():
            if self.bucket.endswith(ending):
                raise Refused(f"{self.bucket} is a {todo}")
        if any(service in self.bucket for service in OTHER_SERVICES):
            raise Refused(f"{self.bucket} is no general purpose bucket: contain it by hand")
        if not GENERAL_PURPOSE.fullmatch(self.bucket):
            raise Refused(f"{self.bucket!r} is no bucket name: see which bucket the finding means")

    @property
    def _asked(self) -> dict[str, str]:
        """What every S3 call carries: a bucket that changed hands is refused by S3."""
        return {"Bucket": self.bucket, "ExpectedBucketOwner": self.place.account}

    @contextmanager
    def _existing(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            if code(error) not in self.gone:
                raise
            raise Gone(f"{self.resource} no longer exists") from error


def code(error: ClientError) -> str:
    """The service's error code."""
    return str(error.response["Error"]["Code"])
