"""Every day: which chains of evidence grew, and where each ends. See ``cordon.digesting``.

The event carries nothing: whoever invokes it only has the next digest written earlier.
"""

from typing import Any

from aws_lambda_powertools import Logger

from cordon.clients import clients_for
from cordon.deployment import Deployment
from cordon.digesting.run import Run

# What this function must be given, beside what every function is.
NEEDS = (
    "CORDON_DIGEST_KEY",
    "CORDON_EVIDENCE_BUCKET",
)

logger = Logger(service="digest_evidence")


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Write the digests that are missing."""
    deployment = Deployment.from_environment(needs=NEEDS)
    own = clients_for(deployment.account, deployment.region)
    kms = own.client("kms") if deployment.digest_key else None
    summary = Run(deployment, own.client("s3"), kms).run()
    logger.info("digested", extra=summary.to_json())
    return summary.to_json()
