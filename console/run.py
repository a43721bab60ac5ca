"""What came of one replayed event, and what of it did not end as it should."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from console.account import ROOT
from console.dead_letters import NO_LETTERS, DeadLetters
from console.event_files import ReplayEvent
from console.evidence import Copy
from console.expected import NOT_DELIVERED, UNHANDLED, UNREADABLE, in_mode
from console.playbooks import playbooks
from cordon.finding import Finding
from cordon.memory.cases import ActionStatus, Case
from cordon.reporting.event import DETAIL_TYPE
from cordon.settings import Mode
from cordon.sources.text import one_line
from cordon.statuses import Status
from embedded.account import EmbeddedAccount
from embedded.journal import (
    Called,
    DeadLettered,
    Dropped,
    ExecutionEnded,
    Invoked,
    Record,
    Retained,
)

HANDLED_OUTCOMES = tuple(Status)  # all but ignored, unchanged, stale
# Incidents and findings say what happened; they are closed or archived, never deleted.
REPORTS = ("ssm", "securityhub")
KEPT = ("detection", "guardrails", "jobs")  # of a snapshot: what a release of some changes leaves
# A change was refused or failed, or an attempt has not ended: nobody may take it for done.
NOT_CONTAINED = (Status.PARTLY_CONTAINED, Status.FAILED, Status.CONTAINING)
SCHEMA = "case-status-change.schema.json"
LONGEST_FAULT = 300  # characters


@dataclass(frozen=True)
class PlaybookOutcome:
    """What one playbook's function said of the event."""

    playbook: str
    outcome: str
    reason: str
    case: str
    mode: str


class OutcomeLog(logging.Handler):
    """Collects what the functions log of each finding: the outcome that an operator would read."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.heard: list[PlaybookOutcome] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record if it is the outcome of a finding."""
        said = vars(record)
        if "held_back" in said:
            outcome, reason = record.getMessage(), said["reason"]
            self.heard.append(
                PlaybookOutcome(record.name, outcome, reason, said["case"], said["mode"])
            )


@contextmanager
def listening(root: Path) -> Iterator[OutcomeLog]:
    """An ear on the logger of every playbook; what they print stays in the embedded account."""
    ear = OutcomeLog()
    with ExitStack() as undo:
        for playbook in playbooks(root):
            logger = logging.getLogger(playbook.name)
            undo.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.INFO)
            undo.callback(logger.removeHandler, ear)
            logger.addHandler(ear)
        yield ear


@dataclass
class Run:
    """What came of one event. ``troubles`` says, in words, what did not end as it should."""

    event: ReplayEvent
    mode: Mode
    findings: Sequence[Finding] = ()  # as they are read
    kind: str = ""  # "guardduty:Policy:S3/…", "" where the event cannot be read
    unreadable: str = ""  # why no parser reads it
    undelivered: str = ""  # which playbook would handle it, if a rule brought it there
    rules: tuple[str, ...] = ()
    outcomes: list[PlaybookOutcome] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    staged: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)  # "s3:PutBucketPolicy", in order
    before: Mapping[str, Any] = field(default_factory=dict)
    contained: Mapping[str, Any] = field(default_factory=dict)
    released: Mapping[str, Any] | None = None  # None where no release was requested
    evidence: Mapping[str, int] = field(default_factory=dict)  # entries by case
    copies: dict[str, Copy] = field(default_factory=dict)  # by case; only where they are wanted
    troubles: list[str] = field(default_factory=list)
    seconds: float = 0.0  # that the replay took
    stopped: bool = False  # its only trouble ended the replay: it is no event, or nothing staged it

    @property
    def handled_by(self) -> list[PlaybookOutcome]:
        """Outcomes of the playbooks that handled the event; the others ignored it."""
        return [one for one in self.outcomes if one.outcome in HANDLED_OUTCOMES]

    @property
    def only_unreadable(self) -> bool:
        """Whether nothing is wrong but that no parser reads it."""
        return self.troubles == [self.unreadable]

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "event": str(self.event),
            "ok": not self.troubles,
            "seconds": round(self.seconds, 3),
            "note": self.event.note,
            "kind": self.kind,
            "unreadable": self.unreadable,
            "undelivered": self.undelivered,
            "rules": list(self.rules),
            "outcomes": [asdict(outcome) for outcome in self.outcomes],
            "cases": [case_json(case) for case in self.cases],
            "calls": self.calls,
            "before": resources(self.before),
            "contained": resources(self.contained),
            "released": None if self.released is None else resources(self.released),
            "evidence": dict(self.evidence),
            "troubles": self.troubles,
        }


def resources(state: Mapping[str, Any]) -> dict[str, Any]:
    """A snapshot without the records of what happened."""
    return {service: found for service, found in state.items() if service not in REPORTS}


def as_released(run: Run) -> dict[str, Any]:
    """How the account must be after the release: as before, but for what is kept by design.

    Where all is kept, as it was contained. Of one that keeps a part, only the parts in ``KEPT``.
    """
    results = [result for case in run.cases for result in case.results]
    kept = [result for result in results if result.status is ActionStatus.KEPT]
    if kept and len(kept) == len(results):
        return resources(run.contained)
    left = {name: run.contained[name] for name in KEPT} if kept else {}
    return resources({**run.before, **left})


def case_json(case: Case) -> dict[str, Any]:
    """A case, for programs."""
    return {
        "id": case.id,
        "playbook": case.playbook,
        "status": case.status,
        "verdict": case.verdict,
        "reason": case.reason,
        "plan": case.plan.to_json(),
        "plan_hash": case.plan_hash,
        "results": [asdict(result) for result in case.results],
    }


def account_troubles(account: EmbeddedAccount, expected: DeadLetters = NO_LETTERS) -> Iterator[str]:
    """What must not happen in any replay, and what its plan expects and did not happen."""
    surprising = (record for record in account.journal if not expected.expects(record))
    yield from filter(None, map(_trouble, surprising))
    yield from expected.missing(account.journal)
    for entry in _case_events(account):
        for fault in _schema().iter_errors(json.loads(entry["Detail"])):
            said = one_line(f"{fault.json_path}: {fault.message}", LONGEST_FAULT)
            yield f"the event {DETAIL_TYPE} is not as docs/{SCHEMA} says: {said}"


def _trouble(record: Record) -> str:
    """What a record of the journal says went wrong; "" where nothing did."""
    match record:
        case Called(allowed=False):
            call = f"{record.service}:{record.operation}"
            return f"{record.caller}: {call} is not allowed by its role"
        case Invoked() if record.error:
            return f"{record.function} failed: {record.error}"
        case DeadLettered():
            return f"dead letter in {_name(record.queue)}: {record.reason}"
        case Retained():
            return f"records of a stream were given up, to {_name(record.where)}: {record.reason}"
        case Dropped():
            return f"lost, for {_name(record.where)}: {record.reason}"
        case ExecutionEnded() if record.status != "SUCCEEDED":
            return f"{record.machine} {record.status}: {record.error} {record.cause}"
    return ""


def _name(arn: str) -> str:
    return arn.rsplit(":", 1)[-1]


def _case_events(account: EmbeddedAccount) -> Iterator[Mapping[str, Any]]:
    """What was put on the bus of cases, whoever put it there."""
    for call in account.journal.of(Called):
        if (call.service, call.operation, call.error) == ("events", "PutEvents", ""):
            for entry in call.params["Entries"]:
                if entry["DetailType"] == DETAIL_TYPE:
                    yield entry


@cache
def _schema() -> Draft202012Validator:
    """What is promised to whoever listens on the bus."""
    return Draft202012Validator(json.loads((ROOT / "docs" / SCHEMA).read_text()))


def unexpected(
    run: Run, event: Mapping[str, Any], expected: Mapping[str, Any] | None, *, approved: bool
) -> Iterator[str]:
    """How the run ended, before any release, where it should not have.

    ``expected`` is the plan beside the event, ``approved``: questions were approved.
    """
    outcome = ""
    if expected is not None:
        outcome = in_mode(expected["outcome"], event, run.mode, approved=approved)
        yield from _differences(run, event, expected, outcome)
    for case in run.cases:
        if case.status in NOT_CONTAINED and case.status != outcome:
            yield f"case {case.id} is {case.status}: {_not_verified(case)}"
        elif case.status is Status.AWAITING_APPROVAL and approved:
            yield f"case {case.id} was approved, and still its status is {case.status}"
    for reason, wanted in ((run.unreadable, UNREADABLE), (run.undelivered, NOT_DELIVERED)):
        if reason and (outcome != wanted or reason != (expected or {})["reason"]):
            yield reason


def _not_verified(case: Case) -> str:
    changes = (one for one in case.results if one.status in ("failed", "refused"))
    return "; ".join(f"{one.action} {one.status}: {one.reason}" for one in changes)


def _differences(
    run: Run, event: Mapping[str, Any], expected: Mapping[str, Any], outcome: str
) -> Iterator[str]:
    """Where the run did not end as the plan beside the event says."""
    handled_by = [handled.playbook for handled in run.handled_by]
    each = {expected["playbook"]: (outcome, expected["plan"])}
    for other in expected.get("others", ()):
        each[other["playbook"]] = (in_mode(other["outcome"], event, run.mode), other["plan"])
    wanted = [] if outcome in UNHANDLED else sorted(each)
    if sorted(handled_by) != wanted:
        yield f"handled by {handled_by or 'nobody'}, not by {wanted or 'nobody'}"
        return
    for handled in run.handled_by:
        ended, plan = each[handled.playbook]
        if handled.outcome != ended:
            yield f"ended as {handled.outcome}, not as {ended}: {handled.reason}"
        for case in run.cases if ended not in ("releasing", "released") else ():
            if case.id == handled.case and _listed(case.plan.to_json()) != plan:
                yield "the plan is not the one beside the event"


def _listed(plan: Mapping[str, Any]) -> Any:
    """The plan as it is read from a file: tuples are lists."""
    return json.loads(json.dumps(plan))
