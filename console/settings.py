"""What an operator does to the settings of a deployed stack: look, stop, change one entry.

What is written is looked at first, and refused with its reason; the row then names who wrote it, as
AWS names the caller. An entry that somebody else changed meanwhile is not overwritten.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from console.stack import NotPossible, Stack, playbook_names
from cordon.clock import now, to_iso
from cordon.memory import settings as settings_row
from cordon.memory.table import Cancelled, Row, Table
from cordon.settings import (
    Exemption,
    MasterSwitch,
    Mode,
    Settings,
    is_arn_pattern,
    moment,
    whole_number,
)


@dataclass(frozen=True)
class StackSettings:
    """The settings row of one stack."""

    table: Table
    sts: Any
    playbooks: tuple[str, ...]  # those that there are

    @classmethod
    def of(cls, stack: Stack) -> "StackSettings":
        """The settings of a stack that is deployed."""
        if stack.deleted:
            raise NotPossible("the stack is deleted: nothing reads its settings")
        return cls(stack.table, stack.client("sts"), playbook_names())

    @property
    def row(self) -> Row | None:
        """The row as it is; None where there is none."""
        return settings_row.read(self.table)

    @property
    def understood(self) -> Settings:
        """What the playbooks make of it."""
        return settings_row.settings_of(self.row, self.playbooks)

    def faults(self) -> list[str]:
        """All that is refused, and entries of playbooks that there are not."""
        row = self.row or {}
        names = {
            f"{entry}.{name}"
            for entry in ("modes", "budgets")
            if isinstance(row.get(entry), dict)
            for name in row[entry].keys() - set(self.playbooks)
        }
        return [*self.understood.faults, *(f"{name}: no such playbook" for name in sorted(names))]

    def stop(self, *, observe: bool = False) -> None:
        """Stop every playbook, whatever the row is. ``observe``: they go on recording."""
        position = MasterSwitch.OBSERVE if observe else MasterSwitch.OFF
        settings_row.stop(self.table, position, self._by)

    def start(self) -> None:
        """Let every playbook do what its mode says."""
        self._set("master_switch", str(MasterSwitch.ON))

    def set_mode(self, playbook: str, mode: Mode) -> None:
        """Say what a playbook may do."""
        self._known(playbook)
        self._set("modes", str(mode), playbook)

    def set_budget(self, cases: int, playbook: str = "") -> None:
        """Say how many cases an hour may contain, of one playbook or of each other one."""
        try:
            whole_number(cases)
        except ValueError as why:
            raise NotPossible(f"a budget {why}") from None
        if playbook:
            self._known(playbook)
            self._set("budgets", cases, playbook)
        else:
            self._set("budget", cases)

    def exempt(self, exemption: Exemption, *, force: bool = False) -> None:
        """Let a playbook ignore resources until a date. The same again replaces it."""
        if not any(fnmatchcase(name, exemption.playbook) for name in self.playbooks):
            self._known(exemption.playbook)
        _required(exemption.resource, "exempt", force=force)
        for name in ("owner", "reason"):
            if not getattr(exemption, name).strip():
                raise NotPossible(f"an exemption needs its {name}")
        if exemption.expires <= now():
            raise NotPossible(f"{to_iso(exemption.expires)} has passed")
        raw = {
            "playbook": exemption.playbook,
            "resource": exemption.resource,
            "owner": exemption.owner,
            "reason": exemption.reason,
            "expires": to_iso(exemption.expires),
        }
        self._set("exemptions", raw, f"{exemption.playbook} {exemption.resource}")

    def end_exemptions(self, resource: str, playbook: str = "") -> list[str]:
        """Take away the exemptions of this resource pattern, of one playbook or of all."""
        exemptions = (self.row or {}).get("exemptions")
        found = [
            name
            for name, raw in (exemptions.items() if isinstance(exemptions, dict) else ())
            if isinstance(raw, dict)
            and raw.get("resource") == resource
            and playbook in ("", raw.get("playbook"))
        ]
        if not found:
            raise NotPossible(f"there is no exemption of {resource}")
        for name in found:
            row = self._there()
            with _alone():
                settings_row.remove_entry(self.table, row, ("exemptions", name), self._by)
        return found

    def protect(self, pattern: str, *, force: bool = False) -> None:
        """Never contain what matches the pattern."""
        _required(pattern, "protect", force=force)
        row = self.row
        if not isinstance((row or {}).get("protected", frozenset()), frozenset):
            raise NotPossible("the setting protected is no set of texts: put it right first")
        with _alone():
            settings_row.protect(self.table, row, [pattern], self._by)

    def unprotect(self, pattern: str) -> None:
        """Take a pattern away. What the roles' policies deny stays denied."""
        row = self._there()
        protected = row.get("protected", frozenset())
        if not isinstance(protected, frozenset) or pattern not in protected:
            raise NotPossible(f"{pattern} is not among the protected patterns")
        with _alone():
            settings_row.unprotect(self.table, row, pattern, self._by)

    @property
    def _by(self) -> str:
        return str(self.sts.get_caller_identity()["Arn"])

    def _known(self, playbook: str) -> None:
        if playbook not in self.playbooks:
            known = ", ".join(self.playbooks)
            raise NotPossible(f"there is no playbook {playbook}; there are {known}")

    def _there(self) -> Row:
        row = self.row
        if row is None:
            raise NotPossible(settings_row.ABSENT)
        return row

    def _set(self, entry: str, value: Any, name: str = "") -> None:
        path = (entry, name) if name else (entry,)
        with _alone():
            settings_row.set_entry(self.table, self.row, path, value, self._by)


@contextmanager
def _alone() -> Iterator[None]:
    try:
        yield
    except Cancelled:
        raise NotPossible(
            "somebody changed the settings at this moment: look at `cordon settings`, then again"
        ) from None


def exemption_until(playbook: str, resource: str, owner: str, reason: str, until: str) -> Exemption:
    """An exemption as it is typed; ``until`` is a date, or a moment with its time zone."""
    try:
        expires = moment(until)
    except ValueError:
        raise NotPossible(f"{until} is no date: write it like 2027-01-31") from None
    return Exemption(playbook, resource, owner, reason, expires)


def _required(pattern: str, verb: str, *, force: bool) -> None:
    if not is_arn_pattern(pattern):
        raise NotPossible(f"{pattern} is not an ARN, nor a pattern of ARNs: nothing would match it")
    if covers_a_whole_kind(pattern) and not force:
        raise NotPossible(
            f"{pattern} would {verb} every resource of its kind: --force if you mean it"
        )


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
