"""The changes of the settings: what is requested, what would be wrong, what lets Cordon do more.

A change is looked at before it is written, and refused with its reason. What lets Cordon do more
needs two people where approvals do: a mode that rises, the master switch back on, a larger budget,
a protection or an exemption that ends, a baseline, which says what is put back, and a backlog that
is responded to. Less is always one person's.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from cordon.baseline import Baseline
from cordon.clock import now, to_iso
from cordon.deciding.desk import NotDecided
from cordon.deciding.request import HASH, MOST_ARN, MOST_NAME, MOST_WHY, NAME, BadRequest, Fields
from cordon.evidence import ChainEnd
from cordon.memory import settings as settings_row
from cordon.memory.table import Row, Table
from cordon.settings import (
    MOST_CASES,
    Backlog,
    MasterSwitch,
    Mode,
    Settings,
    is_arn_pattern,
    moment,
    whole_number,
)

RANKS = (Mode.OBSERVE, Mode.APPROVE, Mode.ENFORCE)  # what each lets a playbook do, least first
PLAYBOOKS = re.compile(r"[A-Za-z0-9_*?]{1,64}")  # a name of a playbook, wildcards allowed


@dataclass(frozen=True)
class Write:
    """One write of the row, and what it leaves: evidence says so before it is made."""

    make: Callable[[Table, Row | None, str, ChainEnd], None]
    after: Callable[[Row], Row]


@dataclass(frozen=True)
class Change:
    """One change that may be made: ``writes`` are made one after the other, each on a fresh row."""

    text: str  # for people
    more: bool  # does it let Cordon do more than before?
    writes: Sequence[Write]


@dataclass(frozen=True)
class Before:
    """What there is when a change is requested."""

    row: Row | None
    settings: Settings  # what the playbooks make of the row
    playbooks: tuple[str, ...]
    seen: Baseline | None = None  # what setup saw last of what a baseline is of
    by: str = ""  # who requests it

    def known(self, playbook: str, field: str) -> None:
        """Raises BadRequest unless there is such a playbook."""
        if playbook not in self.playbooks:
            raise BadRequest(field, f"must be one of {', '.join(self.playbooks)}")


def change_of(raw: Mapping[str, Any], before: Before) -> Change:
    """The change behind a request. Raises BadRequest, and NotDecided where there is nothing such.

    ``raw`` has ``do``, one of ``KINDS``, and what that kind needs.
    """
    fields = Fields(raw, "change")
    kind = fields.text("do", MOST_NAME)
    if kind not in KINDS:
        raise BadRequest("change.do", f"must be one of {', '.join(KINDS)}")
    change = KINDS[kind](fields, before)
    fields.no_more()
    return change


def _mode(fields: Fields, before: Before) -> Change:
    playbook = _one_playbook(fields, before)
    given = fields.text("mode", MOST_NAME)
    if given not in list(Mode):
        raise BadRequest("change.mode", f"must be one of {', '.join(Mode)}")
    mode = Mode(given)
    more = RANKS.index(mode) > RANKS.index(before.settings.mode(playbook))
    return Change(f"mode of {playbook}: {mode}", more, [_set(("modes", playbook), given)])


def _start(_: Fields, before: Before) -> Change:
    stopped = bool(before.settings.unreadable) or before.settings.switch is not MasterSwitch.ON
    return Change("master switch: on", stopped, [_set(("master_switch",), str(MasterSwitch.ON))])


def _budget(fields: Fields, before: Before) -> Change:
    cases = fields.number("cases")
    try:
        whole_number(cases)
    except ValueError:
        raise BadRequest("change.cases", f"must be a number from 0 to {MOST_CASES}") from None
    playbook = fields.matching("playbook", NAME, "must be the name of a playbook", required=False)
    if playbook:
        before.known(playbook, "change.playbook")
        more = cases > before.settings.budget_for(playbook)
        text = f"budget of {playbook}: {cases} cases an hour"
        return Change(text, more, [_set(("budgets", playbook), cases)])
    more = "budget" in before.settings.refused or cases > before.settings.budget
    return Change(f"budget: {cases} cases an hour", more, [_set(("budget",), cases)])


def _exempt(fields: Fields, before: Before) -> Change:
    pattern = _pattern(fields, "resource", "exempt")
    playbook = fields.matching(
        "playbook", PLAYBOOKS, "must be the name of a playbook, wildcards allowed"
    )
    if not any(fnmatchcase(name, playbook) for name in before.playbooks):
        before.known(playbook, "change.playbook")
    owner, reason = fields.text("owner", MOST_WHY), fields.text("reason", MOST_WHY)
    until = _until(fields.text("until", MOST_NAME))
    raw = {
        "playbook": playbook,
        "resource": pattern,
        "owner": owner,
        "reason": reason,
        "expires": to_iso(until),
    }
    shortened = any(
        (one.playbook, one.resource) == (playbook, pattern) and until < one.expires
        for one in before.settings.exemptions
    )
    text = f"{pattern} exempt from {playbook} until {to_iso(until)}, {owner}: {reason}"
    return Change(text, shortened, [_set(("exemptions", f"{playbook} {pattern}"), raw)])


def _end_exemption(fields: Fields, before: Before) -> Change:
    resource = fields.text("resource", MOST_ARN)
    right = "must be the name of a playbook, wildcards allowed"
    playbook = fields.matching("playbook", PLAYBOOKS, right, required=False)
    exemptions = (before.row or {}).get("exemptions")
    found = [
        name
        for name, raw in (exemptions.items() if isinstance(exemptions, Mapping) else ())
        if isinstance(raw, Mapping)
        and raw.get("resource") == resource
        and playbook in ("", raw.get("playbook"))
    ]
    if not found:
        raise NotDecided(409, f"there is no exemption of {resource}")
    text = f"no exemption of {resource}" + (f" from {playbook}" if playbook else "")
    return Change(text, True, [_remove(("exemptions", name)) for name in found])


def _protect(fields: Fields, before: Before) -> Change:
    pattern = _pattern(fields, "resource", "protect")
    if not isinstance((before.row or {}).get("protected", frozenset()), frozenset):
        raise NotDecided(409, "the setting protected is no set of texts: put it right first")

    def write(table: Table, row: Row | None, by: str, end: ChainEnd) -> None:
        settings_row.protect(table, row, [pattern], by, end)

    def after(row: Row) -> Row:
        known = row.get("protected", frozenset())
        return settings_row.with_entry(row, ("protected",), known | {pattern})

    return Change(f"protected: {pattern}", False, [Write(write, after)])


def _unprotect(fields: Fields, before: Before) -> Change:
    """What the roles' policies deny stays denied."""
    pattern = fields.text("resource", MOST_ARN)
    protected = (before.row or {}).get("protected", frozenset())
    if not isinstance(protected, frozenset) or pattern not in protected:
        raise NotDecided(409, f"{pattern} is not among the protected patterns")

    def write(table: Table, row: Row | None, by: str, end: ChainEnd) -> None:
        settings_row.unprotect(table, _there(row), pattern, by, end)

    def after(row: Row) -> Row:
        left = row.get("protected", frozenset()) - {pattern}
        if not left:  # DynamoDB has no empty set
            return settings_row.without_entry(row, ("protected",))
        return settings_row.with_entry(row, ("protected",), left)

    return Change(f"no longer protected: {pattern}", True, [Write(write, after)])


def _baseline(fields: Fields, before: Before) -> Change:
    """Take as the baseline what ``setup`` saw last, where it is still what the person saw."""
    right = "must be the sha256 that `cordon baseline` shows, 64 characters of 0-9 and a-f"
    sha256 = fields.matching("seen", HASH, right)
    if before.seen is None:
        raise NotDecided(409, "setup has not seen the account's settings yet: it looks every hour")
    if before.seen.sha256 != sha256:
        raise NotDecided(409, "setup saw something else since: look at `cordon baseline` again")
    taken = replace(before.seen, by=before.by, at=to_iso(now()))
    text = f"baseline: as setup saw the account at {before.seen.at}, {sha256}"
    return Change(text, True, [_set(("baseline",), taken.to_row())])


def _backlog(fields: Fields, before: Before) -> Change:
    playbook = _one_playbook(fields, before)
    given = fields.text("backlog", MOST_NAME)
    if given not in list(Backlog):
        raise BadRequest("change.backlog", f"must be one of {', '.join(Backlog)}")
    responded = before.settings.responds_to_backlog(playbook)
    more = given == Backlog.RESPOND and not responded
    return Change(f"backlog of {playbook}: {given}", more, [_set(("backlog", playbook), given)])


KINDS: Mapping[str, Callable[[Fields, Before], Change]] = {
    "mode": _mode,
    "start": _start,
    "budget": _budget,
    "exempt": _exempt,
    "end_exemption": _end_exemption,
    "protect": _protect,
    "unprotect": _unprotect,
    "baseline": _baseline,
    "backlog": _backlog,
}


def _one_playbook(fields: Fields, before: Before) -> str:
    playbook = fields.text("playbook", MOST_NAME)
    before.known(playbook, "change.playbook")
    return playbook


def _pattern(fields: Fields, field: str, verb: str) -> str:
    """A pattern of ARNs that matches something, and not everything of a kind by mistake."""
    pattern, force = fields.text(field, MOST_ARN), fields.truth("force")
    if not is_arn_pattern(pattern):
        raise BadRequest(
            fields.name(field),
            f"{pattern} is not an ARN, nor a pattern of ARNs: nothing would match it",
        )
    if covers_a_whole_kind(pattern) and not force:
        raise BadRequest(
            fields.name(field),
            f"{pattern} would {verb} every resource of its kind: send force (--force) if you "
            "mean it",
        )
    return pattern


def _until(text: str) -> datetime:
    try:
        expires = moment(text)
    except ValueError:
        raise BadRequest("change.until", f"{text} is no date: write it like 2027-01-31") from None
    if expires <= now():
        raise BadRequest("change.until", f"{to_iso(expires)} has passed")
    return expires


def covers_a_whole_kind(pattern: str) -> bool:
    """Does the pattern name no resource, but at most what kind it is?

    >>> [covers_a_whole_kind(f"arn:aws:{p}") for p in ("s3:::*", "iam::*:role/*", "s3:*")]
    [True, True, True]
    >>> covers_a_whole_kind("arn:aws:iam::*:role/team/*")
    False
    """
    parts = pattern.split(":", 5)
    resource = parts[5] if len(parts) == 6 else ""
    return bool(re.fullmatch(r"([A-Za-z-]+[/:])?", re.sub(r"[*?]", "", resource)))


def _set(path: settings_row.Path, value: Any) -> Write:
    def write(table: Table, row: Row | None, by: str, end: ChainEnd) -> None:
        settings_row.set_entry(table, row, path, value, by, end)

    return Write(write, lambda row: settings_row.with_entry(row, path, value))


def _remove(path: settings_row.Path) -> Write:
    def write(table: Table, row: Row | None, by: str, end: ChainEnd) -> None:
        settings_row.remove_entry(table, _there(row), path, by, end)

    return Write(write, lambda row: settings_row.without_entry(row, path))


def _there(row: Row | None) -> Row:
    if row is None:
        raise NotDecided(409, settings_row.ABSENT)
    return row
