"""Events with every member that the service model documents, in the event's spelling."""

from typing import Any

from botocore.session import Session

from tests.sources.samples import ACCOUNT, ARN, BUCKET, HUB, KEY, NATIVE_ID, REGION, ROLE, event

_WHEN = "2026-11-24T11:00:00.000Z"
_BY_NAME = {
    "accountid": ACCOUNT,
    "awsaccountid": ACCOUNT,
    "owneraccountid": ACCOUNT,
    "region": REGION,
    "partition": "aws",
    "cloudpartition": "aws",
    "accesskeyid": KEY,
    "credentialuid": KEY,
    "username": ROLE,
    "principalname": ROLE,
    "usertype": "AssumedRole",
    "principaltype": "AssumedRole",
    "bucketarn": f"arn:aws:s3:::{BUCKET}",
    "productarn": f"{HUB}guardduty",
    "detectorid": "12abc34d567e8fa901bc2d34e56789f0",
}


def _value(shape: Any, name: str) -> Any:
    kind = shape.type_name
    if kind == "structure":
        members = shape.members.items()
        return {_spelled(k, m): _value(m, _spelled(k, m)) for k, m in members}
    if kind == "list":
        return [_value(shape.member, name)]
    if kind == "map":
        return {"key": _value(shape.value, "value")}
    if kind == "boolean":
        return False
    if kind in ("double", "integer", "long", "float"):
        return 3
    if kind == "timestamp":
        return _WHEN
    return _string(shape, name)


def _spelled(name: str, member: Any) -> str:
    """GuardDuty's locationName is camelCase. A few of its members have none."""
    return str(member.serialization.get("name", name))


def _string(shape: Any, name: str) -> str:
    lower = name.lower()
    if lower in _BY_NAME:
        return _BY_NAME[lower]
    if lower.endswith(("at", "time", "firstseen", "lastseen", "date")):
        return _WHEN
    if lower.endswith("arn"):
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
    return str(shape.enum[0]) if getattr(shape, "enum", None) else "x"


def _whole(service: str, shape: str) -> Any:
    return _value(Session().get_service_model(service).shape_for(shape), "")


def whole_guardduty() -> dict[str, Any]:
    """Every member at once. No real finding has all of them."""
    detail = _whole("guardduty", "Finding")
    detail |= {"id": NATIVE_ID, "arn": ARN, "type": "Discovery:S3/AnomalousBehavior"}
    bucket = detail["resource"]["s3BucketDetails"][0]
    bucket |= {"arn": f"arn:aws:s3:::{BUCKET}", "name": BUCKET}
    attack = detail["service"]["detection"]["sequence"]
    attack["resources"][0]["uid"] = "i-0abc"
    attack["actors"][0]["user"]["account"]["uid"] = ACCOUNT
    return event("aws.guardduty", "GuardDuty Finding", detail)


def whole_macie() -> dict[str, Any]:
    """Every member at once."""
    detail = _whole("macie2", "Finding")
    bucket = detail["resourcesAffected"]["s3Bucket"]
    bucket |= {"arn": f"arn:aws:s3:::{BUCKET}", "name": BUCKET}
    return event("aws.macie", "Macie Finding", detail | {"id": "64b917aa"})


def whole_asff() -> dict[str, Any]:
    """Every member at once; in ``Resources[].Details`` only the types that a parser reads."""
    finding = _whole("securityhub", "AwsSecurityFinding")
    details = finding["Resources"][0]["Details"]
    for unread in set(details) - {"AwsIamAccessKey", "AwsS3Bucket", "AwsEc2Instance", "Other"}:
        del details[unread]
    finding |= {
        "Id": ARN,
        "ProductArn": f"{HUB}guardduty",
        "Types": ["TTPs/Discovery:S3-AnomalousBehavior"],
    }
    finding["Resources"][0] |= {"Type": "AwsS3Bucket", "Id": f"arn:aws:s3:::{BUCKET}"}
    profile = f"arn:aws:iam::{ACCOUNT}:instance-profile/p"
    details["AwsEc2Instance"]["IamInstanceProfileArn"] = profile
    finding["Detection"]["Sequence"]["Actors"][0]["User"]["Account"]["Uid"] = ACCOUNT
    return event("aws.securityhub", "Security Hub Findings - Imported", {"findings": [finding]})
