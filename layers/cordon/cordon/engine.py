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

from cordon.actions import Action, Gone, Json, NotVerified, Refused
from cordon.beside import together
from cordon.cases import Case, Cases, Result, Stands
from cordon.clients import Aws
from cordon.clock import now, pause, stamp
from cordon.dialects.text import clean
from cordon.evidence import Evidence
from cordon.finding import canonical
from cordon.holds import Hold, Holds, LetGo
from cordon.playbook import Plan

READ_BACK_PAUSES = (0.3, 1.0, 2.0)  # seconds between readings of an eventually consistent service
LEASE = timedelta(minutes=2)  # longer than a function may run: nobody contains the case any more
CONTAINED = (Stands.CONTAINED, Stands.PARTIAL, Stands.GONE)  # the ways a contain ends
UNDONE = ("restored", "drifted", "gone")  # the ways an undo ends that let go of the target
FAILURES = (ClientError, BotoCoreError, NotVerified, LetGo)


class NotContained(Exception):
    """Some acts failed. The case says which; the next delivery resumes it."""


class Busy(Exception):
    """The case may be being contained at this moment; ``until`` is when it surely is not."""

    def __init__(self, case: str, until: datetime) -> None:
        super().__init__(f"case {case} is being contained, at the latest until {stamp(until)}")
        self.until = until


class NotReleased(Exception):
    """Some acts could not be undone. The case says which; the next try resumes it."""


@dataclass
class Act:
    """One action of a plan on its way. It goes on while ``state`` is empty."""

    action: Action
    hold: Hold | None = None  # the row as the last call on it returned it
    before: Json | None = None
    wanted: Action | None = None  # what all cases that hold the target want together
    wrote: Json | None = None
    state: str = ""
    reason: str = ""

    @property
    def held(self) -> Hold:
        """The hold, once joined."""
        if self.hold is None:
            raise LetGo(f"{self.action.target} is held by no case any more")
        return self.hold

    @property
    def was_late(self) -> bool:
        """Did another case capture the target between our joining and our keeping?"""
        return not self.state and canonical(self.before) != canonical(self.held.captured)

    def end(self, state: str, reason: str = "") -> None:
        """It goes no further. What was written stays said, also when it cannot be read back."""
        self.state, self.reason = state, reason

    @property
    def result(self) -> Result:
        """For the case's row."""
        return Result(self.action.name(), self.action.target, self.state, self.reason)

    def captured_json(self) -> dict[str, Any]:
        """For evidence, before the change."""
        held_by = sorted(self.held.cases)
        return {"action": self.action.to_json(), "captured": self.before, "held_by": held_by}

    def to_json(self) -> dict[str, Any]:
        """For evidence, after the change and its reading back."""
        return {**asdict(self.result), "action": self.action.to_json(), "wrote": self.wrote}


@dataclass(frozen=True)
class Engine:
    """Contains and releases cases with what it is given; it knows no service itself."""

    cases: Cases
    holds: Holds
    aws: Callable[[str, str, str], Aws]
    evidence: Callable[[Case], Evidence]

    def contain(self, case: Case) -> Case:
        """Carry out the plan of a case that the caller has claimed: it stands at CONTAINING.

        An act that fails does not keep the others from being tried: each one contains. Raises
        NotContained when one failed.
        """
        proof = self.evidence(case)
        acts = self._written(case, self._changed(case, self._held(case, proof)))
        at, results = now(), tuple(act.result for act in acts)
        stands = _outcome(case, results)
        proof.write(str(stands), {"results": [act.to_json() for act in acts]})
        case = self.cases.move(
            case,
            stands,
            when=(Stands.CONTAINING,),
            results=results,
            contained=case.contained or at,
            link=proof.link,
        )
        if case.failed:
            raise NotContained("; ".join(f"{r.action}: {r.reason}" for r in case.failed))
        return case

    def release(self, case: Case, *, by: str, why: str, person: bool = True) -> Case:
        """Undo the case's plan, last act first. The case stands at RELEASING while one waits.

        ``person``: whether a person lets go, or the finding's own source. Raises NotReleased when
        an act failed to be undone, and Busy while the case may still be being contained.
        """
        if case.stands is Stands.CONTAINING and case.moved and now() < case.moved + LEASE:
            raise Busy(case.id, case.moved + LEASE)
        proof = self.evidence(case)
        proof.write("releasing", {"by": by, "why": why})
        case = self.cases.move(
            case,
            Stands.RELEASING,
            when=(Stands.CONTAINING, Stands.RELEASING, *CONTAINED),
            by=by,
            why=why,
            let_go_by=by if person else case.let_go_by,
            link=proof.link,
        )
        results: tuple[Result, ...] = ()
        for action in _release_order(case.plan):
            results += (_stays_open(action, results) or self._release(case, action, proof),)
        open_ended = any(result.state in ("failed", "waiting") for result in results)
        stands = Stands.RELEASING if open_ended else Stands.RELEASED
        proof.write(str(stands), {"results": [asdict(result) for result in results]})
        case = self.cases.move(
            case, stands, when=(Stands.RELEASING,), results=results, link=proof.link
        )
        if case.failed:
            raise NotReleased("; ".join(f"{r.action}: {r.reason}" for r in case.failed))
        return case

    def _held(self, case: Case, proof: Evidence) -> list["Act"]:
        """Join the holds, and keep what was there before, with evidence of it."""
        acts = [Act(action) for action in case.plan.actions]
        self._each(case, acts, self._join)
        self._each(case, acts, self._capture)
        going = [act for act in acts if not act.state]
        content = {"acts": [act.captured_json() for act in going]}
        together(
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
        together(*(partial(self._try, case, act, step) for act in acts if not act.state))

    def _try(self, case: Case, act: "Act", step: Callable[[Case, "Act"], None]) -> None:
        """One step of one act. How it ended is the act's own: the others go on."""
        try:
            step(case, act)
        except Gone as gone:
            self._drop(case, act.action)
            act.end("gone", str(gone))
        except Refused as refused:
            act.end(self._refused(case, act.action), str(refused))
        except FAILURES as error:
            act.end("failed", _words(error))

    def _refused(self, case: Case, action: Action) -> str:
        """Nothing is held, unless an earlier try has written already: then it must be undone."""
        hold = self.holds.get(action.target)
        if hold is not None and hold.wrote is not None:
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
            act.hold = self.holds.keep(act.action, act.before)

    def _apply(self, case: Case, act: "Act") -> None:
        """Bring the target to what every case that holds it wants."""
        action = act.action
        if not action.marked:  # others may have come and written meanwhile
            act.hold = self.holds.get(action.target)
        hold = act.held
        act.wanted = hold.wanted() or action
        captured, aws = _captured(hold), self._aws(action, case)
        applied = any(r.target == action.target and r.state == "applied" for r in case.results)
        if applied and hold.wrote is not None and _shows(act.wanted, aws, captured, hold.wrote):
            act.wrote = hold.wrote
            act.end("applied")
        else:
            act.wrote = act.wanted.apply(aws, captured, hold.wrote)

    def _note(self, _case: Case, act: "Act") -> None:
        if act.wrote is None:
            raise RuntimeError("nothing was written")
        act.hold = self.holds.note(act.action, act.wrote)

    def _settle(self, case: Case, act: "Act") -> None:
        """Read back; where another case came meanwhile and wants more, bring that about too."""
        if act.wrote is None or act.wanted is None:
            raise RuntimeError("nothing was written")
        if act.held.wanted() == act.wanted:
            aws = self._aws(act.action, case)
            _read_back(act.wanted, aws, _captured(act.held), act.wrote)
        else:
            act.wrote = self._bring(case, act.action, act.held)
        act.end("applied")

    def _bring(self, case: Case, action: Action, hold: Hold) -> Json:
        """Apply, note and read back, until the row names nobody who wants more than was written.

        Two cases at a time would else write over each other, and one of them be told contained.
        """
        aws, captured = self._aws(action, case), _captured(hold)
        while True:
            wanted = hold.wanted() or action
            wrote = wanted.apply(aws, captured, hold.wrote)
            hold = self.holds.note(action, wrote)
            if hold.wanted() == wanted:
                _read_back(wanted, aws, captured, wrote)
                return wrote

    def _drop(self, case: Case, action: Action) -> None:
        """This case holds nothing there."""
        remaining = self.holds.leave(action.target, case.id)
        if remaining is not None and not remaining.cases:
            self.holds.forget(action.target)

    def _release(self, case: Case, action: Action, proof: Evidence) -> Result:
        """Undo one act. How it ended is written before the hold is forgotten, never after."""
        hold = self.holds.get(action.target)
        if hold is None:
            return _earlier(case, action, proof)
        try:
            result = self._let_go(case, action, hold)
        except Gone as gone:
            self.holds.leave(action.target, case.id)
            result = Result(action.name(), action.target, "gone", str(gone))
        except (*FAILURES, Refused) as error:
            result = Result(action.name(), action.target, "failed", _words(error))
        proof.write("undone", {"action": action.to_json(), "result": asdict(result)})
        if result.state not in UNDONE or self.holds.forget(action.target):
            return result
        result = self._leave_to_others(case, action)
        proof.write("undone", {"action": action.to_json(), "result": asdict(result)})
        return result

    def _let_go(self, case: Case, action: Action, hold: Hold) -> Result:
        name, target = action.name(), action.target
        if hold.captured is None:
            self._drop(case, action)
            return Result(name, target, "nothing")
        if set(hold.cases) - {case.id}:
            return self._leave_to_others(case, action)
        wanted, captured, aws = hold.wanted() or action, hold.captured, self._aws(action, case)
        wrote = hold.wrote
        if wrote is None and not hold.cases:
            self.holds.forget(target)
            return Result(name, target, "nothing")
        if wrote is None and _untouched(action, aws, captured):
            self.holds.leave(target, case.id)
            return Result(name, target, "restored", "it was never changed")
        if wrote is None:  # a contain died between its write and its note: finish it, then undo
            wrote = wanted.apply(aws, captured, None)
            self.holds.note(action, wrote)
        until = wanted.keep_until(captured, wrote)
        if until is not None and now() < until:
            return Result(name, target, "waiting", "an earlier undo would do harm", stamp(until))
        remaining = self.holds.leave(target, case.id)
        if remaining is not None and remaining.cases:
            return self._leave_to_others(case, action)
        undo = wanted.undo(aws, captured, wrote)
        return Result(name, target, str(undo.state), undo.reason)

    def _leave_to_others(self, case: Case, action: Action) -> Result:
        """Let go of a target that other cases hold: what they want remains, and no more.

        They may have arrived while it was being undone, in this try or in one that died: what
        they want is read back, and applied where it does not show.
        """
        remaining = self.holds.leave(action.target, case.id)
        wanted = remaining.wanted() if remaining is not None else None
        if remaining is not None and wanted is not None:
            aws, captured, wrote = self._aws(action, case), _captured(remaining), remaining.wrote
            less = action.join(wanted) != wanted
            if less or wrote is None or not _shows(wanted, aws, captured, wrote):
                self._bring(case, action, remaining)
        others = ", ".join(sorted(remaining.cases)) if remaining is not None else "nobody"
        return Result(action.name(), action.target, "held", f"still held by case {others}")

    def _aws(self, action: Action, case: Case) -> Aws:
        return self.aws(action.place.account, action.place.region, case.id)


def _release_order(plan: Plan) -> list[Action]:
    """Last act first; but incidents, opened last, are also closed last: they speak of the rest."""
    backwards = plan.actions[::-1]
    return sorted(backwards, key=lambda action: action.tells)


def _outcome(case: Case, results: tuple[Result, ...]) -> Stands:
    """Contained only if something was, and all that was to be: never a false success."""
    if not all(result.state in ("applied", "gone") for result in results):
        return Stands.PARTIAL
    acts = zip(case.plan.actions, results, strict=True)
    contained = case.plan.only_tells or any(r.state == "applied" for a, r in acts if not a.tells)
    return Stands.CONTAINED if contained else Stands.GONE


def _captured(hold: Hold) -> Json:
    if hold.captured is None:
        raise RuntimeError("no capture, no change")
    return hold.captured


def _untouched(action: Action, aws: Aws, captured: Json) -> bool:
    """Does the target still show what was captured? An incident has no before to compare with."""
    return not action.tells and canonical(action.capture(aws)) == canonical(captured)


def _stays_open(action: Action, results: tuple[Result, ...]) -> Result | None:
    """An incident is closed last: not while an act still waits, or could not be undone."""
    pending = [r for r in results if r.state in ("failed", "waiting")]
    if not action.tells or not pending:
        return None
    until = max(result.until for result in pending)
    return Result(action.name(), action.target, "waiting", "closed last", until)


def _earlier(case: Case, action: Action, proof: Evidence) -> Result:
    """No hold: an earlier try has let go and said how, or nothing was ever held."""
    left = (entry["content"]["result"] for entry in proof.left if entry["stage"] == "undone")
    said = (*case.results, *(Result(**result) for result in left))
    for result in reversed(said):
        if result.target == action.target and result.state in (*UNDONE, "held"):
            return result
    return Result(action.name(), action.target, "nothing")


def _shows(action: Action, aws: Aws, captured: Json, wrote: Json) -> bool:
    try:
        action.verify(aws, captured, wrote)
    except NotVerified:
        return False
    return True


def _read_back(action: Action, aws: Aws, captured: Json, wrote: Json) -> None:
    """Verify, giving an eventually consistent service a few seconds; then NotVerified rises."""
    for seconds in READ_BACK_PAUSES:
        if _shows(action, aws, captured, wrote):
            return
        pause(seconds)
    action.verify(aws, captured, wrote)


def _words(error: Exception) -> str:
    """The error in a bounded line; AWS messages name the call and the ARN, no secrets."""
    return clean(f"{type(error).__name__}: {error}", 300)
