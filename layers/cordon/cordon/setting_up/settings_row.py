"""The settings row: what the template says of it is written once, and is then the people's.

Create writes the row from the template's defaults and the baseline as the account is, unless there
is one. Update adds what is new in the template: the mode and budget of a playbook that has no mode,
and protected patterns; and a baseline where the row has none. Delete leaves the row, as the table
stays too.

Each write is in evidence first, as the desk's are: a row that nobody can account for rings. Only
the first row comes before its evidence, which is written once the deployment has succeeded: what
is in the evidence bucket stays, and a first deployment that fails must leave nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cordon.deployment import Deployment
from cordon.evidence import ChainEnd, Evidence
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


STAGE = "setting_deployed"


@dataclass(frozen=True)
class Writing:
    """Where the row and its evidence are written, and in whose name."""

    table: Table
    s3: Any
    deployment: Deployment
    by: str

    def prove(self, known: Row | None, left: Row) -> ChainEnd:
        """Write the evidence of a write that leaves the row so; where the chain then ends."""
        proof = self.evidence(known)
        proof.write(STAGE, self.content(known, left))
        return proof.link

    def evidence(self, known: Row | None) -> Evidence:
        """The chain, from where the row says that it ends."""
        chain = row.chain_of(self.deployment.account)
        return Evidence(self.s3, self.deployment.evidence_bucket, chain, row.evidence_end(known))

    def content(self, known: Row | None, left: Row) -> dict[str, Any]:
        """What an entry says of a write that leaves the row so."""
        version = (known or {}).get("version")
        return {"by": self.by, "after": [row.entries_hash(left)], "row_version": version}


def create(write: Writing, entries: Row) -> bool:
    """Write the first row; False where there is one by now."""
    return row.create(write.table, entries, write.by, ChainEnd())


def prove_first(write: Writing) -> None:
    """Write the evidence of the first row. Not before the stack is complete.

    Where there is any evidence already, a row that names none is somebody's, and nothing is proven.
    """
    known = row.read(write.table)
    if known is None or row.evidence_end(known) != ChainEnd():
        return
    proof = write.evidence(known)
    if proof.begin(STAGE, write.content(known, known)):
        row.note_evidence(write.table, proof.link)


def add(write: Writing, entries: Row, protected_before: frozenset[str]) -> str:
    """Add to the row what is new in the template; what a person set stays as it is."""
    new = entries.get("protected", frozenset()) - protected_before
    added: list[str] = []
    for _ in range(TRIES):
        known = row.read(write.table)
        if known is None:
            return "the settings row was deleted by somebody: nothing is added"
        try:
            for path, value in missing(known, entries):
                end = write.prove(known, row.with_entry(known, path, value))
                row.set_entry(write.table, known, path, value, write.by, end)
                known = row.read(write.table) or {}
                added.append(".".join(path))
            protected = known.get("protected", frozenset())
            if isinstance(protected, frozenset) and new - protected:
                end = write.prove(known, row.with_entry(known, ("protected",), protected | new))
                row.protect(write.table, known, new, write.by, end)
                added += sorted(new)
        except Cancelled:
            continue  # somebody changed the row meanwhile
        return f"added: {', '.join(added)}" if added else "nothing to add"
    raise TimeoutError("somebody changes the settings again and again")


def missing(known: Row, entries: Row) -> Iterator[tuple[row.Path, Any]]:
    """The entries of playbooks that have no mode, and a baseline where there is none.

    What is not a map is left to people.
    """
    if "baseline" in entries and "baseline" not in known:
        yield ("baseline",), entries["baseline"]
    modes = known.get("modes")
    if isinstance(modes, Mapping):
        for playbook in sorted(entries["modes"].keys() - modes.keys()):
            if isinstance(known.get("budgets"), Mapping) and playbook in entries["budgets"]:
                yield ("budgets", playbook), entries["budgets"][playbook]
            yield ("modes", playbook), entries["modes"][playbook]
