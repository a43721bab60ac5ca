"""What a Distributed Map does and moto's does not: read a long listing, and fail of failures.

Step Functions Developer Guide, "Map state in Distributed mode", "ItemReader", "Setting failure
thresholds for Distributed Map states". What is not here either is in docs/embedded-account.md.
"""

import logging
from collections.abc import Callable
from importlib import import_module
from typing import Any

from embedded import redrives

_ASL = "moto.stepfunctions.parser.asl.component"
_MAP = f"{_ASL}.state.exec.state_map"


def install() -> None:
    """Change the interpreter. The caller does so once per process."""
    # It warns that ToleratedFailurePercentage has no effect there: here it has.
    logging.getLogger("moto.stepfunctions.parser.asl.parse.preprocessor").setLevel(logging.ERROR)
    reader = import_module(f"{_MAP}.item_reader.eval.resource_eval_s3").ResourceEvalS3
    reader._handle_list_objects_v2 = staticmethod(_listed(reader._get_s3_client))
    component = import_module(f"{_MAP}.iteration.distributed_iteration_component")
    kind = component.DistributedIterationComponent
    kind._map_run = _judged(kind._map_run)


def _listed(client_of: Callable[[Any, Any], Any]) -> Callable[[Any, Any, Any], None]:
    """All pages of the listing; moto's reads the first, and fails where there is nothing."""

    def handle(env: Any, part: Any, credentials: Any) -> None:
        pages = client_of(part, credentials).get_paginator("list_objects_v2")
        found = pages.paginate(**env.stack.pop())
        env.stack.append([one for page in found for one in page.get("Contents", ())])

    return handle


def _judged(original: Callable[[Any, Any, Any], None]) -> Callable[[Any, Any, Any], None]:
    """moto counts the items that fail, and the Map Run is a success however many they are."""

    def map_run(self: Any, env: Any, eval_input: Any) -> None:
        original(self, env, eval_input)
        counter = eval_input.map_run_record.item_counter
        failed, total = counter.failed.get(), counter.total.get()
        share = 100 * failed / total if total else 0
        tolerated = failed <= eval_input.tolerated_failure_count
        if redrives.is_stopped(env):
            return
        if not tolerated and share > eval_input.tolerated_failure_percentage:
            raise _exceeded(env)

    return map_run


def _exceeded(env: Any) -> Exception:
    events = import_module(f"{_ASL}.common.error_name.failure_event")
    names = import_module(f"{_ASL}.common.error_name.states_error_name")
    types = import_module(f"{_ASL}.common.error_name.states_error_name_type").StatesErrorNameType
    api = import_module("moto.stepfunctions.parser.api")
    detail = import_module("moto.stepfunctions.parser.asl.eval.event.event_detail").EventDetails
    name = names.StatesErrorName(typ=types.StatesExceedToleratedFailureThreshold)
    details = api.MapRunFailedEventDetails(
        error=name.error_name, cause="The specified tolerated failure threshold was exceeded"
    )
    event = events.FailureEvent(
        env=env,
        error_name=name,
        event_type=api.HistoryEventType.MapRunFailed,
        event_details=detail(mapRunFailedEventDetails=details),
    )
    raised: Exception = events.FailureEventException(failure_event=event)
    return raised
