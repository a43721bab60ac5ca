"""How model invocations are logged in an account and Region, as a whole.

moto has these calls too; ours hold no state of moto's Bedrock, whose lists a snapshot would then
read, and refuse a bucket that does not exist. Sources: the service model of ``bedrock``; Amazon
Bedrock User Guide, "Monitor model invocation using CloudWatch Logs and Amazon S3".
"""

from typing import Any

from moto.s3.models import s3_backends

from embedded.backends.registry import Params, Refusal, Response, Where, implements, tables

LOGGING, CONFIG = "bedrock-invocation-logging", "loggingConfig"


def configured() -> dict[str, Any]:
    """What is logged, in every account and Region that logs."""
    return {name: one for table in tables(LOGGING) for name, one in sorted(table.items())}


@implements("bedrock", "PutModelInvocationLoggingConfiguration")
def put_model_invocation_logging_configuration(params: Params, where: Where) -> Response:
    """Replaces the whole."""
    given = params[CONFIG]
    large = given.get("cloudWatchConfig", {}).get("largeDataDeliveryS3Config", {})
    for one in (given.get("s3Config", {}), large):
        name = one.get("bucketName")
        if name and not _is_bucket(name):
            raise Refusal("ValidationException", f"The bucket {name} does not exist.")
    where.table(LOGGING)[_name(where)] = dict(given)
    return {}


@implements("bedrock", "GetModelInvocationLoggingConfiguration")
def get_model_invocation_logging_configuration(_params: Params, where: Where) -> Response:
    """Without a configuration there is no member."""
    found = where.table(LOGGING).get(_name(where))
    return {CONFIG: found} if found else {}


@implements("bedrock", "DeleteModelInvocationLoggingConfiguration")
def delete_model_invocation_logging_configuration(_params: Params, where: Where) -> Response:
    """Also where there is none."""
    where.table(LOGGING).pop(_name(where), None)
    return {}


def _is_bucket(name: str) -> bool:
    return name in s3_backends.bucket_accounts


def _name(where: Where) -> str:
    return where.arn("bedrock", "model-invocation-logging")
