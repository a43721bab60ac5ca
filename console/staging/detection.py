"""Stages what a call has switched off: a trail, a recorder, a detector, Macie, a key."""

from typing import Any

from moto.guardduty.models import guardduty_backends
from moto.kms.models import kms_backends

from console.staging.notes import Client, Note, exists
from cordon.finding import Fact, Finding, Place, Resource
from cordon.sources import facts

CALLS = ("cloudtrail:*", "guardduty:Stealth:IAMUser/CloudTrailLoggingDisabled", "desk:*")
FEATURES = ("AI_PROTECTION", "RDS_LOGIN_EVENTS", "S3_DATA_EVENTS")  # those that the owner has on


SHUT = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
)
SERVICES = {
    "AWS::CloudTrail::Trail": "cloudtrail",
    "AWS::Config::ConfigurationRecorder": "config",
    "AWS::GuardDuty::Detector": "guardduty",
    "AWS::KMS::Key": "kms",
    "AWS::Macie::Session": "macie2",
}


def is_switched_off(resource: Resource, finding: Finding) -> bool:
    """Is it what a call has switched off? A control that names a key is about its state."""
    return resource.type in SERVICES and finding.matches(*CALLS)


def stage_detection(resource: Resource, finding: Finding, client: Client) -> Note:
    """The resource as the call left it. One that is there already stays as it is."""
    place, service = resource.place, SERVICES[resource.type]
    api = client(service, place.region, place.account)
    if service == "macie2":
        return _macie(api)
    if service == "guardduty":
        return _detector(resource, set(finding.fact(Fact.SWITCHED_OFF).split()), api)
    if service == "kms":
        return _key(resource, finding.fact(Fact.EVENT_NAME), api)
    bucket = _log_bucket(place, client)
    return (_trail if service == "cloudtrail" else _recorder)(resource, bucket, api)


def _log_bucket(place: Place, client: Client) -> str:
    name = f"their-logs-{place.account}-{place.region}"
    s3 = client("s3", place.region, place.account)
    if not exists(s3.head_bucket, "404", Bucket=name):
        where = {"LocationConstraint": place.region}
        at = {} if place.region == "us-east-1" else {"CreateBucketConfiguration": where}
        s3.create_bucket(Bucket=name, **at)
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=SHUT)
    return name


def _trail(resource: Resource, bucket: str, api: Any) -> Note:
    name = resource.name
    if exists(api.get_trail_status, "TrailNotFoundException", Name=name):
        return Note(False, f"trail {name}: exists already")
    api.create_trail(Name=name, S3BucketName=bucket)
    return Note(True, f"trail {name}, which does not log")


def _recorder(resource: Resource, bucket: str, api: Any) -> Note:
    name, place = resource.name, resource.place
    if api.describe_configuration_recorders()["ConfigurationRecorders"]:
        return Note(False, f"configuration recorder {name}: there is one already")
    role = place.arn("iam", "role/config", region="")
    api.put_configuration_recorder(ConfigurationRecorder={"name": name, "roleARN": role})
    api.put_delivery_channel(DeliveryChannel={"name": "default", "s3BucketName": bucket})
    return Note(True, f"configuration recorder {name}, which does not record")


def _detector(resource: Resource, off: set[str], api: Any) -> Note:
    name, place = resource.name, resource.place
    if exists(api.get_detector, "BadRequestException", DetectorId=name):
        return Note(False, f"detector {name}: exists already")
    features = [
        {"Name": one, "Status": "DISABLED" if one in off else "ENABLED"} for one in FEATURES
    ]
    made = api.create_detector(Enable=facts.DETECTOR not in off, Features=features)["DetectorId"]
    known = guardduty_backends[place.account][place.region].detectors
    known[name] = known.pop(made)  # no call creates one with a given id
    known[name].id = name
    return Note(True, f"detector {name}, with {', '.join(sorted(off)) or 'nothing'} switched off")


def _macie(api: Any) -> Note:
    if api.get_macie_session()["status"] == "PAUSED":
        return Note(False, "Macie: is paused already")
    api.update_macie_session(status="PAUSED")
    return Note(True, "Macie, paused")


def _key(resource: Resource, call: str, api: Any) -> Note:
    name = resource.name
    if exists(api.describe_key, "NotFoundException", KeyId=name):
        return Note(False, f"key {name}: exists already")
    made = api.create_key()["KeyMetadata"]["KeyId"]
    rename_key(made, resource)
    if call == "DisableKey":
        api.disable_key(KeyId=name)
        return Note(True, f"key {name}, disabled")
    api.schedule_key_deletion(KeyId=name, PendingWindowInDays=7)
    return Note(True, f"key {name}, to be deleted in seven days")


def rename_key(made: str, wanted: Resource) -> None:
    """No API creates a key with a given id, so the id is changed inside moto."""
    place = wanted.place
    known = kms_backends[place.account][place.region].keys
    key = known[wanted.name] = known.pop(made)
    key.id, key.arn = wanted.name, place.arn("kms", f"key/{wanted.name}")
