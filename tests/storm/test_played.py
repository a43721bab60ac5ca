"""The storm that is played in an embedded account, small; the bench plays the large one."""

from dataclasses import replace

import pytest

from bench.storm.played import play
from bench.storm.section import _played


@pytest.mark.timeout(600)
def test_many_deliveries_make_one_case_a_finding() -> None:
    played = play(6, 12)
    assert list(played.faults()) == []
    assert (played.deliveries, played.cases, played.incidents) == (72, 6, 6)
    assert (played.planned, played.holds) == (9, 9)  # a block and tags of 3 buckets, 3 roles
    assert "as it was before" in _played(played)
    for fault in (
        {"cases": 7},
        {"contained": 5},
        {"incidents": 12},
        {"released": 5},
        {"effects": {"s3:PutPublicAccessBlock": 10}},
        {"holds": 8},
        {"shared": 1},
        {"broken_chains": 1},
        {"holds_left": 1},
        {"restored": False},
        {"troubles": ["dead letter"]},
    ):
        assert len(list(replace(played, **fault).faults())) == 1
