"""Replay: an event through the deployed template on an embedded account, and back again.

Each event gets an account of its own, made from ``template.yaml`` for the account and Region of
the event's envelope. The resources that the finding names are staged in the bad state that it
describes. What requires an approval stays so, unless ``approve``: then the operator's own command
approves it.

Events come and results go one after the other: of ten thousand only a few are held at a time. An
event that cannot be replayed is its own trouble, and stops no other.
"""

import gc
import json
import multiprocessing
import os
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import chain, islice
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from console.account import cordon_account, operator_of
from console.dead_letters import DeadLetters
from console.event_files import ReplayEvent as ReplayEvent
from console.event_files import event_files as event_files
from console.event_files import events_in as events_in
from console.expected import NOT_DELIVERED, UNREAD, UNREADABLE, beside, home_of, lead_to, parameters
from console.run import (
    OutcomeLog,
    PlaybookOutcome,
    account_troubles,
    as_released,
    listening,
    resources,
    unexpected,
)
from console.run import Run as Run
from console.stack import Stack
from console.staging import stage
from cordon.deciding.cases import HOLDING
from cordon.finding import Malformed, Place
from cordon.memory.decisions import Decisions, Verb
from cordon.settings import Mode
from cordon.sources import read_all
from cordon.sources.text import one_line
from cordon.statuses import CLOSED, Status
from embedded.account import EmbeddedAccount
from embedded.backends.registry import BadResponse
from embedded.iam_guard import EmulatorBroken
from embedded.journal import Delivery
from embedded.unsupported_calls import NotEmbedded

PARALLEL_FROM = 12  # events; a process takes some seconds to start
BATCH = 8  # events that a process is given at a time
PREFETCHED_BATCHES = 4  # batches for each process, under way or waiting for those before them
PARTITIONS = ("aws", "aws-cn", "aws-us-gov")  # that moto has
LONGEST_TROUBLE = 1000  # characters
MOST_WAITS = 4  # of a release: each is hours of the account's time, and a moment of ours
A_MOMENT = timedelta(seconds=1)


class CannotReplay(Exception):
    """Why an event cannot be replayed, in one line."""


@dataclass(frozen=True)
class Replay:
    """How events are to be replayed."""

    root: Path
    mode: Mode = Mode.ENFORCE
    release: bool = False
    approve: bool = False
    keep_evidence: bool = False  # with each run, for a report

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
        """Replay one event: a file's only one, where a path is given."""
        if isinstance(event, Path):
            (event,) = events_in([event])
        run, began = Run(replace(event, text=""), self.mode), time.monotonic()
        try:
            with listening(self.root) as ear:
                self._one(event, run, ear)
        except (Exception, NotEmbedded, EmulatorBroken, BadResponse) as error:  # noqa: BLE001
            # Whatever it is, it is this event's trouble: all others are replayed.
            run.stopped = True
            run.troubles = [_stopped_by(error)]
        run.seconds = time.monotonic() - began
        return run

    def _one(self, recorded: ReplayEvent, run: Run, ear: OutcomeLog) -> None:
        if recorded.fault:
            raise CannotReplay(recorded.fault)
        event = json.loads(recorded.text)
        home = home_of(event)
        if home.partition not in PARTITIONS:
            raise CannotReplay(
                f"cannot be replayed: the embedded account has no Region {home.region} "
                f"of partition {home.partition}"
            )
        expected = beside(recorded.path) if recorded.is_file else None
        with cordon_account(home, parameters(self.mode, home), root=self.root) as account:
            self._replay(account, event, expected, run, ear)

    def _replay(
        self,
        account: EmbeddedAccount,
        event: Mapping[str, Any],
        expected: Mapping[str, Any] | None,
        run: Run,
        ear: OutcomeLog,
    ) -> None:
        names = (expected or {}).get("after", ())
        folder = run.event.path.parent
        earlier = [json.loads((folder / name).read_text()) for name in names]
        for one in earlier or [event]:
            _stage(one, account, run)
        run.before = account.snapshot()
        for one in earlier:
            self._deliver(account, one)
        ear.heard.clear()
        delivery = self._deliver(account, event)
        run.rules = delivery.rules
        called = (call for call in delivery.calls if call.caller in account.functions)
        run.calls = [f"{call.service}:{call.operation}" for call in called]
        operator = operator_of(account)
        run.outcomes = [*ear.heard, *_releases(event, operator)]
        if not (run.handled_by or run.unreadable):
            run.unreadable, run.undelivered = _why_nobody(event, self.mode)
        run.cases = list(operator.all_cases())
        run.contained = account.snapshot()
        run.troubles += unexpected(run, event, expected, approved=self.approve)
        if self.release:
            _release(account, operator, run)
        for case in run.cases:
            entries, fault = operator.evidence(case)
            run.evidence = {**run.evidence, case.id: len(entries)}
            run.troubles += [f"evidence of {case.id}: {fault}"] if fault else []
            if self.keep_evidence:
                run.copies[case.id] = operator.evidence_copy(case)
        letters = DeadLetters.of(event, expected)
        run.troubles += dict.fromkeys(account_troubles(account, letters))  # each once

    def _deliver(self, account: EmbeddedAccount, event: Mapping[str, Any]) -> Delivery:
        """Deliver an event; what awaits approval is approved only where that was requested."""
        delivery = account.deliver(event)
        operator = operator_of(account)
        since = len(account.journal)
        for case in operator.all_cases() if self.approve else ():
            if case.status is Status.AWAITING_APPROVAL:
                operator.decide(case, Verb.APPROVE, case.plan_hash)
        account.settle()
        return Delivery(delivery.rules, (*delivery.records, *account.journal.records[since:]))


def _cores() -> int:
    return os.cpu_count() or 1


def _stopped_by(error: BaseException) -> str:
    """In one line, and nothing in it that a terminal would take for a command."""
    said = one_line(str(error), LONGEST_TROUBLE)
    if isinstance(error, CannotReplay):
        return said
    if isinstance(error, BadResponse):
        return f"cannot be replayed: what it names is not of the form that AWS allows: {said}"
    return f"the replay failed: {type(error).__name__}: {said}"


def _stage(event: Mapping[str, Any], account: EmbeddedAccount, run: Run) -> None:
    try:
        findings = read_all(event)
    except Malformed as malformed:
        run.unreadable = f"{UNREAD}{malformed}"
        return
    run.findings = findings
    run.kind = ", ".join(dict.fromkeys(finding.kind for finding in findings))
    home = Place(account.place.partition, account.place.account, account.place.region)
    try:
        run.staged = [
            made for one in findings for made in stage(one, account.client, home=home).made
        ]
    except (BotoCoreError, ClientError) as error:
        raise CannotReplay(f"cannot be staged in the emulated account: {error}") from None


def _why_nobody(event: Mapping[str, Any], mode: Mode) -> tuple[str, str]:
    """Why the functions cannot read it, and who would handle it if a rule brought it there.

    A parser reads what a function refuses: another account's word, or several findings at once.
    """
    found = {one.outcome: one.reason for one in lead_to(event, mode)}
    return found.get(UNREADABLE, ""), found.get(NOT_DELIVERED, "")


def _releases(event: Mapping[str, Any], operator: Stack) -> Iterator[PlaybookOutcome]:
    """The cases that the desk released because of the event itself: no playbook is given it."""
    decisions = Decisions(operator.table)
    for case in operator.all_cases():
        decided = decisions.of_round(case)
        if decided is None or decided.verb is not Verb.RELEASE:
            continue
        if any(one.request == event.get("id") for one in decided.witnesses):
            yield PlaybookOutcome(
                case.playbook, str(Status.RELEASING), decided.why, case.id, case.mode
            )


def _release(account: EmbeddedAccount, operator: Stack, run: Run) -> None:
    """Release every case that holds something, and let the time pass that its undoing needs."""
    for case in run.cases:
        if case.status in HOLDING:
            operator.release(case, "replay --release")
    account.settle()
    for _ in range(MOST_WAITS):
        waiting = [case.not_before for case in operator.all_cases() if case.not_before is not None]
        if not waiting:
            break
        # A case goes on at the first run of the reconciler after the moment, not at the moment.
        moment = max(min(waiting), account.now)
        account.advance(moment - account.now + A_MOMENT, schedules="last")
    run.cases = list(operator.all_cases())
    run.released = account.snapshot()
    if resources(run.released) != as_released(run):
        run.troubles.append("after the release the account is not what it was")
    run.troubles += [
        f"after the release, the status of case {case.id} is {case.status}"
        for case in run.cases
        if case.status not in (*CLOSED, Status.AWAITING_APPROVAL)
    ]
