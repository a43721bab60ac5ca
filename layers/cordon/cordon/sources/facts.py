"""What a source states beside the resources (``Finding.facts``): bounded, and never required.

A fact that cannot be read is absent. Whoever plans by one takes absence for the worse case.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping

from cordon.finding import MOST_OF_A_FACT, Fact, Malformed, canonical_json
from cordon.sources import shapes
from cordon.sources.field import Field
from cordon.sources.text import one_line

BLOCKED, PASSED = "blocked", "passed"
# What a call switched off, beside the names of a detector's features
DETECTOR, SESSION, AGENTS, UNREADABLE = "detector", "session", "agents", "unreadable"
_DATA_SOURCES = (  # of UpdateDetector, and the features that replaced them
    (("s3Logs", "enable"), "S3_DATA_EVENTS"),
    (("kubernetes", "auditLogs", "enable"), "EKS_AUDIT_LOGS"),
    (("malwareProtection", "scanEc2InstanceWithFindings", "ebsVolumes"), "EBS_MALWARE_PROTECTION"),
)
_CALL = "aws/guardduty/service/action/awsApiCallAction/api"  # in ASFF's ProductFields
ATTACKS = ("PROMPT_ATTACK", "JAILBREAK")  # the filters of attacks on the model itself
Facts = tuple[tuple[str, str], ...]


def stated(readers: Mapping[Fact, Callable[[], str]]) -> Facts:
    """What each of these reads, where it reads something."""
    read = {name: _readable(reader) for name, reader in readers.items()}
    return tuple((str(name), said) for name, said in read.items() if said)


def guardduty(detail: Field) -> Facts:
    """Of GuardDuty's own event: the service model's ``Finding`` and ``BedrockGuardrailDetails``."""
    return stated(
        {
            Fact.EVENT_NAME: lambda: _name(detail["service"]["action"]["awsApiCallAction"]["api"]),
            Fact.RULE: lambda: said(detail["customDetectionRuleName"]),
            Fact.SEQUENCE: lambda: said(detail["associatedAttackSequenceArn"]),
            Fact.INVOCATIONS: lambda: _invocations(detail),
            Fact.GUARDRAIL: lambda: _guardrail(detail["resource"]["bedrockGuardrailDetails"]),
            Fact.OBJECT_VERSION: lambda: version(_object(detail)["versionId"]),
            Fact.OBJECT_ETAG: lambda: etag(_object(detail)["eTag"]),
        }
    )


def hub(finding: Field, source: str) -> Facts:
    """Of a copy in Security Hub, which need not say it: Security Hub User Guide, "AwsS3Object".

    GuardDuty's has its own fields as ProductFields.
    """
    of_guardduty = source == "guardduty"
    return stated(
        {
            Fact.EVENT_NAME: lambda: _name(finding["ProductFields"][_CALL]) if of_guardduty else "",
            Fact.OBJECT_VERSION: lambda: version(_hub_object(finding)["VersionId"]),
            Fact.OBJECT_ETAG: lambda: etag(_hub_object(finding)["ETag"]),
        }
    )


def ocsf(finding: Field) -> Facts:
    """Of the copy in OCSF: the evidence of a Detection Finding has the call."""
    return stated({Fact.EVENT_NAME: lambda: _operation(finding["evidences"])})


def call(detail: Field) -> Facts:
    """Of an API call that CloudTrail recorded."""
    request = detail["requestParameters"]
    return stated(
        {
            Fact.EVENT_NAME: lambda: _name(detail["eventName"]),
            Fact.PARAMETERS: lambda: _parameters(request),
            Fact.CREDENTIAL_OF: lambda: _credential_of(detail),
            Fact.REQUEST: lambda: _whole(detail["eventName"].value, request),
            Fact.SWITCHED_OFF: lambda: _switched_off(detail["eventName"].value, request),
        }
    )


def _hub_object(finding: Field) -> Field:
    details = [item["Details"]["AwsS3Object"] for item in finding["Resources"].items()]
    objects = [one for one in details if one.present]
    return objects[0] if len(objects) == 1 else Field("AwsS3Object", None)


def _object(detail: Field) -> Field:
    """The one object that the finding names; absent where it names none, or several."""
    buckets = detail["resource"]["s3BucketDetails"].items()
    objects = [item for one in buckets for item in one["s3ObjectDetails"].items()]
    return objects[0] if len(objects) == 1 else Field("s3ObjectDetails", None)


def version(field: Field) -> str:
    """An object's version; "" for ``null``, which an object has that was put without versioning."""
    named = field.if_any(shapes.OBJECT_VERSION)
    return "" if named == "null" else named


def etag(field: Field) -> str:
    """An object's entity tag, without the quotes that HTTP has around it."""
    value = field.value
    bare = Field(field.path, value.strip('"') if isinstance(value, str) else None)
    return bare.if_any(shapes.OBJECT_ETAG)


def said(field: Field) -> str:
    """Its text, or its number as text."""
    value = field.value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{field.number():.15g}"
    return field.text(MOST_OF_A_FACT)


def _invocations(detail: Field) -> str:
    has_models = detail["resource"]["modelDetails"].items()
    return said(detail["service"]["count"]) if has_models else ""


def _guardrail(details: Field) -> str:
    """GuardDuty finds an attack where a guardrail saw it; the filter of attacks says whether it
    blocked it, whatever other filters matched (GuardDuty User Guide, "GuardDuty AI Protection
    finding types"; GuardDuty API Reference, "ContentPolicyFilter").
    """
    filters = details["contentPolicyFilters"].items()
    actions = [one["action"].value for one in filters if one["type"].value in ATTACKS]
    if not actions:
        return ""
    return BLOCKED if all(action == "BLOCKED" for action in actions) else PASSED


def _name(field: Field) -> str:
    return field.if_any(shapes.EVENT_NAME)


def _operation(evidences: Field) -> str:
    names = {_name(one["api"]["operation"]) for one in evidences.items()} - {""}
    return names.pop() if len(names) == 1 else ""


def _parameters(request: Field) -> str:
    if request.value is None:
        return ""
    return one_line(json.dumps(request.value, ensure_ascii=False), MOST_OF_A_FACT)


def _credential_of(detail: Field) -> str:
    """IAM API Reference, "CreateServiceSpecificCredential": ServiceName of what was made.

    What the response does not say, the request may.
    """
    called = detail["eventName"].value == "CreateServiceSpecificCredential"
    response, request = detail["responseElements"], detail["requestParameters"]
    if isinstance(response.value, dict):
        made = response["serviceSpecificCredential"]
        if isinstance(made.value, dict) and made["serviceName"].present:
            return made["serviceName"].if_any(shapes.EVENT_SOURCE)
    return request["serviceName"].if_any(shapes.EVENT_SOURCE) if called else ""


# Calls that replace a whole document, of which the baseline may have the right one
_WHOLE = ("PutModelInvocationLoggingConfiguration", "PutEnforcedGuardrailConfiguration")


def _whole(name: object, request: Field) -> str:
    """The sha256 of the request's canonical JSON, without the id of what it changes; of some calls.

    It says whether a request is one that is known, however long that is.
    """
    if name not in _WHOLE or not isinstance(request.value, dict):
        return ""
    given = {key: value for key, value in request.value.items() if key != "configId"}
    return hashlib.sha256(canonical_json(given).encode()).hexdigest()


def _switched_off(name: object, request: Field) -> str:
    """In words, sorted; "" where the call switched nothing off. ``unreadable`` is no such call."""
    read = {"UpdateDetector": _of_detector, "UpdateMacieSession": _of_macie}.get(str(name))
    try:
        return " ".join(sorted(set(read(request)))) if read else ""
    except Malformed:
        return UNREADABLE


def _of_detector(request: Field) -> Iterator[str]:
    """Amazon GuardDuty API Reference, "UpdateDetector": enable, features, and the older sources."""
    request["detectorId"].required(shapes.AWS_NAME)  # else the request was left out
    if request["enable"].present and not request["enable"].boolean():
        yield DETECTOR
    for feature in request["features"].items():
        if feature["status"].choice("ENABLED", "DISABLED") == "DISABLED":
            yield feature["name"].required(shapes.FEATURE)
        elif any(one["status"].value != "ENABLED" for one in _within(feature)):
            yield AGENTS
    for path, name in _DATA_SOURCES:
        source = request["dataSources"]
        for part in path:
            source = source[part]
        if source.present and not source.boolean():
            yield name


def _within(feature: Field) -> tuple[Field, ...]:
    """What GuardDuty manages for a feature: its agents."""
    return feature["additionalConfiguration"].items()


def _of_macie(request: Field) -> Iterator[str]:
    if not request.present:
        request.malformed("is missing")
    if request["status"].choice("ENABLED", "PAUSED") == "PAUSED":
        yield SESSION


def _readable(read: Callable[[], str]) -> str:
    try:
        return read()
    except Malformed:
        return ""
