"""A stack changes what is in its own Region and in those named to it, and IAM from one Region."""

import json
from typing import Any

import pytest

from console.expected import deployed, home_of
from console.playbooks import playbooks
from cordon.finding import Place
from cordon.gate import not_ours
from cordon.memory.decisions import Verb
from cordon.settings import Mode
from cordon.sources import read_all
from cordon.statuses import Status
from embedded.journal import Called
from embedded.place import Place as Home
from tests.examples import ESCALATE, NOBODY, REVOKE, event, folder_of, samples, shape
from tests.promises.test_samples import worlds
from tests.promises.world import HOME, PLAYBOOKS, ROOT, Event, Refused, World, chosen, logged

AGGREGATED = sorted(name for name in samples(NOBODY) if name.endswith("_aggregated"))
THREAT_ELSEWHERE = "securityhub_guardduty_aggregated"
ELSEWHERE = {
    "aws": ("eu-west-3",),
    "aws-cn": ("cn-north-1", "cn-northwest-1"),
    "aws-us-gov": ("us-gov-east-1", "us-gov-west-1"),
}
STOLEN = "guardduty_compromised_credentials"
AWAY = "eu-west-1"  # where HomeRegion is, seen from a stack in us-east-1
WRITES = ("Put", "Attach", "Detach", "Delete", "Update", "Tag", "Untag", "Add", "Create")


def elsewhere(home: Home) -> str:
    """Another Region of the same partition."""
    return next(one for one in ELSEWHERE[home.partition] if one != home.region)


def moved(one: Event) -> Event:
    """The same in another Region: sent there and forwarded, or aggregated here by Security Hub."""
    home = home_of(one)
    other = elsewhere(home)
    there = json.loads(json.dumps(one).replace(home.region, other))
    if one["source"] == "aws.securityhub":
        return {**one, "detail": there["detail"]}
    return dict(there)


def by_playbooks(world: World) -> list[Called]:
    """The calls of the playbooks' functions, but for the table's."""
    own = set(PLAYBOOKS.values())
    calls = [c for c in world.account.journal.of(Called) if c.caller in own]
    return [c for c in calls if c.service != "dynamodb"]


def changes(world: World) -> list[str]:
    """What they have changed, or tried to."""
    tried = [c for c in by_playbooks(world) if c.operation.startswith(WRITES)]
    return [f"{c.service}:{c.operation}" for c in tried if not world.writes_evidence(c)]


def kind(name: str) -> tuple[str, ...]:
    """By whom it is taken, and all that the way of its place depends on."""
    one = event(name)
    return folder_of(name), one["source"], one["detail-type"], home_of(one).partition


# The first sample of each kind goes the whole way; the gate stops every one, see below.
OF_EACH_KIND = list({kind(name): name for name in reversed(samples())}.values())


@pytest.mark.drawn(1 / 10)
@pytest.mark.parametrize("name", worlds(OF_EACH_KIND))
def test_nothing_is_changed_in_a_region_that_is_not_served(world: World, name: str) -> None:
    delivery = world.account.deliver(moved(event(name)))
    assert delivery.rules or folder_of(name) == NOBODY
    assert changes(world) == []
    assert {c.region for c in by_playbooks(world)} <= {home_of(event(name)).region}
    assert world.holds == {}
    assert {case.playbook for case in world.cases} <= {ESCALATE.name}
    assert world.refused == []


def test_every_sample_is_stopped_in_a_region_that_is_not_served() -> None:
    """Before anything is looked up: by the gate of whoever would change something.

    Each can be read, and is of another Region: else the test above would show nothing.
    """
    for name in samples():
        if folder_of(name) == NOBODY:
            continue
        stack = deployed(home_of(event(name)), Mode.ENFORCE)
        for finding in read_all(moved(event(name)), stack.home):
            assert finding.place.region != stack.home.region, name
            takers = [one for one in playbooks(ROOT) if one.matches(finding)]
            let_in = [
                one for one in takers if not not_ours(finding, one, stack.deployments[one.name])
            ]
            assert all(one.everywhere for one in let_in), name


def test_person_is_informed_of_a_threat_in_a_region_that_is_not_served(world: World) -> None:
    delivery = world.send(event(THREAT_ELSEWHERE))
    case = world.case()
    assert (case.playbook, case.status) == (ESCALATE.name, Status.ESCALATED)
    assert f"This stack changes nothing in account {HOME[0]}, eu-west-1" in case.plan.manual_step
    assert len(world.published) == 1
    assert changes(world) == []
    reasons = [str(line["reason"]) for line in logged(delivery, "ignored")]
    assert reasons == ["Region eu-west-1 is not served: it is not in OtherRegions"]
    assert world.troubles == []


@pytest.mark.drawn(1 / 5)
@pytest.mark.world("enforce", OtherRegions="eu-central-1,eu-west-1")
@pytest.mark.parametrize("name", [*AGGREGATED, THREAT_ELSEWHERE])
def test_region_that_is_named_is_served_from_here(world: World, name: str) -> None:
    """Contained and released there, by roles whose rights are not of one Region."""
    world.stage(event(name))
    before = world.state
    world.account.deliver(event(name))
    case = world.in_time(world.case())
    assert case.status in (Status.CONTAINED, Status.TAGGED)
    region = case.finding.place.region
    assert region != HOME[1]
    assert {action.place.region for action in case.plan.actions} == {region}
    assert changes(world) != []
    there = [c for c in by_playbooks(world) if c.region == region]
    assert [c for c in there if c.operation.startswith(WRITES)]
    assert world.release(case).status is Status.REOPENED
    assert world.state == before
    assert world.holds == {}
    assert world.troubles == []


@pytest.mark.world("enforce", OtherRegions="eu-west-3")
def test_native_finding_that_is_forwarded_is_served_too(world: World) -> None:
    """A rule in the other Region sends it here; the envelope keeps its Region."""
    one = moved(event("guardduty_anonymous_access"))
    assert one["region"] == "eu-west-3"
    world.send(one)
    assert world.case().status is Status.CONTAINED
    assert world.troubles == []


# ---- IAM, which all Regions share ----


def not_home(mode: str) -> pytest.MarkDecorator:
    return pytest.mark.world(mode, HomeRegion=AWAY)


def at_home(names: list[str]) -> list[str]:
    """Those whose own stack is in us-east-1."""
    return [name for name in names if home_of(event(name)).region == HOME[1]]


IDENTITIES = [n for n in at_home(samples(REVOKE.name)) if "custom_action_release" not in n]
# The first of each shape of a plan; that it is the action which counts: ``tests/test_served.py``.
OF_EACH_SHAPE = list({shape(name): name for name in reversed(IDENTITIES)}.values())
IN_MODES = [
    pytest.param(mode, name, marks=not_home(mode))
    for mode in ("enforce", "approve")
    for name in OF_EACH_SHAPE
]


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize(("mode", "name"), IN_MODES)
def test_threat_to_an_identity_is_for_a_person_where_home_is_elsewhere(
    world: World, mode: str, name: str
) -> None:
    world.stage(event(name))
    before = world.state
    world.account.deliver(event(name))
    case = world.case()
    assert (case.playbook, case.status, case.mode) == (REVOKE.name, Status.ESCALATED, mode)
    assert f"HomeRegion is {AWAY}: this stack in {HOME[1]} leaves it as it is" in case.reason
    assert case.plan.actions == ()
    assert case.reason in case.plan.manual_step
    (message,) = world.published
    assert AWAY in message.message
    assert "leaves it as it is" in message.message
    assert changes(world) == []
    assert world.state == before
    assert world.holds == {}
    assert world.troubles == []
    assert world.release(case).status is Status.RELEASED


@not_home("observe")
def test_it_is_observed_in_observe(world: World) -> None:
    world.send(event(STOLEN))
    case = world.case()
    assert (case.status, case.reason) == (Status.OBSERVED, "mode is observe")
    assert "leaves it as it is" in case.plan.manual_step
    assert world.published == []


@not_home("approve")
def test_person_who_chooses_it_in_security_hub_is_informed(world: World) -> None:
    world.send(event(STOLEN))
    world.account.deliver(chosen("CordonContain", world.finding(world.case())))
    assert {case.status for case in world.cases} == {Status.ESCALATED}
    assert changes(world) == []


@not_home("enforce")
def test_bucket_is_contained_wherever_home_is(world: World) -> None:
    world.send(event("guardduty_anonymous_access"))
    assert world.case().status is Status.CONTAINED


@pytest.mark.world("enforce", HomeRegion=HOME[1])
def test_home_contains(world: World) -> None:
    world.send(event(STOLEN))
    assert world.case().status is Status.CONTAINED
    assert world.troubles == []


def move_home(world: World, region: str = AWAY) -> None:
    """The stack is deployed again with another HomeRegion."""
    for function in world.account.functions.values():
        environment: Any = function.environment
        environment["CORDON_HOME_REGION"] = region
    world.account.runtime.forget()


def test_what_was_contained_before_home_moved_is_released(world: World) -> None:
    world.stage(event(STOLEN))
    before = world.state
    world.account.deliver(event(STOLEN))
    case = world.case()
    assert case.status is Status.CONTAINED
    move_home(world)
    assert world.release(case).status is Status.REOPENED
    assert world.state == before
    assert world.holds == {}
    assert world.troubles == []


@pytest.mark.world("approve")
def test_question_from_before_home_moved_is_not_carried_out(world: World) -> None:
    """The desk refuses it; and where it was decided past the desk, the playbook does."""
    world.stage(event(STOLEN))
    before = world.state
    world.account.deliver(event(STOLEN))
    case = world.case()
    assert case.status is Status.AWAITING_APPROVAL
    move_home(world)
    with pytest.raises(Refused, match=f"HomeRegion is {AWAY}"):
        world.approve(case)
    world.decide(case, Verb.APPROVE)
    world.proceed(case)
    ended = world.operator.case(case.id)
    assert ended.status is Status.EXPIRED
    assert f"HomeRegion is {AWAY}" in ended.reason + ended.decided_why
    assert changes(world) == []
    assert world.state == before


@not_home("enforce")
@pytest.mark.parametrize("kind", ["role", "user"])
def test_identity_that_a_person_names_is_refused_where_home_is_elsewhere(
    world: World, kind: str
) -> None:
    arn = Place("aws", HOME[0], HOME[1]).arn("iam", f"{kind}/somebody-else", region="")
    body = {"resource": arn, "playbook": REVOKE.name, "why": "a test"}
    with pytest.raises(Refused, match=f"HomeRegion is {AWAY}"):
        world.operator.request("contain", body)
    assert world.cases == []
