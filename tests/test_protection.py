"""Which buckets receive logs: looked up, kept for minutes, or said by the bucket's own policy."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cordon import clock, protection
from cordon.actions import Action
from cordon.actions.exposed_key import DisableExposedKey
from cordon.actions.iam import RevokeRoleSessions, RevokeUserSessions
from cordon.actions.s3 import BlockPublicAccess
from cordon.clients import AwsClients
from cordon.protection import FRESH, protected_log_buckets, resolve_arns
from tests.actions.scenario import CREDENTIALS, PLACE, account, stub

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
LOOK_UPS = {
    "cloudtrail": "DescribeTrails",
    "config": "DescribeDeliveryChannels",
    "bedrock": "GetModelInvocationLoggingConfiguration",
}
PRINCIPALS = {service: f"{service}.amazonaws.com" for service in LOOK_UPS}
Calls = list[str]


@pytest.fixture(autouse=True)
def new_container() -> Iterator[None]:
    protection.forget()
    yield
    protection.forget()


@pytest.fixture
def aws() -> Iterator[AwsClients]:
    with account() as clients:
        yield clients


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The time is its last item."""
    moments = [NOW]
    monkeypatch.setattr(clock, "now", lambda: moments[-1])
    return moments


def targets(*names: str) -> tuple[Action, ...]:
    return tuple(BlockPublicAccess(PLACE, name) for name in names)


def responses(aws: AwsClients, **by_service: Any) -> Calls:
    """What the look-ups say, a list one after the other; the services that were called."""
    calls: Calls = []
    empty: dict[str, Any] = {
        "cloudtrail": {"trailList": []},
        "config": {"DeliveryChannels": []},
        "bedrock": {},
    }
    for service, operation in LOOK_UPS.items():
        said = by_service.get(service, empty[service])

        def respond(_: object, service: str = service, said: Any = said) -> Any:
            calls.append(service)
            return said.pop(0) if isinstance(said, list) else said

        stub(aws, service, operation, respond)
    return calls


TRAIL = {"trailList": [{"Name": "all", "S3BucketName": "logs"}, {"Name": "to-a-group"}]}
CHANNEL = {"DeliveryChannels": [{"name": "default", "s3BucketName": "history"}]}
LOGGING = {
    "loggingConfig": {
        "s3Config": {"bucketName": "prompts"},
        "cloudWatchConfig": {
            "logGroupName": "x",
            "roleArn": "arn:aws:iam::123456789012:role/x",
            "largeDataDeliveryS3Config": {"bucketName": "large-prompts"},
        },
    }
}


def test_every_receiver_is_named_with_its_reason(aws: AwsClients) -> None:
    responses(aws, cloudtrail=TRAIL, config=CHANNEL, bedrock=LOGGING)
    names = ("data", "logs", "history", "prompts", "large-prompts")
    assert protected_log_buckets(targets(*names), aws) == {
        "arn:aws:s3:::logs": "logs receives the logs of CloudTrail",
        "arn:aws:s3:::history": "history receives the history of AWS Config",
        "arn:aws:s3:::prompts": "prompts receives Bedrock invocation logs",
        "arn:aws:s3:::large-prompts": "large-prompts receives Bedrock invocation logs",
    }


OWNER = DisableExposedKey(PLACE, "AKIAIOSFODNN7EXAMPLE")
ROLE, USER = RevokeRoleSessions(PLACE, "scorer"), RevokeUserSessions(PLACE, "ada")


@pytest.mark.parametrize(
    ("action", "operation"),
    [(ROLE, "GetRole"), (USER, "GetUser"), (OWNER, "GetAccessKeyLastUsed"), (OWNER, "GetUser")],
)
def test_whom_one_reading_does_not_show_is_looked_up_again(
    aws: AwsClients, monkeypatch: pytest.MonkeyPatch, action: Action, operation: str
) -> None:
    """Without its path, no pattern that protects the path would protect it."""
    monkeypatch.setattr("cordon.attempt.sleep", lambda _: None)
    arn = f"arn:aws:iam::{PLACE.account}:{'role' if action is ROLE else 'user'}/prod/x"
    shown: dict[str, Any] = {
        "GetRole": {"Role": {"Arn": arn}},
        "GetUser": {"User": {"Arn": arn}},
        "GetAccessKeyLastUsed": {"UserName": "ada", "AccessKeyLastUsed": {}},
    }
    old: Calls = ["NoSuchEntity"]
    for name, said in shown.items():
        stub(aws, "iam", name, lambda _, n=name, s=said: old.pop() if n == operation and old else s)  # type: ignore[misc]
    assert resolve_arns((action,), aws) == {action.resource: arn}


def test_without_buckets_nothing_is_looked_up(aws: AwsClients) -> None:
    calls = responses(aws)
    assert protected_log_buckets((), aws) == {}
    assert calls == []


# Kept


def test_a_warm_container_looks_nothing_up(aws: AwsClients, time: list[datetime]) -> None:
    calls = responses(aws, cloudtrail=TRAIL)
    first = protected_log_buckets(targets("logs"), aws)
    assert sorted(calls) == sorted(LOOK_UPS)
    time.append(NOW + FRESH - timedelta(seconds=1))
    assert protected_log_buckets(targets("logs"), aws) == first
    assert protected_log_buckets(targets("data"), aws) == {}
    assert len(calls) == len(LOOK_UPS)


def test_what_is_old_is_looked_up_again(aws: AwsClients, time: list[datetime]) -> None:
    calls = responses(aws)
    protected_log_buckets(targets("logs"), aws)
    time.append(NOW + FRESH)
    protected_log_buckets(targets("logs"), aws)
    time.append(NOW)  # a clock that was put back
    protected_log_buckets(targets("logs"), aws)
    assert len(calls) == 3 * len(LOOK_UPS)


def test_each_account_and_region_is_looked_up(aws: AwsClients, time: list[datetime]) -> None:
    elsewhere = AwsClients("eu-west-1", CREDENTIALS)
    calls, others = responses(aws), responses(elsewhere)
    protected_log_buckets(targets("logs"), aws)
    protected_log_buckets(targets("logs"), elsewhere)
    assert (len(calls), len(others)) == (3, 3)
    theirs = BlockPublicAccess(type(PLACE)("aws", "999988887777", "us-east-1"), "logs")
    protected_log_buckets((theirs,), aws)
    assert len(calls) == 6


def test_a_failure_is_not_kept(aws: AwsClients, time: list[datetime]) -> None:
    responses(aws, config=["ThrottlingException", CHANNEL])
    with pytest.raises(ClientError, match="ThrottlingException"):
        protected_log_buckets(targets("history"), aws)
    assert list(protected_log_buckets(targets("history"), aws)) == ["arn:aws:s3:::history"]


def test_a_refusal_is_not_kept(aws: AwsClients, time: list[datetime]) -> None:
    responses(aws, cloudtrail=["AccessDenied", TRAIL])
    assert protected_log_buckets(targets("logs"), aws) == {}
    assert list(protected_log_buckets(targets("logs"), aws)) == ["arn:aws:s3:::logs"]


def test_what_is_kept_has_an_end(
    aws: AwsClients, time: list[datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protection, "MOST_KEPT", 6)
    calls = responses(aws)
    for number in range(10):
        place = type(PLACE)("aws", f"{number:012}", "us-east-1")
        protected_log_buckets((BlockPublicAccess(place, "logs"),), aws)
    assert len(protection._kept()) == 6
    protected_log_buckets((BlockPublicAccess(place, "logs"),), aws)
    assert len(calls) == 30


# Refused look-ups (B14)


def with_policy(aws: AwsClients, *statements: dict[str, Any]) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="data")
    if statements:
        document = {"Version": "2012-10-17", "Statement": [*statements]}
        s3.put_bucket_policy(Bucket="data", Policy=json.dumps(document))


def delivery(service: str, **changes: Any) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": PRINCIPALS[service]},
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::data/*",
        **changes,
    }


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException"])
@pytest.mark.parametrize("service", LOOK_UPS)
@pytest.mark.parametrize("statements", [0, 1], ids=["no-policy", "another"])
def test_a_refused_look_up_is_not_unknown(
    aws: AwsClients, service: str, code: str, statements: int
) -> None:
    """Where the service may not deliver into the bucket, nothing is closed that receives logs."""
    responses(aws, **{service: code})
    others = [delivery(service, Principal={"Service": "logging.s3.amazonaws.com"})]
    with_policy(aws, *others[:statements])
    assert protected_log_buckets(targets("data"), aws) == {}


@pytest.mark.parametrize("service", LOOK_UPS)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"Action": ["s3:GetBucketAcl", "S3:Put*"], "Resource": "arn:aws:s3:::data/*"},
        {"Action": "s3:*"},
        {"Principal": {"Service": ["cloudtrail", "config", "bedrock"], "AWS": "123456789012"}},
    ],
)
def test_where_a_look_up_is_refused_the_buckets_policy_says_it(
    aws: AwsClients, service: str, changes: dict[str, Any]
) -> None:
    responses(aws, **{service: "AccessDenied"})
    services = changes.get("Principal", {}).get("Service", [])
    named = {"Principal": {"Service": [PRINCIPALS[s] for s in services]}} if services else {}
    with_policy(aws, delivery(service, **{**changes, **named}))
    protected = protected_log_buckets(targets("data"), aws)
    assert list(protected) == ["arn:aws:s3:::data"]
    assert PRINCIPALS[service] in protected["arn:aws:s3:::data"]


@pytest.mark.parametrize(
    "changes",
    [{"Effect": "Deny"}, {"Action": "s3:GetObject"}, {"Principal": "*"}],
    ids=["deny", "reads", "everybody"],
)
def test_no_other_statement_is_a_delivery(aws: AwsClients, changes: dict[str, Any]) -> None:
    """An attacker who opens a bucket to everybody does not protect it."""
    responses(aws, bedrock="AccessDeniedException")
    with_policy(aws, delivery("bedrock", **changes))
    assert protected_log_buckets(targets("data"), aws) == {}


def test_a_service_that_was_looked_up_is_not_taken_from_the_policy(aws: AwsClients) -> None:
    responses(aws, bedrock="AccessDeniedException")
    with_policy(aws, delivery("cloudtrail"))
    assert protected_log_buckets(targets("data"), aws) == {}


def test_where_the_policy_is_refused_too_it_is_unknown(aws: AwsClients) -> None:
    responses(aws, cloudtrail="AccessDeniedException")
    with_policy(aws)
    stub(aws, "s3", "GetBucketPolicy", lambda _: "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        protected_log_buckets(targets("data"), aws)


def test_no_policy_is_read_where_nothing_was_refused(aws: AwsClients) -> None:
    responses(aws)
    read: Calls = []
    stub(aws, "s3", "GetBucketPolicy", lambda _: read.append("read"))
    assert protected_log_buckets(targets("data"), aws) == {}
    assert read == []
