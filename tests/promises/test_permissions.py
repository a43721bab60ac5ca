"""Nothing is granted and unused, nothing used and not granted: held against docs/permissions.json.

With RECORD in the environment, the record is written anew from what happens here.
"""

import os

import pytest

from console.permissions import used
from console.permissions.record import Record
from embedded.journal import Called
from tests.promises.permission_scenarios import DEPLOYED, ROADS, Road
from tests.promises.world import ROOT, Anew

RECORDING = "RECORD" in os.environ


def seen(anew: Anew, road: Road) -> used.Uses:
    """What is used on a road, none of its calls refused."""
    with anew() as world:
        road(world)
        assert world.refused == []
        return used.uses(world.account.stack, world.account.journal.of(Called), ROOT)


@pytest.mark.drawn(1 / 10)
@pytest.mark.world("enforce", **DEPLOYED)
@pytest.mark.parametrize("function", ROADS)
def test_used_permissions_match_the_record(anew: Anew, function: str) -> None:
    every = used.merged(*(seen(anew, road) for road in ROADS[function]))
    ours = {caller: every[caller] for caller in (function, "Workflow", "Sweep") if caller in every}
    if RECORDING:
        Record.read(ROOT).with_roads(function, ours).write(ROOT)
    assert ours == Record.read(ROOT).roads[function]


def test_record_names_exactly_the_roads() -> None:
    assert Record.read(ROOT).roads.keys() == ROADS.keys()
