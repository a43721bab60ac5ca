"""Replay: an event through the deployed template on an embedded account, and back again.

Each event gets an account of its own, made from ``template.yaml`` for the account and Region of
the event's envelope. The resources that the finding names are staged in the bad state that it
describes. Whoever must approve is played by the operator's own command.

Events come and results go one after the other: of ten thousand only a few are held at a time.
"""

import gc
import json
import logging
import multiprocessing
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

from console.account import cordon_account
from console.expected import SUFFIX, break_glass_role, expectation_path, home_of
from console.playbooks import playbooks
from console.stack import HELD, Stack
from console.staging import stage
from cordon.finding import Malformed, Place
from cordon.memory.cases import Case
from cordon.settings import Mode
from cordon.sources import read
from cordon.statuses import CLOSED, Status
from embedded.account import Delivery, EmbeddedAccount
from embedded.journal import Called, DeadLettered, ExecutionEnded, Invoked
from embedded.place import Place as Home

PARALLEL_FROM = 12  # events; a process takes some seconds to start
BATCH = 8  # events that a process is given at a time
PREFETCHED_BATCHES = 4  # batches for each process, under way or waiting for those before them
LINES = ".jsonl"  # a file with an event on every line
HANDLED_OUTCOMES = tuple(Status)  # all but ignored, unchanged, stale
# Incidents and findings say what happened; they are closed or archived, never deleted.
REPORTS = ("ssm", "securityhub")
MODES = ("ModeQuarantineBucket", "ModeRevokeSessions", "ModeTagAiResource", "ModeEscalateFinding")


@dataclass(frozen=True)
class ReplayEvent:
    """An event as it was recorded: a file, or one line of a file."""

    path: Path
    line: int = 0  # from 1; 0 where the file is the event
    text: str = field(default="", repr=False)  # of the line

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else str(self.path)

    @property
    def short(self) -> str:
        """``folder/name``, as lists show it."""
        name = f"{self.path.parent.name}/{self.path.stem}"
        return f"{name}:{self.line}" if self.line else name

    def read(self) -> str:
        """The event's text."""
        return self.text if self.line else self.path.read_text()


def event_files(paths: Iterable[Path], *suffixes: str) -> list[Path]:
    """The event files among these paths, and in the folders among them, sorted.

    ``suffixes``: which files of a folder may be such; ``.json`` if none is given.
    """
    found: list[Path] = []
    for path in paths:
        inside = (one for suffix in suffixes or (".json",) for one in path.rglob(f"*{suffix}"))
        files = sorted(inside) if path.is_dir() else [path]
        found += [file for file in files if not file.name.endswith(SUFFIX)]
    return found


def events_in(paths: Iterable[Path]) -> Iterator[ReplayEvent]:
    """The events in these files and folders: ``.json`` is one event, ``.jsonl`` one per line."""
    for path in event_files(paths, ".json", LINES):
        if path.suffix != LINES:
            yield ReplayEvent(path)
            continue
        with path.open() as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield ReplayEvent(path, number, line)


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
def _listening(root: Path) -> Iterator[OutcomeLog]:
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
    kind: str = ""  # "guardduty:Policy:S3/…", "" where the event cannot be read
    rules: tuple[str, ...] = ()
    outcomes: list[PlaybookOutcome] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    staged: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)  # "s3:PutBucketPolicy", in order
    before: Mapping[str, Any] = field(default_factory=dict)
    contained: Mapping[str, Any] = field(default_factory=dict)
    released: Mapping[str, Any] | None = None  # None where no release was requested
    evidence: Mapping[str, int] = field(default_factory=dict)  # entries by case
    troubles: list[str] = field(default_factory=list)

    @property
    def handled_by(self) -> list[PlaybookOutcome]:
        """Outcomes of the playbooks that handled the event; the others ignored it."""
        return [one for one in self.outcomes if one.outcome in HANDLED_OUTCOMES]

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "event": str(self.event),
            "ok": not self.troubles,
            "kind": self.kind,
            "rules": list(self.rules),
            "outcomes": [asdict(outcome) for outcome in self.outcomes],
            "cases": [_case_json(case) for case in self.cases],
            "calls": self.calls,
            "before": _resources(self.before),
            "contained": _resources(self.contained),
            "released": None if self.released is None else _resources(self.released),
            "evidence": dict(self.evidence),
            "troubles": self.troubles,
        }


@dataclass(frozen=True)
class Replay:
    """How events are to be replayed."""

    root: Path
    mode: Mode = Mode.ENFORCE
    release: bool = False

    def all(self, events: Iterable[ReplayEvent]) -> Iterator[Run]:
        """Replay each event, in order; what one run held is deleted before the next begins.

        Many events are shared among the cores: an account fills its process, not the machine.
        """
        coming = iter(events)
        first = list(islice(coming, PARALLEL_FROM))
        if len(first) < PARALLEL_FROM:
            yield from map(self.one, first)
            return
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(_cores(), mp_context=spawn) as pool:
            yield from self._shared(chain(first, coming), pool)

    def _shared(self, events: Iterator[ReplayEvent], pool: ProcessPoolExecutor) -> Iterator[Run]:
        """Submit no more than is soon done, and give the runs in the order of the events."""
        waiting: deque[Future[list[Run]]] = deque()
        while batch := list(islice(events, BATCH)):
            waiting.append(pool.submit(self._batch, batch))
            if len(waiting) == PREFETCHED_BATCHES * _cores():
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()

    def _batch(self, events: Sequence[ReplayEvent]) -> list[Run]:
        """What a process does at a time."""
        runs = [self.one(event) for event in events]
        if not gc.get_freeze_count():  # what it has learned by now it will need to the end
            gc.collect()
            gc.freeze()
        return runs

    def one(self, event: ReplayEvent | Path) -> Run:
        """Replay one event."""
        with _listening(self.root) as ear:
            return self._one(event if isinstance(event, ReplayEvent) else ReplayEvent(event), ear)

    def _one(self, events_in: ReplayEvent, ear: "OutcomeLog") -> Run:
        run = Run(replace(events_in, text=""), self.mode)
        event = _load(events_in, run)
        if event is None:
            return run
        expected = _expected(events_in)
        home = home_of(event)
        with cordon_account(home, _parameters(self.mode, home), root=self.root) as account:
            self._replay(account, event, expected, run, ear)
        if expected is not None:
            run.troubles += _differences(run, expected)
        return run

    def _replay(
        self,
        account: EmbeddedAccount,
        event: Mapping[str, Any],
        expected: Mapping[str, Any] | None,
        run: Run,
        ear: "OutcomeLog",
    ) -> None:
        names = (expected or {}).get("after", ())
        folder = run.event.path.parent
        earlier = [json.loads((folder / name).read_text()) for name in names]
        for one in earlier or [event]:
            _stage(one, account, run)
        run.before = account.snapshot()
        for one in earlier:
            _deliver(account, one)
        ear.heard.clear()
        delivery = _deliver(account, event)
        run.rules = delivery.rules
        called = (call for call in delivery.calls if call.caller in account.functions)
        run.calls = [f"{call.service}:{call.operation}" for call in called]
        run.outcomes = list(ear.heard)
        operator = Stack(account.client, account.stack.outputs)
        run.cases = list(operator.all_cases())
        run.contained = account.snapshot()
        if self.release:
            _release(account, operator, run)
        for case in run.cases:
            entries, fault = operator.evidence(case)
            run.evidence = {**run.evidence, case.id: len(entries)}
            run.troubles += [f"evidence of {case.id}: {fault}"] if fault else []
        run.troubles += dict.fromkeys(_troubles(account))  # each once, retries aside


def _parameters(mode: Mode, home: Home) -> dict[str, str]:
    """The parameters that an operator would give: a mode, and a role that is never locked out."""
    return {name: str(mode) for name in MODES} | {"BreakGlassRoles": break_glass_role(home)}


def _cores() -> int:
    return os.cpu_count() or 1


def _load(events_in: ReplayEvent, run: Run) -> dict[str, Any] | None:
    try:
        event = json.loads(events_in.read())
    except ValueError as error:
        run.troubles.append(f"not JSON: {error}")
        return None
    if not isinstance(event, dict) or not {"account", "region", "detail"} <= event.keys():
        run.troubles.append("not an EventBridge event: account, region and detail are needed")
        return None
    return event


def _expected(events_in: ReplayEvent) -> dict[str, Any] | None:
    """The expectation in the file beside the event; a line of a file has none."""
    beside = expectation_path(events_in.path)
    return json.loads(beside.read_text()) if not events_in.line and beside.exists() else None


def _stage(event: Mapping[str, Any], account: EmbeddedAccount, run: Run) -> None:
    try:
        finding = read(event)
    except Malformed as malformed:
        run.kind = f"(cannot be read: {malformed})"
        return
    run.kind = finding.kind
    home = Place(account.place.partition, account.place.account, account.place.region)
    run.staged = list(stage(finding, account.client, home=home).made)


def _deliver(account: EmbeddedAccount, event: Mapping[str, Any]) -> Delivery:
    """Deliver an event; what awaits approval is approved, as the operator's command does it."""
    delivery = account.deliver(event)
    operator = Stack(account.client, account.stack.outputs)
    since = len(account.journal)
    for case in operator.all_cases() if delivery.waiting else ():
        if case.status is Status.AWAITING_APPROVAL:
            operator.decide(case, "approve", case.plan_hash)
    account.settle()
    return Delivery(delivery.rules, (*delivery.records, *account.journal.records[since:]))


def _release(account: EmbeddedAccount, operator: Stack, run: Run) -> None:
    """Release every case that holds something, and wait as long as its workflow waits."""
    for case in run.cases:
        if case.status in HELD:
            operator.release(case, "replay --release")
    account.settle()
    run.cases = list(operator.all_cases())
    run.released = account.snapshot()
    if _resources(run.released) != _resources(run.before):
        run.troubles.append("after the release the account is not what it was")
    run.troubles += [
        f"after the release, the status of case {case.id} is {case.status}"
        for case in run.cases
        if case.status not in CLOSED
    ]


def _resources(state: Mapping[str, Any]) -> dict[str, Any]:
    """A snapshot without the records of what happened."""
    return {service: found for service, found in state.items() if service not in REPORTS}


def _troubles(account: EmbeddedAccount) -> Iterator[str]:
    """What must not happen in any replay."""
    for record in account.journal:
        if isinstance(record, Called) and not record.allowed:
            yield f"{record.caller}: {record.service}:{record.operation} is not allowed by its role"
        elif isinstance(record, Invoked) and record.error:
            yield f"{record.function} failed: {record.error}"
        elif isinstance(record, DeadLettered):
            yield f"dead letter in {record.queue.rsplit(':', 1)[-1]}: {record.reason}"
        elif isinstance(record, ExecutionEnded) and record.status != "SUCCEEDED":
            yield f"{record.machine} {record.status}: {record.error} {record.cause}"


def _differences(run: Run, expected: Mapping[str, Any]) -> Iterator[str]:
    """Where the run did not end as the plan beside the event says."""
    handled_by = [handled.playbook for handled in run.handled_by]
    wanted = [expected["playbook"]] if expected["playbook"] else []
    if handled_by != wanted:
        yield f"handled by {handled_by or 'nobody'}, not by {wanted or 'nobody'}"
        return
    for handled in run.handled_by:
        outcome = _outcome(expected["outcome"], run.mode)
        if handled.outcome != outcome:
            yield f"ended as {handled.outcome}, not as {outcome}: {handled.reason}"
        for case in run.cases if outcome not in ("releasing", "released") else ():
            if case.id == handled.case and _listed(case.plan.to_json()) != expected["plan"]:
                yield "the plan is not the one beside the event"


def _outcome(expected: str, mode: Mode) -> str:
    """Expectations are written for enforce; in another mode the same plan ends otherwise."""
    if mode is Mode.OBSERVE and expected in ("contained", "tagged", "escalated"):
        return "observed"
    if mode is Mode.APPROVE and expected in ("contained", "tagged"):
        return "awaiting_approval"
    return expected


def _listed(plan: Mapping[str, Any]) -> Any:
    """The plan as it is read from a file: tuples are lists."""
    return json.loads(json.dumps(plan))


def _case_json(case: Case) -> dict[str, Any]:
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
