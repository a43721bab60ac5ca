"""While an attempt is under way nobody else changes its case, and a stale copy writes nothing."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest
from botocore.exceptions import ClientError

from cordon.attempt import begin
from cordon.errors import CaseConflict, ContainInProgress
from cordon.memory.cases import Case
from cordon.statuses import Event, Status
from tests.fencing.account import LEASE, MemoryAccount, memory_account
from tests.fencing.turns import Side

UNDER_WAY = {  # what comes before, what is under way, and the event that would claim the case
    "contain": ((), "deliver", Event.CLAIM),
    "release of a contain": ((), "deliver", Event.RELEASE),
    "release": (("deliver",), "release", Event.RELEASE),
}


@pytest.fixture
def account() -> Iterator[MemoryAccount]:
    with memory_account() as account:
        yield account


def row(account: MemoryAccount) -> Case:
    case = account.case("a")
    assert case is not None
    return case


@pytest.mark.parametrize("name", UNDER_WAY)
def test_live_attempt_keeps_its_case(account: MemoryAccount, name: str) -> None:
    before, verb, event = UNDER_WAY[name]
    for earlier in before:
        getattr(account, earlier)("a")
    began = account.clock.now()
    side = Side(partial(getattr(account, verb), "a")).step(5)
    known = row(account)
    assert known.lease_until == began + LEASE
    with pytest.raises(ContainInProgress) as live:
        begin(known, known, event, account.services())
    assert (live.value.until, row(account)) == (known.lease_until, known)
    account.clock.at = began + LEASE  # then it has surely ended
    assert begin(known, known, event, account.services()).attempt == known.attempt + 1
    side.die()


def test_claim_of_a_stale_copy_changes_nothing(account: MemoryAccount) -> None:
    """Two saw that a lease is over: the second to claim fails, and the holds are the first's."""
    Side(partial(account.deliver, "a")).step(6).die()
    account.clock.passes(minutes=5)
    known = row(account)
    first = begin(known, known, Event.CLAIM, account.services())
    for event in (Event.CLAIM, Event.RELEASE):
        with pytest.raises(CaseConflict):
            begin(known, known, event, account.services())
    assert row(account) == first
    hold = account.hold(known.plan.actions[0])
    assert hold is not None
    assert [member.attempt for member in hold.members] == [first.attempt]


def test_late_end_does_not_end_the_successor(account: MemoryAccount) -> None:
    """An attempt that was overtaken writes its end over nobody's row."""
    late = Side(partial(account.deliver, "a")).step(6)
    account.clock.passes(minutes=5)
    known = row(account)
    successor = begin(known, known, Event.CLAIM, account.services())
    cases = account.services().cases
    with pytest.raises(CaseConflict):
        cases.transition(known, Event.ALL_VERIFIED, lease_until=None)
    with pytest.raises(CaseConflict):
        cases.write(replace(known, decided_why="late"))
    assert row(account) == successor
    assert row(account).status is Status.CONTAINING
    late.die()


@pytest.mark.parametrize("verb", ["deliver", "release"])
def test_failed_attempt_gives_its_lease_up(
    account: MemoryAccount, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """What fails beside the changes ends the attempt too: the next try need not wait for it."""
    if verb == "release":
        account.deliver("a")
    with monkeypatch.context() as patch:

        def refuse(**_: object) -> None:
            raise ClientError({"Error": {"Code": "SlowDown"}}, "PutObject")

        patch.setattr(account.bucket, "put_object", refuse)
        with pytest.raises(ClientError, match="SlowDown"):
            getattr(account, verb)("a")
    assert not row(account).live
    getattr(account, verb)("a")
    assert account.faults() == []
