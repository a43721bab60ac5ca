"""There was activity after containment, and the attempt that responds to it dies, or a call fails.

Whoever takes the case up reaches that activity too: what was verified before it does not count. And
a release puts back what was there. The actions that revoke, on moto, at every call.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from cordon import clock
from cordon.attempt import begin
from cordon.contain import contain
from cordon.statuses import Event
from embedded.iam_guard import SandboxDied
from tests.actions.scenario import Scenario
from tests.actions.test_contract import SCENARIOS
from tests.drawn import each
from tests.faults import DIED, DIED_AFTER, LOST, THROTTLED, Breakage, Fault, nothing
from tests.fencing.test_faults_of_actions import Start, broken
from tests.fencing.test_not_found_once import ScenarioAccount, prepared, untrue

Look = Callable[[ScenarioAccount, Breakage], list[str]]
REVOKING = [one for one in SCENARIOS if one.action.name().startswith("revoke_")]


def again(account: ScenarioAccount, breakage: Breakage) -> list[str]:
    """The calls of an attempt that responds to activity now, as ``contain_again`` makes it."""
    account.breakage, at = breakage, clock.now()
    services, known = account.services(), account.case("a")
    assert known is not None
    with broken(breakage):
        try:
            with breakage.process():
                claimed = begin(replace(known, last_activity=at), known, Event.CLAIM, services)
                contain(claimed, services, decided={}, again=at)
        except (Exception, SandboxDied):  # noqa: BLE001 - the case's row says what became of it
            account.clock.passes(minutes=5)
    breakage.mend()
    return breakage.seen


def wrong(account: ScenarioAccount, breakage: Breakage) -> list[str]:
    """What is wrong once it is taken up, and once it is released."""
    activity = clock.now()
    again(account, breakage)
    case = account.deliver("a")
    found = [] if case.status == "contained" else [f"it is {case.status}"]
    hold = account.hold(account.scenario.action)
    assert hold is not None and hold.written is not None
    if account.scenario.action.again(activity, hold.written):
        found.append(f"contained, and not what began at {activity}: {hold.written['before']}")
    return [*found, *_wrong_once_released(account)]


def released(account: ScenarioAccount, breakage: Breakage) -> list[str]:
    """What is wrong once it is released, and nobody has taken it up before."""
    again(account, breakage)
    return _wrong_once_released(account)


def _wrong_once_released(account: ScenarioAccount) -> list[str]:
    for _ in ("", "when its sessions have ended"):
        account.release("a")
        account.clock.passes(days=2)
    found = [*untrue(account), *account.left()]
    return [*found, *(["it is not as it was"] if account.state() != account.original else [])]


def at_every_call(scenario: Scenario, faults: Sequence[Fault], look: Look) -> dict[str, list[str]]:
    """What is wrong, by where the attempt was broken."""
    found = {}
    with prepared(scenario) as account:
        account.deliver("a")
        account.clock.passes(hours=1)
        start = Start(account)
        calls = start.then(partial(again, account, nothing()))
        assert calls
        for number in range(len(calls)):
            for fault in faults:
                once = Breakage(fault, number)
                if said := start.then(partial(look, account, once)):
                    found[once.where] = said
    return found


@each("scenario", REVOKING, 1 / 3)
def test_who_takes_it_up_reaches_the_activity(scenario: Scenario) -> None:
    assert at_every_call(scenario, (DIED, DIED_AFTER, LOST, THROTTLED), wrong) == {}


@each("scenario", REVOKING, 1 / 3)
def test_what_it_wrote_is_undone_though_it_was_verified_before(scenario: Scenario) -> None:
    assert at_every_call(scenario, (DIED_AFTER, LOST), released) == {}
