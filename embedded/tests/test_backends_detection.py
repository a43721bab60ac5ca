"""What is embedded of detection itself: features, the pause of Macie, the states of a key."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from embedded import backends


@pytest.fixture
def client() -> Iterator[Any]:
    backends.install()
    with mock_aws():
        session = boto3.session.Session("id", "secret", region_name="us-east-1")
        yield session.client


def refused(call: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return str(caught.value.response["Error"]["Code"])


def test_only_the_named_features_change(client: Any) -> None:
    guardduty = client("guardduty")
    on = [{"Name": name, "Status": "ENABLED"} for name in ("AI_PROTECTION", "S3_DATA_EVENTS")]
    id = guardduty.create_detector(Enable=True, Features=on)["DetectorId"]
    off = [{"Name": "AI_PROTECTION", "Status": "DISABLED"}]
    guardduty.update_detector(DetectorId=id, Features=off)
    found = guardduty.get_detector(DetectorId=id)
    assert found["Status"] == "ENABLED"
    assert {one["Name"]: one["Status"] for one in found["Features"]} == {
        "AI_PROTECTION": "DISABLED",
        "S3_DATA_EVENTS": "ENABLED",
    }
    guardduty.update_detector(DetectorId=id, Enable=False)
    assert guardduty.get_detector(DetectorId=id)["Status"] == "DISABLED"


def test_what_guardduty_refuses(client: Any) -> None:
    guardduty = client("guardduty")
    id = guardduty.create_detector(Enable=True)["DetectorId"]
    names = ("EKS_RUNTIME_MONITORING", "RUNTIME_MONITORING")
    both = [{"Name": name, "Status": "ENABLED"} for name in names]
    call = guardduty.update_detector
    assert refused(call, DetectorId=id, Features=both) == "BadRequestException"
    assert refused(call, DetectorId="other", Enable=True) == "BadRequestException"


def test_macie_is_paused_and_resumed_while_it_is_on(client: Any) -> None:
    macie = client("macie2")
    for status in ("PAUSED", "ENABLED"):
        macie.update_macie_session(status=status)
        assert macie.get_macie_session()["status"] == status
    macie.disable_macie()
    assert refused(macie.update_macie_session, status="ENABLED") == "ResourceNotFoundException"


def test_states_of_a_key(client: Any) -> None:
    kms = client("kms")
    key = {"KeyId": kms.create_key()["KeyMetadata"]["KeyId"]}

    def state() -> str:
        return str(kms.describe_key(**key)["KeyMetadata"]["KeyState"])

    assert refused(kms.cancel_key_deletion, **key) == "KMSInvalidStateException"
    assert state() == "Enabled"
    kms.schedule_key_deletion(**key, PendingWindowInDays=7)
    for call in (kms.enable_key, kms.disable_key):
        assert refused(call, **key) == "KMSInvalidStateException"
    assert state() == "PendingDeletion"
    kms.cancel_key_deletion(**key)
    assert state() == "Disabled"
    kms.enable_key(**key)
    assert state() == "Enabled"
