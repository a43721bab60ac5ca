"""Contains and restores one setting of one resource: the code that such actions share.

None means absent. ``base`` is the setting without Cordon's part: the captured value, or a person's
value if a person changed the setting while it was held.

captured  ``{<setting>: value | None}``
written   ``{<setting>: mark, "base": mark}``, and the keys that the subclass adds. A *mark* is the
          value itself; for a setting that can be long, its digest: the long text is in ``captured``
          already, and what the service shows is compared by its digest.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from cordon.actions.action import (
    Action,
    Json,
    NotVerified,
    ResourceDeleted,
    Undone,
    UndoResult,
)
from cordon.clients import AwsClients, error_code

MAX_SHOWN = 300  # characters of a setting in a message


@dataclass(frozen=True)
class Setting(Action):
    """Base of the actions that change a setting. Each subclass handles one."""

    setting: ClassVar[str]  # the setting's name in captured and written
    not_found_errors: ClassVar[tuple[str, ...]]  # codes that say the resource is deleted

    def capture(self, aws: AwsClients) -> Json:
        with self._raising_deleted():
            return {self.setting: self.read(aws)}

    def apply(
        self, aws: AwsClients, captured: Json, written: Json | None, current: Json | None = None
    ) -> Json:
        with self._raising_deleted():
            shown = self.read(aws) if current is None else current[self.setting]
            base = self._base(shown, captured, written)
            return {
                **self._write_with_ours(aws, base, shown, first=written is None),
                "base": self.mark(base),
                **self._changed_base(base, captured),
            }

    def verify(self, aws: AwsClients, captured: Json, written: Json) -> None:
        with self._raising_deleted():
            current = self.read(aws)
        if self.mark(current) != written[self.setting]:
            raise NotVerified(f"{self.resource}: {self.not_written(current, written)}")

    def undo(self, aws: AwsClients, captured: Json, written: Json) -> UndoResult:
        try:
            with self._raising_deleted():
                return self._undo(aws, captured, written)
        except ResourceDeleted as deleted:
            return UndoResult(Undone.RESOURCE_DELETED, str(deleted))

    def verify_undone(self, aws: AwsClients, left: Json) -> None:
        with self._raising_deleted():
            current = self.read(aws)
        if not self.equal(current, left[self.setting]):
            raise NotVerified(f"{self.resource}: {self.difference(current, left[self.setting])}")

    def _write_with_ours(
        self, aws: AwsClients, base: Any, shown: Any, *, first: bool
    ) -> dict[str, Any]:
        """Set the setting to ``with_ours(base)``, unless that is the base. Returns its mark.

        ``shown`` is what a reading says of the setting now. ``first``: no apply is noted before.
        """
        wanted = self.with_ours(aws, base)
        if not self.equal(wanted, base):
            self.write(aws, wanted)
        return {self.setting: self.mark(wanted)}

    def with_ours(self, aws: AwsClients, base: Any) -> Any:
        """The base with Cordon's part."""
        raise NotImplementedError

    def without_ours(self, current: Any, base: Any) -> Any:
        """The current setting without Cordon's part; ``base`` itself if nothing else changed."""
        raise NotImplementedError

    def read(self, aws: AwsClients) -> Any:
        raise NotImplementedError

    def write(self, aws: AwsClients, setting: Any) -> None:
        raise NotImplementedError

    def equal(self, left: Any, right: Any) -> bool:
        return bool(left == right)

    def mark(self, setting: Any) -> Any:
        """What ``written`` keeps of a setting. Equal settings have equal marks, and no others."""
        return setting

    def is_ours(self, current: Any, written: Any) -> bool:
        """Is the whole setting what an attempt of Cordon wrote? ``written`` is its mark."""
        return bool(self.mark(current) == written)

    def not_written(self, current: Any, written: Json) -> str:
        """How the setting differs from what was written, as text."""
        return self.difference(current, written[self.setting])

    def difference(self, current: Any, wanted: Any) -> str:
        """The difference as text, shortened: settings can be long."""
        actual, expected = (
            json.dumps(value, sort_keys=True)[:MAX_SHOWN] for value in (current, wanted)
        )
        return f"{self.setting} is {actual}, expected {expected}"

    def _base(self, current: Any, captured: Json, written: Json | None) -> Any:
        """The setting without Cordon's part, now or before.

        ``written`` is missing or old if the result of an apply was lost. Cordon then recognises
        its part by its content, which every setting shows: a value that an attempt of Cordon
        left behind must not pass for a person's.
        """
        if written is None:
            return self.without_ours(current, captured[self.setting])
        base = self._noted_base(captured, written)
        if self.is_ours(current, written[self.setting]):
            return base
        return self.without_ours(current, base)

    def _noted_base(self, captured: Json, written: Json) -> Any:
        """The base of the last apply that is noted."""
        return written["base"]

    def _changed_base(self, base: Any, captured: Json) -> dict[str, Any]:
        """What ``written`` must keep of a base that a person has changed, beside its mark."""
        return {}

    def _undo(self, aws: AwsClients, captured: Json, written: Json) -> UndoResult:
        """Where we wrote, the base is written back whatever the reading says: it may be old.

        Not so what a person made of it: then there is nothing of ours to take out.
        """
        current = self.read(aws)
        base = self._base(current, captured, written)
        wrote = written[self.setting] != written["base"]
        left, missing = base, ""
        if not self.equal(current, base) or (wrote and self.mark(current) == written["base"]):
            left, missing = self._put_back(aws, base)
        drift = self._drift(base, captured)
        if missing:
            reason = f"{missing}. Also, {drift}" if drift else missing
            return UndoResult(Undone.PARTLY_RESTORED, reason, {self.setting: left})
        if not drift:
            return UndoResult(Undone.RESTORED, left={self.setting: left})
        unchanged = self.equal(current, base)
        kept = "it was not changed" if unchanged else "only Cordon's part was removed"
        return UndoResult(Undone.DRIFTED, f"{drift}: {kept}", {self.setting: left})

    def _drift(self, base: Any, captured: Json) -> str:
        """Why the base is not what was captured ("": it is)."""
        if self.equal(base, captured[self.setting]):
            return ""
        return f"a person changed {self.target} while it was held"

    def _put_back(self, aws: AwsClients, base: Any) -> tuple[Any, str]:
        """Write the base. Returns what was written, and what of it the service refuses ("")."""
        self.write(aws, base)
        return base, ""

    @contextmanager
    def _raising_deleted(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            if error_code(error) not in self.not_found_errors:
                raise
            raise ResourceDeleted(f"{self.resource} no longer exists") from error
