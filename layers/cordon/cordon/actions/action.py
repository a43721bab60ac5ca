"""One reversible change: ``capture → apply → verify → undo``; or one that is kept, and says why.

The engine owns order, holds and evidence; an action only knows its own resource. Every method
may be called again after a crash and must then change nothing more. An action is plain data,
so that a plan can be stored, hashed, approved and compared.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Self

from cordon.actions.grants import Grant
from cordon.baseline import Baseline
from cordon.clients import AwsClients
from cordon.errors import NothingToChange as NothingToChange
from cordon.errors import NotVerified as NotVerified
from cordon.errors import NotYet as NotYet
from cordon.errors import Refused as Refused
from cordon.errors import ResourceDeleted as ResourceDeleted
from cordon.finding import Place, canonical_json

Json = Mapping[str, Any]
GLOBAL_SERVICES = ("iam",)  # whose resources have no Region of their own, unlike a bucket


class Undone(StrEnum):
    """How an undo ended."""

    RESTORED = "restored"  # the resource equals what was captured (absence included)
    DRIFTED = (
        "drifted"  # a person changed it meanwhile: only our own part was taken out, or nothing
    )
    RESOURCE_DELETED = "resource_deleted"  # the resource no longer exists
    PARTLY_RESTORED = "partly_restored"  # AWS refuses a part of what was captured: the reason says
    KEPT = "kept"  # undoing would do harm: the change stays, by design


@dataclass(frozen=True)
class UndoResult:
    """The outcome of an undo, with the reason where it is not a plain restore.

    ``left`` is what the target must show from now on, for ``verify_undone``. None where there is
    nothing to verify: the resource is deleted, or the change is kept.
    """

    state: Undone
    reason: str = ""
    left: Json | None = None


@dataclass(frozen=True)
class Action:
    """Base of all actions. Fields are JSON values, tuples of strings, or a ``Place``.

    ``captured`` is what ``capture`` returned for the first case that holds the target;
    ``written`` is what the last ``apply`` returned. Both are JSON and are kept in the hold.
    ``apply`` and ``undo`` write also where a reading already shows what they want: the reading may
    be an old one. Only ``verify`` and ``verify_undone`` may say that something is so. All that
    touch the resource may raise ``NotYet``: the service needs minutes, and says until when.
    """

    place: Place

    grants: ClassVar[tuple[Grant, ...]]  # what its own methods use of IAM's permissions
    looked_up: ClassVar[tuple[Grant, ...]] = ()  # what must be known of its target before that
    family: ClassVar[str]  # who may change it: the second part of its hold's key
    contains: ClassVar[bool] = True  # False for a tag: it puts up a sign and stops nobody
    says_contained: ClassVar[bool] = True  # False for a tag that is true whatever is contained
    kept_because: ClassVar[str] = ""  # why a release leaves it as it is, in words; "": it undoes it
    only_at_home: ClassVar[bool] = False  # True: never planned in a member account
    recognisable_by_value: ClassVar[bool] = (
        True  # is our part known by its look, whichever case wrote it?
    )

    @property
    def is_global(self) -> bool:
        """True for what all Regions of an account share, so that two stacks could change it."""
        return self.resource.split(":")[2] in GLOBAL_SERVICES

    @property
    def can_lock_out_owner(self) -> bool:
        """True where the account's own people lose access too: somebody must keep a way in."""
        return False

    @property
    def only_tagged(self) -> bool:
        """Does it contain only what a tag of its resource marks? Without one, it is nothing."""
        return False

    @property
    def only_by_a_person(self) -> bool:
        """Must a person approve it, in every mode?"""
        return False

    def is_outdated(self, baseline: Baseline | None) -> bool:
        """Does it put back what the baseline does not have, or has no longer?"""
        return False

    @property
    def caution(self) -> str:
        """What an approver must know beside the name of the change; "" if the name says it all."""
        return ""

    @property
    def in_words(self) -> str:
        """What the change does, for an approver: a verb and its object, without the resource."""
        raise NotImplementedError

    @property
    def shuts_out(self) -> str:
        """Who loses access by it; "" where nobody does."""
        return ""

    @classmethod
    def name(cls) -> str:
        """``BlockPublicAccess`` → ``block_public_access``."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    @classmethod
    def held(cls) -> str:
        """How the keys of its holds begin, after ``hold#``: whoever has it may write those rows."""
        return f"{cls.family}#"

    @classmethod
    def permissions(cls) -> tuple[str, ...]:
        """IAM's actions that its own methods use, sorted."""
        return tuple(sorted(name for grant in cls.grants for name in grant.permissions))

    @property
    def target(self) -> str:
        """What is held. Two actions with one target share one hold."""
        raise NotImplementedError

    @property
    def resource(self) -> str:
        """The ARN of what is changed."""
        raise NotImplementedError

    def look(self, aws: AwsClients) -> str:
        """What it would change now, for an approver; "" where the plan says all of it.

        Of an action that finds its resources itself. Raises NothingToChange where there are none.
        """
        return ""

    def capture(self, aws: AwsClients) -> Json:
        """How the target is now. Absence is said as absence, apart from an empty value.

        Raises ResourceDeleted, Refused, NothingToChange, or the ClientError that kept it from
        reading (fail closed).
        """
        raise NotImplementedError

    def is_as_captured(self, aws: AwsClients, captured: Json) -> bool:
        """Is what this action changes as it was captured? Raises what ``capture`` raises."""
        return canonical_json(self.capture(aws)) == canonical_json(captured)

    def combine(self, other: Self) -> Self:
        """The one action that satisfies both: two cases hold this target. Symmetric."""
        return self

    def apply(
        self, aws: AwsClients, captured: Json, written: Json | None, current: Json | None = None
    ) -> Json:
        """Bring the target to the contained state; returns what was written.

        ``written`` is what an earlier apply returned, for this case or another on the target.
        ``current`` is how the target is now, as ``capture`` says it; without it the action reads.
        """
        raise NotImplementedError

    def verify(self, aws: AwsClients, captured: Json, written: Json) -> None:
        """Raises NotVerified (or ResourceDeleted) unless the target shows ``written``."""
        raise NotImplementedError

    def undo(self, aws: AwsClients, captured: Json, written: Json) -> UndoResult:
        """Put back exactly ``captured``. What a person changed stays, and the result says so."""
        raise NotImplementedError

    def verify_undone(self, aws: AwsClients, left: Json) -> None:
        """Raises NotVerified (or ResourceDeleted) unless the target shows what an undo left."""
        raise NotImplementedError

    def unnoted(self, aws: AwsClients, captured: Json, written: Json) -> Json | None:
        """What was written with what it wants too, that a try of ours wrote and did not note.

        None where there is none, and where ``undo`` knows our part by its look.
        """
        return None

    def note(self, written: Json) -> str:
        """What people must know of a change that was verified; "" when there is nothing to say."""
        return ""

    def again(self, since: datetime, written: Json) -> bool:
        """Must it be applied anew after activity at ``since``, although it shows?

        A setting or a tag need not. A denial of sessions must: the activity is a later session's.
        """
        return False

    def reaches(self, since: datetime, written: Json) -> bool:
        """Is it enough for activity at ``since``, where a try failed only because it did not show?

        Where each write is another, as of sessions: the next try would write what does not show yet
        either, for ever. All others are written again.
        """
        return False

    def until_safe_to_undo(self, captured: Json, written: Json) -> datetime | None:
        """The moment before which an undo would do harm; None when it may be undone any time."""
        return None

    def to_json(self) -> dict[str, Any]:
        """The action as approvers and evidence see it."""
        return {"action": self.name(), **asdict(self)}
