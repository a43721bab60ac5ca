"""The deployed stack meets every fault: at each call of each function one of them, in turn.

One run is carried out, and copies of it are made at each of its calls; there the call fails, or the
sandbox dies. What fails once ends as the run itself did, tried again as AWS does. What goes on to
fail wakes a person, and says nothing that is not so; when it is mended, and what was dead is
delivered again, it ends as the run itself did. As all that one sees is the same then, holds and
evidence too, a release restores what it restores after the run. ``tests/fencing`` has every fault
at every call, without look-ups and reports.

A copy costs as much as a run, so what is one code for all samples is broken where it says most: the
reporter's calls in one sample's delivery and release, rows and evidence where the holds differ, and
the same of them twice in a run at most.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from cordon.memory.decisions import Verb
from cordon.statuses import Status
from embedded import iam_guard
from embedded.functions import InvocationResult
from embedded.iam_guard import UNGUARDED, SandboxDied
from embedded.journal import DeadLettered, Dropped, Invoked, Retained
from tests.drawn import is_drawn
from tests.examples import ESCALATE, QUARANTINE, REVOKE, TAG, event, folder_of
from tests.faults import BROKEN, DENIED, DIED_AFTER, LOST, THROTTLED, Breakage, Fault
from tests.promises.forked import fork, send_result, wait
from tests.promises.world import READS, Event, World, revoked, seen, without_dates

SAMPLES = (
    "guardduty_ransomware_delete",
    "guardduty_privilege_escalation",
    "guardduty_compromised_credentials",
    "securityhub_bedrockagentcore_1",
    "guardduty_root_credential_usage",
)
RELEASED = tuple(name for name in SAMPLES if name != SAMPLES[2])
REPORTED = SAMPLES[0]  # it has a finding, an incident and a message
REPORTER = "ReportCases"
ROWS = (SAMPLES[0], *SAMPLES[3:])  # whose delivery has four holds, one, and none
# A copy of these dies after each entry of evidence too; the engine writes them alike for all.
EVIDENCE = SAMPLES[-2:]
# By sample: what must have been broken in its delivery, and in its release.
BROKEN_AT = {
    SAMPLES[0]: (
        {"s3:PutBucketPolicy", "s3control:TagResource", "sns:PublishBatch", "ssm:CreateOpsItem"},
        {"s3:PutBucketPolicy", "s3control:UntagResource", "dynamodb:DeleteItem"},
    ),
    SAMPLES[1]: ({"iam:PutRolePolicy"}, {"iam:DeleteRolePolicy", "dynamodb:DeleteItem"}),
    SAMPLES[2]: ({"iam:UpdateAccessKey", "iam:PutUserPolicy"}, set[str]()),
    SAMPLES[3]: (
        {"bedrock-agentcore-control:TagResource", "dynamodb:PutItem"},
        {"bedrock-agentcore-control:UntagResource", "dynamodb:DeleteItem"},
    ),
    SAMPLES[4]: ({"dynamodb:TransactWriteItems"}, {"dynamodb:TransactWriteItems"}),
}
Kinds = Sequence[tuple[Fault, bool]]  # and whether it lasts
KINDS: Kinds = [(f, last) for last in (False, True) for f in (DENIED, LOST, THROTTLED, BROKEN)]
# One run has a hundred copies, of which a share is made.
pytestmark = [pytest.mark.timeout(300), pytest.mark.drawn(1)]
SHARE = 1 / 15
TRIES = 3  # of Lambda and of the state machines
SENT = 7  # tries to send a message: at once, five of the queue, and one when it is redelivered
REPORTS = ("securityhub", "ssm", "sns", "stepfunctions")
ENTRIES = ("s3:PutObject", "s3:GetObject")
QUEUES = ("FailedInvocations", "FailedBulkEvents", "FailedReports")
ENDED = {
    QUARANTINE.name: Status.CONTAINED,
    REVOKE.name: Status.CONTAINED,
    TAG.name: Status.TAGGED,
    ESCALATE.name: Status.ESCALATED,
}
TRUE = (Status.CONTAINED, Status.TAGGED, Status.REOPENED, Status.RELEASED)


@dataclass
class End:
    """How a run, or a copy of it, ended."""

    alarms: list[str]  # what woke a person
    seen: dict[str, Any]
    messages: int


@dataclass
class Copy:
    """A copy of the run, how it ended with its fault, and how when that was mended."""

    breakage: Breakage
    where: str
    ends: list[End]


@dataclass
class Disturbed:
    """Makes copies of the run at each call of a function of ours, and breaks the call there."""

    world: World
    name: str
    kinds: Kinds
    rows: bool  # are calls on rows and on evidence broken too?
    breakage: Breakage | None = None  # in a copy
    channel: int = -1  # in a copy: where to say how it ended
    calls: list[tuple[str, str]] = field(default_factory=list)  # by whom, and which
    broken: set[str] = field(default_factory=set)  # the calls that are broken, drawn or not
    copies: list[Copy] = field(default_factory=list)

    def __call__(
        self, client: Any, operation: str, params: Mapping[str, Any], go: Callable[[], Any]
    ) -> Any:
        account = self.world.account
        made = partial(account.calls.intercept, client, operation, params, go)
        caller = account._scheduler.owner
        ours = caller is not None and caller.name in account.functions
        if caller is None or not ours or getattr(client, UNGUARDED, False):
            return made()
        service = client.meta.service_model.service_name
        if self.breakage is None:
            self._copy(caller.name, f"{service}:{operation}")
        if self.breakage is None:
            return made()
        try:
            return self.breakage.call(service, operation, made)
        except SandboxDied:
            caller.crashed = True  # a dead sandbox makes no more calls
            self.breakage.mend()
            raise

    def _copy(self, caller: str, name: str) -> None:
        self.calls.append((caller, name))
        for breakage in self._breakages(caller, name) if self._counts(caller, name) else ():
            self.broken.add(name)
            where = f"call {len(self.calls)}, {name}: {breakage.fault}"
            if not is_drawn(f"{self.name} {where}", SHARE):
                continue
            process, channel = fork()
            if process == 0:
                self.breakage, self.channel = breakage, channel
                return
            self.copies.append(Copy(breakage, where, wait(process, channel)))

    def _counts(self, caller: str, name: str) -> bool:
        """Is it broken here? Not what is one code for all, and broken elsewhere or twice."""
        if caller == REPORTER:
            return self.name == REPORTED
        if name.startswith("dynamodb:") or name in ENTRIES:
            return self.rows and self.calls.count((caller, name)) <= 2
        return True

    def _breakages(self, caller: str, name: str) -> Iterator[Breakage]:
        """A death after each change; in turn, another fault at reads, entries and reports."""
        entry = name == "s3:PutObject"
        reads = bool(READS.match(name.partition(":")[2])) or name == "dynamodb:BatchGetItem"
        if not reads and (not entry or self.name in EVIDENCE):
            yield Breakage(DIED_AFTER, 0, runs=True)
        together = reads and self.calls[-2:-1] == [(caller, name)]  # rows or entries, one by one
        reports = name.partition(":")[0] in REPORTS
        turn = SAMPLES.index(self.name) + len(self.calls)
        turns = () if together or not (reads or entry or reports) else (turn, turn + 5)
        for one in turns[: 1 + reports]:  # a report once, and lastingly
            fault, lasting = self.kinds[one % len(self.kinds)]
            yield Breakage(fault, 0, lasting, runs=True)


def run(
    world: World,
    name: str,
    work: Callable[[], End],
    again: Callable[[], End],
    kinds: Kinds = KINDS,
    *,
    rows: bool = True,
) -> tuple[End, Disturbed]:
    """How it ends undisturbed, and what was disturbed."""
    disturbed = Disturbed(world, name, kinds, rows)
    entered = iam_guard.enter(disturbed)
    try:
        end = work()
    except BaseException as error:
        if disturbed.breakage is None:
            raise
        send_result(disturbed.channel, partial(_raise, error))
    if disturbed.breakage is not None:
        send_result(disturbed.channel, partial(_mended, disturbed.breakage, end, again))
    iam_guard.leave(entered)
    return end, disturbed


def _raise(error: BaseException) -> None:
    raise error


def _mended(breakage: Breakage, end: End, again: Callable[[], End]) -> list[End]:
    breakage.mend()
    return [end, again()] if end.alarms else [end]


def deliver(world: World, one: Event) -> End:
    """The event comes, and again as AWS does."""
    since = len(world.account.journal)
    world.account.deliver(one)
    return End(woken(world, since), seen(world), len(world.published))


def deliver_again(world: World, one: Event) -> End:
    """What is dead is delivered again; what was held back comes again."""
    dead = [queue for queue in QUEUES if world.account.messages(queue)]
    if not dead and not world.account.journal.of(Retained):
        return deliver(world, one)
    since = len(world.account.journal)
    for queue in dead:
        world.account.redeliver(queue)
    catch_up(world)
    return End(woken(world, since), seen(world), len(world.published))


def catch_up(world: World) -> None:
    """Where records of the stream were given up, a person redelivers them, as the alarm says.

    Of open cases time does the same; closed ones are in no index.
    """
    if world.account.journal.of(Retained):
        assert world.operator.request("redeliver", {"queue": "FailedRecords"})["left"] == 0
    world.account.settle()


def woken(world: World, since: int) -> list[str]:
    """Dead letters, and the findings that metrics count as held back."""
    journal = world.account.journal
    said = (one.result for one in journal.of(Invoked, since=since) if isinstance(one.result, dict))
    return [
        *(f"{one.queue}: {one.reason}" for one in journal.of(DeadLettered, since=since)),
        *(f"lost: {one.reason}" for one in journal.of(Dropped, since=since)),
        *(f"given up: {one.reason}" for one in journal.of(Retained, since=since)),
        *(f"held back: {one['reason']}" for one in said if one.get("held_back")),
    ]


def release(world: World, *, again: bool = False) -> End:
    """The step of the workflow, tried again as it does; else it fails."""
    case, since = world.case(), len(world.account.journal)
    world.decide(case, Verb.RELEASE)
    failed = insist(world, lambda: world.proceed(case))
    if not failed and world.case().not_before is not None:
        # No schedule: a copy that is made while an execution runs would have no thread for it.
        world.account.advance(timedelta(hours=37), schedules="none")
        failed = insist(world, lambda: world.proceed(case))
    world.account.settle()
    alarms = [*filter(None, [failed]), *woken(world, since)]
    for queue in QUEUES if again else ():
        world.account.redeliver(queue)
    if again:
        catch_up(world)
        alarms = [failed] if failed else []
    return End(alarms, seen(world), len(world.published))


def insist(world: World, step: Callable[[], InvocationResult]) -> str:
    """Some tries. The last error, or ""."""
    error = ""
    for _ in range(TRIES):
        outcome = step()
        if not outcome.failed:
            return ""
        error = outcome.error
        world.account.advance(timedelta(minutes=2))
    return error


@dataclass
class Truth:
    """What must be so of every copy of a run."""

    wanted: End
    before: Any
    contained: Any

    def faults(self, copy: Copy) -> list[str]:
        """What is not."""
        first, last = copy.ends[0], copy.ends[-1]
        lasting = copy.breakage.lasting
        return [
            *(f"alarm after a fault that was over: {a}" for a in first.alarms if not lasting),
            *(f"alarm when all is mended: {a}" for a in last.alarms if last is not first),
            *self._untrue(first),
            *self._differences(last),
            *self._too_much(copy),
        ]

    def _untrue(self, end: End) -> Iterator[str]:
        """What a row says that is not so."""
        state = without_dates(end.seen["state"])
        for case in end.seen["cases"]:
            undone = case["status"] in (Status.REOPENED, Status.RELEASED)
            if case["status"] in TRUE and state != (self.before if undone else self.contained):
                yield f"it is {case['status']}, and the resources are not"
            if any(r["status"] == "failed" and not r["reason"] for r in case["results"]):
                yield "a change failed without a reason"

    def _differences(self, end: End) -> Iterator[str]:
        """What one sees that is not as after the run. Evidence may say more."""
        wanted, found = self.wanted.seen, end.seen
        for case, stages in wanted["evidence"].items():
            if less := stages - found["evidence"].get(case, set()):
                yield f"evidence is without {less}"
        for name in wanted.keys() - {"evidence", "incidents"}:
            if without_dates(wanted[name]) != without_dates(found[name]):
                yield f"{name}: {without_dates(found[name])}, not {without_dates(wanted[name])}"
        more = [one for one in found["incidents"] if one not in wanted["incidents"]]
        if any(one not in found["incidents"] for one in wanted["incidents"]):
            yield f"incidents: {more}, not {wanted['incidents']}"
        if any(one["Status"] != "Resolved" for one in more):  # of a failure that is over
            yield f"incidents: {more} too"

    def _too_much(self, copy: Copy) -> Iterator[str]:
        """A message once for each try that was lost; no session that was revoked lives again."""
        most = self.wanted.messages + (SENT if copy.ends[0].alarms else 1)
        if copy.ends[-1].messages > most:
            yield f"{copy.ends[-1].messages} messages"
        mine, theirs = (revoked(end.seen["state"]) for end in (self.wanted, copy.ends[-1]))
        if any(their < my for my, their in zip(mine, theirs, strict=False)):
            yield f"revoked before {theirs}, not {mine}"


@pytest.mark.parametrize("name", SAMPLES)
def test_delivery_survives_each_fault(world: World, name: str) -> None:
    one = event(name)
    world.stage(one)
    before = without_dates(world.state)
    work, again = partial(deliver, world, one), partial(deliver_again, world, one)
    wanted, disturbed = run(world, name, work, again, rows=name in ROWS)
    assert wanted.alarms == []
    assert wanted.seen["cases"][0]["status"] is ENDED[folder_of(name)]
    truth = Truth(wanted, before, without_dates(wanted.seen["state"]))
    assert BROKEN_AT[name][0] <= disturbed.broken
    assert {copy.where: faults for copy in disturbed.copies if (faults := truth.faults(copy))} == {}


@pytest.mark.parametrize("name", RELEASED)
def test_release_survives_each_fault(world: World, name: str) -> None:
    world.stage(event(name))
    before = world.state
    world.account.deliver(event(name))
    contained = without_dates(world.state)
    once_more = partial(release, world, again=True)
    wanted, disturbed = run(world, name, partial(release, world), once_more)
    assert wanted.alarms == []
    assert (wanted.seen["state"], wanted.seen["holds"]) == (before, {})
    assert wanted.seen["cases"][0]["status"] in (Status.REOPENED, Status.RELEASED)
    truth = Truth(wanted, without_dates(before), contained)
    assert BROKEN_AT[name][1] <= disturbed.broken
    assert {copy.where: faults for copy in disturbed.copies if (faults := truth.faults(copy))} == {}


@pytest.mark.world("approve")
def test_approved_plan_survives_each_fault(world: World) -> None:
    """Where one lasts the workflow fails, and a person decides anew: so each is over at once."""
    name = SAMPLES[3]
    world.stage(event(name))
    before = without_dates(world.state)
    world.account.deliver(event(name))
    case = world.case()
    assert case.status is Status.AWAITING_APPROVAL

    def work() -> End:
        world.decide(case, Verb.APPROVE)
        failed = insist(world, partial(world.proceed, case))
        world.account.settle()
        return End([failed] if failed else [], seen(world), len(world.published))

    wanted, disturbed = run(world, name, work, work, KINDS[:4])
    assert wanted.alarms == []
    assert wanted.seen["cases"][0]["status"] is Status.TAGGED
    truth = Truth(wanted, before, without_dates(wanted.seen["state"]))
    assert BROKEN_AT[name][0] <= disturbed.broken
    assert {copy.where: faults for copy in disturbed.copies if (faults := truth.faults(copy))} == {}
