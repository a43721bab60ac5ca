"""The settings of a deployed stack, as an operator looks at them and changes them.

They are read from their row, with the operator's own credentials. They are changed at the desk,
which looks at each change first, and keeps who made it in evidence.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from console.evidence import Copy, Fault, copied, verify
from console.stack import NotPossible, Stack, playbook_names
from cordon.baseline import Baseline
from cordon.memory import baseline_seen, budget, setup_found
from cordon.memory import settings as settings_row
from cordon.memory.table import Row
from cordon.settings import Backlog, Mode, Settings

NOT_CHECKED = "only_check:"  # a desk that does not know this field refuses it by its name


def _as_decided(copy: Copy, row: Row | None) -> Iterator[Fault]:
    """Are the settings what the last entry says? It names what the row holds after it."""
    last = copy.entries.get(copy.end.seq)
    try:
        after = json.loads(last)["content"].get("after") if last is not None else []
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return  # no entry: ``verify`` says so
    if not isinstance(after, list) or settings_row.entries_hash(row) not in after:
        yield Fault(
            f"the settings are not what entry {copy.end.seq} says: somebody changed them past the"
            " desk"
            if row
            else "the row of the settings is not there: somebody deleted it"
        )


@dataclass(frozen=True)
class StackSettings:
    """The settings row of one stack."""

    stack: Stack
    playbooks: tuple[str, ...]  # those that there are
    only_check: bool = False  # changes are looked at, and not made

    @classmethod
    def of(cls, stack: Stack) -> "StackSettings":
        """The settings of a stack that is deployed."""
        if stack.deleted:
            raise NotPossible("the stack is deleted: nothing reads its settings")
        return cls(stack, playbook_names())

    @property
    def row(self) -> Row | None:
        """The row as it is; None where there is none."""
        return settings_row.read(self.stack.table)

    def evidence(self) -> tuple[Copy, list[Fault]]:
        """All that the bucket holds of who changed the settings, and what is wrong with it.

        The row is read first: an entry may be written meanwhile.
        """
        row, chain = self.row, settings_row.chain_of(self.stack.account)
        bucket, s3 = self.stack.outputs["EvidenceBucket"], self.stack.client("s3")
        copy = copied(s3, bucket, chain, settings_row.evidence_end(row))
        return copy, [*verify(copy), *_as_decided(copy, row)]

    @property
    def setup_found(self) -> Row:
        """What setup found when it looked last; {} where it has not looked."""
        return setup_found.read(self.stack.table)

    @property
    def baseline_seen(self) -> Baseline | None:
        """How the account was when setup looked last. Raises NotPossible where that is not read."""
        try:
            return baseline_seen.read(self.stack.table)
        except ValueError as wrong:
            raise NotPossible(f"the row {baseline_seen.KEY} {wrong}") from None

    @property
    def understood(self) -> Settings:
        """What the playbooks make of it."""
        return settings_row.settings_of(self.row, self.playbooks)

    @property
    def spent(self) -> dict[str, int]:
        """How much of this hour's budget each playbook has used that has used any of it.

        In the stack's own account: each other one has its own.
        """
        keys = {budget.key(name, self.stack.account): name for name in self.playbooks}
        rows = self.stack.table.get(*keys)
        return {name: budget.spent(rows[key]) for key, name in keys.items() if key in rows}

    def faults(self) -> list[str]:
        """All that is refused, and entries of playbooks that there are not."""
        row = self.row or {}
        names = {
            f"{entry}.{name}"
            for entry in ("modes", "budgets", "backlog")
            if isinstance(row.get(entry), dict)
            for name in row[entry].keys() - set(self.playbooks)
        }
        return [*self.understood.faults, *(f"{name}: no such playbook" for name in sorted(names))]

    def checked(self, make: "Change") -> Mapping[str, Any]:
        """What the desk says of a change that it only looks at. Raises NotPossible as it does."""
        try:
            return make(replace(self, only_check=True))
        except NotPossible as why:
            if not str(why).startswith(NOT_CHECKED):
                raise
            return {"says": "not looked at before: this stack was deployed by an earlier version"}

    def stop(self, *, observe: bool = False) -> Mapping[str, Any]:
        """Stop every playbook, whatever the row is. ``observe``: they go on recording."""
        return self.stack.request("stop", {"observe": observe})

    def start(self) -> Mapping[str, Any]:
        """Let every playbook do what its mode says."""
        return self._change("start")

    def set_mode(self, playbook: str, mode: Mode) -> Mapping[str, Any]:
        """Say what a playbook may do."""
        return self._change("mode", playbook=playbook, mode=str(mode))

    def set_backlog(self, playbook: str, backlog: Backlog) -> Mapping[str, Any]:
        """Say what a playbook does with findings that a sweep sends."""
        return self._change("backlog", playbook=playbook, backlog=str(backlog))

    def set_budget(self, cases: int, playbook: str = "") -> Mapping[str, Any]:
        """Say how many cases an hour may contain, of one playbook or of each other one."""
        return self._change("budget", cases=cases, playbook=playbook)

    def exempt(
        self, resource: str, playbook: str, owner: str, reason: str, until: str, *, force: bool
    ) -> Mapping[str, Any]:
        """Let a playbook ignore resources until a date. The same again replaces it."""
        named = {"playbook": playbook, "owner": owner, "reason": reason, "until": until}
        return self._change("exempt", resource=resource, **named, force=force)

    def end_exemptions(self, resource: str, playbook: str = "") -> Mapping[str, Any]:
        """Take away the exemptions of this resource pattern, of one playbook or of all."""
        return self._change("end_exemption", resource=resource, playbook=playbook)

    def protect(self, pattern: str, *, force: bool = False) -> Mapping[str, Any]:
        """Never contain what matches the pattern."""
        return self._change("protect", resource=pattern, force=force)

    def unprotect(self, pattern: str) -> Mapping[str, Any]:
        """Take a pattern away. What the roles' policies deny stays denied."""
        return self._change("unprotect", resource=pattern)

    def take_baseline(self, sha256: str) -> Mapping[str, Any]:
        """Have put back from now on what setup saw, where that has this sha256."""
        return self._change("baseline", seen=sha256)

    def _change(self, do: str, **fields: Any) -> Mapping[str, Any]:
        """Send one change. What is empty or false is left out, as the desk reads it."""
        given = {
            name: value for name, value in fields.items() if value != "" and value is not False
        }
        how = {"only_check": True} if self.only_check else {}
        return self.stack.request("settings", {"change": {"do": do, **given}, **how})


Change = Callable[[StackSettings], Mapping[str, Any]]  # sends it; what the desk says
