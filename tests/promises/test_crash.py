"""A sandbox that dies after any of its AWS calls changes nothing in how things end.

One run is carried out, and a copy of it is made at every call that left something behind: the
copy dies right there, is tried again as AWS would, and must end as the run itself did. (A death
after a call that only reads is, for whoever comes next, the one after the change before it.)
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from cordon.memory.cases import Case
from cordon.statuses import Status
from embedded.functions import InvocationResult
from embedded.iam_guard import SandboxDied
from embedded.journal import Called
from tests.promises.forked import apart
from tests.promises.interruptions import changes, ends
from tests.promises.world import World, event, revoked, seen, without_dates

CONTAINED = {  # a sample, and at least how many deaths it can die
    "quarantine_bucket/guardduty_ransomware_delete": 15,
    "revoke_sessions/guardduty_privilege_escalation": 8,
    "revoke_sessions/guardduty_compromised_credentials": 10,
    "tag_ai_resource/securityhub_bedrockagentcore_1": 10,
    "escalate_finding/guardduty_attack_sequence_s3": 4,
}
# Here a copy dies after each entry of evidence too; the engine writes them alike for all.
EVIDENCE = (
    "tag_ai_resource/securityhub_bedrockagentcore_1",
    "escalate_finding/guardduty_attack_sequence_s3",
)
RELEASED = (
    "quarantine_bucket/guardduty_ransomware_delete",
    "revoke_sessions/guardduty_compromised_credentials",
    "tag_ai_resource/securityhub_bedrockagentcore_1",
)
ENDED = {
    "quarantine_bucket": Status.CONTAINED,
    "revoke_sessions": Status.CONTAINED,
    "tag_ai_resource": Status.TAGGED,
    "escalate_finding": Status.ESCALATED,
}
Seen = tuple[dict[str, Any], int]


def die() -> None:
    """The sandbox ends."""
    raise SandboxDied


def deaths(world: World, work: Callable[[], Any], name: str) -> tuple[Seen, list[tuple[str, Seen]]]:
    """How ``work`` on a sample ends undisturbed, and how it ends after each death."""

    def at(call: Called) -> bool:
        return changes(call) and (name in EVIDENCE or not world.writes_evidence(call))

    return ends(world, work, die, lambda: looked(world), at=at)


def looked(world: World) -> Seen:
    """What is seen in the end, and how many messages were sent."""
    return seen(world), len(world.published)


def same(undisturbed: Seen, others: list[tuple[str, Seen]], *, least: int) -> None:
    """Every death must have ended like the undisturbed run."""
    assert len(others) >= least
    wanted, sent = undisturbed
    for where, (found, messages) in others:
        assert without_dates(found) == without_dates(wanted), where
        assert messages <= sent + 1, where
        for mine, theirs in zip(revoked(wanted["state"]), revoked(found["state"]), strict=True):
            assert theirs >= mine, where


def release(world: World, case: Case) -> None:
    """The steps of the release workflow."""

    def undo() -> InvocationResult:
        return world.command(case, "release")

    world.decide(case, "release", "the test is over")
    if "waiting" in world.insist(undo).payload:
        world.account.advance(timedelta(hours=37))
        world.insist(undo)
    world.insist(lambda: world.command(case, "report"))


@pytest.mark.parametrize("name", CONTAINED)
def test_contain_survives_each_death(world: World, name: str) -> None:
    world.stage(event(name))
    undisturbed, others = deaths(world, lambda: world.account.deliver(event(name)), name)
    assert undisturbed[0]["cases"][0]["status"] is ENDED[name.split("/")[0]]
    same(undisturbed, others, least=CONTAINED[name])


@pytest.mark.parametrize("name", RELEASED)
def test_release_survives_each_death(world: World, name: str) -> None:
    world.stage(event(name))
    before = world.state
    world.account.deliver(event(name))
    case = world.case()
    undisturbed, others = deaths(world, lambda: release(world, case), name)
    assert undisturbed[0]["state"] == before
    assert undisturbed[0]["holds"] == {}
    assert undisturbed[0]["cases"][0]["status"] is Status.REOPENED
    same(undisturbed, others, least=6)


@pytest.mark.world("approve")
def test_an_approved_contain_survives_each_death(world: World) -> None:
    world.send(event("tag_ai_resource/securityhub_bedrockagentcore_1"))
    case = world.case()
    assert case.status is Status.AWAITING_APPROVAL

    def work() -> None:
        world.decide(case, "approve", "")
        world.insist(lambda: world.command(case, "contain"))
        world.insist(lambda: world.command(case, "report"))

    undisturbed, others = deaths(world, work, "")
    assert undisturbed[0]["cases"][0]["status"] is Status.TAGGED
    same(undisturbed, others, least=10)


@pytest.mark.world("approve")
@pytest.mark.parametrize("calls", [1, 5, 22])
def test_the_workflows_try_again(world: World, calls: int) -> None:
    """The same through the state machines themselves: ask, contain, report and release."""
    one = event("quarantine_bucket/guardduty_public_access")
    world.stage(one)
    before = world.state

    def run(*, dies: bool) -> tuple[Seen, Seen]:
        world.account.deliver(one)
        shown = []
        for step in (world.approve, world.release):
            if dies:
                world.account.crash_after(calls)
            step(world.case())
            shown.append(looked(world))
        return shown[0], shown[1]

    undisturbed, died = apart(lambda: run(dies=False)), apart(lambda: run(dies=True))
    for mine, theirs in zip(undisturbed, died, strict=True):
        same(mine, [(f"after {calls} calls", theirs)], least=1)
    assert died[1][0]["state"] == before


@pytest.mark.parametrize(("first", "second"), [(20, 12), (60, 40)])
def test_two_deaths_are_survived_too(world: World, first: int, second: int) -> None:
    one = event("quarantine_bucket/guardduty_ransomware_delete")
    world.stage(one)

    def run(*deaths: int) -> Seen:
        left = list(deaths)

        def hook(call: Called) -> None:
            if left and call.caller == "QuarantineBucket":
                left[0] -= 1
                if left[0] == 0:
                    left.pop(0)
                    raise SandboxDied

        world.account.after_call(hook)
        world.account.deliver(one)
        return looked(world)

    undisturbed = apart(run)
    wanted, (found, messages) = undisturbed[0], apart(lambda: run(first, second))
    assert without_dates(found) == without_dates(wanted)
    assert messages <= 2
