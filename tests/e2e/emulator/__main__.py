"""An AWS account to deploy into, on this machine: ministack, mended, with a shelf beside it.

    python tests/e2e/emulator PORT

ministack plays S3, IAM, STS, Lambda, EventBridge, SQS, SNS, DynamoDB, SSM, Step Functions, Logs,
CloudWatch and CloudFormation, with IAM enforced. What it lacks is on the shelf. Everything
is in memory, and nothing on the disk is changed.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
# A thousandth: four hours to approve are fourteen seconds, one hour of an old session is four.
SLOWNESS = "0.001"


def main(port: str) -> None:
    """Serve until the process ends."""
    os.environ.update(
        AUTH="true",
        BIND_HOST="127.0.0.1",
        GATEWAY_PORT=port,
        IOT_MTLS_ENABLED="0",
        LAMBDA_ASYNC_RETRY_BASE_SECONDS="0.05",  # and until no function runs: tries.py
        LAMBDA_ASYNC_RETRY_MAX_SECONDS="0.05",
        SFN_WAIT_SCALE=SLOWNESS,
        AWS_DEFAULT_REGION="us-east-1",
        AWS_EC2_METADATA_DISABLED="true",
    )
    sys.path[:0] = [str(ROOT), str(ROOT / "layers" / "cordon")]

    import yaml

    yaml.SafeLoader = (
        yaml.CSafeLoader
    )  # libyaml's: a template is read several times in a deployment

    import calls  # after the environment: ministack reads it when it is imported
    import control
    import http_api
    import ministack.app
    import repairs
    import schedules
    import shelf
    import stacks
    import streams
    import tries

    repairs.install()
    tries.install()
    calls.install()
    streams.install()
    http_api.install()
    schedules.install()
    stacks.install()
    shelf.install()
    control.install()
    sys.argv = sys.argv[:1]
    ministack.app.main()


if __name__ == "__main__":
    main(sys.argv[1])
