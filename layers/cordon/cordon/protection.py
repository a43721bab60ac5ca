"""Looks up in the account which buckets must never be quarantined.

CloudTrail, Config and Bedrock invocation logging deliver the evidence of an attack to these
buckets. Closing one would help the attacker. Patterns that the operator protects are in
``settings``.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from cordon.actions import Action
from cordon.clients import AwsClients, error_code
from cordon.concurrency import gather

PERMISSIONS = (
    "cloudtrail:DescribeTrails",
    "config:DescribeDeliveryChannels",
    "bedrock:GetModelInvocationLoggingConfiguration",
)


def resolve_arns(actions: tuple[Action, ...], aws: AwsClients) -> dict[str, str]:
    """The full ARN of each target from the account: findings name roles and users without path.

    A role or user that no longer exists keeps the ARN from the finding. Its action then reports
    that the resource is deleted.
    """
    known = sorted({action.resource for action in actions if action.resource})
    resolved = gather(*(partial(_full_arn, arn, aws) for arn in known))
    return dict(zip(known, resolved, strict=True))


def _full_arn(arn: str, aws: AwsClients) -> str:
    kind, _, name = arn.partition(":iam::")[2].partition(":")[2].partition("/")
    if kind not in ("role", "user"):
        return arn
    return _iam_arn(aws.client("iam"), kind, name) or arn


def _iam_arn(iam: Any, kind: str, name: str) -> str:
    try:
        if kind == "role":
            return str(iam.get_role(RoleName=name)["Role"]["Arn"])
        return str(iam.get_user(UserName=name)["User"]["Arn"])
    except ClientError as error:
        if error_code(error) == "NoSuchEntity":
            return ""
        raise


def protected_log_buckets(actions: tuple[Action, ...], aws: AwsClients) -> dict[str, str]:
    """Why buckets among the targets are protected, by their ARN.

    Raises the ClientError of a failed look-up. The protection is then unknown, and Cordon only
    observes.
    """
    buckets = {a.resource.rpartition(":")[2]: a.resource for a in actions if ":s3:::" in a.resource}
    if not buckets:
        return {}
    found: dict[str, str] = {}
    for name, reason in _log_buckets(aws):
        if name in buckets:
            found.setdefault(buckets[name], f"{name} {reason}")
    return found


def _log_buckets(aws: AwsClients) -> Iterator[tuple[str, str]]:
    trails, channels, logging = gather(
        lambda: aws.client("cloudtrail").describe_trails()["trailList"],
        lambda: aws.client("config").describe_delivery_channels()["DeliveryChannels"],
        lambda: _invocation_logging(aws),
    )
    for trail in trails:
        yield trail.get("S3BucketName", ""), "receives the logs of CloudTrail"
    for channel in channels:
        yield channel.get("s3BucketName", ""), "receives the history of AWS Config"
    for config in (logging, logging.get("cloudWatchConfig", {})):
        for key in ("s3Config", "largeDataDeliveryS3Config"):
            yield config.get(key, {}).get("bucketName", ""), "receives Bedrock invocation logs"


def _invocation_logging(aws: AwsClients) -> dict[str, Any]:
    if not aws.has_service("bedrock"):
        return {}
    response = aws.client("bedrock").get_model_invocation_logging_configuration()
    config: dict[str, Any] = response.get("loggingConfig", {})
    return config
