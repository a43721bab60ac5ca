"""Every five minutes: what is due for open cases, and what people have not been shown.

The event carries nothing: whoever invokes it only lets it look earlier.
"""

from typing import Any

from aws_lambda_powertools import Logger

from cordon.clients import clients_for
from cordon.deployment import Deployment
from cordon.errors import RunIncomplete
from cordon.memory.table import Table
from cordon.reconciling.run import Run, text_of

# What this function must be given, beside what every function is.
NEEDS = (
    "CORDON_APPROVAL_HOURS",
    "CORDON_REPORTS_QUEUE",
    "CORDON_SECURITY_HUB",
    "CORDON_WORKFLOW",
)

logger = Logger(service="reconcile_cases")


def handler(event: Any, context: Any) -> dict[str, Any]:
    """One run. Raises RunIncomplete at its end, where something of it failed."""
    deployment = Deployment.from_environment(needs=NEEDS)
    own = clients_for(deployment.account, deployment.region)
    run = Run(
        deployment=deployment,
        table=Table(own.client("dynamodb"), deployment.table),
        client=own.client,
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
    )
    summary = run.run()
    logger.info("reconciled", extra=summary.to_json())
    if summary.failed:
        raise RunIncomplete(text_of(summary.failed))
    return summary.to_json()
