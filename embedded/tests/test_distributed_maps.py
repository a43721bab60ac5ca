"""A Distributed Map reads a listing to its end, and fails of more failures than it tolerates."""

from types import SimpleNamespace
from typing import Any

import pytest
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEventException,
)

from embedded import distributed_maps


def test_listing_is_read_to_its_end() -> None:
    """Step Functions Developer Guide, "ItemReader": every object with the prefix is an item."""
    pages: tuple[dict[str, list[dict[str, str]]], ...] = (
        {"Contents": [{"Key": "a"}]},
        {},
        {"Contents": [{"Key": "b"}, {"Key": "c"}]},
    )
    paginator = SimpleNamespace(paginate=lambda **given: pages if given == {"Bucket": "x"} else ())
    client = SimpleNamespace(get_paginator=lambda name: {"list_objects_v2": paginator}[name])
    env = SimpleNamespace(stack=[{"Bucket": "x"}])
    distributed_maps._listed(lambda *_: client)(env, None, None)
    assert env.stack == [[{"Key": "a"}, {"Key": "b"}, {"Key": "c"}]]
    nothing = SimpleNamespace(stack=[{"Bucket": "empty"}])
    distributed_maps._listed(lambda *_: client)(nothing, None, None)
    assert nothing.stack == [[]]


def run(failed: int, total: int, percentage: float, count: int = 0) -> None:
    """A Map Run with so many failures of so many items."""

    def counter(value: int) -> Any:
        return SimpleNamespace(get=lambda: value)

    items = SimpleNamespace(failed=counter(failed), total=counter(total))
    given = SimpleNamespace(
        map_run_record=SimpleNamespace(item_counter=items),
        tolerated_failure_count=count,
        tolerated_failure_percentage=percentage,
    )
    history = SimpleNamespace(source_event_id=0)
    env = SimpleNamespace(
        next_state_name="Map", event_history_context=history, program_state=lambda: None
    )
    distributed_maps._judged(lambda *_: None)(None, env, given)


@pytest.mark.parametrize("given", [(0, 0, 0.0), (0, 9, 0.0), (1, 20, 5.0), (2, 9, 0.0, 2)])
def test_tolerated_failures_fail_nothing(given: Any) -> None:
    run(*given)


@pytest.mark.parametrize("given", [(1, 9, 0.0), (2, 20, 5.0), (3, 9, 0.0, 2)])
def test_more_failures_fail_the_map_run(given: Any) -> None:
    with pytest.raises(FailureEventException) as raised:
        run(*given)
    name = raised.value.failure_event.error_name
    assert name is not None and name.error_name == "States.ExceedToleratedFailureThreshold"
