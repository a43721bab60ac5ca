"""Suspend what S3 itself does to a bucket's objects, which no bucket policy stops."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from cordon.actions.s3.setting import BucketSetting, error_code
from cordon.clients import AwsClients


@dataclass(frozen=True)
class RuleSetting(BucketSetting):
    """A configuration of rules, each ``Enabled`` or ``Disabled``."""

    def with_ours(self, aws: AwsClients, base: Any) -> Any:
        if base is None:
            return None
        rules = [_disabled(r) if self.must_suspend(aws, r) else r for r in base["Rules"]]
        return {**base, "Rules": rules}

    def must_suspend(self, aws: AwsClients, rule: dict[str, Any]) -> bool:
        """Is this enabled rule one to suspend?"""
        raise NotImplementedError

    def without_ours(self, current: Any, base: Any) -> Any:
        """Rules that still are as we disabled them are enabled again; all others stay."""
        if current is None or base is None:
            return current
        were = {_key(rule) for rule in base["Rules"]}
        rules = [e if _key(e := _enabled(r)) in were else r for r in current["Rules"]]
        rest = {**current, "Rules": rules}
        return base if self.equal(rest, base) else rest

    def equal(self, one: Any, other: Any) -> bool:
        """The order of rules means nothing."""
        if one is None or other is None:
            return one is other
        return _sorted(one) == _sorted(other)


@dataclass(frozen=True)
class SuspendLifecycle(RuleSetting):
    """Every lifecycle rule disabled: nothing expires and nothing moves to another class.

    Source: Amazon S3 User Guide, "Expiring objects" (a bucket policy does not stop it);
    Amazon S3 API Reference, "PutBucketLifecycleConfiguration".
    """

    setting: ClassVar[str] = "lifecycle"
    permissions: ClassVar[tuple[str, ...]] = (
        "s3:GetLifecycleConfiguration",
        "s3:PutLifecycleConfiguration",
    )

    def must_suspend(self, aws: AwsClients, rule: dict[str, Any]) -> bool:
        return bool(rule["Status"] == "Enabled")

    def read(self, aws: AwsClients) -> Any:
        """Rules, and the smallest size that moves: left out, S3 would set its own default."""
        try:
            answer = aws.client("s3").get_bucket_lifecycle_configuration(**self._owned_bucket)
        except ClientError as error:
            if error_code(error) != "NoSuchLifecycleConfiguration":
                raise
            return None
        kept = ("Rules", "TransitionDefaultMinimumObjectSize")
        return json.loads(json.dumps({k: answer[k] for k in kept if k in answer}, default=_date))

    def write(self, aws: AwsClients, setting: Any) -> None:
        size = {k: v for k, v in setting.items() if k != "Rules"}
        aws.client("s3").put_bucket_lifecycle_configuration(
            **self._owned_bucket, LifecycleConfiguration={"Rules": setting["Rules"]}, **size
        )


@dataclass(frozen=True)
class SuspendReplication(RuleSetting):
    """Every replication rule to a bucket of another account disabled.

    ``Destination.Account`` tells nothing when it is missing: S3 wants it only where the replicas
    change hands. So S3 is asked whether we own the destination, and what cannot be shown to be
    ours is suspended.
    Source: Amazon S3 API Reference, "Destination", "PutBucketReplication" (iam:PassRole).
    """

    setting: ClassVar[str] = "replication"
    permissions: ClassVar[tuple[str, ...]] = (
        "iam:PassRole",  # the role in the configuration is passed again with every write
        "s3:GetBucketLocation",  # of the destinations
        "s3:GetReplicationConfiguration",
        "s3:PutReplicationConfiguration",
    )

    def must_suspend(self, aws: AwsClients, rule: dict[str, Any]) -> bool:
        if rule["Status"] != "Enabled":
            return False
        destination = rule["Destination"]
        other = destination.get("Account", self.place.account) != self.place.account
        return other or not self._owns(aws, destination["Bucket"])

    def read(self, aws: AwsClients) -> Any:
        try:
            answer = aws.client("s3").get_bucket_replication(**self._owned_bucket)
        except ClientError as error:
            if error_code(error) != "ReplicationConfigurationNotFoundError":
                raise
            return None
        return answer["ReplicationConfiguration"]

    def write(self, aws: AwsClients, setting: Any) -> None:
        aws.client("s3").put_bucket_replication(
            **self._owned_bucket, ReplicationConfiguration=setting
        )

    def _owns(self, aws: AwsClients, arn: str) -> bool:
        """Does S3 say that the account owns this bucket?"""
        prefix, _, name = arn.partition(":::")
        if prefix != f"arn:{self.place.partition}:s3":
            return False
        asked = {"Bucket": name, "ExpectedBucketOwner": self.place.account}
        try:
            aws.client("s3").get_bucket_location(**asked)
        except ClientError as error:
            if error_code(error) not in ("AccessDenied", "NoSuchBucket"):
                raise
            return False
        return True


def _enabled(rule: dict[str, Any]) -> dict[str, Any]:
    return {**rule, "Status": "Enabled"}


def _disabled(rule: dict[str, Any]) -> dict[str, Any]:
    return {**rule, "Status": "Disabled"}


def _key(rule: dict[str, Any]) -> str:
    return json.dumps(rule, sort_keys=True)


def _sorted(setting: dict[str, Any]) -> dict[str, Any]:
    return {**setting, "Rules": sorted(map(_key, setting["Rules"]))}


def _date(value: datetime) -> str:
    return value.isoformat()
