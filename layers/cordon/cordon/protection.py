"""Buckets that must never be quarantined, found by asking the account itself.

A bucket that CloudTrail, Config or Bedrock invocation logging delivers to is where the evidence
of an attack arrives: to shut it helps the attacker. Configured patterns are in ``settings``.
"""

from collections.abc import Iterator

from cordon.actions import Action
from cordon.clients import Aws

PERMISSIONS = (
    "cloudtrail:DescribeTrails",
    "config:DescribeDeliveryChannels",
    "bedrock:GetModelInvocationLoggingConfiguration",
)


def looked_up(actions: tuple[Action, ...], aws: Aws) -> str:
    """Why a bucket among the targets is protected; "" when none is.

    Raises the ClientError of a look-up that failed: then nobody can tell, and we only observe.
    """
    names = {a.resource.rpartition(":")[2] for a in actions if ":s3:::" in a.resource}
    if not names:
        return ""
    for name, reason in _log_buckets(aws):
        if name in names:
            return f"{name} {reason}"
    return ""


def _log_buckets(aws: Aws) -> Iterator[tuple[str, str]]:
    for trail in aws.client("cloudtrail").describe_trails()["trailList"]:
        yield trail.get("S3BucketName", ""), "receives the logs of CloudTrail"
    channels = aws.client("config").describe_delivery_channels()
    for channel in channels["DeliveryChannels"]:
        yield channel.get("s3BucketName", ""), "receives the history of AWS Config"
    if not aws.offers("bedrock"):
        return
    logging = aws.client("bedrock").get_model_invocation_logging_configuration()
    config = logging.get("loggingConfig", {})
    for where in (config, config.get("cloudWatchConfig", {})):
        for key in ("s3Config", "largeDataDeliveryS3Config"):
            yield where.get(key, {}).get("bucketName", ""), "receives Bedrock invocation logs"
