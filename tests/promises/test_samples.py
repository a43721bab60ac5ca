"""Every sample is taken by the playbook of its folder and by no other, as its plan says.

Two gates: the template's rules bring the event to functions, the functions' exact gate decides.
Whoever contains also releases: afterwards the account is to the byte what it was.
"""

import json
from typing import Any

import pytest

from console.expected import deployed, home_of
from console.playbooks import playbooks
from cordon.finding import Malformed
from cordon.gate import not_ours
from cordon.memory.cases import ActionStatus, Case
from cordon.settings import Mode
from cordon.sources.own_finding import case_named
from cordon.statuses import Status
from cordon.unsupported import ATTACK_SEQUENCES
from embedded.place import Place
from tests.examples import NOBODY, event, folder_of, plan_beside, samples, shape
from tests.promises.world import HOME, PLAYBOOKS, ROOT, World, chosen, finding_of

ENDED = {
    "contained": Status.CONTAINED,
    "tagged": Status.TAGGED,
    "escalated": Status.ESCALATED,
    "awaiting_approval": Status.AWAITING_APPROVAL,  # in enforce: only a person may approve it
    "observed": Status.OBSERVED,  # in enforce: it needs nobody
    "released": Status.RELEASED,
    "releasing": Status.REOPENED,
}


def worlds(names: list[str]) -> list[Any]:
    """A parameter per sample, with the account it is sent to; those of one home together."""
    homes = {name: home_of(event(name)) for name in names}
    ordered = sorted(names, key=lambda name: (homes[name].region, name))
    return [pytest.param(name, marks=_at(homes[name])) for name in ordered]


def _at(home: Place) -> pytest.MarkDecorator:
    place = (home.account, home.region, home.partition)
    return pytest.mark.world("enforce", home=place)


def plans_beside(name: str) -> list[dict[str, Any]]:
    """The same for each playbook that handles it, in the order of their names."""
    plan = plan_beside(name)
    return [plan, *plan.get("others", ())]


def released(world: World, case: Case, before: dict[str, Any]) -> dict[str, Any]:
    """Release the case. How the account must be then: as before, or where nothing is undone as now.

    The case says why it is not.
    """
    if not is_kept(case):
        assert world.release(case).status is Status.REOPENED
        return before
    contained, case = world.state, world.release(case)
    assert case.status is Status.RELEASED
    assert {result.status for result in case.results} == {ActionStatus.KEPT}
    assert all(result.reason for result in case.results)
    return contained


def is_kept(case: Case) -> bool:
    """Does a release leave all that was done?"""
    return all(one.kept_because for one in case.plan.actions)


HANDLED = [name for name in samples() if folder_of(name) != NOBODY]
# Attack sequences; and controls that one playbook corrects and another marks by a tag
SHARED = [name for name in HANDLED if plan_beside(name).get("others")]
ALONE = [name for name in HANDLED if name not in SHARED]
# The first sample of each shape is also released here; ``make replay`` releases every one.
RELEASED = {shape(name): name for name in reversed(ALONE)}.values()


def test_the_exact_gates_never_overlap() -> None:
    everyone = playbooks(ROOT)
    for name in samples():
        try:
            finding = finding_of(event(name))
        except Malformed:
            continue
        home = deployed(home_of(event(name)), Mode.ENFORCE).deployments
        takers = [
            playbook.name
            for playbook in everyone
            if playbook.matches(finding) and not not_ours(finding, playbook, home[playbook.name])
        ]
        if name in SHARED:
            containing = [one for one in plans_beside(name) if one["outcome"] != "tagged"]
            assert finding.matches(*ATTACK_SEQUENCES) or len(containing) == 1, name
            assert takers == [plan["playbook"] for plan in plans_beside(name)], name
        elif folder_of(name) != NOBODY and not finding.is_cordon_finding:
            assert takers == [folder_of(name)], name
        assert len(takers) <= 1 or name in SHARED, name


@pytest.mark.drawn(1 / 6)
@pytest.mark.parametrize("name", worlds(SHARED))
def test_what_several_handle_is_contained_by_each_for_its_part(world: World, name: str) -> None:
    """Each has a case of its own, as the plan beside the event says; all of it can be put back."""
    world.stage(event(name))
    before = world.state
    world.account.deliver(event(name))
    expected = {plan["playbook"]: plan for plan in plans_beside(name)}
    cases = {case.playbook: world.in_time(case) for case in world.cases}
    assert cases.keys() == expected.keys()
    for playbook, case in cases.items():
        assert case.status is ENDED[expected[playbook]["outcome"]]
        assert json.loads(json.dumps(case.plan.to_json())) == expected[playbook]["plan"]
    assert world.state != before
    for case in cases.values():
        world.release(case)
    assert world.state == before
    assert world.holds == {}
    assert world.troubles == []
    assert world.unrecorded == []


@pytest.mark.drawn(1 / 16)
@pytest.mark.parametrize("name", worlds(ALONE))
def test_a_sample_is_taken_by_its_playbook_alone(world: World, name: str) -> None:
    folder, expected = folder_of(name), plan_beside(name)
    assert expected["playbook"] == folder
    earlier = [event(one.removesuffix(".json")) for one in expected.get("after", ())]
    before = state_before(world, name, earlier)
    delivery = world.account.deliver(event(name))
    if name.startswith("custom_action_"):
        assert delivery.rules == ("DecideCasesCustomAction",)
    else:
        assert any(rule.startswith(PLAYBOOKS[folder]) for rule in delivery.rules)
    case = world.in_time(world.case())
    assert case.playbook == folder
    assert case.status is ENDED[expected["outcome"]]
    if not earlier:  # else it is the plan of the event that opened the case
        assert json.loads(json.dumps(case.plan.to_json())) == expected["plan"]
    ours = finding_of(chosen("CordonRelease", world.finding(case)))
    assert ours.is_cordon_finding
    assert case_named(ours.id, world.account.stack.id) == (folder, case.id)
    if name in RELEASED and case.status in (Status.CONTAINED, Status.TAGGED):
        assert world.state != before
        before = released(world, case, before)
    if name in RELEASED and case.status is Status.ESCALATED:
        assert world.state == before
        assert world.release(case).status is Status.RELEASED
    if name in RELEASED or earlier:
        assert world.state == before
        assert world.holds == {}
    assert world.troubles == []
    assert world.unrecorded == []


def state_before(world: World, name: str, earlier: list[dict[str, Any]]) -> dict[str, Any]:
    """The state that the event ends with; of one that ends a case, before that case if undone."""
    for one in earlier or [event(name)]:
        world.stage(one)
    before = world.state if name in RELEASED or earlier else {}
    for one in earlier:
        world.account.deliver(one)
    return world.state if earlier and is_kept(world.case()) else before


@pytest.mark.drawn(1 / 16)
@pytest.mark.parametrize("name", worlds(samples(NOBODY)))
def test_unhandled_samples_change_nothing(world: World, name: str) -> None:
    world.stage(event(name))
    delivery = world.account.deliver(event(name))
    assert plan_beside(name)["playbook"] is None
    assert world.cases == []
    assert world.holds == {}
    assert world.changes(delivery) == []
    assert world.troubles == []
    assert world.unrecorded == []


def test_most_samples_share_a_home() -> None:
    """Each home costs an account of its own."""
    homes = [home_of(event(name)) for name in samples()]
    assert sum(home.region == HOME[1] for home in homes) > len(homes) - 20
