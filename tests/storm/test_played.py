"""The storm that is played in an embedded account, small; the bench plays the large one."""

from dataclasses import replace

import pytest

from bench.storm.played import play
from bench.storm.section import _played


@pytest.mark.timeout(600)
def test_many_deliveries_make_one_case_a_finding() -> None:
    played = play(4, 8)
    assert list(played.faults()) == []
    assert (played.deliveries, played.cases, played.incidents) == (32, 4, 4)
    assert (played.planned, played.holds) == (6, 6)  # a block and tags of 2 buckets, 2 roles
    assert "as it was before" in _played(played)
    for fault in (
        {"cases": 5},
        {"contained": 3},
        {"incidents": 8},
        {"released": 3},
        {"effects": {"s3:PutPublicAccessBlock": 7}},
        {"holds": 5},
        {"shared": 1},
        {"broken_chains": 1},
        {"holds_left": 1},
        {"restored": False},
        {"troubles": ["dead letter"]},
    ):
        assert len(list(replace(played, **fault).faults())) == 1
