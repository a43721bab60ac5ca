"""One case, for a person who has never seen Cordon: what it is, what to do, and all that is behind.

The words are those of the incident (``reporting/texts.py``). What comes from evidence is said to be
so: what was written then. Whether a person has changed the resource since, nothing here knows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console.case_evidence import ONLY_DIGEST, Written
from console.case_list import age, has_failed, is_held
from console.differences import changed, counted, statements, unified
from cordon.clock import now, to_iso
from cordon.deployment import Deployment
from cordon.memory.cases import ActionStatus, Case
from cordon.playbook import Playbook
from cordon.reporting import texts
from cordon.reporting.question import question
from cordon.statuses import Status

WOULD, PERHAPS = "If it is approved or contained: ", "Perhaps, it is not verified: "
NOT_IN_FORCE = frozenset(  # a change that ended so holds nothing any more, or never did
    {
        ActionStatus.REFUSED,
        ActionStatus.SKIPPED,
        ActionStatus.RESOURCE_DELETED,
        ActionStatus.RESTORED,
        ActionStatus.DRIFTED,
        ActionStatus.UNCHANGED,
        ActionStatus.NOTHING_FOUND,
    }
)
NOT_SURE = (None, ActionStatus.FAILED, ActionStatus.PARTLY_RESTORED)
NO_PROPERTY = "what was written is no property that was captured: the evidence's entries have both"
ALREADY_SAID = ("The plan", "Who loses access")  # of a question: sections of the page have it


@dataclass(frozen=True)
class Section:
    """A heading, and its lines."""

    heading: str
    lines: tuple[str, ...]


def head(case: Case) -> str:
    """The case in one line."""
    found = case.finding
    status = f"{texts.headline(case)}{', held back' if case.held_back else ''}"
    return f"{case.id}  {status}  {found.severity.label}  {found.title}"


def sections(
    case: Case,
    playbook: Playbook | None,
    deployment: Deployment | None,
    written: Sequence[Written] | str,
) -> list[Section]:
    """The page, most needed first; what is empty is not there.

    ``deployment``: None where nobody knows it, of a deleted stack. ``written``: from evidence, or
    why that is not known.
    """
    about = [
        ("What is so", [texts.truth(case)]),
        ("What to do", _to_do(case, deployment)),
        ("What failed" if has_failed(case) else "Changes", texts.change_lines(case)),
        ("Who is shut out", _shut_out(case)),
        ("Release", _release(case, written)),
        ("Why", [f"{texts.decision(case)} {case.playbook} was in mode {case.mode}."]),
        ("Finding", [f"{name}: {value}" for name, value in texts.facts(case.finding) if value]),
        ("Before, and what was written", _states(written)),
        ("Periods of laws", texts.clocks(case, playbook) if playbook else []),
        ("Case", _case(case)),
    ]
    return [Section(heading, tuple(lines)) for heading, lines in about if any(lines)]


def _to_do(case: Case, deployment: Deployment | None) -> list[str]:
    lines = [texts.advice(case)]
    if case.plan.manual_step and case.plan.manual_step not in lines:
        lines.append(f"A person must: {case.plan.manual_step}")
    for heading, said in question(case, deployment, "") if deployment else ():
        if heading not in ALREADY_SAID:
            lines += [f"{heading}: {one}" for one in ([said] if isinstance(said, str) else said)]
    return lines


def _shut_out(case: Case) -> list[str]:
    """By each change that is or may be in force; of a case that holds nothing yet, who would be."""
    if case.closed or not case.plan.actions:
        return []
    ended = {result.target: result.status for result in case.results}
    lines = [
        f"{_how_sure(case, ended.get(action.target))}{action.resource}: {action.shuts_out}"
        for action in case.plan.actions
        if action.shuts_out and ended.get(action.target) not in NOT_IN_FORCE
    ]
    return lines or [f"{'' if is_held(case) else WOULD}Nobody, by these changes."]


def _how_sure(case: Case, status: ActionStatus | None) -> str:
    """What must be said before "is shut out"."""
    if not is_held(case):
        return WOULD
    waits_to_begin = status is ActionStatus.WAITING and case.status is Status.CONTAINING
    return PERHAPS if status in NOT_SURE or waits_to_begin else ""


def _release(case: Case, written: Sequence[Written] | str) -> list[str]:
    """Since when it may be undone, as far as evidence says."""
    if not is_held(case):
        return []
    kept = [f"{a.resource}: stays: {a.kept_because}" for a in case.plan.actions if a.kept_because]
    if isinstance(written, str):
        return [*kept, f"Whether an undo must wait: {written}."]
    ended = {result.target: result.status for result in case.results}
    held = [one for one in written if ended.get(one.action.target) not in NOT_IN_FORCE]
    waits = [
        f"{one.action.name()} on {one.action.resource}: not before {to_iso(one.until)}"
        for one in held
        if one.until and one.until > now()
    ]
    unknown = [
        f"{one.action.name()} on {one.action.resource}: not known whether an undo must wait:"
        " evidence does not say yet what was written"
        for one in held
        if one.after is None
    ]
    return [*kept, *([*waits, *unknown] or ["No undo has to wait until sessions have ended."])]


def _states(written: Sequence[Written] | str) -> list[str]:
    if isinstance(written, str):
        return [f"{written[0].upper()}{written[1:]}."]
    return [
        line
        for one in written
        if one.before is not None and one.after is not None
        for line in in_words(one.before, one.after, f"{one.action.resource} ")
    ]


def in_words(before: Mapping[str, Any], after: Mapping[str, Any], where: str = "") -> list[str]:
    """Each property of ``after`` that differs, in a line; of a policy a line a statement."""
    return [
        line
        for path, was, now in changed({name: before[name] for name in after}, after)
        for line in (
            f"{where}{' '.join(path)}: "
            + (f"changed; {ONLY_DIGEST}" if now == ONLY_DIGEST else counted(was, now)),
            *statements(was, now),
        )
    ]


def _case(case: Case) -> list[str]:
    opened, place = to_iso(case.opened_at), case.finding.place
    return [
        f"Opened {opened}, {age(case.opened_at)} ago; round {case.round}, attempt {case.attempt}",
        f"Account {place.account}, {place.region}; playbook {case.playbook}",
        f"Plan {case.plan_hash}",
    ]


def difference(written: Sequence[Written]) -> list[Section]:
    """Each change as a difference of what was captured and what was written, whole."""
    found = []
    for one in written:
        heading = f"{one.action.name()} on {one.action.resource}"
        if one.before is None or one.after is None:
            what = "how it was" if one.before is None else "what was written"
            lines = [f"evidence does not say {what}"]
        elif not one.after:
            lines = [NO_PROPERTY]
        else:
            known = {name: to for name, to in one.after.items() if to != ONLY_DIGEST}
            lines = unified({name: one.before[name] for name in known}, known)
            lines += [f"{name}: changed; {ONLY_DIGEST}" for name in one.after.keys() - known.keys()]
            lines = lines or ["it was so before"]
        found.append(Section(f"{heading}{f', written {one.at}' if one.at else ''}", tuple(lines)))
    return found
