"""The same with real actions: each playbook's plan on moto, at every call of its resources.

Table and evidence are in memory here; ``test_faults`` breaks theirs.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import pytest
from botocore.client import BaseClient

from console.staging import stage
from cordon.clients import AwsClients
from cordon.sources import read
from cordon.statuses import CONTAIN_ENDED, Status
from embedded.place import Place
from embedded.saved_state import restore, save, services_in_use
from embedded.snapshot import snapshot
from tests.actions.scenario import PLACE, account
from tests.drawn import drawn
from tests.examples import HEADERS, event, folder_of
from tests.faults import DENIED, FAULTS, LOST, Breakage, nothing
from tests.fencing.account import MemoryAccount, memory_account
from tests.fencing.test_faults import BrokenAccount, wrong
from tests.make import ACCOUNT, DEPLOYMENT
from tests.promises.world import READS, RECORDS, without_dates

T = TypeVar("T")
SAMPLES = {
    "bucket": "guardduty_ransomware_delete",
    "replicated": "macie_replicated_externally",
    "role": "guardduty_privilege_escalation",
    "user": "guardduty_compromised_credentials",
    "notebook": "securityhub_sagemaker_1",
    "agent": "securityhub_bedrockagentcore_1",
}
HERE = replace(DEPLOYMENT, account=PLACE.account, region=PLACE.region)
OTHERS = tuple(fault for fault in FAULTS if fault is not DENIED)
SHARE = 1 / 8
TAGGED = ("notebook", "agent")
CALL = "_make_api_call"  # the one place that every call of every client goes through


class RealAccount(BrokenAccount):
    """Its resources are moto's."""

    original: Any
    contained: Any = None

    def state(self) -> Any:
        """All that can be contained, without the dates of revocations."""
        place = Place(PLACE.account, PLACE.region, PLACE.partition)
        shown = snapshot(self.resources.client, set(), place)  # type: ignore[attr-defined]
        return without_dates({k: v for k, v in shown.items() if k not in RECORDS})

    def untrue(self) -> list[str]:
        case = self.case("a")
        ended = case is not None and case.status in CONTAIN_ENDED and case.version != self.known
        if case is None or not (ended or case.status is Status.REOPENED):
            return []
        wanted = self.contained if ended else self.original
        whole = case.status in (Status.CONTAINED, Status.TAGGED, Status.REOPENED)
        silent = [f"{r.target} failed without a reason" for r in case.failed if not r.reason]
        untrue = whole and self.state() != wanted
        return [*silent, *([f"it is {case.status}, and the resources are not"] if untrue else [])]

    def left(self) -> list[str]:
        """The holds; what a case that is reopened has left of its resources is untrue."""
        return [f"{key} is left" for key in self.table.rows if key.startswith("hold#")]

    def faults(self) -> list[str]:
        case = self.case("a")
        return [] if case is None else [*self._evidence_faults(case)]


@contextmanager
def staged(sample: str) -> Iterator[RealAccount]:
    """What the sample's finding names, as bad as it says, and nothing delivered yet."""
    text = json.dumps(event(SAMPLES[sample])).replace(ACCOUNT, PLACE.account)
    finding = read(json.loads(text), HERE)
    plan = HEADERS[folder_of(SAMPLES[sample])].plan_for(finding, HERE)
    with account() as aws, memory_account({"a": plan.actions}) as start:
        stage(finding, lambda service, *_: aws.client(service))
        start.resources = aws  # type: ignore[assignment]
        yield real(start, aws)


def real(start: MemoryAccount, aws: AwsClients) -> RealAccount:
    made = RealAccount(start.clock, start.plans)
    made.resources, made.known, made.breakage = aws, 0, nothing()  # type: ignore[assignment]
    made.original = made.state()
    return made


@contextmanager
def broken(breakage: Breakage) -> Iterator[None]:
    """Every call of every client goes through the breakage."""
    real = getattr(BaseClient, CALL)

    def call(client: BaseClient, operation: str, params: dict[str, Any]) -> Any:
        service = client.meta.service_model.service_name
        return breakage.call(service, operation, lambda: real(client, operation, params))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, CALL, call)
        yield


class Start:
    """An account as it is now; each piece of work begins with it as it was."""

    def __init__(self, account: RealAccount) -> None:
        self._account, self._moto, self._at = account, save(), account.clock.at
        self._rows, self._entries = dict(account.table.rows), dict(account.bucket.objects)

    def then(self, work: Callable[[], T]) -> T:
        """What the work gives. Whatever it did, the account is then as it was."""
        try:
            return work()
        finally:
            for services in services_in_use():
                services.clear()
            restore(self._moto)
            account = self._account
            account.clock.at, account.breakage, account.known = self._at, nothing(), 0
            account.table.rows = dict(self._rows)
            account.bucket.objects = dict(self._entries)


def undisturbed(account: RealAccount, phase: str) -> tuple[list[str], Any]:
    """The calls that a phase makes of its resources, and how they are then."""
    with broken(account.breakage):
        assert account.comes(phase) == ""
    return account.breakage.seen, account.state()


def disturbed(account: RealAccount, sample: str, phase: str, breakage: Breakage) -> Any:
    """Where the fault was, and what is wrong after it."""
    account.breakage = breakage
    account.known = case.version if (case := account.case("a")) is not None else 0
    shape = "tag" if sample in TAGGED else "quarantine"
    redelivered = not breakage.lasting or breakage.at % 2 == 0
    with broken(breakage):
        found = [*wrong(account, shape, phase, redelivered=redelivered)]
    return breakage.where, found


def breakages(calls: list[str]) -> Iterator[Breakage]:
    """A change meets every fault. A read meets a denial, which some actions know, or another."""
    for number, name in enumerate(calls):
        if not READS.match(name.partition(":")[2]):
            yield from (Breakage(fault, number) for fault in FAULTS)
            yield from (Breakage(fault, number, lasting=True) for fault in (DENIED, LOST))
            continue
        yield Breakage(DENIED, number, lasting=number % 2 == 0)
        if number % 2:
            yield Breakage(OTHERS[number // 2 % len(OTHERS)], number, lasting=number % 3 == 0)


@pytest.mark.drawn(1)
@pytest.mark.parametrize("phase", ["deliver", "release"])
@pytest.mark.parametrize("sample", SAMPLES)
def test_every_fault_at_every_call_of_a_resource(sample: str, phase: str) -> None:
    found = {}
    with staged(sample) as account:
        _, account.contained = Start(account).then(lambda: undisturbed(account, "deliver"))
        if phase == "release":
            account.deliver("a")
        start = Start(account)
        calls, _ = start.then(lambda: undisturbed(account, phase))
        for breakage in drawn(breakages(calls), SHARE, f"{sample} {phase}"):
            where, faults = start.then(partial(disturbed, account, sample, phase, breakage))
            if faults:
                found[where] = faults
    assert len(calls) > 1
    assert found == {}
