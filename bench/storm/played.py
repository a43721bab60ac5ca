"""Deliveries of a few findings, many times, in an embedded account with the deployed code.

A finding is delivered again as it is and as its service updates it, in random order, and several
are put on the bus before the first is handled. In one process: how deliveries interleave call by
call is tried in tests/fencing.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from bench.replay import changed
from console.account import ROOT, cordon_account, operator_of
from console.expected import parameters
from console.run import account_troubles, resources
from console.staging import stage
from cordon.memory.cases import Case
from cordon.settings import Mode
from cordon.sources import read
from cordon.statuses import Status
from embedded.account import EmbeddedAccount
from embedded.journal import Called, Invoked
from embedded.place import Place
from tests.examples import event as sample

HOME = Place("111122223333", "us-east-1", "aws")
START = datetime(2026, 11, 24, 12, tzinfo=UTC)
SAMPLES = ("guardduty_public_access", "guardduty_privilege_escalation")
READS = re.compile(r"(Get|List|Describe|Head)[A-Z]")
RESOURCES = ("s3", "s3control", "iam")  # services whose resources these playbooks change
AT_ONCE = 25  # at most so many are on the bus before the first is handled

Event = dict[str, Any]


@dataclass(frozen=True)
class Played:
    """How it ended."""

    findings: int
    deliveries: int
    invocations: int
    cases: int
    contained: int
    planned: int  # changes in the plans of all cases
    effects: Mapping[str, int]  # calls that changed a resource, before anything was released
    incidents: int
    broken_chains: int
    holds: int
    shared: int  # holds with another number of cases than one
    released: int
    holds_left: int
    restored: bool
    troubles: Sequence[str]

    def faults(self) -> Iterator[str]:
        """What is not as it must be; nothing where all is well."""
        for name in ("cases", "contained", "incidents", "released"):
            if (count := getattr(self, name)) != self.findings:
                yield f"{count} {name} of {self.findings} findings"
        if sum(self.effects.values()) != self.planned or self.holds != self.planned:
            yield f"{self.planned} changes planned, {dict(self.effects)} made, {self.holds} holds"
        for name in ("broken_chains", "shared", "holds_left"):
            if count := getattr(self, name):
                yield f"{name}: {count}"
        if not self.restored:
            yield "after the release, the account is not as it was before"
        yield from self.troubles


def play(findings: int, copies: int, *, seed: int = 1, root: Path = ROOT) -> Played:
    """``findings`` different ones, each delivered ``copies`` times; then everything is released."""
    given = {**parameters(Mode.ENFORCE, HOME), "BudgetPerHour": "10000"}
    with ExitStack() as leave:
        account = leave.enter_context(cordon_account(HOME, given, root=root, start=START))
        return _played(account, findings, copies, Random(seed))


def _played(account: EmbeddedAccount, findings: int, copies: int, rng: Random) -> Played:
    events = _events(findings)
    for event in events:
        stage(read(event), account.client)
    before = resources(account.snapshot())
    deliveries = [(event, copy) for event in events for copy in range(copies)]
    rng.shuffle(deliveries)
    while deliveries:
        together = rng.randint(1, AT_ONCE)
        for event, copy in deliveries[:together]:
            account.event_delivery.put(_updated(event, copy))
        del deliveries[:together]
        account.advance(timedelta(seconds=1), schedules="none")
    operator = operator_of(account)
    cases = list(operator.all_cases())
    effects = _effects(account)
    incidents = len(account.snapshot()["ssm"])
    holds = list(_holds(account))
    for case in cases:
        operator.release(case, "the storm is over")
    account.settle()
    ended = _in_time(account)
    return Played(
        findings=findings,
        deliveries=findings * copies,
        invocations=sum(record.attempt == 1 for record in account.journal.of(Invoked)),
        cases=len(cases),
        contained=sum(case.status is Status.CONTAINED for case in cases),
        planned=sum(len(case.plan.actions) for case in cases),
        effects=effects,
        incidents=incidents,
        broken_chains=sum(bool(operator.evidence(case)[1]) for case in cases),
        holds=len(holds),
        shared=sum(count != 1 for count in holds),
        released=sum(case.status in (Status.RELEASED, Status.REOPENED) for case in ended),
        holds_left=len(list(_holds(account))),
        restored=resources(account.snapshot()) == before,
        troubles=list(account_troubles(account)),
    )


def _events(findings: int) -> list[Event]:
    samples = [sample(name) for name in SAMPLES]
    return [json.loads(changed(samples[n % len(samples)], n)) for n in range(findings)]


def _updated(event: Event, copy: int) -> Event:
    """Every other delivery is an update by the service: the same activity, counted once more."""
    if copy % 2 == 0:
        return event
    again: Event = json.loads(json.dumps(event))
    again["id"] = f"{copy:08x}{event['id'][8:]}"
    again["detail"]["service"]["count"] = copy
    return again


def _effects(account: EmbeddedAccount) -> Mapping[str, int]:
    """Calls of functions that changed a resource; evidence is Cordon's own."""
    evidence = account.stack.outputs["EvidenceBucket"]
    return Counter(
        f"{call.service}:{call.operation}"
        for call in account.journal.of(Called)
        if call.caller in account.functions
        and call.service in RESOURCES
        and not READS.match(call.operation)
        and call.params.get("Bucket") != evidence
    )


def _holds(account: EmbeddedAccount) -> Iterator[int]:
    """How many cases are in each hold."""
    dynamodb, table = account.client("dynamodb"), account.stack.outputs["CasesTableName"]
    for page in dynamodb.get_paginator("scan").paginate(TableName=table):
        for row in page["Items"]:
            if row["id"]["S"].startswith("hold#"):
                yield sum(name.startswith("m#") for name in row)


def _in_time(account: EmbeddedAccount) -> list[Case]:
    """The cases when everything that a release waits for may be done."""
    while True:
        cases = list(operator_of(account).all_cases())
        waiting = [case.not_before for case in cases if case.not_before is not None]
        later = [moment for moment in waiting if moment > account.now]
        if not later:
            return cases
        account.advance(max(later) - account.now + timedelta(seconds=1), schedules="last")
