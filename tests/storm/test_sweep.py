"""The simulated sweep: it ends, nothing is lost, and what is live does not wait behind it."""

import pytest

from bench.storm import numbers as template
from bench.storm.backlog import FINDINGS, LIVE, Swept, live
from bench.storm.reporter import OBSERVED
from bench.storm.scenarios import BUDGET
from bench.storm.simulation import Conditions, Storm
from console.account import ROOT
from cordon.sweeping.sending import MOST_WAITING

COUNT = 4_000


@pytest.fixture(scope="module")
def storm() -> Storm:
    return Swept(LIVE, Conditions(template.read(ROOT), BUDGET), COUNT).run()


def test_everything_is_observed_and_shown(storm: Storm) -> None:
    assert (storm.lost, storm.dead.total(), storm.outcomes[OBSERVED]) == (0, 0, COUNT)
    assert all(case.reported_at is not None for case in storm.cases)


def test_queue_holds_no_more_than_a_few_pages(storm: Storm) -> None:
    assert MOST_WAITING < storm.deepest <= 3 * MOST_WAITING < FINDINGS


@pytest.mark.parametrize(("threats", "within"), [(True, 5.0), (False, 60.0)])
def test_what_is_live_does_not_wait(storm: Storm, threats: bool, within: float) -> None:
    found = live(storm, threats=threats)
    assert found is not None and found.most < within
