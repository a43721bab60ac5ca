"""Sets the status fields of one resource: the code that all switches share.

A subclass reads the fields and sets them; a field is a name with a value, as the service spells it.

captured  ``{"state": {field: value}}``: the fields that it sets, as they were
written   ``{"state": {field: value}}``: as they were set

Where an undo would do harm (``kept_because``) there is none: what was set stays, and the release
says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from botocore.exceptions import ClientError

from cordon.actions.action import Action, Json, NotVerified, ResourceDeleted, Undone, UndoResult
from cordon.clients import AwsClients, error_code

State = Mapping[str, str]


@dataclass(frozen=True)
class Switch(Action):
    """Base of the switches."""

    not_found_errors: ClassVar[frozenset[str]]  # the errors of ``read`` where it is deleted

    @property
    def wanted(self) -> State:
        """The fields as they are to be."""
        raise NotImplementedError

    def read(self, aws: AwsClients) -> State:
        """Every field of ``wanted``, as it is."""
        raise NotImplementedError

    def turn(self, aws: AwsClients, state: State) -> None:
        """Set these fields, also where they are so already."""
        raise NotImplementedError

    def is_as_wanted(self, state: State) -> bool:
        """Are these fields as they are to be?"""
        return all(state.get(field) == value for field, value in self.wanted.items())

    def capture(self, aws: AwsClients) -> Json:
        return {"state": self._shown(aws)}

    def apply(
        self, aws: AwsClients, captured: Json, written: Json | None, current: Json | None = None
    ) -> Json:
        self._turn(aws, self.wanted)
        return {"state": dict(self.wanted)}

    def verify(self, aws: AwsClients, captured: Json, written: Json) -> None:
        if not self.is_as_wanted(shown := self._shown(aws)):
            raise NotVerified(f"{self.resource} is {_words(shown)}, not {_words(self.wanted)}")

    def undo(self, aws: AwsClients, captured: Json, written: Json) -> UndoResult:
        try:
            shown, was = self._shown(aws), captured["state"]
            if self.kept_because:
                return UndoResult(Undone.KEPT, self._kept(shown, was))
            theirs = {
                field: value
                for field, value in shown.items()
                if value not in (written["state"].get(field), was.get(field))
            }
            left = {**was, **theirs}
            self._turn(aws, {f: value for f, value in was.items() if f not in theirs})
        except ResourceDeleted as deleted:
            return UndoResult(Undone.RESOURCE_DELETED, str(deleted))
        if theirs:
            drift = f"a person set {self.resource} to {_words(theirs)}: it was not changed"
            return UndoResult(Undone.DRIFTED, drift, {"state": left})
        return UndoResult(Undone.RESTORED, left={"state": left})

    def verify_undone(self, aws: AwsClients, left: Json) -> None:
        if (shown := self._shown(aws)) != left["state"]:
            raise NotVerified(f"{self.resource} is {_words(shown)}, not {_words(left['state'])}")

    def _kept(self, shown: State, was: State) -> str:
        """A reading may be an old one: what it shows is said, and nothing follows from it."""
        if self.is_as_wanted(was):
            return f"it was {_words(was)} before: nothing of it was to be changed"
        now = "" if self.is_as_wanted(shown) else f"; a reading shows {_words(shown)} now"
        return f"{self.kept_because}{now}"

    def _shown(self, aws: AwsClients) -> dict[str, str]:
        try:
            return dict(self.read(aws))
        except ClientError as error:
            if error_code(error) not in self.not_found_errors:
                raise
            raise ResourceDeleted(f"{self.resource} no longer exists") from error

    def _turn(self, aws: AwsClients, state: State) -> None:
        """A service may give the same code for other faults: only a reading says which it was."""
        try:
            self.turn(aws, state)
        except ClientError as error:
            if error_code(error) in self.not_found_errors:
                self._shown(aws)
            raise


def _words(state: State) -> str:
    return ", ".join(f"{field} {value}" for field, value in sorted(state.items()))
