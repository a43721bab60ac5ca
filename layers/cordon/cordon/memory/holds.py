"""Who holds a target, and how it was before.

One row per target, ``hold#<family>#<target>``. ``cases`` names the cases that are in it; for each
of them ``m#<case>`` keeps which attempt of it may write, and what it wants. The first capture wins;
the last case to leave restores. A case joins *before* anything is captured, so that a release under
way sees it and cannot forget what was there before.

A case withdraws first and leaves last: it wants nothing any more, and is still in the hold while it
undoes. So nobody writes a target without being in its hold, and whoever finds that no case wants it
undoes it, however many leave at a time. The row goes with the last one, in one write.

``captured_in`` and ``captured_sha256`` name the object of evidence that the capture is also in, and
``generation`` separates this capture from earlier ones of the same target. Before anything is
restored, the object must say the same: whoever can write the table but not the evidence cannot make
us restore something else.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from cordon.actions import Action, Json, from_json
from cordon.errors import HoldReleased
from cordon.finding import canonical_json
from cordon.memory.table import Cancelled, Row, Table

MEMBER = "m#"
MOST_IN_ROW = 32_768  # bytes of a captured state in the row; what is longer is read from evidence
DIGEST = "sha256:"  # before the digest of such a state: no JSON begins so
IF_MEMBER = "#member.#attempt = :attempt"
IF_NOBODY_CAME = f"{IF_MEMBER} AND changes = :changes"
IF_UNUSED = f"{IF_MEMBER} AND generation = :old AND attribute_not_exists(written)"
IF_FIRST = f"attribute_not_exists(captured) AND {IF_MEMBER}"
SET_CAPTURE = (
    "SET captured = :captured, captured_in = :entry, captured_sha256 = :sha256,"
    " generation = :generation"
)
IF_ALONE = "attribute_not_exists(cases) OR cases = :case"
IF_NOT_ALONE = "contains(cases, :one) AND cases <> :case"


@dataclass(frozen=True)
class Member:
    """One case that wants a target so, and which attempt of it joined."""

    case: str
    attempt: int
    action: Action


@dataclass(frozen=True)
class Capture:
    """How a target was, with the place in evidence that says the same.

    A row has at most 400 KB (Amazon DynamoDB Developer Guide, "Quotas"), and a customer's settings
    may have more than their share of it: of what is big the row has only the digest, and ``state``
    is None until it is read from evidence.
    """

    state: Json | None
    generation: str
    key: str = ""  # of the object of evidence
    sha256: str = ""  # of that object
    digest: str = ""  # sha256 of the state's canonical JSON

    def __post_init__(self) -> None:
        if self.state is not None:
            object.__setattr__(self, "digest", _digest(self.state))

    @classmethod
    def of(cls, state: Json) -> "Capture":
        """A capture made just now, of a generation of its own; evidence is named later."""
        return cls(state, uuid.uuid4().hex)

    def says(self, state: Json) -> bool:
        """Is that the state which was captured?"""
        return _digest(state) == self.digest


@dataclass(frozen=True)
class Hold:
    """One row: what was there before, what was written, who is in it, and who wants it how."""

    target: str
    capture: Capture | None
    written: Json | None
    members: tuple[Member, ...]  # who wants it, sorted by case
    cases: frozenset[str]  # these, and those that are leaving
    leaving: tuple[Action, ...] = ()  # what those wanted that are leaving
    changes: int = 1  # how often somebody joined or withdrew: with it, what is wanted changes

    def member(self, case: str) -> Member | None:
        """What this case wants, and by which attempt."""
        return next((member for member in self.members if member.case == case), None)

    def combined(self) -> Action | None:
        """The one action that satisfies every case that wants the target; None when none does."""
        actions = [member.action for member in self.members]
        return reduce(lambda a, b: a.combine(b), actions) if actions else None

    def of_everybody(self, action: Action) -> Action:
        """The action, combined with what everybody in the hold wants or wanted.

        An attempt that has not noted it yet, or died before, may have written for all of them.
        """
        others = [member.action for member in self.members]
        return reduce(lambda a, b: a.combine(b), (*others, *self.leaving), action)


class Holds:
    """The rows of holds.

    Only ``join`` makes a row. The others fail on one that was deleted meanwhile: a row without what
    was there before would make the next case take the contained state for it.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, *actions: Action) -> dict[str, Hold]:
        """The holds of these actions' targets that exist, by target (one consistent read)."""
        if not actions:
            return {}
        rows = self._table.get(*(_key(action) for action in actions))
        holds = {action.target: rows.get(_key(action)) for action in actions}
        return {target: hold_of(target, row) for target, row in holds.items() if row}

    def join(self, action: Action, case: str, attempt: int) -> Mapping[str, Any]:
        """A write for the transaction that claims the case: this attempt wants the target so."""
        member = {"attempt": attempt, "want": canonical_json(action.to_json())}
        return self._table.write_update(
            _key(action),
            "ADD cases :case, changes :one SET #member = :member",
            names={"#member": MEMBER + case},
            case={case},
            one=1,
            member=member,
        )

    def save_captures(
        self, captures: Sequence[tuple[Action, Capture]], case: str, attempt: int
    ) -> dict[str, Hold]:
        """Keep how the targets were, all at once. Those that another case captured, by target.

        Raises HoldReleased where this attempt is not in a hold any more.
        """
        writes = {
            action.target: self._table.write_update(
                _key(action), SET_CAPTURE, IF_FIRST, **_captured(capture, case, attempt)
            )
            for action, capture in captures
        }
        failed = self._write_together(writes)
        return {t: _captured_by_another(t, row, case, attempt) for t, row in failed.items()}

    def forget_capture(self, action: Action, old: Capture, case: str, attempt: int) -> Hold:
        """A capture whose evidence was not written, and on which nothing followed, is no capture.

        Raises HoldReleased where it was used, or replaced, meanwhile. The hold as it is then.
        """
        try:
            row = self._table.update(
                _key(action),
                "REMOVE captured, captured_in, captured_sha256, generation",
                IF_UNUSED,
                names={"#member": MEMBER + case, "#attempt": "attempt"},
                attempt=attempt,
                old=old.generation,
            )
        except Cancelled as cancelled:
            raise _released(action.target) from cancelled
        return hold_of(action.target, row)

    def save_written(self, action: Action, written: Json, case: str, attempt: int) -> Hold:
        """Keep what was written, by which drift is recognised. Raises HoldReleased.

        Returns the hold with every case that is in it by now: some may have come meanwhile.
        """
        try:
            row = self._table.update(
                _key(action),
                "SET written = :written",
                IF_MEMBER,
                names={"#member": MEMBER + case, "#attempt": "attempt"},
                attempt=attempt,
                written=canonical_json(written),
            )
        except Cancelled as cancelled:
            raise _released(action.target) from cancelled
        return hold_of(action.target, row)

    def save_all_written(
        self, written: Sequence[tuple[Action, Json, int]], case: str, attempt: int
    ) -> dict[str, Hold]:
        """Keep what was written of several targets, at once, where nobody came or withdrew.

        Each with the ``changes`` of the hold for which it was written. Those targets whose hold is
        another by now, with the hold: nothing was kept of these.
        """
        writes = {
            action.target: self._table.write_update(
                _key(action),
                "SET written = :written",
                IF_NOBODY_CAME,
                names={"#member": MEMBER + case, "#attempt": "attempt"},
                attempt=attempt,
                written=canonical_json(state),
                changes=changes,
            )
            for action, state, changes in written
        }
        return {t: hold_of(t, row) for t, row in self._write_together(writes).items()}

    def _write_together(self, writes: Mapping[str, Mapping[str, Any]]) -> dict[str, Row]:
        """All of the writes at once, but those whose condition does not hold: these with the row
        that is there, by target."""
        failed: dict[str, Row] = {}
        while left := [target for target in writes if target not in failed]:
            try:
                self._table.transact([writes[target] for target in left])
            except Cancelled as cancelled:
                rows = zip(left, cancelled.rows, strict=True)
                failed |= {target: row for target, row in rows if row is not None}
            else:
                break
        return failed

    def withdraw(self, action: Action, case: str, attempt: int) -> Hold | None:
        """This case wants nothing any more; it stays in the hold while this attempt undoes.

        What it wanted stays to be read, so that what is written of it is known for ours.

        The hold as it is then; None where the case is in none.
        """
        try:
            row = self._table.update(
                _key(action),
                "ADD changes :one SET #member = :member",
                "attribute_exists(#member)",
                names={"#member": MEMBER + case},
                one=1,
                member={"attempt": attempt, "wanted": canonical_json(action.to_json())},
            )
        except Cancelled:
            return None
        return hold_of(action.target, row)

    def delete_if_free(self, action: Action, case: str) -> Hold | None:
        """Delete the row if no case but this one is in it; the hold where another is."""
        try:
            self._table.delete(_key(action), IF_ALONE, case={case})
        except Cancelled as cancelled:
            return hold_of(action.target, cancelled.rows[0] or {})
        return None

    def leave(self, action: Action, case: str) -> None:
        """This case is in the hold no longer; the row goes with the last one."""
        while (hold := self.delete_if_free(action, case)) is not None and case in hold.cases:
            try:
                self._table.update(
                    _key(action),
                    "DELETE cases :case REMOVE #member",
                    IF_NOT_ALONE,
                    names={"#member": MEMBER + case},
                    case={case},
                    one=case,
                )
            except Cancelled:
                continue  # the others left meanwhile: it is the last
            return


def _captured_by_another(target: str, row: Row, case: str, attempt: int) -> Hold:
    hold = hold_of(target, row)
    member = hold.member(case)
    if member is None or member.attempt != attempt or hold.capture is None:
        raise _released(target)
    return hold


def _released(target: str) -> HoldReleased:
    return HoldReleased(f"this attempt holds {target} no longer")


def _key(action: Action) -> str:
    return f"hold#{action.family}#{action.target}"


def hold_of(target: str, row: Row) -> Hold:
    """The hold of a row."""
    members = [
        Member(name.removeprefix(MEMBER), raw["attempt"], from_json(json.loads(raw["want"])))
        for name, raw in sorted(row.items())
        if name.startswith(MEMBER) and "want" in raw
    ]
    return Hold(
        target=target,
        capture=_capture(row) if "captured" in row else None,
        written=json.loads(row["written"]) if "written" in row else None,
        members=tuple(members),
        cases=row.get("cases", frozenset()),
        changes=row.get("changes", 0),
        leaving=tuple(
            from_json(json.loads(raw["wanted"]))
            for name, raw in sorted(row.items())
            if name.startswith(MEMBER) and "wanted" in raw
        ),
    )


def _captured(capture: Capture, case: str, attempt: int) -> dict[str, Any]:
    return {
        "names": {"#member": MEMBER + case, "#attempt": "attempt"},
        "attempt": attempt,
        "captured": _in_row(capture),
        "entry": capture.key,
        "sha256": capture.sha256,
        "generation": capture.generation,
    }


def _in_row(capture: Capture) -> str:
    text = canonical_json(capture.state)
    return text if len(text) <= MOST_IN_ROW else DIGEST + capture.digest


def _capture(row: Row) -> Capture:
    text = str(row["captured"])
    in_row = not text.startswith(DIGEST)
    state: Json | None = json.loads(text) if in_row else None
    return Capture(
        state=state,
        generation=row["generation"],
        key=row["captured_in"],
        sha256=row["captured_sha256"],
        digest=text.removeprefix(DIGEST),
    )


def _digest(state: Json) -> str:
    return hashlib.sha256(canonical_json(state).encode()).hexdigest()
