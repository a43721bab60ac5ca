"""Looks up in the account which buckets must never be quarantined.

CloudTrail, Config and Bedrock invocation logging deliver the evidence of an attack to these
buckets. Closing one would help the attacker. Patterns that the operator protects are in
``settings``. All other deliveries of logs are not looked up: no denial of ours stops them
(``cordon.actions.s3.deny_statements.LOG_DELIVERY``).

What a look-up found is kept for ``FRESH`` in the function's container, by account and Region. So a
trail that was made in the last minutes may not be known; its deliveries are not stopped either.
Only what was found is kept, never a failure.

An account can forbid a look-up to everybody. Then the bucket's own policy says whether the
service may deliver into it (docs/decisions/0018).
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any

from botocore.exceptions import ClientError

from cordon import clock
from cordon.actions import Action
from cordon.actions.principals import raising_deleted
from cordon.attempt import insist
from cordon.clients import AwsClients, error_code
from cordon.concurrency import gather
from cordon.errors import ResourceDeleted

FRESH = timedelta(minutes=5)  # what was looked up is not looked up again
MOST_KEPT = 300  # look-ups, of all accounts and Regions together
# What says that a look-up is not allowed, rather than failed for the moment.
ACCESS_DENIED_CODES = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
PUTS = ("s3:putobject", "s3:putobject*", "s3:put*", "s3:*", "*")  # in lower case, as IAM compares
BUCKET = ":s3:::"


def resolve_arns(actions: tuple[Action, ...], aws: AwsClients) -> dict[str, str]:
    """The full ARN of each target from the account: findings name roles and users without path.

    A role or user that no longer exists keeps the ARN from the finding. Its action then reports
    that the resource is deleted. An access key is its user's: what protects the user protects it.
    """
    known = sorted({action.resource for action in actions if action.resource})
    resolved = gather(*(partial(_full_arn, arn, aws) for arn in known))
    return dict(zip(known, resolved, strict=True))


def _full_arn(arn: str, aws: AwsClients) -> str:
    kind, _, name = arn.partition(":iam::")[2].partition(":")[2].partition("/")
    if kind == "access-key":
        kind, name = "user", _owner(aws.client("iam"), name)
    if kind not in ("role", "user") or not name:
        return arn
    return _iam_arn(aws.client("iam"), kind, name) or arn


def _owner(iam: Any, key: str) -> str:
    """The user's name; "" where IAM names none (IAM API Reference, "GetAccessKeyLastUsed")."""

    def found() -> str:
        with raising_deleted(key):
            return str(iam.get_access_key_last_used(AccessKeyId=key).get("UserName", ""))

    try:
        return insist(found)
    except ResourceDeleted:
        return ""


def _iam_arn(iam: Any, kind: str, name: str) -> str:
    """Looked for again where IAM shows none: unknown, it would count as protected by nothing."""

    def found() -> str:
        with raising_deleted(name):
            if kind == "role":
                return str(iam.get_role(RoleName=name)["Role"]["Arn"])
            return str(iam.get_user(UserName=name)["User"]["Arn"])

    try:
        return insist(found)
    except ResourceDeleted:
        return ""


def protected_log_buckets(actions: tuple[Action, ...], aws: AwsClients) -> dict[str, str]:
    """The targets that receive logs, by ARN, and why each is protected.

    Raises the ClientError of a failed look-up; also where neither the look-up nor the reading of
    the bucket's policy is allowed. The protection is then unknown, and Cordon only observes.
    """
    buckets = {a.resource: a.place.account for a in actions if BUCKET in a.resource}
    if not buckets:
        return {}
    account = next(iter(buckets.values()))
    found = gather(*(partial(_receivers, source, account, aws) for source in SOURCES))
    protected: dict[str, str] = {}
    for source, names in zip(SOURCES, found, strict=True):
        for arn in buckets:
            name = arn.rpartition(":")[2]
            if names is not None and name in names:
                protected.setdefault(arn, f"{name} receives {source.what}")
    refused = [source for source, names in zip(SOURCES, found, strict=True) if names is None]
    for arn in sorted(buckets.keys() - protected.keys()) if refused else ():
        if why := _by_its_policy(arn, account, refused, aws):
            protected[arn] = why
    return protected


@dataclass(frozen=True)
class Source:
    """A service that delivers logs, and how to look up into which buckets."""

    service: str  # botocore's name
    principal: str  # the service principal that delivers
    what: str
    look_up: Callable[[AwsClients], Iterator[str]]
    not_everywhere: bool = False  # where it does not exist, it delivers nothing


def _trails(aws: AwsClients) -> Iterator[str]:
    for trail in aws.client("cloudtrail").describe_trails()["trailList"]:
        yield trail.get("S3BucketName", "")


def _delivery_channels(aws: AwsClients) -> Iterator[str]:
    for channel in aws.client("config").describe_delivery_channels()["DeliveryChannels"]:
        yield channel.get("s3BucketName", "")


def _invocation_logging(aws: AwsClients) -> Iterator[str]:
    response = aws.client("bedrock").get_model_invocation_logging_configuration()
    logging: Mapping[str, Any] = response.get("loggingConfig", {})
    for config in (logging, logging.get("cloudWatchConfig", {})):
        for key in ("s3Config", "largeDataDeliveryS3Config"):
            yield config.get(key, {}).get("bucketName", "")


SOURCES = (
    Source("cloudtrail", "cloudtrail.amazonaws.com", "the logs of CloudTrail", _trails),
    Source("config", "config.amazonaws.com", "the history of AWS Config", _delivery_channels),
    Source(
        "bedrock", "bedrock.amazonaws.com", "Bedrock invocation logs", _invocation_logging, True
    ),
)


@cache
def _kept() -> dict[tuple[str, str, str], tuple[datetime, frozenset[str]]]:
    """What was looked up in this container: service, account, Region → when, names of buckets."""
    return {}


def forget() -> None:
    """Look everything up anew, as a new container does."""
    _kept.cache_clear()


def _receivers(source: Source, account: str, aws: AwsClients) -> frozenset[str] | None:
    """The buckets that receive a service's logs. None where nobody may look it up."""
    key, kept = (source.service, account, aws.region), _kept()
    when, names = kept.get(key, (None, frozenset()))
    if when is not None and when <= clock.now() < when + FRESH:
        return names
    if source.not_everywhere and not aws.has_service(source.service):
        return frozenset()
    try:
        names = frozenset(source.look_up(aws)) - {""}
    except ClientError as error:
        if error_code(error) in ACCESS_DENIED_CODES:
            return None
        raise
    while len(kept) >= MOST_KEPT:
        kept.pop(next(iter(kept)), None)
    kept[key] = (clock.now(), names)
    return names


def _by_its_policy(arn: str, account: str, refused: list[Source], aws: AwsClients) -> str:
    """Why the bucket is protected, by its own policy; "" where that lets none of these deliver."""
    name = arn.rpartition(":")[2]
    try:
        bucket = {"Bucket": name, "ExpectedBucketOwner": account}
        policy = json.loads(aws.client("s3").get_bucket_policy(**bucket)["Policy"])
    except ClientError as error:
        if error_code(error) in ("NoSuchBucketPolicy", "NoSuchBucket"):
            return ""
        raise
    for source in refused:
        if any(_lets_deliver(statement, source.principal) for statement in _listed(policy)):
            return (
                f"the policy of {name} lets {source.principal} deliver {source.what}, "
                f"and the account allows nobody to look up where they go"
            )
    return ""


def _lets_deliver(statement: Mapping[str, Any], principal: str) -> bool:
    """An Allow for everybody is no delivery of logs."""
    named = statement.get("Principal")
    services = named.get("Service", []) if isinstance(named, Mapping) else []
    services = services if isinstance(services, list) else [services]
    actions = statement.get("Action", [])
    actions = actions if isinstance(actions, list) else [actions]
    return (
        statement.get("Effect") == "Allow"
        and bool({principal, f"{principal}.cn"} & set(services))
        and ("NotAction" in statement or any(a.lower() in PUTS for a in actions))
    )


def _listed(policy: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = policy.get("Statement", [])
    return found if isinstance(found, list) else [found]
