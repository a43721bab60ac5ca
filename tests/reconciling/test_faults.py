"""Whatever goes wrong at whichever call of a run: the next runs do what is to be done, once.

A run says by its failure that something of it was not done.
"""

from collections.abc import Iterator

import pytest

from cordon.clock import now, to_iso
from cordon.memory import sweeps
from cordon.memory.decisions import Decision, Verb
from cordon.statuses import Status
from embedded.iam_guard import SandboxDied
from tests.examples import ESCALATE
from tests.faults import DENIED, DIED, LOST, Breakage, Fault, nothing
from tests.reconciling.account import Account, an_account
from tests.reconciling.test_incidents import for_a_person, resolved

DECIDED, BEHIND, ANEW = "d" * 16, "b" * 16, "a" * 16


def prepared() -> Iterator[Account]:
    """Of each thing one: a decision, a report that is behind, an incident, Security Hub."""
    with an_account() as account:
        account.aws.client("securityhub").enable_security_hub()
        case = account.opens(Status.AWAITING_APPROVAL, DECIDED, question_at=now())
        account.decides(case, Decision(Verb.REJECT, 1, case.plan_hash, "ada", at=now()))
        account.reports(case, message="awaiting_approval 1", informed_at=to_iso(now()))
        account.opens(Status.CONTAINED, BEHIND, playbook=ESCALATE.name)
        _, number = for_a_person(account, case=ANEW)
        resolved(account, number)
        account.passes(minutes=15)
        yield account


@pytest.fixture
def account() -> Iterator[Account]:
    yield from prepared()


MOST_CALLS = 20


def test_each_part_of_a_run_is_among_the_calls_that_are_broken(account: Account) -> None:
    account.run()
    assert set(account.breakage.seen) == {
        "dynamodb:BatchGetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "ssm:DescribeOpsItems",
        "sqs:SendMessageBatch",
        "stepfunctions:StartExecution",
    }
    assert len(account.breakage.seen) <= MOST_CALLS


@pytest.mark.drawn(1 / 6)
@pytest.mark.parametrize("at", range(MOST_CALLS))
@pytest.mark.parametrize("fault", [DENIED, LOST, DIED], ids=str)
def test_the_runs_after_it_do_what_this_one_did_not(
    account: Account, fault: Fault, at: int
) -> None:
    account.breakage = Breakage(fault, at)
    try:
        found = account.run()
    except SandboxDied:
        assert fault is DIED
    else:
        assert bool(found.failed) is bool(account.breakage.broken), account.breakage.where
    account.breakage = nothing()
    for _ in range(3):
        account.passes(minutes=5)
        last = account.run()
        account.reports_heartbeat()
        assert last.failed == []
    assert sorted(set(account.states.cases)) == [ANEW, DECIDED]
    shown = {one["case"] for one in account.queue.sent}
    assert shown == {ANEW, BEHIND, DECIDED}
    assert last.reporter_behind == 0
    names = list(account.states.started)
    assert len([name for name in names if name.startswith(ANEW)]) == 1


def test_a_response_that_is_lost_is_no_second_execution(account: Account) -> None:
    """The execution was started, and nobody heard of it: its name is taken."""
    account.run()
    first = account.breakage.seen.index("stepfunctions:StartExecution")
    account.states.started.clear()
    sweep = account.table.get(sweeps.KEY)[sweeps.KEY]
    account.table.put({"id": sweeps.KEY, "version": sweep["version"], "day": sweep["day"]})
    account.breakage = Breakage(LOST, first)
    assert account.run().failed
    assert len(account.states.started) == 2
    account.breakage = nothing()
    account.run()
    assert len(account.states.started) == 2
