"""Every sample is taken by the playbook of its folder and by no other, as its plan says.

Two gates: the template's rules bring the event to functions, the functions' exact gate decides.
Whoever contains also releases: afterwards the account is to the byte what it was.
"""

import json
from typing import Any

import pytest
from console.embedded.place import Place
from console.planning import home_of, path_of
from console.playbooks import playbooks
from tests.promises.world import EVENTS, HOME, PLAYBOOKS, ROOT, World, event, finding_of, samples

from cordon.cases import Stands
from cordon.finding import Malformed

LETS_GO = {  # samples that let go of what another sample of their folder made us hold
    "config_sagemaker_notebook_direct_internet_compliant": (
        "config_sagemaker_notebook_direct_internet"
    ),
    "custom_action_release_privilege_escalation": "guardduty_privilege_escalation",
    "custom_action_release_s3_8": "ocsf_s3_8",
    "custom_action_release_sagemaker_3": "securityhub_sagemaker_3",
    "ocsf_sagemaker_5_passed": "securityhub_sagemaker_5",
    "securityhub_sagemaker_1_deleted": "securityhub_sagemaker_1",
    "securityhub_sagemaker_1_passed": "securityhub_sagemaker_1",
}
HELD = (Stands.CONTAINED, Stands.PARTIAL)
ENDED = {"contained": Stands.CONTAINED, "told": Stands.CONTAINED}


def worlds(names: list[str]) -> list[Any]:
    """A parameter per sample, with the account it is sent to; those of one home together."""
    homes = {name: home_of(event(name)) for name in names}
    ordered = sorted(names, key=lambda name: (homes[name].region, name))
    return [pytest.param(name, marks=_at(homes[name])) for name in ordered]


def _at(home: Place) -> pytest.MarkDecorator:
    asked = (home.account, home.region, home.partition)
    return pytest.mark.world("enforce", home=asked)


def plan_beside(name: str) -> dict[str, Any]:
    """What stands beside the event, {} where nothing does."""
    path = path_of(EVENTS / f"{name}.json")
    return dict(json.loads(path.read_text())) if path.exists() else {}


ANSWERED = [name for name in samples() if not name.startswith("nobody/")]


def test_the_exact_gates_never_overlap() -> None:
    everyone = playbooks(ROOT)
    for name in samples():
        try:
            finding = finding_of(event(name))
        except Malformed:
            continue
        takers = [playbook.name for playbook in everyone if playbook.matches(finding)]
        if not name.startswith("nobody/") and not finding.ours:
            assert takers == [name.split("/")[0]], name
        assert len(takers) <= 1, name


@pytest.mark.parametrize("name", worlds(ANSWERED))
def test_a_sample_is_taken_by_its_playbook_alone(world: World, name: str) -> None:
    folder, _, short = name.partition("/")
    expected = plan_beside(name)
    earlier = [event(f"{folder}/{LETS_GO[short]}")] if short in LETS_GO else []
    for one in (*earlier, event(name)):
        world.stage(one)
    before = world.state
    for one in earlier:
        world.account.deliver(one)
    delivery = world.account.deliver(event(name))
    assert world.troubles == []
    assert any(rule.startswith(PLAYBOOKS[folder]) for rule in delivery.rules)
    assert {case.playbook for case in world.cases} <= {folder}
    if expected:
        _as_expected(world, expected)
    elif not earlier:
        assert world.case.stands is Stands.CONTAINED
    if earlier:
        assert world.case.stands in (Stands.RELEASED, Stands.RELEASING)
    else:
        _lets_go(world)
    assert world.state == before
    assert world.troubles == []


def _as_expected(world: World, expected: dict[str, Any]) -> None:
    if expected["outcome"] in ENDED:
        case = world.case
        assert case.stands is ENDED[expected["outcome"]]
        assert json.loads(json.dumps(case.plan.to_json())) == expected["plan"]


def _lets_go(world: World) -> None:
    for case in world.cases:
        if case.stands in HELD:
            assert world.release(case).stands is Stands.RELEASED
    assert world.holds == {}


@pytest.mark.parametrize("name", worlds(samples("nobody")))
def test_what_is_for_nobody_changes_nothing(world: World, name: str) -> None:
    world.stage(event(name))
    before = world.account.snapshot()
    delivery = world.account.deliver(event(name))
    assert world.troubles == []
    assert world.cases == []
    assert world.holds == {}
    assert world.acts(delivery) == []
    assert world.account.snapshot() == before


def test_most_samples_share_one_home() -> None:
    """Each home costs an account of its own."""
    homes = [home_of(event(name)) for name in samples()]
    assert sum(home.region == HOME[1] for home in homes) > len(homes) - 20
