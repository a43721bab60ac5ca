"""Inspector's own event: ``aws.inspector2``, "Inspector2 Finding".

Source: Amazon Inspector User Guide, "Amazon EventBridge event schema for Amazon Inspector events",
and the service model's ``Finding``. It is the same finding as its copy in Security Hub: the id is
its ARN, and the type is Security Hub's ("Integration with AWS Security Hub"; "Types taxonomy for
ASFF"). For a type without a documented spelling there it is Inspector's own word.

Required: ``findingArn``, ``awsAccountId`` and a time, the envelope's if need be: Inspector writes
its own in several spellings. The state of a resource is nobody's activity.
"""

from datetime import datetime
from functools import partial

from cordon.finding import Fact, Finding, HubReference, Place, Resource, State
from cordon.sources import facts, places, severity, shapes, text, times
from cordon.sources.field import Field
from cordon.sources.resources import from_arn, readable, resource, unique
from cordon.sources.written_times import readable_time

SOURCE = "inspector"
TYPES = {  # Inspector's: Security Hub's
    "PACKAGE_VULNERABILITY": "Software and Configuration Checks/Vulnerabilities/CVE",
    "NETWORK_REACHABILITY": "Software and Configuration Checks/AWS Security Best Practices/"
    "Network Reachability",
}
ACTIVE, CLOSED = "ACTIVE", "CLOSED"
_WORDS = 64
_STATES = {ACTIVE: State.ACTIVE, "SUPPRESSED": State.SUPPRESSED, CLOSED: State.ARCHIVED}
_KINDS = {
    "AWS_EC2_INSTANCE": "AWS::EC2::Instance",
    "AWS_ECR_CONTAINER_IMAGE": "AWS::ECR::Repository",
    "AWS_LAMBDA_FUNCTION": "AWS::Lambda::Function",
}


def read(envelope: Field, digest: str) -> Finding:
    """The finding in an event."""
    detail = envelope["detail"]
    arn = detail["findingArn"].required(shapes.ARN)
    place = _place(detail)
    native = detail["type"].required(shapes.EVENT_NAME)
    items = readable(detail["resources"].items, required=False)
    read_items = (readable(partial(_resources, item, place), required=False) for item in items)
    first, last = _times(envelope)
    return Finding(
        id=arn,
        source=SOURCE,
        channel=SOURCE,
        type=TYPES.get(native, native),
        severity=severity.word(detail["severity"]),
        place=place,
        first_seen=first,
        last_seen=last,
        state=_STATES.get(detail["status"].text(_WORDS) or ACTIVE, State.NOT_EVALUATED),
        sample=False,
        authored_by_aws=True,
        resources=unique([found for several in read_items for found in several]),
        principal=None,
        title=detail["title"].text(text.TITLE),
        description=detail["description"].text(text.DESCRIPTION),
        detail_sha256=digest,
        hub=HubReference(
            arn, f"arn:{place.partition}:securityhub:{place.region}::product/aws/{SOURCE}"
        ),
        facts=facts.stated({Fact.IMAGE: lambda: _image(items)}),
    )


def _place(detail: Field) -> Place:
    """The Region is in the ARN alone."""
    arn = detail["findingArn"]
    region = Field(arn.path, str(arn.value).split(":")[3])
    return places.place(detail["awsAccountId"], region)


def _times(envelope: Field) -> tuple[datetime, datetime]:
    """The finding's own, as its copy has them; without one the envelope's."""
    detail = envelope["detail"]
    own = [readable_time(detail[name]) for name in ("updatedAt", "lastObservedAt")]
    last = tuple(field for field in own if times.activity(field)) or (envelope["time"],)
    return times.first_and_last((readable_time(detail["firstObservedAt"]),), last)


def _resources(item: Field, place: Place) -> list[Resource]:
    kind = _KINDS.get(item["type"].text(_WORDS), shapes.OTHER)
    if item["id"].if_any(shapes.ARN):
        return [from_arn(item["id"], place, kind=kind)]
    return [resource(item["id"], kind, item["id"].identifier(), place)]


def _image(items: list[Field]) -> str:
    digests = (item["details"]["awsEcrContainerImage"]["imageHash"] for item in items)
    return next(filter(None, map(facts.said, digests)), "")
