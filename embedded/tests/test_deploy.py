"""What a template says of a resource is built, and what would be dropped is refused."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from embedded.account import EmbeddedAccount
from embedded.stack import Unresolved

TEMPLATE = Path(__file__).parent / "stack" / "template.yaml"
START = datetime(2026, 11, 24, 6, tzinfo=UTC)


@pytest.fixture
def account() -> Iterator[EmbeddedAccount]:
    with EmbeddedAccount(TEMPLATE, region="eu-central-1", start=START) as entered:
        yield entered


def physical(account: EmbeddedAccount, logical: str) -> str:
    return account.stack.resources[logical].physical


@pytest.fixture
def table(account: EmbeddedAccount) -> dict[str, Any]:
    found = account.client("dynamodb").describe_table(TableName=physical(account, "Cases"))
    return dict(found["Table"])


def test_a_table_is_protected_and_encrypted(table: dict[str, Any]) -> None:
    assert table["DeletionProtectionEnabled"] is True
    assert table["SSEDescription"]["Status"] == "ENABLED"


def test_a_policy_is_attached_to_its_roles(account: EmbeddedAccount) -> None:
    assert physical(account, "Metrics") in account.policies("Block")
    assert physical(account, "Metrics") not in account.policies("Bulk")


def test_a_table_has_its_stream(table: dict[str, Any]) -> None:
    specification = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    assert table["StreamSpecification"] == specification


def test_a_table_has_its_index(table: dict[str, Any]) -> None:
    (index,) = table["GlobalSecondaryIndexes"]
    assert (index["IndexName"], index["Projection"]) == ("open", {"ProjectionType": "KEYS_ONLY"})


def test_a_table_has_its_tags(account: EmbeddedAccount, table: dict[str, Any]) -> None:
    tags = account.client("dynamodb").list_tags_of_resource(ResourceArn=table["TableArn"])
    assert tags["Tags"] == [{"Key": "owner", "Value": "tests"}]


def test_a_table_has_point_in_time_recovery(account: EmbeddedAccount) -> None:
    found = account.client("dynamodb").describe_continuous_backups(
        TableName=physical(account, "Cases")
    )["ContinuousBackupsDescription"]
    assert found["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_a_topic_is_encrypted(account: EmbeddedAccount) -> None:
    topic = account.client("sns").get_topic_attributes(TopicArn=physical(account, "Topic"))
    attributes = topic["Attributes"]
    assert attributes["KmsMasterKeyId"] == physical(account, "Key")
    assert attributes["DisplayName"] == "Example"


def test_a_key_rotates(account: EmbeddedAccount) -> None:
    rotation = account.client("kms").get_key_rotation_status(KeyId=physical(account, "Key"))
    assert rotation["KeyRotationEnabled"] is True


def test_a_state_machine_logs(account: EmbeddedAccount) -> None:
    machine = account.client("stepfunctions").describe_state_machine(
        stateMachineArn=physical(account, "Ask")
    )
    logging = machine["loggingConfiguration"]
    assert (logging["level"], logging["includeExecutionData"]) == ("ERROR", False)
    (destination,) = logging["destinations"]
    group = destination["cloudWatchLogsLogGroup"]["logGroupArn"]
    assert group.startswith("arn:aws:logs:eu-central-1:111122223333:log-group:")


def test_a_bucket_expires_its_objects(account: EmbeddedAccount) -> None:
    (rule,) = account.client("s3").get_bucket_lifecycle_configuration(
        Bucket=physical(account, "Evidence")
    )["Rules"]
    assert (rule["ID"], rule["Expiration"]) == ("soon", {"Days": 7})


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("BillingMode: PAY_PER_REQUEST", "TableClass: STANDARD_INFREQUENT_ACCESS"),
        ("ExpirationInDays: 7", "ExpirationDate: 2026-11-24"),
        ("EnableKeyRotation: true", "MultiRegion: true"),
    ],
)
def test_an_unbuilt_property_is_refused(written: str, instead: str, tmp_path: Path) -> None:
    for name in ("ask.asl.yaml", "functions"):
        (tmp_path / name).symlink_to(TEMPLATE.parent / name)
    text = TEMPLATE.read_text()
    assert written in text
    (tmp_path / "template.yaml").write_text(text.replace(written, instead, 1))
    with pytest.raises(Unresolved, match=instead.partition(":")[0]):
        EmbeddedAccount(tmp_path / "template.yaml", region="eu-central-1").__enter__()
