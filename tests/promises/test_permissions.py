"""Nothing is granted and unused, nothing used and not granted: held against docs/permissions.json.

With RECORD in the environment, the record is written anew from what happens here.
"""

import os

import pytest

from console.permissions import used
from console.permissions.record import Record
from embedded.journal import Called
from tests.promises.forked import apart
from tests.promises.permission_scenarios import DEPLOYED, ROADS, Road
from tests.promises.world import ROOT, World

RECORDING = "RECORD" in os.environ


def seen(world: World, road: Road) -> used.Uses:
    """What is used on a road, none of its calls refused."""

    def all_roads() -> used.Uses:
        road(world)
        assert world.refused == []
        return used.uses(world.account.stack, world.account.journal.of(Called), ROOT)

    return dict(apart(all_roads))


@pytest.mark.world("enforce", **DEPLOYED)
@pytest.mark.parametrize("function", ROADS)
def test_used_permissions_match_the_record(world: World, function: str) -> None:
    every = used.merged(*(seen(world, road) for road in ROADS[function]))
    ours = {caller: every[caller] for caller in (function, "Workflow") if caller in every}
    if RECORDING:
        Record.read(ROOT).with_roads(function, ours).write(ROOT)
    assert ours == Record.read(ROOT).roads[function]


def test_record_names_exactly_the_roads() -> None:
    assert Record.read(ROOT).roads.keys() == ROADS.keys()
