"""AWS Config's own event: ``aws.config``, "Config Rules Compliance Change".

Source: AWS Config Developer Guide, "Example Compliance Change Notification" and "Monitoring
AWS Config with Amazon EventBridge". Required: ``messageType`` ComplianceChangeNotification,
``awsAccountId``, ``awsRegion``, ``configRuleName``, ``resourceType``, ``resourceId`` and a time.
Config gives no severity, so it is MEDIUM.

A Config event has no finding id: ``native_id`` makes one that is the same for every evaluation of
a resource by a rule. A result that is null or INSUFFICIENT_DATA says nothing about the resource:
the rule may have been deleted.
"""

from cordon.finding import Finding, Place, Resource, ResourceRole, State
from cordon.sources import arns, places, severity, shapes, text, times
from cordon.sources.field import Field
from cordon.sources.resources import from_arn, resource

_STATES = {
    "NON_COMPLIANT": State.ACTIVE,
    "COMPLIANT": State.PASSED,
    "NOT_APPLICABLE": State.ARCHIVED,
    "INSUFFICIENT_DATA": State.NOT_EVALUATED,
}
_ID = 768  # Config ResourceId


def read(detail: Field, digest: str) -> Finding:
    """The finding in ``detail``."""
    kind = detail["messageType"]
    if kind.choice("ComplianceChangeNotification") == "":
        kind.malformed("is missing")
    place = places.place(detail["awsAccountId"], detail["awsRegion"])
    rule = detail["configRuleName"].required(shapes.RULE_NAME)
    target = _target(detail, place)
    result, previous = detail["newEvaluationResult"], detail["oldEvaluationResult"]
    first, last = times.first_and_last(
        (result["configRuleInvokedTime"],),
        (
            result["resultRecordedTime"],
            detail["notificationCreationTime"],
            previous["resultRecordedTime"],
        ),
    )
    compliance = result["complianceType"].choice(*_STATES)
    return Finding(
        id=native_id(place, rule, detail["resourceType"].value, detail["resourceId"].value),
        source="config",
        channel="config",
        type=rule,
        severity=severity.medium(),
        place=place,
        first_seen=first,
        last_seen=last,
        state=_STATES.get(compliance, State.NOT_EVALUATED),
        sample=False,
        authored_by_aws=True,
        resources=(target,),
        principal=None,
        title=text.one_line(f"{rule}: {target.name} is {compliance or 'not rated'}", text.TITLE),
        description=result["annotation"].text(text.DESCRIPTION),
        detail_sha256=digest,
    )


def native_id(place: Place, rule: str, kind: str, resource: str) -> str:
    """One id for all evaluations of a resource by a rule, here and in Security Hub."""
    return f"{place.account}/{place.region}/{rule}/{kind}/{resource}"


def _target(detail: Field, place: Place) -> Resource:
    """The evaluated resource. By type, Config gives a name, an id (AROA… of a role) or an ARN."""
    kind = detail["resourceType"].required(shapes.CLOUDFORMATION_TYPE)
    id = detail["resourceId"]
    name = id.identifier(_ID)
    if name.startswith("arn:"):
        return from_arn(id, place, kind=kind)
    bucket = kind == shapes.BUCKET
    arn = f"arn:{place.partition}:s3:::{name}" if bucket else arns.ai_arn(kind, name, place)
    return resource(id, kind, name, place, arn=arn, role=ResourceRole.TARGET)
