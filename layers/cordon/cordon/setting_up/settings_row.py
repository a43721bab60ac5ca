"""The settings row: what the template says of it is written once, and is then the people's.

Create writes the row from the template's defaults, unless there is one. Update adds what is new in
the template: the mode and budget of a playbook that has no mode, and protected patterns. Delete
leaves the row, as the table stays too.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from cordon.memory import settings as row
from cordon.memory.table import TRIES, Cancelled, Row, Table
from cordon.settings import parse


def entries_of(properties: Mapping[str, Any]) -> Row:
    """The row's entries from the template. Raises ValueError with all that is wrong with them.

    CloudFormation sends every value as text.
    """
    protected = frozenset(filter(None, properties["Protected"]))
    entries = {
        "master_switch": properties["MasterSwitch"],
        "modes": dict(properties["Modes"]),
        "budget": _number(properties["Budget"]),
        "budgets": {name: _number(text) for name, text in properties["Budgets"].items()},
        "exemptions": {},
        **({"protected": protected} if protected else {}),
    }
    if faults := parse(entries).faults:
        raise ValueError("; ".join(faults))
    return entries


def _number(text: Any) -> Any:
    return int(text) if str(text).isdecimal() else text


def add(table: Table, entries: Row, protected_before: frozenset[str], by: str) -> str:
    """Add to the row what is new in the template; what a person set stays as it is."""
    new = entries.get("protected", frozenset()) - protected_before
    added: list[str] = []
    for _ in range(TRIES):
        known = row.read(table)
        if known is None:
            return "the settings row was deleted by somebody: nothing is added"
        try:
            for path, value in missing(known, entries):
                row.set_entry(table, known, path, value, by)
                known = row.read(table) or {}
                added.append(".".join(path))
            if new and isinstance(known.get("protected", frozenset()), frozenset):
                row.protect(table, known, new, by)
                added += sorted(new)
        except Cancelled:
            continue  # somebody changed the row meanwhile
        return f"added: {', '.join(added)}" if added else "nothing to add"
    raise TimeoutError("somebody changes the settings again and again")


def missing(known: Row, entries: Row) -> Iterator[tuple[row.Path, Any]]:
    """The entries of playbooks that have no mode. What is not a map is left to people."""
    modes = known.get("modes")
    if isinstance(modes, Mapping):
        for playbook in sorted(entries["modes"].keys() - modes.keys()):
            if isinstance(known.get("budgets"), Mapping) and playbook in entries["budgets"]:
                yield ("budgets", playbook), entries["budgets"][playbook]
            yield ("modes", playbook), entries["modes"][playbook]
