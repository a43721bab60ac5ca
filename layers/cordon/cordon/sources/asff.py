"""Security Hub CSPM's events: "Security Hub Findings - Imported" and "… - Custom Action".

Source: Security Hub User Guide, "EventBridge event formats", "Required top-level ASFF
attributes", "Samples of control findings", and the service model's ``AwsSecurityFinding``.
Required: ``Id``, ``ProductArn``, ``AwsAccountId``, one of the times, and a Region (``Region``, or
that of the product ARN). The envelope says nothing about the finding: in an administrator's event
its account is the administrator's, in an aggregated one its Region is the home Region.

The copy of a GuardDuty, Macie or Config finding gets the id and type of the native event. A
control's id is ``Compliance.SecurityControlId``, or else the one in the consolidated
``security-control/S3.2``. A number of an older standard (CIS 2.1.5) is never used as a control id.

State: WARNING and NOT_AVAILABLE mean "not evaluated". So does CONFIG_RETURNS_NOT_APPLICABLE: a
deleted rule and a deleted resource give the same reason.
"""

import re
from datetime import datetime
from functools import partial

from cordon.finding import Finding, HubReference, Place, Resource, State
from cordon.sources import (
    asff_resources,
    config,
    facts,
    finding_types,
    places,
    severity,
    shapes,
    text,
    times,
)
from cordon.sources.config import managed_rule
from cordon.sources.field import Field
from cordon.sources.guardduty import SAMPLE, is_sample
from cordon.sources.macie import SAMPLE_BUCKET
from cordon.sources.products import Product, product
from cordon.sources.resources import each_once, leads_nowhere, readable, several, unique

CORDON_PREFIX = "cordon/"
OUR_FIELD = "cordon"  # the one key of ours in UserDefinedFields
_GUARDDUTY_ID = re.compile(
    r"arn:aws[a-z-]*:guardduty:[a-z0-9-]+:[0-9]{12}:detector/[A-Za-z0-9-]+/finding/([A-Za-z0-9-]+)"
)
_LAST = "aws/guardduty/service/eventLastSeen"
_ERROR = "aws/guardduty/service/action/awsApiCallAction/errorCode"
_CONTROL = re.compile(r"(?:.*:)?security-control/([A-Za-z][A-Za-z0-9]{0,63}\.[0-9]{1,4})(?:/.*)?")
_COMPLIANCE = {
    "PASSED": State.PASSED,
    "FAILED": State.ACTIVE,
    "WARNING": State.NOT_EVALUATED,
    "NOT_AVAILABLE": State.NOT_EVALUATED,
}


def read(finding: Field, digest: str, *, channel: str, custom_action: str) -> Finding:
    """Parse one finding of ``detail.findings``. ``custom_action`` is its name, or ""."""
    by = product(finding["ProductArn"], "product")
    place = _place(finding, by)
    id = finding["Id"].identifier() or finding["Id"].malformed("is missing")
    first, last = times.first_and_last(
        (finding["FirstObservedAt"], finding["CreatedAt"]),
        (finding["UpdatedAt"], finding["LastObservedAt"]),
    )
    title, type = finding["Title"].text(text.TITLE), _type(by.source, id, finding)
    state, sample = _state(finding), _is_sample(finding, by.source, title)
    nowhere = leads_nowhere(by.source, state, sample=sample)
    read_resources = partial(asff_resources.read, finding, place, by.source, type)
    resources = unique(readable(read_resources, required=not nowhere))
    principals = each_once(asff_resources.principals(finding))
    return Finding(
        id=native_id(by.source, id, finding, place, resources),
        source=by.source,
        channel=channel,
        type=type,
        severity=severity.asff(finding),
        place=place,
        first_seen=first,
        last_seen=last,
        state=state,
        sample=sample or names_sample_bucket(by.source, resources),
        authored_by_aws=by.trusted,
        resources=resources,
        principal=next(iter(principals), None),
        title=title,
        description=finding["Description"].text(text.DESCRIPTION),
        detail_sha256=digest,
        actors=several(principals),
        hub=HubReference(id, by.arn),
        workflow=finding["Workflow"]["Status"].choice("NEW", "NOTIFIED", "RESOLVED", "SUPPRESSED"),
        user_fields=_has_user_fields(finding),
        custom_action=custom_action,
        is_cordon_finding=by.is_default_product_of(place.account) and _is_from_cordon(finding, id),
        activity=times.readable(partial(_activity, by.source, finding)),
        denied=bool(times.readable(lambda: finding["ProductFields"][_ERROR].present)),
        facts=facts.hub(finding, by.source),
    )


def names_sample_bucket(source: str, resources: tuple[Resource, ...]) -> bool:
    """Is it the copy of a sample that Macie made? Its bucket says so."""
    return source == "macie" and any(r.name == SAMPLE_BUCKET for r in resources)


def _activity(source: str, finding: Field) -> datetime | None:
    """Only GuardDuty observes somebody: others evaluate again what a resource is."""
    if source != "guardduty":
        return None
    proved = times.activity(finding["ProductFields"][_LAST])
    return proved or times.activity(finding["LastObservedAt"])


def native_id(
    source: str, id: str, finding: Field, place: Place, resources: tuple[Resource, ...]
) -> str:
    """The id in the native event."""
    if source == "guardduty" and (match := _GUARDDUTY_ID.fullmatch(id)):
        return match[1]
    rule = finding["ProductFields"]["aws/config/ConfigRuleName"].optional(shapes.RULE_NAME)
    if source == "config" and rule and len(resources) == 1:
        return config.native_id(place, rule, resources[0].type, resources[0].name)
    unused = str(finding["ProductFields"]["findingType"].value).startswith("Unused")
    if source == "access-analyzer" and unused:  # only these are one by one in Security Hub
        return finding["ProductFields"]["findingId"].if_any(shapes.FINDING_ID) or id
    return id


def control(id: str, finding: Field) -> str:
    """The security control's id; "" if the finding uses an older standard's numbers."""
    stated = finding["Compliance"]["SecurityControlId"].optional(shapes.CONTROL_ID)
    generator = finding["GeneratorId"].identifier()
    match = _CONTROL.fullmatch(generator) or _CONTROL.fullmatch(id)
    return stated or (match[1] if match else "")


def _type(source: str, id: str, finding: Field) -> str:
    if source in ("guardduty", "macie"):
        return finding_types.native_type(finding["Types"].items()) or finding["Types"].malformed(
            "is missing"
        )
    if source == "config":
        rule = finding["ProductFields"]["aws/config/ConfigRuleName"].optional(shapes.RULE_NAME)
        return managed_rule(rule or finding["Title"].optional(shapes.RULE_NAME)) or "unknown"
    if source == "securityhub" and (control_id := control(id, finding)):
        return control_id
    types = [type.text(text.TITLE) for type in finding["Types"].items()][:1]
    generator = [finding["GeneratorId"].text(text.TITLE)]
    # OCSF has only the types of other AWS products. For the rest the generator names the rule.
    by_generator = source == "securityhub" or "/" in source
    candidates = generator + types if by_generator else types + generator
    return next(filter(None, candidates), "unknown")


def _place(finding: Field, by: Product) -> Place:
    region = finding["Region"] if finding["Region"].present else Field(by.path, by.region)
    return places.place(finding["AwsAccountId"], region, by.partition)


def _state(finding: Field) -> State:
    if finding["RecordState"].choice("ACTIVE", "ARCHIVED") == "ARCHIVED":
        return State.ARCHIVED
    status = finding["Compliance"]["Status"].choice(*_COMPLIANCE)
    if status == "PASSED":
        return State.PASSED
    if finding["Workflow"]["Status"].value == "SUPPRESSED":
        return State.SUPPRESSED
    return _COMPLIANCE.get(status, State.ACTIVE)


def _is_sample(finding: Field, source: str, title: str) -> bool:
    fields = finding["ProductFields"]
    info = {
        "sample": fields["aws/guardduty/service/additionalInfo/sample"].value,
        "value": fields["aws/guardduty/service/additionalInfo/value"].value,
    }
    if finding["Sample"].boolean():
        return True
    return source == "guardduty" and (
        is_sample(Field(fields.path, info)) or title.startswith(SAMPLE)
    )


def _has_user_fields(finding: Field) -> bool:
    """Whoever writes UserDefinedFields replaces them all: some may be another product's."""
    fields = finding["UserDefinedFields"].value
    return bool(isinstance(fields, dict) and fields.keys() - {OUR_FIELD})


def _is_from_cordon(finding: Field, id: str) -> bool:
    return finding["GeneratorId"].text(text.TITLE).startswith(CORDON_PREFIX) or id.startswith(
        CORDON_PREFIX
    )
