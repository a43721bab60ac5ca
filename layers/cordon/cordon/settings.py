"""The settings: what the operator chose, one row of the table.

They change at any time without a deployment: their row is read anew with each case. People write
that row, also by plain DynamoDB commands, so each entry is looked at by itself: one that nobody
understands is refused with its reason, and the rest holds. What a refused entry leads to is the
safe direction of that entry; see ``Settings``.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, TypeVar

from cordon.baseline import Baseline, from_row

MOST_CASES = 100_000  # an hour: the largest budget
T = TypeVar("T")

# What ``other_home`` says where it names no other stack: only ``setup`` writes it.
TAKING_OVER = "taking over"
BEING_DELETED = "being deleted"
SERVES_INSTEAD = "serves this account and Region"
NOT_HOME = {
    TAKING_OVER: "this stack takes over from one that was deleted, and waits until no other one "
    "can serve this account and Region",
    BEING_DELETED: "this stack is being deleted",
}


class Mode(StrEnum):
    """What a playbook may do: record only, wait for approval, or contain."""

    OBSERVE = "observe"
    APPROVE = "approve"
    ENFORCE = "enforce"


class MasterSwitch(StrEnum):
    """One entry for all playbooks."""

    ON = "on"
    OBSERVE = "observe"  # no playbook changes anything
    OFF = "off"  # all playbooks ignore findings


class Backlog(StrEnum):
    """What a playbook does with findings that a sweep sends."""

    OBSERVE = "observe"
    RESPOND = "respond"  # as to any other: by its mode, within its budget


@dataclass(frozen=True)
class Exemption:
    """A named person's decision that a playbook ignores a resource until a date."""

    playbook: str  # name, wildcards allowed
    resource: str  # ARN, wildcards allowed
    owner: str
    reason: str
    expires: datetime

    def covers(self, playbook: str, resource: str, now: datetime) -> bool:
        """True if it has not expired and both patterns match."""
        return (
            now < self.expires
            and fnmatchcase(playbook, self.playbook)
            and fnmatchcase(resource, self.resource)
        )


@dataclass(frozen=True)
class Settings:
    """The settings in force for one decision.

    ``refused`` has each entry that cannot be understood, with the reason. A refused mode makes its
    playbook observe; a refused protected pattern makes all observe, since nobody knows what it
    protects; a refused budget is no budget; a refused exemption exempts nothing; of a refused
    baseline nothing is put back.
    """

    modes: Mapping[str, Mode] = field(default_factory=dict)
    switch: MasterSwitch = MasterSwitch.ON
    exemptions: tuple[Exemption, ...] = ()
    protected: tuple[str, ...] = ()  # ARNs, wildcards allowed: Cordon never contains these
    budget: int = 10  # cases that may contain, per hour, playbook and account
    budgets: Mapping[str, int] = field(default_factory=dict)  # the same, for individual playbooks
    unreadable: str = ""  # no row, or no master switch in it; every mode is then observe
    other_home: str = ""  # id of the stack that serves this account and Region instead of ours
    refused: Mapping[str, str] = field(default_factory=dict)  # entry → reason
    baseline: Baseline | None = None  # of this account and Region; None: nothing is put back
    backlog: Mapping[str, Backlog] = field(default_factory=dict)  # by playbook; observe if not set

    @property
    def not_home(self) -> str:
        """Why this stack only observes, whatever its modes are; "" where it serves this place."""
        if not self.other_home:
            return ""
        why = NOT_HOME.get(self.other_home) or self._refused("other_home")
        return why or f"the stack {self.other_home} {SERVES_INSTEAD}"

    def mode(self, playbook: str) -> Mode:
        """The playbook's mode; observe if none is set or it is not understood."""
        return Mode.OBSERVE if self.unreadable else self.modes.get(playbook, Mode.OBSERVE)

    def budget_for(self, playbook: str) -> int:
        """How many cases of this playbook may contain per hour in one account."""
        return 0 if self.refused_budget(playbook) else self.budgets.get(playbook, self.budget)

    def responds_to_backlog(self, playbook: str) -> bool:
        """Does the playbook respond to what a sweep sends? Where it is not understood, no."""
        return self.backlog.get(playbook, Backlog.OBSERVE) is Backlog.RESPOND

    def refused_mode(self, playbook: str) -> str:
        """Why the playbook's mode is not understood; "" where it is."""
        return self._refused("modes", f"modes.{playbook}")

    def refused_budget(self, playbook: str) -> str:
        """Why the playbook's budget is not understood; "" where it is."""
        own = self._refused("budgets", f"budgets.{playbook}")
        return own or ("" if playbook in self.budgets else self._refused("budget"))

    @property
    def refused_protection(self) -> str:
        """Why nobody knows all that is protected; "" where it is known."""
        return self._refused(*(entry for entry in self.refused if entry.startswith("protected")))

    @property
    def faults(self) -> tuple[str, ...]:
        """All that is wrong, an entry each, in words for a person."""
        entries = tuple(f"{entry} {reason}" for entry, reason in self.refused.items())
        return (self.unreadable, *entries) if self.unreadable else entries

    def _refused(self, *entries: str) -> str:
        found = (f"the setting {e} {self.refused[e]}" for e in entries if e in self.refused)
        return next(found, "")


def parse(row: Mapping[str, Any], playbooks: Iterable[str] = ()) -> Settings:
    """The settings of the row ``settings``, as ``memory.table`` decodes it. Never raises.

    ``master_switch``, ``modes`` and ``budgets`` (maps by playbook), ``budget``, ``protected`` (set
    of ARN patterns) and ``exemptions`` (map by name, of ``playbook``, ``resource``, ``owner``,
    ``reason``, ``expires``), ``baseline``, ``backlog`` (map by playbook), and ``other_home``, which
    no person sets. ``playbooks`` must have a mode. docs/operating/settings.md has it for people.
    """
    refused: dict[str, str] = {}
    modes = _each(row, "modes", _mode, refused)
    for name in playbooks:
        if not {"modes", f"modes.{name}"} & refused.keys() and name not in modes:
            refused[f"modes.{name}"] = "is not there"
    switch = _one(row, "master_switch", MasterSwitch.OBSERVE, _master_switch, refused)
    budget = _one(row, "budget", 0, whole_number, refused)
    budgets = _each(row, "budgets", whole_number, refused)
    exemptions = _each(row, "exemptions", _exemption, refused)
    protected = _protected(row.get("protected", frozenset()), refused)
    other_home = _other_home(row, refused)
    backlog = _each(row, "backlog", _backlog, refused)
    baseline = _one(row, "baseline", None, from_row, refused) if "baseline" in row else None
    refused |= {_named(name): "is no setting" for name in sorted(row.keys() - ATTRIBUTES)}
    broken = refused.pop("master_switch", "")
    return Settings(
        modes=modes,
        switch=switch,
        exemptions=tuple(exemptions.values()),
        protected=protected,
        budget=budget,
        budgets=budgets,
        unreadable=f"the setting master_switch {broken}" if broken else "",
        other_home=other_home,
        refused=refused,
        baseline=baseline,
        backlog=backlog,
    )


ATTRIBUTES = frozenset(
    {"id", "master_switch", "modes", "budget", "budgets", "protected", "exemptions", "other_home"}
    | {"baseline", "backlog"}
    | {"version", "changed_at", "changed_by", "evidence_count", "evidence_hash"}
)


def _one(
    row: Mapping[str, Any],
    name: str,
    safe: T,
    understand: Callable[[Any], T],
    refused: dict[str, str],
) -> T:
    if name not in row:
        refused[name] = "is not there"
        return safe
    try:
        return understand(row[name])
    except ValueError as why:
        refused[name] = str(why)
        return safe


def _each(
    row: Mapping[str, Any], name: str, understand: Callable[[Any], T], refused: dict[str, str]
) -> dict[str, T]:
    """What can be understood of a map; the rest is refused, each entry by itself."""
    given, understood = row.get(name, {}), {}
    if not isinstance(given, Mapping):
        refused[name] = f"is not a map: {_shown(given)}"
        return {}
    for key, value in sorted(given.items()):
        try:
            understood[key] = understand(value)
        except ValueError as why:
            refused[f"{name}.{_named(key)}"] = str(why)
    return understood


def _protected(given: Any, refused: dict[str, str]) -> tuple[str, ...]:
    if not isinstance(given, frozenset):
        refused["protected"] = f"is not a set of texts: {_shown(given)}"
        return ()
    understood = []
    for pattern in sorted(given):
        if is_arn_pattern(pattern):
            understood.append(pattern)
        else:
            refused[f"protected.{_named(pattern)}"] = "is not an ARN, nor a pattern of ARNs"
    return tuple(understood)


def _other_home(row: Mapping[str, Any], refused: dict[str, str]) -> str:
    """Whatever is there that nobody understands, this stack does not serve the place."""
    if "other_home" not in row:
        return ""
    given = row["other_home"]
    if isinstance(given, str) and (given in NOT_HOME or _STACK.fullmatch(given)):
        return given
    refused["other_home"] = f"is not the id of a stack: {_shown(given)}"
    return _shown(given)


_STACK = re.compile(r"arn:[a-z-]+:cloudformation:[!-~]{1,1000}")


def _mode(value: Any) -> Mode:
    return Mode(_chosen(value, Mode))


def _backlog(value: Any) -> Backlog:
    return Backlog(_chosen(value, Backlog))


def _master_switch(value: Any) -> MasterSwitch:
    return MasterSwitch(_chosen(value, MasterSwitch))


def _chosen(value: Any, allowed: type[StrEnum]) -> str:
    if isinstance(value, str) and value in list(allowed):
        return value
    raise ValueError(f"must be {', '.join(allowed)}, not {_shown(value)}")


def whole_number(value: Any) -> int:
    """A budget. Raises ValueError with what is wrong."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_CASES:
        return value
    raise ValueError(f"must be a number from 0 to {MOST_CASES}, not {_shown(value)}")


def _exemption(raw: Any) -> Exemption:
    if not isinstance(raw, Mapping):
        raise ValueError(f"is not a map: {_shown(raw)}")
    for name in ("playbook", "resource", "owner", "reason", "expires"):
        if not isinstance(raw.get(name), str) or not raw[name].strip():
            raise ValueError(f"has no {name}")
    if not is_arn_pattern(raw["resource"]):
        raise ValueError(f"names no ARN, nor a pattern of ARNs: {_shown(raw['resource'])}")
    try:
        expires = moment(raw["expires"])
    except ValueError:
        raise ValueError(f"has no date in expires: {_shown(raw['expires'])}") from None
    return Exemption(raw["playbook"], raw["resource"], raw["owner"], raw["reason"], expires)


def moment(text: str) -> datetime:
    """A date or a moment as people write it; UTC where no zone is named. Raises ValueError."""
    written = datetime.fromisoformat(text)
    try:
        return written.astimezone(UTC) if written.tzinfo else written.replace(tzinfo=UTC)
    except OverflowError:  # the first and the last day of the calendar
        raise ValueError(text) from None


# The five parts before the resource (AWS General Reference, "Amazon Resource Names"), each with
# wildcards. A pattern may end early with a part that is *, which then covers all that follows.
_PARTS = tuple(
    re.compile(part)
    for part in (r"arn", r"[a-z*?-]+", r"[a-z0-9*?-]+", r"[a-z0-9*?-]*", r"(?:[0-9*?]*|aws)")
)


@lru_cache(maxsize=256)  # the settings are read anew with each case, and mostly as they were
def is_arn_pattern(text: str) -> bool:
    """Could this pattern match an ARN, read as ``*`` and ``?`` are in IAM policies?

    One that never matches must be refused: else somebody believes that it protects.

    >>> [is_arn_pattern(t) for t in ("arn:aws:s3:::acme-*", "arn:aws:s3:*", "acme-*")]
    [True, True, False]
    """
    if re.search(r"[\s,\[\]]", text):  # [ begins a set of characters in fnmatch, not in IAM
        return False
    *parts, last = text.split(":", 5)
    if len(parts) < 5:
        parts, last = [*parts, last], last if last == "*" else ""
    pairs = zip(parts, _PARTS, strict=False)
    return len(parts) > 1 and bool(last) and all(known.fullmatch(part) for part, known in pairs)


def _named(name: str) -> str:
    """The name of an entry for a message: people give such names, and attackers of the row."""
    return name if re.fullmatch(r"[\w.*?:/+=@ -]{1,200}", name, re.ASCII) else _shown(name)


def _shown(value: Any) -> str:
    """A wrong value for a message. The row may hold anything, of any length."""
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
