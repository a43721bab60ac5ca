"""Suspend S3's own lifecycle and replication of a bucket, which no bucket policy stops.

written   ``{<setting>: digest | None, "base": digest | None}``, and ``"enabled": [digest, …]``
          where a person has changed the rules: those that Cordon suspended and did not capture

A bucket can have a thousand rules: hundreds of KB. So nothing is noted that can be made again.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from cordon.actions.action import Json
from cordon.actions.grants import Grant, Statement
from cordon.actions.policy_text import listed
from cordon.actions.s3.general_purpose import BUCKETS, CONTAIN_BUCKETS, READ_BUCKETS
from cordon.actions.s3.setting import BucketSetting
from cordon.clients import AwsClients, error_code


@dataclass(frozen=True)
class RuleSetting(BucketSetting):
    """A setting with rules that are each ``Enabled`` or ``Disabled``."""

    def with_ours(self, aws: AwsClients, base: Any) -> Any:
        if base is None:
            return None
        rules = [_disabled(r) if self.must_suspend(aws, r) else r for r in base["Rules"]]
        return {**base, "Rules": rules}

    def must_suspend(self, aws: AwsClients, rule: dict[str, Any]) -> bool:
        """Must this rule be suspended?"""
        raise NotImplementedError

    def _base(self, current: Any, captured: Json, written: Json | None) -> Any:
        """Enable the rules that Cordon disabled and nobody changed. Keep all others."""
        before = captured[self.setting]
        if current is None:
            return None
        enabled = {_digest(rule) for rule in (before or {"Rules": []})["Rules"]}
        enabled |= set((written or {}).get("enabled", ()))
        rules = [e if _digest(e := _enabled(r)) in enabled else r for r in current["Rules"]]
        without = {**current, "Rules": rules}
        return before if self.equal(without, before) else without

    def _changed_base(self, base: Any, captured: Json) -> dict[str, Any]:
        before = captured[self.setting]
        if base is None or self.equal(base, before):
            return {}
        known = {_digest(rule) for rule in (before or {"Rules": []})["Rules"]}
        enabled = {_digest(rule) for rule in base["Rules"] if rule["Status"] == "Enabled"}
        return {"enabled": sorted(enabled - known)}

    def mark(self, setting: Any) -> Any:
        return None if setting is None else _digest(_sorted(setting))

    def not_written(self, current: Any, written: Json) -> str:
        rules = current["Rules"] if current else []
        enabled = [str(rule.get("ID", "")) for rule in rules if rule["Status"] == "Enabled"]
        return (
            f"{self.setting} differs from what was written; enabled rules: "
            f"{listed(enabled) or 'none'}"
        )

    def equal(self, left: Any, right: Any) -> bool:
        """Equal apart from the order of the rules."""
        if left is None or right is None:
            return left is right
        return _sorted(left) == _sorted(right)


@dataclass(frozen=True)
class SuspendLifecycle(RuleSetting):
    """Disable every lifecycle rule: no object expires or moves to another storage class.

    Source: Amazon S3 User Guide, "Expiring objects" (a bucket policy does not stop it);
    Amazon S3 API Reference, "PutBucketLifecycleConfiguration".
    """

    setting: ClassVar[str] = "lifecycle"
    grants: ClassVar[tuple[Grant, ...]] = (
        READ_BUCKETS.allows("s3:GetLifecycleConfiguration"),
        CONTAIN_BUCKETS.allows("s3:PutLifecycleConfiguration"),
    )

    @property
    def in_words(self) -> str:
        return "disables every lifecycle rule: no object expires or moves to another storage class"

    def must_suspend(self, aws: AwsClients, rule: dict[str, Any]) -> bool:
        return bool(rule["Status"] == "Enabled")

    def read(self, aws: AwsClients) -> Any:
        """The rules and the minimum transition size: without the size S3 would set its default."""
        try:
            response = aws.client("s3").get_bucket_lifecycle_configuration(**self._owned_bucket)
        except ClientError as error:
            if error_code(error) != "NoSuchLifecycleConfiguration":
                raise
            return None
        kept = ("Rules", "TransitionDefaultMinimumObjectSize")
        return json.loads(
            json.dumps({k: response[k] for k in kept if k in response}, default=_date)
        )

    def write(self, aws: AwsClients, setting: Any) -> None:
        size = {k: v for k, v in setting.items() if k != "Rules"}
        aws.client("s3").put_bucket_lifecycle_configuration(
            **self._owned_bucket, LifecycleConfiguration={"Rules": setting["Rules"]}, **size
        )


CHECK_REPLICA_OWNER = Statement(
    "CheckReplicaOwner",  # of buckets of any account: it shows whether they are ours
    BUCKETS,
    "whether the account owns a replication destination",
)
PASS_REPLICATION_ROLE = Statement(
    "PassReplicationRole",
    "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/*",
    "writing a replication configuration passes its role",
    {"StringEquals": {"iam:PassedToService": "s3.amazonaws.com"}},
)


@dataclass(frozen=True)
class SuspendReplication(RuleSetting):
    """Disable every replication rule whose destination is a bucket of another account.

    A missing ``Destination.Account`` proves nothing: S3 needs it only if the replicas change owner.
    So Cordon checks with S3 who owns the destination. It suspends the rule unless S3 confirms that
    the owner is this account.
    Source: Amazon S3 API Reference, "Destination", "PutBucketReplication" (iam:PassRole).
    """

    setting: ClassVar[str] = "replication"
    grants: ClassVar[tuple[Grant, ...]] = (
        READ_BUCKETS.allows("s3:GetReplicationConfiguration"),
        CONTAIN_BUCKETS.allows("s3:PutReplicationConfiguration"),
        CHECK_REPLICA_OWNER.allows("s3:GetBucketLocation"),
        PASS_REPLICATION_ROLE.allows("iam:PassRole"),
    )

    @property
    def in_words(self) -> str:
        return "disables replication to every bucket that S3 does not confirm as this account's"

    def must_suspend(self, aws: AwsClients, rule: dict[str, Any]) -> bool:
        if rule["Status"] != "Enabled":
            return False
        destination = rule["Destination"]
        foreign = destination.get("Account", self.place.account) != self.place.account
        return foreign or not self._owns(aws, destination["Bucket"])

    def read(self, aws: AwsClients) -> Any:
        try:
            response = aws.client("s3").get_bucket_replication(**self._owned_bucket)
        except ClientError as error:
            if error_code(error) != "ReplicationConfigurationNotFoundError":
                raise
            return None
        return response["ReplicationConfiguration"]

    def write(self, aws: AwsClients, setting: Any) -> None:
        aws.client("s3").put_bucket_replication(
            **self._owned_bucket, ReplicationConfiguration=setting
        )

    def _owns(self, aws: AwsClients, arn: str) -> bool:
        """Does S3 confirm that the account owns this bucket?"""
        prefix, _, name = arn.partition(":::")
        if prefix != f"arn:{self.place.partition}:s3":
            return False
        params = {"Bucket": name, "ExpectedBucketOwner": self.place.account}
        try:
            aws.client("s3").get_bucket_location(**params)
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


def _digest(value: dict[str, Any]) -> str:
    return sha256(_key(value).encode()).hexdigest()


def _sorted(setting: dict[str, Any]) -> dict[str, Any]:
    return {**setting, "Rules": sorted(map(_key, setting["Rules"]))}


def _date(value: datetime) -> str:
    return value.isoformat()
