"""Scenarios of settings that were deleted or replaced, and of which a baseline has the document."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from console.staging.baseline import BUCKET, GUARDRAIL_ID, OLDER, THEIRS, VERSION, baseline_of
from cordon.actions.action import Undone
from cordon.actions.put_back import RestoreEnforcedGuardrail, RestoreInvocationLogging
from cordon.baseline import GUARDRAIL, LOGGING
from cordon.clients import AwsClients
from embedded import backends
from embedded.backends import guardrails
from tests.actions.scenario import PLACE, Scenario

backends.install()  # before any session is made, which is in the first test

TAKEN = baseline_of(PLACE)
LOGS = RestoreInvocationLogging(PLACE, TAKEN.of(LOGGING) or {})
ENFORCED = RestoreEnforcedGuardrail(PLACE, TAKEN.of(GUARDRAIL) or {})
HERE = backends.here(PLACE.account, PLACE.region)


def buckets(aws: AwsClients) -> None:
    for name in (BUCKET, THEIRS):
        aws.client("s3").create_bucket(Bucket=name)


def logging_to(**config: Any) -> Callable[[AwsClients], None]:
    def put(aws: AwsClients) -> None:
        aws.client("bedrock").put_model_invocation_logging_configuration(loggingConfig=config)

    return put


def then(*steps: Callable[[AwsClients], None]) -> Callable[[AwsClients], None]:
    def prepare(aws: AwsClients) -> None:
        for step in steps:
            step(aws)

    return prepare


def delete_logging(aws: AwsClients) -> None:
    aws.client("bedrock").delete_model_invocation_logging_configuration()


def read_logging(aws: AwsClients) -> Any:
    found = aws.client("bedrock").get_model_invocation_logging_configuration()
    return found.get("loggingConfig")


def versions(aws: AwsClients) -> None:
    for version in (OLDER, VERSION):
        guardrails.is_there(GUARDRAIL_ID, version, HERE)


def enforce(version: str, **settings: Any) -> Callable[[AwsClients], None]:
    def put(aws: AwsClients) -> None:
        found = read_enforced(aws)
        named = {"configId": found[0]["configId"]} if found else {}
        config = {"guardrailIdentifier": GUARDRAIL_ID, "guardrailVersion": version, **settings}
        bedrock = aws.client("bedrock")
        bedrock.put_enforced_guardrail_configuration(**named, guardrailInferenceConfig=config)

    return put


def delete_enforced(aws: AwsClients) -> None:
    for one in read_enforced(aws):
        aws.client("bedrock").delete_enforced_guardrail_configuration(configId=one["configId"])


def read_enforced(aws: AwsClients) -> Any:
    return aws.client("bedrock").list_enforced_guardrails_configuration()["guardrailsConfig"]


_ELSEWHERE = logging_to(s3Config={"bucketName": THEIRS}, textDataDeliveryEnabled=False)
_TAKEN = logging_to(**LOGS.document)
DELETED = Scenario(
    "deleted",
    LOGS,
    replace(LOGS, replaced=True),
    prepare=buckets,
    read=read_logging,
    tamper=delete_logging,
    after_tamper=Undone.KEPT,
)
NOT_ENFORCED = Scenario(
    "deleted",
    ENFORCED,
    replace(ENFORCED, replaced=True),
    prepare=versions,
    read=read_enforced,
    tamper=delete_enforced,
    after_tamper=Undone.KEPT,
)
SCENARIOS = (
    DELETED,
    replace(DELETED, name="replaced", prepare=then(buckets, _ELSEWHERE), tamper=_ELSEWHERE),
    replace(DELETED, name="as-it-was", prepare=then(buckets, _TAKEN), contained_before=True),
    NOT_ENFORCED,
    replace(NOT_ENFORCED, name="older", prepare=then(versions, enforce(OLDER))),
)
