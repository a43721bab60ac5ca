"""Every five minutes: what is due for open cases, and what people have not been shown."""

from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger

from cordon.clients import clients_for
from cordon.headers import headers
from cordon.memory.table import Table
from cordon.reconciling.run import Incomplete, Run, text_of
from cordon.settings import Deployment

FUNCTIONS = Path(__file__).parents[1]
logger = Logger(service="reconcile_cases")


def handler(event: Any, context: Any) -> dict[str, Any]:
    """One run, whatever the event is: it carries nothing. Raises Incomplete at its end."""
    deployment = Deployment.from_environment()
    own = clients_for(deployment.account, deployment.region)
    run = Run(
        deployment=deployment,
        playbooks=tuple(headers(FUNCTIONS)),
        table=Table(own.client("dynamodb"), deployment.table),
        client=own.client,
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
    )
    summary = run.run()
    logger.info("reconciled", extra=summary.to_json())
    if summary.failed:
        raise Incomplete(text_of(summary.failed))
    return summary.to_json()
