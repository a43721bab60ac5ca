"""``contain(case)`` and its mirror ``release(case)``.

Every step is written before AWS is touched and may be done again, so that a crash at any point
is resumed by the next delivery. In turn, for all actions of the plan: the case joins the holds;
what was there is read; it is kept, with evidence; the resources are changed in the plan's order;
what was written is kept; it is read back. What does not need each other goes out together, so
that nothing but these steps lies before the resource is contained.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cordon.actions import Action, Json, NotVerified, Refused, ResourceDeleted
from cordon.cases import ActionResult, Case, Cases, Status
from cordon.clients import AwsClients
from cordon.clock import now, sleep, to_iso
from cordon.concurrency import gather
from cordon.evidence import Evidence
from cordon.finding import canonical_json
from cordon.holds import Hold, HoldReleased, Holds
from cordon.playbook import Plan
from cordon.sources.text import one_line

VERIFY_DELAYS = (0.3, 1.0, 2.0)  # seconds between readings of an eventually consistent service
LEASE = timedelta(minutes=2)  # longer than a function may run: nobody contains the case any more
CONTAINED = (Status.CONTAINED, Status.PARTLY_CONTAINED, Status.GONE)  # the ways a contain ends
RELEASED_STATUSES = (
    "restored",
    "drifted",
    "gone",
)  # the ways an undo ends that let go of the target
ACTION_ERRORS = (ClientError, BotoCoreError, NotVerified, HoldReleased)


class ContainFailed(Exception):
    """Some acts failed. The case says which; the next delivery resumes it."""


class ContainInProgress(Exception):
    """The case may be being contained at this moment; ``until`` is when it surely is not."""

    def __init__(self, case: str, until: datetime) -> None:
        super().__init__(f"case {case} is being contained, at the latest until {to_iso(until)}")
        self.until = until


class ReleaseFailed(Exception):
    """Some acts could not be undone. The case says which; the next try resumes it."""


@dataclass
class Act:
    """One action of a plan on its way. It goes on while ``state`` is empty."""

    action: Action
    hold: Hold | None = None  # the row as the last call on it returned it
    before: Json | None = None
    wanted: Action | None = None  # what all cases that hold the target want together
    written: Json | None = None
    state: str = ""
    reason: str = ""

    @property
    def held(self) -> Hold:
        """The hold, once joined."""
        if self.hold is None:
            raise HoldReleased(f"{self.action.target} is held by no case any more")
        return self.hold

    @property
    def was_late(self) -> bool:
        """Did another case capture the target between our joining and our keeping?"""
        return not self.state and canonical_json(self.before) != canonical_json(self.held.captured)

    def end(self, state: str, reason: str = "") -> None:
        """It goes no further. What was written stays said, also when it cannot be read back."""
        self.state, self.reason = state, reason

    @property
    def result(self) -> ActionResult:
        """For the case's row."""
        return ActionResult(self.action.name(), self.action.target, self.state, self.reason)

    def captured_json(self) -> dict[str, Any]:
        """For evidence, before the change."""
        held_by = sorted(self.held.cases)
        return {"action": self.action.to_json(), "captured": self.before, "held_by": held_by}

    def to_json(self) -> dict[str, Any]:
        """For evidence, after the change and its reading back."""
        return {**asdict(self.result), "action": self.action.to_json(), "wrote": self.written}


@dataclass(frozen=True)
class Engine:
    """Contains and releases cases with what it is given; it knows no service itself."""

    cases: Cases
    holds: Holds
    aws: Callable[[str, str, str], AwsClients]
    evidence: Callable[[Case], Evidence]

    def contain(self, case: Case) -> Case:
        """Carry out the plan of a case that the caller has claimed: it stands at CONTAINING.

        An act that fails does not keep the others from being tried: each one contains. Raises
        ContainFailed when one failed.
        """
        proof = self.evidence(case)
        acts = self._written(case, self._changed(case, self._held(case, proof)))
        at, results = now(), tuple(act.result for act in acts)
        stands = _outcome(case, results)
        proof.write(str(stands), {"results": [act.to_json() for act in acts]})
        case = self.cases.transition(
            case,
            stands,
            when=(Status.CONTAINING,),
            results=results,
            contained_at=case.contained_at or at,
            evidence_end=proof.link,
        )
        if case.failed:
            raise ContainFailed("; ".join(f"{r.action}: {r.reason}" for r in case.failed))
        return case

    def release(self, case: Case, *, by: str, why: str, person: bool = True) -> Case:
        """Undo the case's plan, last act first. The case stands at RELEASING while one waits.

        ``person``: whether a person lets go, or the finding's own source. Raises ReleaseFailed when
        an act failed to be undone, and Busy while the case may still be being contained.
        """
        if case.status is Status.CONTAINING and case.changed_at and now() < case.changed_at + LEASE:
            raise ContainInProgress(case.id, case.changed_at + LEASE)
        proof = self.evidence(case)
        proof.write("releasing", {"by": by, "why": why})
        case = self.cases.transition(
            case,
            Status.RELEASING,
            when=(Status.CONTAINING, Status.RELEASING, *CONTAINED),
            decided_by=by,
            decided_why=why,
            released_by=by if person else case.released_by,
            evidence_end=proof.link,
        )
        results: tuple[ActionResult, ...] = ()
        for action in _release_order(case.plan):
            results += (_stays_open(action, results) or self._release(case, action, proof),)
        open_ended = any(result.status in ("failed", "waiting") for result in results)
        stands = Status.RELEASING if open_ended else Status.RELEASED
        proof.write(str(stands), {"results": [asdict(result) for result in results]})
        case = self.cases.transition(
            case, stands, when=(Status.RELEASING,), results=results, evidence_end=proof.link
        )
        if case.failed:
            raise ReleaseFailed("; ".join(f"{r.action}: {r.reason}" for r in case.failed))
        return case

    def _held(self, case: Case, proof: Evidence) -> list["Act"]:
        """Join the holds, and keep what was there before, with evidence of it."""
        acts = [Act(action) for action in case.plan.actions]
        self._each(case, acts, self._join)
        self._each(case, acts, self._capture)
        going = [act for act in acts if not act.state]
        content = {"acts": [act.captured_json() for act in going]}
        gather(
            lambda: proof.write("captured", content) if going else None,
            *(partial(self._try, case, act, self._keep) for act in going),
        )
        if late := [act for act in going if act.was_late]:
            for act in late:
                act.before = act.held.captured
            proof.write("captured", {"acts": [act.captured_json() for act in late]})
        return acts

    def _changed(self, case: Case, acts: list["Act"]) -> list["Act"]:
        """Change the resources, one after the other: the plan's order means something."""
        for act in acts:
            if not act.state:
                self._try(case, act, self._apply)
        return acts

    def _written(self, case: Case, acts: list["Act"]) -> list["Act"]:
        """Keep what was written, and read back that it shows."""
        self._each(case, acts, self._note)
        self._each(case, acts, self._settle)
        return acts

    def _each(self, case: Case, acts: list["Act"], step: Callable[[Case, "Act"], None]) -> None:
        """One step of every act that still goes on, beside each other."""
        gather(*(partial(self._try, case, act, step) for act in acts if not act.state))

    def _try(self, case: Case, act: "Act", step: Callable[[Case, "Act"], None]) -> None:
        """One step of one act. How it ended is the act's own: the others go on."""
        try:
            step(case, act)
        except ResourceDeleted as gone:
            self._drop(case, act.action)
            act.end("gone", str(gone))
        except Refused as refused:
            act.end(self._refused(case, act.action), str(refused))
        except ACTION_ERRORS as error:
            act.end("failed", _words(error))

    def _refused(self, case: Case, action: Action) -> str:
        """Nothing is held, unless an earlier try has written already: then it must be undone."""
        hold = self.holds.get(action.target)
        if hold is not None and hold.written is not None:
            return "failed"
        self._drop(case, action)
        return "refused"

    def _join(self, case: Case, act: "Act") -> None:
        act.hold = self.holds.join(act.action, case.id)

    def _capture(self, case: Case, act: "Act") -> None:
        held = act.held.captured
        act.before = act.action.capture(self._aws(act.action, case)) if held is None else held

    def _keep(self, _case: Case, act: "Act") -> None:
        if act.held.captured is None and act.before is not None:
            act.hold = self.holds.save_capture(act.action, act.before)

    def _apply(self, case: Case, act: "Act") -> None:
        """Bring the target to what every case that holds it wants."""
        action = act.action
        if not action.recognisable_by_value:  # others may have come and written meanwhile
            act.hold = self.holds.get(action.target)
        hold = act.held
        act.wanted = hold.combined() or action
        captured, aws = _captured(hold), self._aws(action, case)
        applied = any(r.target == action.target and r.status == "applied" for r in case.results)
        if applied and hold.written is not None and _shows(act.wanted, aws, captured, hold.written):
            act.written = hold.written
            act.end("applied")
        else:
            act.written = act.wanted.apply(aws, captured, hold.written)

    def _note(self, _case: Case, act: "Act") -> None:
        if act.written is None:
            raise RuntimeError("nothing was written")
        act.hold = self.holds.save_written(act.action, act.written)

    def _settle(self, case: Case, act: "Act") -> None:
        """Read back; where another case came meanwhile and wants more, bring that about too."""
        if act.written is None or act.wanted is None:
            raise RuntimeError("nothing was written")
        if act.held.combined() == act.wanted:
            aws = self._aws(act.action, case)
            _read_back(act.wanted, aws, _captured(act.held), act.written)
        else:
            act.written = self._bring(case, act.action, act.held)
        act.end("applied")

    def _bring(self, case: Case, action: Action, hold: Hold) -> Json:
        """Apply, note and read back, until the row names nobody who wants more than was written.

        Two cases at a time would else write over each other, and one of them be told contained.
        """
        aws, captured = self._aws(action, case), _captured(hold)
        while True:
            wanted = hold.combined() or action
            written = wanted.apply(aws, captured, hold.written)
            hold = self.holds.save_written(action, written)
            if hold.combined() == wanted:
                _read_back(wanted, aws, captured, written)
                return written

    def _drop(self, case: Case, action: Action) -> None:
        """This case holds nothing there."""
        remaining = self.holds.leave(action.target, case.id)
        if remaining is not None and not remaining.cases:
            self.holds.delete_if_free(action.target)

    def _release(self, case: Case, action: Action, proof: Evidence) -> ActionResult:
        """Undo one act. How it ended is written before the hold is forgotten, never after."""
        hold = self.holds.get(action.target)
        if hold is None:
            return _earlier(case, action, proof)
        try:
            result = self._let_go(case, action, hold)
        except ResourceDeleted as gone:
            self.holds.leave(action.target, case.id)
            result = ActionResult(action.name(), action.target, "gone", str(gone))
        except (*ACTION_ERRORS, Refused) as error:
            result = ActionResult(action.name(), action.target, "failed", _words(error))
        proof.write("undone", {"action": action.to_json(), "result": asdict(result)})
        if result.status not in RELEASED_STATUSES or self.holds.delete_if_free(action.target):
            return result
        result = self._leave_to_others(case, action)
        proof.write("undone", {"action": action.to_json(), "result": asdict(result)})
        return result

    def _let_go(self, case: Case, action: Action, hold: Hold) -> ActionResult:
        name, target = action.name(), action.target
        if hold.captured is None:
            self._drop(case, action)
            return ActionResult(name, target, "nothing")
        if set(hold.cases) - {case.id}:
            return self._leave_to_others(case, action)
        wanted, captured, aws = hold.combined() or action, hold.captured, self._aws(action, case)
        written = hold.written
        if written is None and not hold.cases:
            self.holds.delete_if_free(target)
            return ActionResult(name, target, "nothing")
        if written is None and _untouched(action, aws, captured):
            self.holds.leave(target, case.id)
            return ActionResult(name, target, "restored", "it was never changed")
        if written is None:  # a contain died between its write and its note: finish it, then undo
            written = wanted.apply(aws, captured, None)
            self.holds.save_written(action, written)
        until = wanted.until_safe_to_undo(captured, written)
        if until is not None and now() < until:
            return ActionResult(
                name, target, "waiting", "an earlier undo would do harm", to_iso(until)
            )
        remaining = self.holds.leave(target, case.id)
        if remaining is not None and remaining.cases:
            return self._leave_to_others(case, action)
        undo = wanted.undo(aws, captured, written)
        return ActionResult(name, target, str(undo.state), undo.reason)

    def _leave_to_others(self, case: Case, action: Action) -> ActionResult:
        """Let go of a target that other cases hold: what they want remains, and no more.

        They may have arrived while it was being undone, in this try or in one that died: what
        they want is read back, and applied where it does not show.
        """
        remaining = self.holds.leave(action.target, case.id)
        wanted = remaining.combined() if remaining is not None else None
        if remaining is not None and wanted is not None:
            aws, captured, written = (
                self._aws(action, case),
                _captured(remaining),
                remaining.written,
            )
            less = action.combine(wanted) != wanted
            if less or written is None or not _shows(wanted, aws, captured, written):
                self._bring(case, action, remaining)
        others = ", ".join(sorted(remaining.cases)) if remaining is not None else "nobody"
        return ActionResult(action.name(), action.target, "held", f"still held by case {others}")

    def _aws(self, action: Action, case: Case) -> AwsClients:
        return self.aws(action.place.account, action.place.region, case.id)


def _release_order(plan: Plan) -> list[Action]:
    """Last act first; but incidents, opened last, are also closed last: they speak of the rest."""
    backwards = plan.actions[::-1]
    return sorted(backwards, key=lambda action: action.tells)


def _outcome(case: Case, results: tuple[ActionResult, ...]) -> Status:
    """Contained only if something was, and all that was to be: never a false success."""
    if not all(result.status in ("applied", "gone") for result in results):
        return Status.PARTLY_CONTAINED
    acts = zip(case.plan.actions, results, strict=True)
    contained = case.plan.only_tells or any(r.status == "applied" for a, r in acts if not a.tells)
    return Status.CONTAINED if contained else Status.GONE


def _captured(hold: Hold) -> Json:
    if hold.captured is None:
        raise RuntimeError("no capture, no change")
    return hold.captured


def _untouched(action: Action, aws: AwsClients, captured: Json) -> bool:
    """Does the target still show what was captured? An incident has no before to compare with."""
    return not action.tells and canonical_json(action.capture(aws)) == canonical_json(captured)


def _stays_open(action: Action, results: tuple[ActionResult, ...]) -> ActionResult | None:
    """An incident is closed last: not while an act still waits, or could not be undone."""
    pending = [r for r in results if r.status in ("failed", "waiting")]
    if not action.tells or not pending:
        return None
    until = max(result.not_before for result in pending)
    return ActionResult(action.name(), action.target, "waiting", "closed last", until)


def _earlier(case: Case, action: Action, proof: Evidence) -> ActionResult:
    """No hold: an earlier try has let go and said how, or nothing was ever held."""
    left = (entry["content"]["result"] for entry in proof.orphaned if entry["stage"] == "undone")
    said = (*case.results, *(ActionResult(**result) for result in left))
    for result in reversed(said):
        if result.target == action.target and result.status in (*RELEASED_STATUSES, "held"):
            return result
    return ActionResult(action.name(), action.target, "nothing")


def _shows(action: Action, aws: AwsClients, captured: Json, written: Json) -> bool:
    try:
        action.verify(aws, captured, written)
    except NotVerified:
        return False
    return True


def _read_back(action: Action, aws: AwsClients, captured: Json, written: Json) -> None:
    """Verify, giving an eventually consistent service a few seconds; then NotVerified rises."""
    for seconds in VERIFY_DELAYS:
        if _shows(action, aws, captured, written):
            return
        sleep(seconds)
    action.verify(aws, captured, written)


def _words(error: Exception) -> str:
    """The error in a bounded line; AWS messages name the call and the ARN, no secrets."""
    return one_line(f"{type(error).__name__}: {error}", 300)
