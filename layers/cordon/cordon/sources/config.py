"""AWS Config's own event: ``aws.config``, "Config Rules Compliance Change".

Source: AWS Config Developer Guide, "Example Compliance Change Notification" and "Monitoring
AWS Config with Amazon EventBridge". Required: ``messageType`` ComplianceChangeNotification,
``awsAccountId``, ``awsRegion``, ``configRuleName``, ``resourceType``, ``resourceId`` and a time.
Config rates nothing, so the severity is MEDIUM.

A finding of Config has no id of its own: ``native_id`` makes one that stays the same for every
evaluation of a resource by a rule. A result that is null or INSUFFICIENT_DATA says nothing of
the resource: the rule may have been deleted.
"""

from cordon.finding import Finding, Place, Resource, ResourceRole, State
from cordon.sources import arns, places, severity, shapes, text, times
from cordon.sources.field import Field
from cordon.sources.resources import from_arn, resource

_STATES = {
    "NON_COMPLIANT": State.ACTIVE,
    "COMPLIANT": State.PASSED,
    "NOT_APPLICABLE": State.PASSED,
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
    subject = _subject(detail, place)
    result, before = detail["newEvaluationResult"], detail["oldEvaluationResult"]
    first, last = times.first_and_last(
        (result["configRuleInvokedTime"],),
        (
            result["resultRecordedTime"],
            detail["notificationCreationTime"],
            before["resultRecordedTime"],
        ),
    )
    complies = result["complianceType"].choice(*_STATES)
    return Finding(
        id=native_id(place, rule, detail["resourceType"].value, detail["resourceId"].value),
        source="config",
        channel="config",
        type=rule,
        severity=severity.medium(),
        place=place,
        first_seen=first,
        last_seen=last,
        state=_STATES.get(complies, State.NOT_EVALUATED),
        sample=False,
        authored_by_aws=True,
        resources=(subject,),
        principal=None,
        title=text.one_line(f"{rule}: {subject.name} is {complies or 'not rated'}", text.TITLE),
        description=result["annotation"].text(text.DESCRIPTION),
        detail_sha256=digest,
    )


def native_id(place: Place, rule: str, kind: str, resource: str) -> str:
    """The same for every evaluation of one resource by one rule, here and in Security Hub."""
    return f"{place.account}/{place.region}/{rule}/{kind}/{resource}"


def _subject(detail: Field, place: Place) -> Resource:
    """Config names a resource by name, by id (AROA… for a role) or by ARN, by type."""
    kind = detail["resourceType"].required(shapes.CLOUDFORMATION_TYPE)
    id = detail["resourceId"]
    named = id.identifier(_ID)
    if named.startswith("arn:"):
        return from_arn(id, place, kind=kind)
    bucket = kind == shapes.BUCKET
    arn = f"arn:{place.partition}:s3:::{named}" if bucket else arns.ai_arn(kind, named, place)
    return resource(id, kind, named, place, arn=arn, part=ResourceRole.TARGET)
