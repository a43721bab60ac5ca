"""What a source states beside the resources (``Finding.facts``): bounded, and never required.

A fact that cannot be read is absent. Whoever plans by one takes absence for the worse case.
"""

from collections.abc import Callable, Mapping

from cordon.finding import MOST_OF_A_FACT, Fact, Malformed
from cordon.sources import shapes
from cordon.sources.field import Field

BLOCKED, PASSED = "blocked", "passed"
Facts = tuple[tuple[str, str], ...]


def stated(readers: Mapping[Fact, Callable[[], str]]) -> Facts:
    """What each of these reads, where it reads something."""
    read = {name: _readable(reader) for name, reader in readers.items()}
    return tuple((str(name), said) for name, said in read.items() if said)


def guardduty(detail: Field) -> Facts:
    """Of GuardDuty's own event: the service model's ``Finding`` and ``BedrockGuardrailDetails``."""
    return stated(
        {
            Fact.RULE: lambda: said(detail["customDetectionRuleName"]),
            Fact.SEQUENCE: lambda: said(detail["associatedAttackSequenceArn"]),
            Fact.INVOCATIONS: lambda: _invocations(detail),
            Fact.GUARDRAIL: lambda: _guardrail(detail["resource"]["bedrockGuardrailDetails"]),
            Fact.OBJECT_VERSION: lambda: version(_object(detail)["versionId"]),
            Fact.OBJECT_ETAG: lambda: etag(_object(detail)["eTag"]),
        }
    )


def hub(finding: Field) -> Facts:
    """Of a copy in Security Hub: Security Hub User Guide, "AwsS3Object". It need not say it."""
    return stated(
        {
            Fact.OBJECT_VERSION: lambda: version(_hub_object(finding)["VersionId"]),
            Fact.OBJECT_ETAG: lambda: etag(_hub_object(finding)["ETag"]),
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
    """GuardDuty finds an attack where a guardrail saw it; each filter says whether it blocked it
    (GuardDuty User Guide, "GuardDuty AI Protection finding types").
    """
    actions = [filter["action"].value for filter in details["contentPolicyFilters"].items()]
    if not actions:
        return ""
    return BLOCKED if all(action == "BLOCKED" for action in actions) else PASSED


def _readable(read: Callable[[], str]) -> str:
    try:
        return read()
    except Malformed:
        return ""
