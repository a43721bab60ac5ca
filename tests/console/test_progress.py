"""`--wait`: which steps are shown, when it ends, and with which status."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from botocore.exceptions import ClientError
from rich.console import Console
from typer.testing import CliRunner

from console import cli, confirm, decision_commands
from console.exits import Exit
from console.progress import Decided, followed
from console.stack import Stack
from cordon.deciding.redeliver import PLACES
from cordon.memory.cases import ActionStatus, Case
from cordon.memory.decisions import Verb
from cordon.statuses import Status
from tests.examples import QUARANTINE
from tests.make import DEPLOYMENT, NOON
from tests.reporting.cases import CASE, SCP_DENIAL, a_case, with_results

LEASE = NOON + timedelta(minutes=2)
LATER = NOON + timedelta(hours=11)
WAITING = a_case(Status.AWAITING_APPROVAL, changed_at=NOON)
CONTAINING = a_case(Status.CONTAINING, attempt=1, lease_until=LEASE, changed_at=NOON)
HELD_NOW = a_case(Status.CONTAINED, attempt=1, changed_at=NOON)
FAILED = with_results(a_case(Status.FAILED, attempt=1), ActionStatus.FAILED, SCP_DENIAL)
RELEASING = a_case(Status.RELEASING, attempt=2, lease_until=LEASE)
UNDONE = with_results(a_case(Status.REOPENED, attempt=2), ActionStatus.RESTORED)
LEFT = with_results(UNDONE, ActionStatus.PARTLY_RESTORED, "AWS refuses it")
AGAIN = replace(WAITING, contained_as="contained", attempt=1)


@pytest.fixture(autouse=True)
def noon() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


def exit_after(verb: Verb, before: Case | None, case: Case | None, **more: Any) -> int:
    return Decided(verb, before, **more).exit_status(case)


@pytest.mark.parametrize(
    ("verb", "before", "now", "status"),
    [
        (Verb.APPROVE, WAITING, WAITING, 5),
        (Verb.APPROVE, WAITING, CONTAINING, 5),
        (Verb.APPROVE, WAITING, HELD_NOW, 0),
        (Verb.APPROVE, WAITING, replace(HELD_NOW, status=Status.TAGGED), 0),
        (Verb.APPROVE, WAITING, FAILED, 1),
        (Verb.APPROVE, WAITING, with_results(HELD_NOW, ActionStatus.REFUSED), 1),
        (Verb.APPROVE, WAITING, replace(WAITING, status=Status.EXPIRED), 1),
        (Verb.APPROVE, WAITING, replace(WAITING, attempt=1), 1),  # the budget is used up
        (Verb.APPROVE, WAITING, replace(CONTAINING, lease_until=None, not_before=LATER), 5),
        (Verb.REJECT, WAITING, replace(WAITING, status=Status.REJECTED), 0),
        (Verb.REJECT, AGAIN, HELD_NOW, 0),
        (Verb.REJECT, WAITING, replace(WAITING, status=Status.EXPIRED), 1),
        (Verb.RELEASE, HELD_NOW, HELD_NOW, 5),
        (Verb.RELEASE, HELD_NOW, RELEASING, 5),
        (Verb.RELEASE, HELD_NOW, UNDONE, 0),
        (Verb.RELEASE, HELD_NOW, LEFT, 1),
        (Verb.RELEASE, HELD_NOW, replace(HELD_NOW, round=2, attempt=3), 1),  # seen again since
        (Verb.RELEASE, replace(UNDONE, status=Status.ESCALATED), UNDONE, 0),
        (Verb.RETRY, FAILED, FAILED, 5),
        (Verb.RETRY, FAILED, replace(FAILED, attempt=2), 1),
        (Verb.RETRY, FAILED, replace(HELD_NOW, attempt=2), 0),
        (Verb.CONTAIN, None, None, 5),
        (Verb.CONTAIN, None, HELD_NOW, 0),
        (Verb.CONTAIN, None, a_case(Status.OBSERVED), 1),
    ],
)
def test_exit_status_says_whether_it_came_as_decided(
    verb: Verb, before: Case | None, now: Case | None, status: int
) -> None:
    assert exit_after(verb, before, now) == status


def test_an_earlier_round_of_a_named_resource_is_not_its_outcome() -> None:
    assert exit_after(Verb.CONTAIN, None, UNDONE, round=2) == Exit.NOT_ENDED
    assert exit_after(Verb.CONTAIN, None, replace(HELD_NOW, round=2), round=2) == 0


def steps(
    monkeypatch: pytest.MonkeyPatch,
    noon: time_machine.Traveller,
    decided: Decided,
    *reads: Case | None,
) -> tuple[list[str], Case | None]:
    """The lines, and the case at the end; the last read comes again and again."""
    monkeypatch.setattr("cordon.clock.sleep", lambda seconds: noon.shift(seconds))
    left, out = list(reads), Console(file=io.StringIO())
    last = followed(decided, lambda: left.pop(0) if len(left) > 1 else left[0], out)
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue().splitlines(), last


def test_each_step_is_shown_once(
    monkeypatch: pytest.MonkeyPatch, noon: time_machine.Traveller
) -> None:
    decided = Decided(Verb.APPROVE, WAITING)
    broken = replace(CONTAINING, lease_until=None)
    reads = (WAITING, WAITING, CONTAINING, CONTAINING, broken, HELD_NOW)
    lines, last = steps(monkeypatch, noon, decided, *reads)
    assert lines == [
        "12:00:00 containing, attempt 1",
        "12:00:00 containing, attempt 1: it has ended without an outcome",
        "12:00:00 contained",
    ]
    assert last == HELD_NOW


def test_a_moment_that_is_known_ends_the_wait(
    monkeypatch: pytest.MonkeyPatch, noon: time_machine.Traveller
) -> None:
    waits = replace(RELEASING, lease_until=None, not_before=LATER)
    lines, last = steps(monkeypatch, noon, Decided(Verb.RELEASE, HELD_NOW), HELD_NOW, waits)
    assert lines == ["releasing, attempt 2: waits until 2026-11-24T23:00:00Z"]
    assert last == waits


def test_a_live_attempt_is_waited_for_whatever_moment_the_row_names(
    monkeypatch: pytest.MonkeyPatch, noon: time_machine.Traveller
) -> None:
    live = replace(RELEASING, not_before=LATER)
    _, last = steps(monkeypatch, noon, Decided(Verb.RELEASE, HELD_NOW), live, UNDONE)
    assert last == UNDONE


@pytest.mark.parametrize("case", [WAITING, None])
def test_it_gives_up_after_its_time(
    monkeypatch: pytest.MonkeyPatch, noon: time_machine.Traveller, case: Case | None
) -> None:
    before = None if case is None else WAITING
    decided = Decided(Verb.CONTAIN if case is None else Verb.APPROVE, before)
    lines, last = steps(monkeypatch, noon, decided, case)
    assert (lines, last) == ([], case)
    assert decided.exit_status(last) == Exit.NOT_ENDED


def test_interrupted_it_says_that_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cordon.clock.sleep", interrupted)
    done = said(monkeypatch, ["release", CASE, "--wait"], HELD_NOW, RELEASING)
    assert done.exit_code == Exit.NOT_ENDED
    assert "goes on: cordon show" in done.stderr


# ---- the commands ----


class Deployed:
    """A stack with one case, and what is read of it, one after the other."""

    deployment = DEPLOYMENT
    deleted = False
    account, client = "999988887777", None  # not that of the case: no resource is read

    def __init__(self, *reads: Case | ClientError, **says: Any) -> None:
        self._reads, self._says, self.sent = list(reads), says, 0

    def case(self, _: str) -> Case:
        return self.get(CASE)

    def evidence_copy(self, _: Case) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "ListObjectVersions")

    def cases(self, _: str) -> "Deployed":
        return self

    def get(self, _: str) -> Case:
        one = self._reads.pop(0)
        if isinstance(one, ClientError):
            raise one
        return one

    def must_exist(self) -> None:
        """It is there."""

    def request(self, verb: str, _: Any) -> dict[str, Any]:
        self.sent += 1
        more = {"complete": True, "round": 1} | self._says
        return {"case": CASE, "verb": verb, "by": "ada", "says": "recorded"} | more

    def decide(self, _: Case, verb: str, *__: str) -> dict[str, Any]:
        return self.request(str(verb), {})


def said(monkeypatch: pytest.MonkeyPatch, words: list[str], *reads: Any, **says: Any) -> Any:
    stack = Deployed(*reads, **says)
    monkeypatch.setattr(Stack, "named", lambda *_: stack)
    return CliRunner().invoke(cli.app, words)


def test_the_outcome_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    done = said(monkeypatch, ["approve", CASE, "--yes", "--wait"], WAITING, HELD_NOW)
    assert done.exit_code == 0
    assert "not read: it is in account" in done.stdout.partition("recorded")[0]
    after = done.stdout.partition("recorded")[2]
    assert "contained" in after and "done and verified" in after and "To release" in after
    assert "Release\n" not in after  # when an undo may begin, only evidence says


def test_for_programs_it_is_one_row_and_the_rest_is_for_people(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ["approve", CASE, "--yes", "--wait", "-o", "json"]
    done = said(monkeypatch, words, WAITING, HELD_NOW)
    (row,) = json.loads(done.stdout)
    assert (row["verb"], row["by"], row["status"], row["exit"]) == (
        "approve",
        "ada",
        "contained",
        0,
    )
    assert "What it would change now" in done.stderr and "done and verified" in done.stderr
    (sent,) = json.loads(said(monkeypatch, ["reject", CASE, "-o", "json"], WAITING).stdout)
    assert sent["says"] == "recorded"


def test_a_failure_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    done = said(
        monkeypatch, ["retry", CASE, "--wait"], FAILED, replace(FAILED, attempt=2, version=9)
    )
    assert done.exit_code == 1
    assert SCP_DENIAL in done.stdout and f"cordon retry {CASE}" in done.stdout


@pytest.mark.parametrize(("words", "queues"), [([], list(PLACES)), (["A"], ["A"])])
def test_each_queue_is_redelivered_where_none_is_named(
    monkeypatch: pytest.MonkeyPatch, words: list[str], queues: list[str]
) -> None:
    counted = {"redelivered": 2, "left": 0, "why": [], "more": False}
    done = said(monkeypatch, ["redeliver", *words, "-o", "jsonl"], **counted)
    assert [json.loads(line)["queue"] for line in done.stdout.splitlines()] == queues
    assert f"{queues[0]}: redelivered 2, left 0" in done.stderr and done.exit_code == 0
    assert said(monkeypatch, ["redeliver"], **counted | {"left": 1}).exit_code == 1


@pytest.mark.parametrize(
    ("words", "case", "typed", "sent"),
    [
        (["reject", CASE], WAITING, "n", 0),
        (["release", CASE], HELD_NOW, "n", 0),
        (["release", CASE], HELD_NOW, "y", 1),
        (["retry", CASE], FAILED, "n", 0),
        (["retry", CASE, "--yes"], FAILED, "n", 1),
    ],
)
def test_in_a_terminal_it_waits_for_a_yes(
    monkeypatch: pytest.MonkeyPatch, words: list[str], case: Case, typed: str, sent: int
) -> None:
    stack = Deployed(case)
    monkeypatch.setattr(Stack, "named", lambda *_: stack)
    monkeypatch.setattr(confirm, "out", Console(force_terminal=True))
    monkeypatch.setattr(confirm, "is_typed", lambda: True)
    done = CliRunner().invoke(cli.app, words, input=f"{typed}\n")
    assert (done.exit_code, stack.sent) == (1 - sent, sent)


@pytest.mark.parametrize("says", [{"complete": False}, {"started": False}])
def test_nothing_is_waited_for_where_nothing_comes(
    monkeypatch: pytest.MonkeyPatch, says: dict[str, Any]
) -> None:
    monkeypatch.setattr(decision_commands, "deployment_of", lambda *_: DEPLOYMENT)
    words = ["contain", "arn:aws:s3:::a", "--playbook", QUARANTINE.name, "--why", "w", "--wait"]
    words += ["--yes"]
    done = said(monkeypatch, words, **says)
    assert (done.exit_code, done.stderr) == (Exit.NOT_ENDED, "")


def test_what_cannot_be_read_is_no_failure_of_the_decision(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "BatchGetItem")
    done = said(monkeypatch, ["release", CASE, "--wait"], HELD_NOW, denied)
    assert done.exception is denied
    assert "recorded, and goes on; what comes of it cannot be read" in done.stderr


@pytest.mark.parametrize(
    ("verb", "case", "why"),
    [
        ("approve", HELD_NOW, "awaits no approval"),
        ("approve", replace(WAITING, plan_hash="ab" * 32), "look at it again"),
        ("reject", HELD_NOW, "awaits no approval"),
        ("release", UNDONE, "holds nothing"),
        ("retry", HELD_NOW, "has no failed change"),
    ],
)
def test_what_the_status_forbids_is_not_sent(
    monkeypatch: pytest.MonkeyPatch, verb: str, case: Case, why: str
) -> None:
    stack = Deployed(case)
    monkeypatch.setattr(Stack, "named", lambda *_: stack)
    done = CliRunner().invoke(cli.app, [verb, CASE])
    assert why in str(done.exception)
    assert stack.sent == 0
