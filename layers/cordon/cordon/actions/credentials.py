"""Sets credentials of one kind of a user to Inactive: the code that access keys and API keys share.

A credential has an id and a status: Active, Inactive, or Expired, which is final. Nothing is
deleted and no secret is read. What is held is all credentials of that kind of the user, so that
two cases about two of them, or about one and all, join in one hold.

captured  ``{<kept>: {id: status}}``: every credential of the kind that the user has
written   ``{<kept>: {id: "Inactive"}}``: those that Cordon set
left      ``{<kept>: {id: status}}``, "" for one that is deleted: one reading without it may be old
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Self

from botocore.exceptions import ClientError

from cordon.actions.action import Action, Json, NotVerified, ResourceDeleted, Undone, UndoResult
from cordon.actions.grants import Grant
from cordon.actions.principals import READ_USERS, require_iam_name
from cordon.clients import AwsClients, error_code
from cordon.concurrency import gather

ACTIVE, INACTIVE, EXPIRED = "Active", "Inactive", "Expired"
EVERY = "*"  # of the credentials: those that the user has, also later


@dataclass(frozen=True)
class DisableUserCredentials(Action):
    """Base: set credentials of a user to Inactive, those that are named or every one.

    Where every one is meant, one that is created later is verified as active, and is set too when
    the action is applied again.
    """

    user: str
    named: tuple[str, ...] = (EVERY,)

    words: ClassVar[str]  # what such a credential is called
    kept: ClassVar[str]  # the name of the credentials in captured and written
    looked_up: ClassVar[tuple[Grant, ...]] = (READ_USERS.allows("iam:GetUser"),)

    def __post_init__(self) -> None:
        """Normalise the names, so that equal actions have equal hashes."""
        require_iam_name("user", self.user, 64)
        wrong = [one for one in self.named if one != EVERY and not self.is_id(one)]
        if wrong or not self.named:
            raise ValueError(f"{self.words}: not an id: {self.named!r}"[:200])
        every = EVERY in self.named
        object.__setattr__(self, "named", (EVERY,) if every else tuple(sorted({*self.named})))

    def is_id(self, text: str) -> bool:
        """May a credential of this kind have this id?"""
        raise NotImplementedError

    def statuses(self, aws: AwsClients) -> dict[str, str]:
        """Every such credential of the user: id → status. Raises ResourceDeleted for the user."""
        raise NotImplementedError

    def set_status(self, aws: AwsClients, credential: str, status: str) -> None:
        """Set one of them to Active or Inactive, also where it is so already."""
        raise NotImplementedError

    @property
    def resource(self) -> str:
        return self.place.arn("iam", f"user/{self.user}", region="")

    @property
    def in_words(self) -> str:
        if self.named == (EVERY,):
            return f"sets every active {self.words} of the user to inactive"
        return f"sets the {self.words} {', '.join(self.named)} of the user to inactive"

    @property
    def shuts_out(self) -> str:
        which = "an" if self.named == (EVERY,) else "this"
        return f"every person and workload that uses {which} {self.words} of this user"

    def to_json(self) -> dict[str, Any]:
        """Without ``named`` where every one is meant: plans of before keep their hashes."""
        made = super().to_json()
        return {k: v for k, v in made.items() if k != "named" or self.named != (EVERY,)}

    def combine(self, other: Self) -> Self:
        return replace(self, named=(*self.named, *other.named))

    def capture(self, aws: AwsClients) -> Json:
        shown = self.statuses(aws)
        self._require_there(shown)
        return {self.kept: shown}

    def is_as_captured(self, aws: AwsClients, captured: Json) -> bool:
        return bool(self.statuses(aws) == captured[self.kept])

    def apply(
        self, aws: AwsClients, captured: Json, written: Json | None, current: Json | None = None
    ) -> Json:
        """What was written for a case that has left the hold, and nobody else wants, is put back.

        Where nothing is noted, that is what is not as captured: an attempt for that case died. Not
        so where this attempt has read it just now, as nobody has left the hold then.
        """
        shown = self.statuses(aws) if current is None else current[self.kept]
        self._require_there(shown)
        before = set(written[self.kept]) if written else set()
        if written is None and current is None:
            was_active = {one for one, s in captured[self.kept].items() if s == ACTIVE}
            before = {one for one in was_active if shown.get(one) == INACTIVE}
        seen = [*captured[self.kept].items(), *shown.items()]
        active = {one for one, status in seen if status == ACTIVE}
        wanted = self._meant(active | before)
        back = {
            one: captured[self.kept].get(one, ACTIVE)
            for one in before - wanted
            if shown.get(one) in (ACTIVE, INACTIVE)
        }
        done = self._set_each(aws, {**back, **dict.fromkeys(wanted, INACTIVE)})
        if not all(done.values()):
            self._require_there(self.statuses(aws))  # one is deleted, or the user with all of them
        return {self.kept: {one: INACTIVE for one in sorted(wanted) if done[one]}}

    def verify(self, aws: AwsClients, captured: Json, written: Json) -> None:
        shown = self.statuses(aws)
        self._require_there(shown)
        active = [one for one in sorted(self._meant(shown)) if shown.get(one) == ACTIVE]
        if active:
            still = ", ".join(active)
            raise NotVerified(f"{self.resource}: still Active: {self.words} {still}")

    def undo(self, aws: AwsClients, captured: Json, written: Json) -> UndoResult:
        try:
            shown = self.statuses(aws)
        except ResourceDeleted as deleted:
            return UndoResult(Undone.RESOURCE_DELETED, str(deleted))
        if self.named != (EVERY,) and not written[self.kept].keys() & shown.keys():
            return UndoResult(Undone.RESOURCE_DELETED, self._deleted)
        ids = sorted({*captured[self.kept], *written[self.kept], *shown})
        undone = [self._undo_one(aws, one, captured, written, shown.get(one)) for one in ids]
        left = {one: status for one, (status, _) in zip(ids, undone, strict=True)}
        reasons = "; ".join(reason for _, reason in undone if reason)
        state = Undone.DRIFTED if reasons else Undone.RESTORED
        return UndoResult(state, reasons, {self.kept: left})

    def unnoted(self, aws: AwsClients, captured: Json, written: Json) -> Json | None:
        shown, noted = self.statuses(aws), written[self.kept]
        was_active = {one for one, status in captured[self.kept].items() if status == ACTIVE}
        found = {i for i in self._meant(shown) & was_active if shown[i] == INACTIVE} - noted.keys()
        return {self.kept: {**noted, **dict.fromkeys(found, INACTIVE)}} if found else None

    def _undo_one(
        self, aws: AwsClients, one: str, captured: Json, written: Json, status: str | None
    ) -> tuple[str, str]:
        """The status it is left with ("" for deleted), and what a person changed.

        Set again also where a reading shows the captured status already: it may be old.
        """
        was = captured[self.kept].get(one)
        deleted = f"{self.words} {one} was deleted: it cannot be restored"
        if status is None:
            return "", deleted
        if one in written[self.kept] and status in (INACTIVE, was or ACTIVE):
            return (was or ACTIVE, "") if self._set(aws, one, was or ACTIVE) else ("", deleted)
        if was is None:
            return status, f"a person created {self.words} {one}: it was not changed"
        if status == was:
            return status, ""
        if status == EXPIRED:
            return status, f"{self.words} {one} is Expired since: it was not changed"
        return status, f"a person set {self.words} {one} to {status}: it was not changed"

    def verify_undone(self, aws: AwsClients, left: Json) -> None:
        shown = self.statuses(aws)
        for one, status in left[self.kept].items():
            if shown.get(one, "") != status:
                now, wanted = shown.get(one, "") or "not there", status or "deleted"
                raise NotVerified(f"{self.words} {one} is {now}, not {wanted}")

    def _meant(self, ids: Collection[str]) -> set[str]:
        """Those of these that must be inactive."""
        return set(ids) if self.named == (EVERY,) else set(ids) & set(self.named)

    def _require_there(self, shown: Collection[str]) -> None:
        """Raises ResourceDeleted where none of the named credentials is among these."""
        if self.named != (EVERY,) and not self._meant(shown):
            raise ResourceDeleted(self._deleted)

    @property
    def _deleted(self) -> str:
        return f"{self.words} {', '.join(self.named)} of user {self.user} no longer exists"

    def _set_each(self, aws: AwsClients, setting: Mapping[str, str]) -> dict[str, bool]:
        """Each of them at the same time. False for one that is deleted."""
        ids = sorted(setting)
        return dict(
            zip(ids, gather(*(partial(self._set, aws, i, setting[i]) for i in ids)), strict=True)
        )

    def _set(self, aws: AwsClients, one: str, status: str) -> bool:
        """False if the credential is deleted."""
        try:
            self.set_status(aws, one, status)
        except ClientError as error:
            if error_code(error) == "NoSuchEntity":
                return False
            raise
        return True
