"""Stages a baseline that people took, and what a call has deleted or replaced of it."""

from typing import Any

from console.staging.detection import SHUT
from console.staging.notes import Client, Note, exists
from cordon.baseline import GUARDRAIL, LOGGING, Baseline
from cordon.finding import Finding, Place
from cordon.memory.settings import KEY
from cordon.memory.table import encode
from embedded import backends
from embedded.backends import guardrails

CALLS = (
    "cloudtrail:bedrock:*ModelInvocationLoggingConfiguration",
    "cloudtrail:bedrock:*EnforcedGuardrailConfiguration",
    "guardduty:DefenseEvasion:IAMUser/BedrockLoggingDisabled",
)
BUCKET, THEIRS = "acme-invocation-logs", "attacker-logs"
GUARDRAIL_ID, VERSION, OLDER = "gr1a2b3c4d5e", "2", "1"
LOG_ROLE = "service-role/BedrockLogs"  # the parameter InvocationLogRole
TAKEN = "2026-11-01T09:00:00Z"


def baseline_of(place: Place) -> Baseline:
    """What people took: logs to a bucket and to CloudWatch Logs; a guardrail's second version."""
    logs = {
        "cloudWatchConfig": {
            "logGroupName": "/bedrock/invocations",
            "roleArn": place.arn("iam", f"role/{LOG_ROLE}", region=""),
        },
        "s3Config": {"bucketName": BUCKET, "keyPrefix": "models"},
        "textDataDeliveryEnabled": True,
        "imageDataDeliveryEnabled": True,
    }
    guardrail = {
        "guardrailArn": place.arn("bedrock", f"guardrail/{GUARDRAIL_ID}"),
        "guardrailVersion": VERSION,
        "modelEnforcement": {"includedModels": ("ALL",), "excludedModels": ()},
        "selectiveContentGuarding": {"system": "SELECTIVE", "messages": "COMPREHENSIVE"},
    }
    by = place.arn("iam", "user/ada", region="")
    return Baseline({LOGGING: logs, GUARDRAIL: guardrail}, by, TAKEN)


def is_of_baseline(finding: Finding) -> bool:
    """Does a call say that it changed what a baseline is of?"""
    return finding.matches(*CALLS)


def stage_baseline(finding: Finding, client: Client) -> Note:
    """The account as the call left it; in the settings of each stack there, what people took."""
    place, name = finding.place, finding.type
    bedrock = client("bedrock", place.region, place.account)
    made = [bucket for bucket in (BUCKET, THEIRS) if _bucket(bucket, place, client)]
    where = backends.here(place.account, place.region)
    for version in (OLDER, VERSION):
        guardrails.is_there(GUARDRAIL_ID, version, where)
    if "PutModelInvocationLogging" in name:
        bedrock.put_model_invocation_logging_configuration(
            loggingConfig={"s3Config": {"bucketName": THEIRS}, "textDataDeliveryEnabled": False}
        )
    listed = bedrock.list_enforced_guardrails_configuration()["guardrailsConfig"]
    if "PutEnforcedGuardrail" in name and not listed:
        config = {"guardrailIdentifier": GUARDRAIL_ID, "guardrailVersion": OLDER}
        bedrock.put_enforced_guardrail_configuration(guardrailInferenceConfig=config)
    taken = baseline_of(place)
    for table in client("dynamodb", place.region, place.account).list_tables()["TableNames"]:
        take(taken, table, client("dynamodb", place.region, place.account))
    said = "what a baseline is of, and the baseline that people took before"
    return Note(bool(made), said if made else f"{said}: is there already")


def take(baseline: Baseline, table: str, dynamodb: Any) -> None:
    """Write it into the settings, if this table has them."""
    key = {"id": {"S": KEY}}
    if "Item" in dynamodb.get_item(TableName=table, Key=key):
        dynamodb.update_item(
            TableName=table,
            Key=key,
            UpdateExpression="SET baseline = :baseline",
            ExpressionAttributeValues={":baseline": encode(baseline.to_row())},
        )


def _bucket(name: str, place: Place, client: Client) -> bool:
    """Make the bucket; False where it is there."""
    s3 = client("s3", place.region, place.account)
    if exists(s3.head_bucket, "404", Bucket=name):
        return False
    where = {"LocationConstraint": place.region}
    at = {} if place.region == "us-east-1" else {"CreateBucketConfiguration": where}
    s3.create_bucket(Bucket=name, **at)
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=SHUT)  # as S3 makes it
    return True
