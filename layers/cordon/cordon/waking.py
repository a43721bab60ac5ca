"""Starts a workflow for a case. It only wakes: what is to be done is read from the rows.

The same name again is the same execution, so whoever wakes names what for: two that wake for the
same thing start one execution. Source: AWS Step Functions API Reference, "StartExecution" (names
are at most 80 characters, and are kept for 90 days).
"""

import json
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from cordon.clients import error_code
from cordon.clock import now, to_iso

LONGEST_WAIT = timedelta(
    minutes=15
)  # of a workflow for a change; for longer, reconcile_cases wakes


def wake(
    states: Any,
    workflow: str,
    name: str,
    *,
    case: str,
    playbook: str,
    function: str,
    until: datetime | None = None,
) -> None:
    """Start the workflow (its ARN) under this name. ``until``: the moment that it first waits for.

    Raises the ClientError of states:StartExecution, unless an execution of this name exists.
    """
    named = {"case": case, "playbook": playbook, "function": function}
    moment = {"until": to_iso(until)} if until is not None else {}
    try:
        states.start_execution(
            stateMachineArn=workflow, name=name, input=json.dumps({**named, **moment})
        )
    except ClientError as error:
        if error_code(error) != "ExecutionAlreadyExists":
            raise


def soon(until: datetime) -> bool:
    """Is the moment so near that a workflow waits for it? One that has passed is not waited for."""
    return timedelta(0) < until - now() <= LONGEST_WAIT
