"""What people decided: one row a case, which only the desk writes, and playbooks read and obey.

A command or an input of a workflow only wakes; who decided what is here. A row is about one round
of a case: in the next round it says nothing any more.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from cordon.clock import from_iso, now, to_iso
from cordon.finding import canonical_json
from cordon.memory.table import Row, Table

if TYPE_CHECKING:
    from cordon.memory.cases import Case


class Verb(StrEnum):
    """What a person may decide."""

    APPROVE = "approve"
    REJECT = "reject"
    RELEASE = "release"
    RETRY = "retry"
    CONTAIN = "contain"  # a resource that they name: there is no finding
    SETTINGS = "settings"  # a change of the settings, which a second person must make too


@dataclass(frozen=True)
class Witness:
    """One person's request, as AWS names it: its access log and CloudTrail lead on from there."""

    by: str  # ARN of the caller
    person: str  # whom the desk counts it for
    at: str  # to_iso
    request: str = ""  # requestId of the HTTP API, or the event's id
    api: str = ""  # apiId of the HTTP API; "" where the request came another way
    invocation: str = ""  # Lambda's own id of it, which no caller chooses and the access log has
    access_key: str = ""
    source_ip: str = ""


@dataclass(frozen=True)
class Decision:
    """What was decided of one round of a case."""

    verb: Verb
    round: int
    plan_hash: str = ""  # of what a person approved
    by: str = ""  # ARN of who decided last, or the words for a reviewer whom nobody names
    why: str = ""
    at: datetime | None = None
    complete: bool = True  # False while another person must decide the same
    witnesses: tuple[Witness, ...] = ()
    resource: str = ""  # ARN, of CONTAIN
    account: str = ""  # where the resource is, of CONTAIN
    region: str = ""


def key(playbook: str, case: str) -> str:
    """The row of a case."""
    return f"decision#{playbook}#{case}"


def decision_of(row: Row | None) -> Decision | None:
    """What a row says; None where there is none."""
    if row is None:
        return None
    given: dict[str, Any] = {f.name: row[f.name] for f in fields(Decision) if f.name in row}
    witnesses = tuple(Witness(**one) for one in json.loads(row.get("witnesses", "[]")))
    at = from_iso(row["at"]) if "at" in row else None
    return Decision(**{**given, "verb": Verb(row["verb"]), "witnesses": witnesses, "at": at})


def decision_row(playbook: str, case: str, decision: Decision, evidence_days: int) -> Row:
    """The row of a decision. It expires as evidence does."""
    row: dict[str, Any] = {k: v for k, v in asdict(decision).items() if v not in ("", None)}
    if decision.at is not None:
        row["at"] = to_iso(decision.at)
    witnesses = canonical_json([asdict(one) for one in decision.witnesses])
    expires = int((now() + timedelta(days=evidence_days)).timestamp())
    named = {"id": key(playbook, case), "verb": str(decision.verb), "witnesses": witnesses}
    return {**row, **named, "expires": expires}


class Decisions:
    """The rows of all playbooks' cases."""

    def __init__(self, table: Table, evidence_days: int = 365) -> None:
        self._table = table
        self._evidence_days = evidence_days

    def get(self, names: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Decision]:
        """What was decided of these cases, named by playbook and id, in whatever round."""
        wanted = {name: key(*name) for name in names}
        rows = self._table.get(*wanted.values())
        found = {name: decision_of(rows.get(at)) for name, at in wanted.items()}
        return {name: decision for name, decision in found.items() if decision is not None}

    def of_round(self, case: "Case") -> Decision | None:
        """What was decided of the round that the case is in; None where nobody did."""
        decision = self.get([(case.playbook, case.id)]).get((case.playbook, case.id))
        return decision if decision is not None and decision.round == case.round else None

    def save(self, playbook: str, case: str, decision: Decision, before: Decision | None) -> None:
        """Record a decision over the one that was read. Raises Cancelled where it is another now.

        So of two who decide at once, one decides and the other is informed so.
        """
        row = decision_row(playbook, case, decision, self._evidence_days)
        if before is None:
            self._table.put(row, "attribute_not_exists(id)")
            return
        seen = decision_row(playbook, case, before, self._evidence_days)
        self._table.put(
            row,
            "verb = :verb AND #round = :round AND witnesses = :witnesses",
            names={"#round": "round"},
            verb=seen["verb"],
            round=seen["round"],
            witnesses=seen["witnesses"],
        )
