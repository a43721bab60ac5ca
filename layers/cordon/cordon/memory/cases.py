"""The cases of one playbook.

A case is one finding handled by one playbook. Its row says what it is now. Its plan, and the
finding that the plan was made from, have a row of their own, which is written once and named by
the plan's hash. So a step of a workflow needs no more than the case's id. A case that begins as
observed has both in its own row: most cases are no more than that, and one row costs a third of two
in a transaction.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from cordon import statuses
from cordon.clock import from_iso, now, to_iso
from cordon.errors import CaseConflict
from cordon.evidence import ChainEnd
from cordon.finding import Finding, canonical_json
from cordon.memory import budget
from cordon.memory import settings as settings_row
from cordon.memory.table import Cancelled, Row, Table
from cordon.playbook import Plan
from cordon.settings import Settings
from cordon.statuses import CLOSED, Event, Status

PASS_KEPT_FOR = timedelta(days=1)  # longer than any delay between a pass and an older failure
IF_NEW_OR_EXPIRED = "attribute_not_exists(id) OR expires < :now"
IF_UNCHANGED = "version = :version"


class ActionStatus(StrEnum):
    """How one change of a plan ended."""

    VERIFIED = "verified"  # read again, the resource shows it
    FAILED = "failed"  # tried again by the next delivery
    REFUSED = "refused"  # by us or by AWS, for good: a person must do it
    RESOURCE_DELETED = "resource_deleted"
    RESTORED = "restored"  # the resource is as it was captured
    DRIFTED = "drifted"  # a person changed it meanwhile: what they made of it stays
    PARTLY_RESTORED = "partly_restored"  # AWS refuses a part of what was captured: the reason says
    KEPT = "kept"  # undoing would do harm: the change stays, by design
    HELD_BY_OTHERS = "held_by_others"  # other cases want it so: it stays as they want it
    WAITING = "waiting"  # it needs time, or would do harm before ``not_before``
    SKIPPED = "skipped"  # a tag that would say what is not so
    UNCHANGED = "unchanged"  # there was nothing to undo
    NOTHING_FOUND = "nothing_found"  # it finds its resources itself, and found none


@dataclass(frozen=True)
class ActionResult:
    """How one action of the plan ended."""

    action: str
    target: str
    status: ActionStatus
    reason: str = ""
    not_before: str = ""  # to_iso, when waiting


@dataclass(frozen=True)
class Observed:
    """Where the decision of a case is recorded that was observed in a batch."""

    key: str  # of the batch's object
    sha256: str  # of its bytes
    position: int  # in its list, from 0


@dataclass(frozen=True)
class Case:
    """One case. ``plan_hash`` is what was recorded; ``plan.hash`` is computed from the plan."""

    id: str
    playbook: str
    finding: Finding
    plan: Plan
    plan_hash: str
    status: Status
    mode: str
    verdict: str
    reason: str
    opened_at: datetime
    last_activity: datetime  # the newest occurrence handled: older deliveries are stale
    version: int = 0  # rises with each write: a stale copy of the row changes nothing
    round: int = 1  # rises each time a closed case is opened again
    attempt: int = 0  # rises each time somebody begins to contain or to release it
    lease_until: datetime | None = None  # until then a live attempt has the case
    function_arn: str = ""  # of the playbook's function, which workflows call back
    decided_by: str = ""  # who approved, rejected or released
    decided_why: str = ""
    results: tuple[ActionResult, ...] = ()
    released_by: str = ""  # the person who released it; only a person's approval clears this
    contained_at: datetime | None = None  # when an attempt to contain ended last
    not_before: datetime | None = None  # when the change or undo that waits may go on
    changed_at: datetime | None = None  # when its row was last written; always rises
    evidence_end: ChainEnd = field(default_factory=ChainEnd)
    observed: Observed | None = None  # what its chain begins with, instead of with nothing
    held_back: bool = False  # observed though the mode says more: time takes it up again
    question_at: datetime | None = None  # when its question was opened; a yes clears it
    contained_as: str = ""  # the status to which a question about newer activity returns
    denied_at: datetime | None = None  # the last activity since that was denied
    newer_activity: datetime | None = None  # seen, and nothing was done about it yet
    has_plan: bool = False  # its own row has the plan and the finding
    hub_copy: bool = False  # Security Hub's copy of the native finding has been seen

    @property
    def failed(self) -> tuple[ActionResult, ...]:
        """The changes that another try may bring about."""
        return tuple(r for r in self.results if r.status is ActionStatus.FAILED)

    @property
    def found_nothing(self) -> bool:
        """Was it looked for what to change, and there was nothing?"""
        ended = {result.status for result in self.results}
        return self.status is Status.OBSERVED and ActionStatus.NOTHING_FOUND in ended

    @property
    def left(self) -> tuple[ActionResult, ...]:
        """What is said of targets that are not in the plan: they were left as they are."""
        planned = {action.target for action in self.plan.actions}
        return tuple(result for result in self.results if result.target not in planned)

    @property
    def awaits_approval_again(self) -> bool:
        """Must a person decide about newer activity, while what was changed before is held?"""
        return self.status is Status.AWAITING_APPROVAL and bool(self.contained_as)

    @property
    def closed(self) -> bool:
        """Nothing is held, nobody waits, and nothing is held back: the row may expire."""
        return self.status in CLOSED and not (self.held_back and self.status is Status.OBSERVED)

    @property
    def live(self) -> bool:
        """Does an attempt have the case now?"""
        return self.lease_until is not None and now() < self.lease_until


@dataclass(frozen=True)
class Remembered:
    """All that is remembered of a finding when it comes: one read."""

    case: Case | None
    passed_at: datetime | None  # when its control last passed, where there is no case
    spent: int  # of this hour's budget
    settings: Settings  # what the operator decided, as of this read


class Cases:
    """The rows of one playbook's cases."""

    def __init__(self, table: Table, playbook: str, evidence_days: int = 365) -> None:
        self._table = table
        self._playbook = playbook
        self._evidence_days = evidence_days

    def get(self, case: str) -> Case | None:
        """The case as it is now, or None."""
        row = self._table.get(self._key("case", case)).get(self._key("case", case))
        return self._case(row, {}) if row else None

    def several(self, cases: Iterable[str]) -> list[Case]:
        """Those of these cases that exist, in their order; two calls for 100 of them."""
        keys = [self._key("case", case) for case in cases]
        rows = self._table.get(*keys)
        found = [rows[key] for key in keys if key in rows]
        plan_keys = (
            self._plan_key(row["id"].rpartition("#")[2], row["plan_hash"]) for row in found
        )
        plans = self._table.get(*plan_keys)
        read = (self._case(row, plans) for row in found)
        return [case for case in read if case is not None]

    def remember(self, case: str, account: str, plan_hash: str) -> Remembered:
        """What is remembered of a finding: case, last pass, budget; and the settings.

        ``plan_hash`` is that of the plan made just now: where the case's is another, its plan
        takes one more read.
        """
        keys = {kind: self._key(kind, case) for kind in ("case", "passed")}
        plan, hour = self._plan_key(case, plan_hash), budget.key(self._playbook, account)
        rows = self._table.get(*keys.values(), plan, hour, settings_row.KEY)
        row, passed = rows.get(keys["case"]), rows.get(keys["passed"])
        return Remembered(
            case=self._case(row, rows) if row else None,
            passed_at=from_iso(passed["passed_at"]) if passed else None,
            spent=budget.spent(rows.get(hour)),
            settings=self._settings(rows),
        )

    def settings(self) -> Settings:
        """What the operator decided, as of now (one consistent read)."""
        return self._settings(self._table.get(settings_row.KEY))

    def open(
        self, case: Case, *, replacing: Case | None = None, joins: Sequence[Mapping[str, Any]] = ()
    ) -> Case:
        """Record a case, its plan, and its places in the holds: all of it or nothing.

        ``replacing``: the case as it was read, where there was one. Raises CaseConflict where
        somebody else came first.
        """
        known = replacing is not None
        only_observed = not known and not joins and case.status is Status.OBSERVED
        version = replacing.version if replacing else 0
        case, row = self._next(replace(case, version=version, has_plan=only_observed))
        condition = IF_UNCHANGED if known else IF_NEW_OR_EXPIRED
        values = {"version": case.version - 1} if known else {"now": int(now().timestamp())}
        plans = [] if only_observed else [self._write_plan(case, replacing)]
        try:
            self._table.transact([self._table.write_put(row, condition, **values), *plans, *joins])
        except Cancelled as cancelled:
            raise self._conflict(case, cancelled) from cancelled
        return case

    def transition(self, case: Case, event: Event, **changes: Any) -> Case:
        """Bring the case to the status that follows from the event.

        Raises CaseConflict where the event cannot happen now, or where somebody else has written
        the row since it was read.
        """
        status = statuses.after(case.status, event, case.id)
        return self.write(replace(case, status=status, **changes))

    def write(self, case: Case) -> Case:
        """Write the row with changes that leave its status."""
        before = case.version
        case, row = self._next(case)
        try:
            if case.closed and not case.has_plan:
                put = self._table.write_put(row, IF_UNCHANGED, version=before)
                self._table.transact([put, self._keep_plan(case)])
            else:
                self._table.put(row, IF_UNCHANGED, version=before)
        except Cancelled as cancelled:
            raise self._conflict(case, cancelled) from cancelled
        return case

    def remember_pass(self, case: str, at: datetime) -> None:
        """Remember for a day that the control passed, so that an older failure is stale."""
        expires = int((now() + PASS_KEPT_FOR).timestamp())
        row = {"id": self._key("passed", case), "passed_at": to_iso(at), "expires": expires}
        later = "attribute_not_exists(id) OR passed_at < :at"
        try:
            self._table.put(row, later, at=row["passed_at"])
        except Cancelled:
            return  # a later pass is known

    def take_budget(self, account: str, limit: int) -> bool:
        """Take one case from this hour's budget; False when it is used up."""
        return budget.take(self._table, self._playbook, account, limit)

    def _settings(self, rows: Mapping[str, Row]) -> Settings:
        return settings_row.settings_of(rows.get(settings_row.KEY), (self._playbook,))

    def _key(self, kind: str, case: str) -> str:
        return f"{kind}#{self._playbook}#{case}"

    def _plan_key(self, case: str, plan_hash: str) -> str:
        return f"{self._key('plan', case)}#{plan_hash[:16]}"

    def _next(self, case: Case) -> tuple[Case, Row]:
        """The case and its row as they are written: a version on, and at a later moment."""
        before = case.changed_at
        at = now() if before is None else max(now(), before + timedelta(seconds=1))
        case = replace(case, version=case.version + 1, changed_at=at)
        plan = _plan(case) if case.has_plan else {}
        return case, {**_row(case), **plan, "id": self._key("case", case.id), **self._expiry(case)}

    def _expiry(self, case: Case) -> dict[str, Any]:
        """What is open or held back stays, in the index; the rest goes when its evidence may."""
        return self._end() if case.closed else {"open": self._playbook}

    def _end(self) -> dict[str, Any]:
        return {"expires": int((now() + timedelta(days=self._evidence_days)).timestamp())}

    def _plan_row(self, case: Case) -> Row:
        return {
            "id": self._plan_key(case.id, case.plan_hash),
            **_plan(case),
            **(self._end() if case.closed else {}),
        }

    def _write_plan(self, case: Case, replacing: Case | None) -> Mapping[str, Any]:
        """Its row, new unless the same plan has one."""
        earlier = replacing.plan_hash if replacing and not replacing.has_plan else ""
        if earlier == case.plan_hash:
            return self._keep_plan(case)
        return self._table.write_put(self._plan_row(case))

    def _keep_plan(self, case: Case) -> Mapping[str, Any]:
        """The plan stays as it was written; only when it expires follows its case."""
        key = self._plan_key(case.id, case.plan_hash)
        if case.closed:
            return self._table.write_update(key, "SET expires = :expires", **self._end())
        return self._table.write_update(key, "REMOVE expires")

    def _case(self, row: Row, rows: Mapping[str, Row]) -> Case | None:
        """The case of a row. None where its plan has expired: then it is over, and forgotten."""
        if "plan" in row:
            return _case(row, row)
        key = self._plan_key(row["id"].rpartition("#")[2], row["plan_hash"])
        plan = rows.get(key) or self._table.get(key).get(key)
        return _case(row, plan) if plan else None

    def _conflict(self, case: Case, cancelled: Cancelled) -> CaseConflict:
        row = next((row for row in cancelled.rows if row is not None), {})
        return CaseConflict(case.id, str(row.get("status", "")))


_TEXTS = ("playbook", "plan_hash", "mode", "verdict", "reason", "function_arn")
_DECIDED = ("decided_by", "decided_why", "released_by", "contained_as")
_MOMENTS = (
    "opened_at",
    "last_activity",
    "lease_until",
    "contained_at",
    "not_before",
    "changed_at",
    "question_at",
    "denied_at",
    "newer_activity",
)
_NUMBERS = ("version", "round", "attempt")


def _row(case: Case) -> dict[str, Any]:
    """The attributes of a case but its key and its expiry; what is empty is left out."""
    moments = {name: to_iso(at) for name in _MOMENTS if (at := getattr(case, name)) is not None}
    texts = {name: text for name in (*_TEXTS, *_DECIDED) if (text := getattr(case, name))}
    return {
        **texts,
        **moments,
        **{name: getattr(case, name) for name in _NUMBERS},
        "status": str(case.status),
        "results": canonical_json([asdict(result) for result in case.results]),
        "evidence_count": case.evidence_end.seq,
        "evidence_hash": case.evidence_end.hash,
        **({"observed": asdict(case.observed)} if case.observed else {}),
        **({"held_back": True} if case.held_back else {}),
        **({"hub_copy": True} if case.hub_copy else {}),
    }


def _plan(case: Case) -> dict[str, str]:
    """The plan, and the finding that it was made from, as rows have them."""
    return {
        "finding": canonical_json(case.finding.to_json()),
        "plan": canonical_json(case.plan.to_json()),
    }


def _case(row: Row, plan: Row) -> Case:
    moments = {name: from_iso(row[name]) if name in row else None for name in _MOMENTS}
    results = [{**raw, "status": ActionStatus(raw["status"])} for raw in json.loads(row["results"])]
    given: dict[str, Any] = {
        **{name: row.get(name, "") for name in (*_TEXTS, *_DECIDED)},
        **{name: row[name] for name in _NUMBERS},
        **moments,
    }
    return Case(
        id=row["id"].rpartition("#")[2],
        status=Status(row["status"]),
        finding=Finding.from_json(json.loads(plan["finding"])),
        plan=Plan.from_json(json.loads(plan["plan"])),
        results=tuple(ActionResult(**raw) for raw in results),
        evidence_end=ChainEnd(row["evidence_count"], row["evidence_hash"]),
        observed=Observed(**row["observed"]) if "observed" in row else None,
        held_back=bool(row.get("held_back")),
        hub_copy=bool(row.get("hub_copy")),
        has_plan="plan" in row,
        **given,
    )
