"""What restore_detection makes of settings that were deleted or replaced, and what people read."""

from dataclasses import replace
from typing import Any

import pytest

from console.staging.baseline import GUARDRAIL_ID, LOG_ROLE, baseline_of
from cordon.baseline import GUARDRAIL, LOGGING, Baseline
from cordon.deployment import Deployment
from cordon.sources import read
from tests.examples import HEADERS, event
from tests.make import DEPLOYMENT as ELSEWHERE
from tests.make import PLACE

RESTORE = HEADERS["restore_detection"]
HERE = replace(PLACE, region="us-east-1")
TAKEN = baseline_of(HERE)
ROLE = HERE.arn("iam", f"role/{LOG_ROLE}", region="")
DEPLOYMENT = replace(ELSEWHERE, region="us-east-1", baseline=TAKEN, invocation_log_role=ROLE)
DELETED, REPLACED = (
    "cloudtrail_invocation_logging_deleted",
    "cloudtrail_invocation_logging_replaced",
)
ENFORCED = "cloudtrail_enforced_guardrail_replaced"


def taken(**documents: Any) -> Baseline:
    return Baseline({**TAKEN.documents, **documents}, TAKEN.by, TAKEN.at)


def test_plan_and_its_hash_have_the_whole_document() -> None:
    finding = read(event(DELETED))
    plan = RESTORE.plan_for(finding, DEPLOYMENT)
    (action,) = plan.actions
    assert action.to_json()["document"] == TAKEN.of(LOGGING)
    other = taken(**{LOGGING: {"s3Config": {"bucketName": "another"}}})
    assert RESTORE.plan_for(finding, replace(DEPLOYMENT, baseline=other)).hash != plan.hash
    assert (action.is_outdated(TAKEN), action.is_outdated(other), action.is_outdated(None)) == (
        False,
        True,
        True,
    )


OLD_TAGS = {"guardrailArn": "arn:aws:bedrock:us-east-1:1:guardrail/x", "inputTags": "HONOR"}
WITHOUT = {
    "no baseline": (replace(DEPLOYMENT, baseline=None), DELETED, "there is no baseline of model"),
    "not set up": (
        replace(DEPLOYMENT, baseline=taken(**{LOGGING: None})),
        DELETED,
        "there is no baseline of model invocation logging for account 111122223333, us-east-1",
    ),
    "another Region": (replace(DEPLOYMENT, region="eu-central-1"), DELETED, "us-east-1"),
    "another account": (replace(DEPLOYMENT, account="444455556666"), DELETED, "111122223333"),
    "no role": (replace(DEPLOYMENT, invocation_log_role=""), DELETED, "InvocationLogRole"),
    "old form": (
        replace(DEPLOYMENT, baseline=taken(**{GUARDRAIL: OLD_TAGS})),
        ENFORCED,
        "inputTags",
    ),
}


@pytest.mark.parametrize("name", WITHOUT)
def test_what_cannot_be_put_back_is_for_a_person_who_reads_why(name: str) -> None:
    deployment, of, why = WITHOUT[name]
    plan = RESTORE.plan_for(read(event(of)), deployment)
    assert plan.actions == ()
    assert plan.manual_step.startswith("Not put back: ")
    assert why in plan.manual_step
    assert "Ask who made this call" in plan.manual_step
    assert "resource-config-history" in plan.manual_step


def test_logs_to_a_bucket_alone_need_no_role() -> None:
    alone = taken(**{LOGGING: {"s3Config": {"bucketName": "logs"}}})
    deployment = replace(DEPLOYMENT, baseline=alone, invocation_log_role="")
    assert RESTORE.plan_for(read(event(DELETED)), deployment).actions


@pytest.mark.parametrize(("name", "person"), [(DELETED, False), (REPLACED, True), (ENFORCED, True)])
def test_what_somebody_may_have_meant_is_put_back_by_people_only(name: str, person: bool) -> None:
    (action,) = RESTORE.plan_for(read(event(name)), DEPLOYMENT).actions
    assert action.only_by_a_person is person


def put(name: str, request: Any, deployment: Deployment = DEPLOYMENT) -> str:
    """Why a call with this request needs nobody; "" where it does."""
    made = event(name)
    made["detail"]["requestParameters"] = request
    assert RESTORE.needs_nobody is not None
    return RESTORE.needs_nobody(read(made), deployment)


def guardrail(identifier: str, **more: Any) -> dict[str, Any]:
    document = {n: one for n, one in (TAKEN.of(GUARDRAIL) or {}).items() if n != "guardrailArn"}
    return {"guardrailInferenceConfig": {"guardrailIdentifier": identifier, **document, **more}}


def test_call_that_sets_the_baseline_needs_nobody() -> None:
    logs = {"loggingConfig": TAKEN.of(LOGGING)}
    assert put(REPLACED, logs) == "the call set model invocation logging as the baseline has it"
    for named in (GUARDRAIL_ID, HERE.arn("bedrock", f"guardrail/{GUARDRAIL_ID}")):
        assert put(ENFORCED, {"configId": "cfg1a2b3c4", **guardrail(named)})
    assert not put(REPLACED, {"loggingConfig": {**logs["loggingConfig"], "more": False}})  # type: ignore[dict-item]
    assert not put(ENFORCED, guardrail(GUARDRAIL_ID, guardrailVersion="1"))
    assert not put(REPLACED, None)
    assert not put(REPLACED, logs, replace(DEPLOYMENT, baseline=None))
    assert not put(REPLACED, logs, replace(DEPLOYMENT, account="444455556666"))
