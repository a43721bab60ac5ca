"""The documented shapes of events: why one has not the shape that its service documents.

GuardDuty, Macie, ASFF and Config details are checked against botocore's service models. The
OCSF finding is an untyped document there (securityhub ``OcsfFinding``); its attributes are
listed here from the OCSF 1.6 finding classes and the cloud, datetime and
data_classification profiles. What other services send of themselves is in ``service_shapes``.
"""

import copy
import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache, partial
from typing import Any

import botocore.session
from botocore.model import Shape
from botocore.validate import ParamValidator

from tests.service_shapes import DESCRIBED, LISTED

# GuardDuty User Guide, "Finding details": EventBridge delivers the additional information taken
# apart, while the API gives it as {value, type}. "sample" marks generated samples.
ADDITIONAL_INFO: dict[str, type] = {
    "value": str,
    "type": str,
    "sample": bool,
    "authenticationMethod": str,
    "userAgent": dict,
    "anomalies": dict,
}
# The Config event ("Example Compliance Change Notification", Config Developer Guide)
CONFIG_DETAIL = {
    "resourceId",
    "resourceType",
    "awsRegion",
    "awsAccountId",
    "configRuleName",
    "configRuleARN",
    "recordVersion",
    "messageType",
    "newEvaluationResult",
    "notificationCreationTime",
}
_CITE = {"name": str, "uid": str}
_ACCOUNT = {"account": {"uid": str, "name": str}}
_USER = {"name": str, "type": str, "uid": str, "credential_uid": str, **_ACCOUNT}
_PRODUCT = {"name": str, "uid": str, "vendor_name": str, "feature": {"name": str}}
_VALUES = [{"name": str, "value": str, "values": [str]}]
_LOCATION = {"city": str, "country": str, "lat": float, "long": float}
_TIMES = {
    f"{moment}_time{suffix}": kind
    for moment in ("created", "first_seen", "last_seen", "modified")
    for suffix, kind in (("", int), ("_dt", str))
}
OCSF: dict[str, Any] = {
    "activity_id": int,
    "activity_name": str,
    "category_name": str,
    "category_uid": int,
    "class_name": str,
    "class_uid": int,
    "type_name": str,
    "type_uid": int,
    "severity": str,
    "severity_id": int,
    "status": str,
    "status_id": int,
    "time": int,
    "time_dt": str,
    "count": int,
    "is_alert": bool,
    "metadata": {
        "product": _PRODUCT,
        "profiles": [str],
        "extensions": [{**_CITE, "version": str}],
        "uid": str,
        "version": str,
    },
    "cloud": {**_ACCOUNT, "cloud_partition": str, "provider": str, "region": str},
    "finding_info": {
        "uid": str,
        "title": str,
        "desc": str,
        "types": [str],
        "analytic": {**_CITE, "category": str, "type": str, "type_id": int},
        "attacks": [{"tactic": _CITE, "technique": _CITE}],
        "traits": _VALUES,
        "related_events_count": int,
        "related_events": [
            {
                "uid": str,
                "title": str,
                "type": str,
                "product": _PRODUCT,
                "tags": _VALUES,
                "observables": [{"type": str, "type_id": int, "value": str}],
            }
        ],
        **_TIMES,
    },
    "resources": [
        {
            "type": str,
            "uid": str,
            "uid_alt": str,
            "cloud_partition": str,
            "provider": str,
            "region": str,
            "owner": _ACCOUNT,
            "tags": _VALUES,
            "user": _USER,
        }
    ],
    "compliance": {"control": str, "standards": [str], "status": str, "status_id": int},
    "remediation": {"desc": str, "references": [str]},
    "databucket": {
        **_CITE,
        "type": str,
        "type_id": int,
        "region": str,
        "is_public": bool,
        "is_encrypted": bool,
    },
    "evidences": [
        {
            "api": {"operation": str, "service": _CITE},
            "actor": {"user": _USER},
            "src_endpoint": {
                "ip": str,
                "location": _LOCATION,
                "autonomous_system": {"name": str, "number": int},
            },
        }
    ],
    "vulnerabilities": [
        {
            "cve": {
                "uid": str,
                "desc": str,
                "epss": {"score": str},
                "cvss": [
                    {
                        "base_score": float,
                        "severity": str,
                        "vector_string": str,
                        "vendor_name": str,
                        "version": str,
                    }
                ],
            },
            "affected_packages": [
                {"name": str, "version": str, "fixed_in_version": str, "package_manager": str}
            ],
            "is_exploit_available": bool,
            "is_fix_available": bool,
            "severity": str,
        }
    ],
    "vendor_attributes": {"severity": str, "severity_id": int},
}
OCSF_NEEDED = ("class_uid", "metadata", "cloud", "finding_info", "resources", "severity_id")
Event = dict[str, Any]
Naming = Callable[[str, Shape], str]


# --- checking against botocore's models --------------------------------------------------------
@cache
def model(service: str, shape: str) -> Shape:
    """A shape of botocore's model of a service."""
    session = botocore.session.get_session()
    found: Shape = session.get_service_model(service).shape_for(shape)
    return found


def on_the_wire(name: str, shape: Shape) -> str:
    """The member's name in JSON: its locationName, else its own."""
    return str(shape.serialization.get("name") or name)


def camel(name: str, shape: Shape) -> str:
    """Config's events begin the API's names with a small letter."""
    return name[:1].lower() + name[1:]


SCALARS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "double": (int, float),
    "float": (int, float),
    "timestamp": (str, int, float),
}


def against(value: Any, shape: Shape, path: str, naming: Naming, null: bool) -> Iterator[str]:
    """Every way in which a JSON value is not of a botocore shape.

    ``null``: the service writes members that have no value as null in its events.
    """
    if value is None and null:
        return
    if shape.type_name not in ("structure", "list", "map"):
        yield from _scalar(value, shape, path)
    elif not isinstance(value, list if shape.type_name == "list" else dict):
        yield f"{path}: is no {shape.type_name}"
    else:
        for where, item, inner in _items(value, shape, naming):
            if inner is None:
                yield f"{path}{where}: unknown"
            else:
                yield from against(item, inner, f"{path}{where}", naming, null)


def _items(value: Any, shape: Shape, naming: Naming) -> Iterator[tuple[str, Any, Shape | None]]:
    """The members of a container, each with its path and shape; None where there is no such."""
    if shape.type_name == "list":
        yield from ((f"[{index}]", item, shape.member) for index, item in enumerate(value))
    elif shape.type_name == "map":
        yield from ((f"[{key!r}]", item, shape.value) for key, item in value.items())
    else:
        known = {naming(name, member): member for name, member in shape.members.items()}
        yield from ((f".{key}", item, known.get(key)) for key, item in value.items())


def _scalar(value: Any, shape: Shape, path: str) -> Iterator[str]:
    number_for_bool = isinstance(value, bool) and shape.type_name != "boolean"
    if number_for_bool or not isinstance(value, SCALARS[shape.type_name]):
        yield f"{path}: {value!r} is no {shape.type_name}"
    elif shape.type_name == "timestamp" and isinstance(value, str):
        yield from _moment(value, path)
    elif shape.type_name == "string" and shape.enum and value not in shape.enum:
        yield f"{path}: {value!r} is not one of {shape.enum}"


def _moment(value: Any, path: str) -> Iterator[str]:
    try:
        aware = datetime.fromisoformat(str(value)).tzinfo is not None
    except ValueError:
        aware = False
    if not aware:
        yield f"{path}: {value!r} is no moment"


def of_guardduty(detail: Event) -> Iterator[str]:
    """GuardDuty ``Finding``, but for the additional information."""
    detail = copy.deepcopy(detail)
    info = detail["service"].pop("additionalInfo", {})
    for key, value in info.items():
        if not isinstance(value, ADDITIONAL_INFO.get(key, ())):
            yield f"detail.service.additionalInfo.{key}: unknown or of the wrong type"
    yield from against(detail, model("guardduty", "Finding"), "detail", on_the_wire, null=True)
    for field in ("createdAt", "updatedAt"):
        yield from _moment(detail.get(field), f"detail.{field}")


def of_macie(detail: Event) -> Iterator[str]:
    """Macie ``Finding``."""
    yield from against(detail, model("macie2", "Finding"), "detail", on_the_wire, null=True)


def of_asff(detail: Event) -> Iterator[str]:
    """``AwsSecurityFinding``, as BatchImportFindings takes it."""
    yield from (f"detail.{k}: unknown" for k in detail.keys() - _ASFF_DETAIL)
    shape = model("securityhub", "BatchImportFindingsRequest")
    body = {"Findings": detail["findings"]}
    report = ParamValidator().validate(body, shape)
    yield from report.generate_report().splitlines()
    yield from against(body, shape, "detail", on_the_wire, null=False)
    for finding in detail["findings"]:
        for field in ("CreatedAt", "UpdatedAt"):
            yield from _moment(finding.get(field), field)


_ASFF_DETAIL = {"findings", "actionName", "actionDescription"}


def of_config(detail: Event) -> Iterator[str]:
    """Config's ComplianceChangeNotification; its results are ``EvaluationResult``."""
    yield from (f"detail.{k}: missing" for k in CONFIG_DETAIL - detail.keys())
    unknown = detail.keys() - CONFIG_DETAIL - {"oldEvaluationResult"}
    yield from (f"detail.{k}: unknown" for k in unknown)
    for key in ("newEvaluationResult", "oldEvaluationResult"):
        if key in detail:
            shape = model("config", "EvaluationResult")
            yield from against(detail[key], shape, f"detail.{key}", camel, null=True)


def of_ocsf(detail: Event) -> Iterator[str]:
    """The attributes listed in ``OCSF``."""
    yield from (f"detail.{k}: unknown" for k in detail.keys() - {"findings"})
    for finding in detail["findings"]:
        yield from (f"{key}: missing" for key in OCSF_NEEDED if key not in finding)
        yield from _listed(finding, OCSF, "finding")


def _listed(value: Any, spec: Any, path: str) -> Iterator[str]:
    if isinstance(spec, dict):
        for key, item in value.items() if isinstance(value, dict) else ():
            if key not in spec:
                yield f"{path}.{key}: unknown"
            else:
                yield from _listed(item, spec[key], f"{path}.{key}")
    elif isinstance(spec, list):
        for index, item in enumerate(value if isinstance(value, list) else ()):
            yield from _listed(item, spec[0], f"{path}[{index}]")
    kinds = (int, float) if spec is float else type(spec) if isinstance(spec, dict | list) else spec
    if not isinstance(value, kinds) or (isinstance(value, bool) and spec is not bool):
        yield f"{path}: {value!r} is of the wrong type"


OBJECT_SCAN = {  # GuardDuty User Guide, "Monitoring S3 object scans with Amazon EventBridge"
    "schemaVersion": str,
    "scanStatus": str,
    "resourceType": str,
    "s3ObjectDetails": {
        "bucketName": str,
        "objectKey": str,
        "eTag": str,
        "versionId": str,
        "s3Throttled": bool,
    },
    "scanResultDetails": {"scanResultStatus": str, "threats": [{"name": str}]},
}


def of_object_scan(detail: Event) -> Iterator[str]:
    """The attributes listed in ``OBJECT_SCAN``; without threats their list is null."""
    found = {k: v for k, v in detail["scanResultDetails"].items() if v is not None}
    yield from (f"{key}: missing" for key in OBJECT_SCAN.keys() - detail.keys())
    yield from _listed({**detail, "scanResultDetails": found}, OBJECT_SCAN, "detail")


_SESSION = {
    "sessionIssuer": {
        "type": str,
        "principalId": str,
        "arn": str,
        "accountId": str,
        "userName": str,
    },
    "attributes": {"creationDate": str, "mfaAuthenticated": str},
}
# AWS CloudTrail User Guide, "CloudTrail record contents", "CloudTrail userIdentity element"
API_CALL: dict[str, Any] = {
    "eventVersion": str,
    "userIdentity": {
        "type": str,
        "principalId": str,
        "arn": str,
        "accountId": str,
        "accessKeyId": str,
        "userName": str,
        "invokedBy": str,
        "sessionContext": _SESSION,
    },
    "eventTime": str,
    "eventSource": str,
    "eventName": str,
    "awsRegion": str,
    "sourceIPAddress": str,
    "userAgent": str,
    "errorCode": str,
    "errorMessage": str,
    "requestID": str,
    "eventID": str,
    "readOnly": bool,
    "resources": [{"ARN": str, "accountId": str, "type": str}],
    "eventType": str,
    "managementEvent": bool,
    "recipientAccountId": str,
    "eventCategory": str,
    "tlsDetails": {"tlsVersion": str, "cipherSuite": str, "clientProvidedHostHeader": str},
    "sessionCredentialFromConsole": str,
}
_CALL_NEEDED = ("eventID", "eventName", "eventSource", "eventTime", "awsRegion", "userIdentity")


# The Service Authorization Reference has them, botocore has not: only the console makes them.
WITHOUT_MODEL = {"bedrock:PutFoundationModelEntitlement"}


def of_api_call(detail: Event) -> Iterator[str]:
    """The attributes listed in ``API_CALL``; request and response are the operation's own."""
    yield from (f"detail.{key}: missing" for key in _CALL_NEEDED if key not in detail)
    own = {k: v for k, v in detail.items() if k not in ("requestParameters", "responseElements")}
    yield from _listed(own, API_CALL, "detail")
    service = detail["eventSource"].removesuffix(".amazonaws.com")
    if f"{service}:{detail['eventName']}" in WITHOUT_MODEL:
        return
    for member, of in (("requestParameters", "input_shape"), ("responseElements", "output_shape")):
        shape = getattr(_operation(service, detail["eventName"]), of)
        known = {name[:1].lower() + name[1:] for name in shape.members} if shape else set()
        yield from (
            f"detail.{member}.{key}: unknown" for key in (detail.get(member) or {}).keys() - known
        )


@cache
def _operation(service: str, name: str) -> Any:
    """The model of an API call; Bedrock's agents have a model of their own and its event source."""
    session = botocore.session.get_session()
    models = (service, f"{service}-agent", f"{service}-control")
    for one in (m for m in models if m in session.get_available_services()):
        if name in (found := session.get_service_model(one)).operation_names:
            return found.operation_model(name)
    raise ValueError(f"{service} has no operation {name}")


def of_listed(detail: Event, members: Event, needed: tuple[str, ...]) -> Iterator[str]:
    """The attributes listed in ``service_shapes``."""
    yield from (f"detail.{key}: missing" for key in needed if key not in detail)
    yield from _listed(detail, members, "detail")


def of_described(detail: Event, service: str, shape: str, own: Event) -> Iterator[str]:
    """What the API says of the same resource, and the event's own members."""
    known = model(service, shape).members
    for key, value in detail.items():
        if key in own:
            yield from _listed({key: value}, own, "detail")
        elif key in known:
            yield from against(value, known[key], f"detail.{key}", on_the_wire, null=False)
        else:
            yield f"detail.{key}: unknown"


_INSPECTOR_TIME = re.compile(
    r'"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [0-9]{2} [0-9:.]{12} UTC 20[0-9]{2}"'
    r'|"[A-Z][a-z]{2} [0-9]{1,2}, 20[0-9]{2}, [0-9]{1,2}:[0-9]{2}:[0-9]{2} [AP]M"'
)


def of_inspector(detail: Event) -> Iterator[str]:
    """Inspector's ``Finding``, but for the spelling of moments."""
    plain = json.loads(_INSPECTOR_TIME.sub('"2026-11-16T00:00:00Z"', json.dumps(detail)))
    yield from against(plain, model("inspector2", "Finding"), "detail", on_the_wire, null=False)


CHECKS: dict[str, Callable[[Event], Iterator[str]]] = {
    "GuardDuty Finding": of_guardduty,
    "GuardDuty Malware Protection Object Scan Result": of_object_scan,
    "Macie Finding": of_macie,
    "Config Rules Compliance Change": of_config,
    "Security Hub Findings - Imported": of_asff,
    "Security Hub Findings - Custom Action": of_asff,
    "Findings Imported V2": of_ocsf,
    "AWS API Call via CloudTrail": of_api_call,
    "Inspector2 Finding": of_inspector,
    **{
        kind: partial(of_described, service=s, shape=o, own=m)
        for kind, (s, o, m) in DESCRIBED.items()
    },
    **{kind: partial(of_listed, members=m, needed=n) for kind, (m, n) in LISTED.items()},
}


def problems(event: Event) -> list[str]:
    """Why the event's detail has not the documented shape; [] when it has."""
    return list(CHECKS[event["detail-type"]](event["detail"]))
