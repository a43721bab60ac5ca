"""RedriveExecution, which moto lacks.

Step Functions API Reference, "RedriveExecution" (the sentence of its errors is ours). An execution
that has timed out could be redriven on AWS: here the run stops. There is no quota of
running executions here, so ExecutionLimitExceeded does not come.
"""

from datetime import datetime, timedelta
from typing import Any

from embedded import redrives
from embedded.backends.registry import NotModelled, Params, Refusal, Response, Where, implements
from embedded.backends.times import now

KEPT_TOKENS = 10
TOKEN_LASTS = timedelta(minutes=15)


@implements("stepfunctions", "RedriveExecution")
def redrive_execution(params: Params, where: Where) -> Response:
    """Let an execution that failed or was stopped go on. The same client token does so once."""
    from moto.stepfunctions.parser.models import stepfunctions_parser_backends

    arn, at = params["executionArn"], now()
    machines = stepfunctions_parser_backends[where.account][where.region].state_machines
    every: list[Any] = [one for machine in machines for one in machine.executions]
    found = next((one for one in every if one.execution_arn == arn), None)
    if found is None:
        raise Refusal("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
    tokens: dict[str, datetime] = found.__dict__.setdefault("tokens", {})
    before = tokens.get(params.get("clientToken", ""))
    if before is not None and at - before <= TOKEN_LASTS:
        return {"redriveDate": before}
    if why := redrives.not_redrivable(found, at):
        raise Refusal("ExecutionNotRedrivable", f"{arn}: {why}")
    if found.status not in ("FAILED", "ABORTED"):
        raise NotModelled(f"a redrive of an execution that is {found.status}")
    tokens[params.get("clientToken", "")] = at
    for token in list(tokens)[:-KEPT_TOKENS]:
        del tokens[token]
    found.redriven = [*getattr(found, "redriven", ()), at]
    redrives.restart(found, at)
    return {"redriveDate": at}
