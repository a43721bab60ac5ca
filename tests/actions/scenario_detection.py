"""Scenarios of detection that was switched off, and of keys that are to be deleted."""

from collections.abc import Callable
from typing import Any

from moto.cloudtrail.models import cloudtrail_backends
from moto.config.models import config_backends
from moto.guardduty.models import guardduty_backends
from moto.kms.models import kms_backends

from cordon.actions.action import Undone
from cordon.actions.detection import (
    EnableDetector,
    ResumeMacie,
    StartConfigurationRecorder,
    StartTrailLogging,
)
from cordon.actions.keys import RestoreKey
from cordon.clients import AwsClients
from tests.actions.scenario import PLACE, Scenario

TRAIL, RECORDER = "acme-trail", "default"
DETECTOR = "e20ae021059252ea36fff9f443c8fef1"
KEY = "1234abcd-12ab-34cd-56ef-1234567890ab"
LOGS = "acme-detection-logs"

START_TRAIL = StartTrailLogging(PLACE, TRAIL)
START_RECORDER = StartConfigurationRecorder(PLACE, RECORDER)
WHOLE = EnableDetector(PLACE, DETECTOR, enable=True)
FEATURES = EnableDetector(PLACE, DETECTOR, enable=False, features=("S3_DATA_EVENTS",))
OTHER_FEATURES = EnableDetector(PLACE, DETECTOR, enable=False, features=("AI_PROTECTION",))
RESUME_MACIE = ResumeMacie(PLACE)
KEEP_KEY = RestoreKey(PLACE, KEY, enable=False)
ENABLE_KEY = RestoreKey(PLACE, KEY, enable=True)


def of(backends: Any) -> Any:
    """moto's state of a service where the scenarios are."""
    return backends[PLACE.account][PLACE.region]


# The trail


def a_trail(*, stopped: bool = True) -> Callable[[AwsClients], None]:
    def prepare(aws: AwsClients) -> None:
        aws.client("s3").create_bucket(Bucket=LOGS)
        trails = aws.client("cloudtrail")
        trails.create_trail(Name=TRAIL, S3BucketName=LOGS)
        trails.start_logging(Name=TRAIL)
        if stopped:
            stop_trail(aws)

    return prepare


def stop_trail(aws: AwsClients) -> None:
    aws.client("cloudtrail").stop_logging(Name=TRAIL)


def read_trail(aws: AwsClients) -> bool:
    return bool(aws.client("cloudtrail").get_trail_status(Name=TRAIL)["IsLogging"])


# The recorder


def a_recorder(aws: AwsClients) -> None:
    aws.client("s3").create_bucket(Bucket=LOGS)
    config = aws.client("config")
    role = PLACE.arn("iam", "role/config", region="")
    config.put_configuration_recorder(ConfigurationRecorder={"name": RECORDER, "roleARN": role})
    config.put_delivery_channel(DeliveryChannel={"name": "default", "s3BucketName": LOGS})


def stop_recorder(aws: AwsClients) -> None:
    aws.client("config").stop_configuration_recorder(ConfigurationRecorderName=RECORDER)


def read_recorder(aws: AwsClients) -> bool:
    status = aws.client("config").describe_configuration_recorder_status()
    return bool(status["ConfigurationRecordersStatus"][0]["recording"])


# The detector


def a_detector(*, on: bool) -> Callable[[AwsClients], None]:
    def prepare(aws: AwsClients) -> None:
        names = ("S3_DATA_EVENTS", "AI_PROTECTION", "RDS_LOGIN_EVENTS")
        off = [{"Name": name, "Status": "DISABLED"} for name in names]
        made = aws.client("guardduty").create_detector(Enable=on, Features=off)["DetectorId"]
        known = of(guardduty_backends).detectors
        detector = known[DETECTOR] = known.pop(made)
        detector.id = DETECTOR

    return prepare


def set_detector(**changes: Any) -> Callable[[AwsClients], None]:
    def change(aws: AwsClients) -> None:
        aws.client("guardduty").update_detector(DetectorId=DETECTOR, **changes)

    return change


def features_off(*names: str) -> Callable[[AwsClients], None]:
    return set_detector(Features=[{"Name": name, "Status": "DISABLED"} for name in names])


def read_detector(aws: AwsClients) -> dict[str, str]:
    found = aws.client("guardduty").get_detector(DetectorId=DETECTOR)
    return {"": found["Status"], **{one["Name"]: one["Status"] for one in found["Features"]}}


# Macie


def set_macie(status: str) -> Callable[[AwsClients], None]:
    def change(aws: AwsClients) -> None:
        aws.client("macie2").update_macie_session(status=status)

    return change


def read_macie(aws: AwsClients) -> str:
    return str(aws.client("macie2").get_macie_session()["status"])


# The key


def a_key(then: Callable[[AwsClients], None]) -> Callable[[AwsClients], None]:
    def prepare(aws: AwsClients) -> None:
        made = aws.client("kms").create_key()["KeyMetadata"]["KeyId"]
        known = of(kms_backends).keys
        key = known[KEY] = known.pop(made)
        key.id = KEY
        key.arn = PLACE.arn("kms", f"key/{KEY}")
        then(aws)

    return prepare


def schedule(aws: AwsClients) -> None:
    aws.client("kms").schedule_key_deletion(KeyId=KEY, PendingWindowInDays=7)


def disable(aws: AwsClients) -> None:
    aws.client("kms").disable_key(KeyId=KEY)


def disable_and_schedule(aws: AwsClients) -> None:
    disable(aws)
    schedule(aws)


def read_key(aws: AwsClients) -> str:
    return str(aws.client("kms").describe_key(KeyId=KEY)["KeyMetadata"]["KeyState"])


def deleted(backends: Any, table: str) -> Callable[[AwsClients], None]:
    """Delete it without a call: not all of these can be deleted as they are."""

    def delete(_: AwsClients) -> None:
        getattr(of(backends), table).clear()

    return delete


def macie_off(aws: AwsClients) -> None:
    aws.client("macie2").disable_macie()


SCENARIOS = (
    Scenario(
        "stopped",
        START_TRAIL,
        START_TRAIL,
        prepare=a_trail(),
        read=read_trail,
        tamper=stop_trail,
        missing=deleted(cloudtrail_backends, "trails"),
        after_tamper=Undone.KEPT,
    ),
    Scenario(
        "logging-already",
        START_TRAIL,
        START_TRAIL,
        prepare=a_trail(stopped=False),
        read=read_trail,
        tamper=stop_trail,
        missing=deleted(cloudtrail_backends, "trails"),
        after_tamper=Undone.KEPT,
        contained_before=True,
    ),
    Scenario(
        "stopped",
        START_RECORDER,
        START_RECORDER,
        prepare=a_recorder,
        read=read_recorder,
        tamper=stop_recorder,
        missing=deleted(config_backends, "recorders"),
        after_tamper=Undone.KEPT,
    ),
    Scenario(
        "whole",
        WHOLE,
        FEATURES,
        prepare=a_detector(on=False),
        read=read_detector,
        tamper=set_detector(Enable=False),
        missing=deleted(guardduty_backends, "detectors"),
        after_tamper=Undone.KEPT,
    ),
    Scenario(
        "one-feature",
        FEATURES,
        OTHER_FEATURES,
        prepare=a_detector(on=True),
        read=read_detector,
        tamper=features_off("S3_DATA_EVENTS"),
        missing=deleted(guardduty_backends, "detectors"),
        after_tamper=Undone.KEPT,
    ),
    Scenario(
        "paused",
        RESUME_MACIE,
        RESUME_MACIE,
        prepare=set_macie("PAUSED"),
        read=read_macie,
        tamper=set_macie("PAUSED"),
        missing=macie_off,
        after_tamper=Undone.KEPT,
    ),
    Scenario(
        "scheduled",
        KEEP_KEY,
        KEEP_KEY,
        prepare=a_key(schedule),
        read=read_key,
        tamper=schedule,
        missing=deleted(kms_backends, "keys"),
        after_tamper=Undone.KEPT,
    ),
    Scenario(
        "disabled",
        ENABLE_KEY,
        KEEP_KEY,
        prepare=a_key(disable),
        read=read_key,
        tamper=disable,
        missing=deleted(kms_backends, "keys"),
        after_tamper=Undone.KEPT,
    ),
    Scenario(
        "disabled-and-scheduled",
        ENABLE_KEY,
        KEEP_KEY,
        prepare=a_key(disable_and_schedule),
        read=read_key,
        tamper=disable,
        missing=deleted(kms_backends, "keys"),
        after_tamper=Undone.KEPT,
    ),
)
