"""The example stack, and what its tests send and see."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from embedded.account import EmbeddedAccount

STACK = Path(__file__).parent / "stack"
START = datetime(2026, 11, 24, 6, tzinfo=UTC)
BUCKET = "victim-1"
ANYTHING = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
)


def enter(template: Path = STACK / "template.yaml", **given: Any) -> EmbeddedAccount:
    return EmbeddedAccount(template, region="eu-central-1", start=START, **given)


def stage(account: EmbeddedAccount, bucket: str = BUCKET) -> None:
    account.client("s3").create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )


def critical(bucket: str = BUCKET, **more: Any) -> dict[str, Any]:
    finding = {"Bucket": bucket, "Severity": {"Label": "CRITICAL"}, "RecordState": "ACTIVE"}
    return {
        "id": "e-1",
        "source": "aws.securityhub",
        "detail": {"findings": [{**finding, **more}]},
    }


def changed(*items: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"id": "c", "source": "aws.config", "detail": item} for item in items]


def blocked(account: EmbeddedAccount, bucket: str = BUCKET) -> bool:
    try:
        response = account.client("s3").get_public_access_block(Bucket=bucket)
    except ClientError as error:
        assert error.response["Error"]["Code"] == "NoSuchPublicAccessBlockConfiguration"
        return False
    return bool(response["PublicAccessBlockConfiguration"]["RestrictPublicBuckets"])


def remembered(account: EmbeddedAccount) -> list[str]:
    table = account.stack.resources["Memory"].physical
    items = account.client("dynamodb").scan(TableName=table)["Items"]
    return sorted(item["id"]["S"] for item in items)


def edited(tmp_path: Path, old: str, new: str) -> Path:
    """The fixture template with one change, beside the same code."""
    text = (STACK / "template.yaml").read_text()
    assert old in text
    for name in ("functions", "ask.asl.yaml"):
        (tmp_path / name).symlink_to(STACK / name)
    path = tmp_path / "template.yaml"
    path.write_text(text.replace(old, new))
    return path
