"""Security Hub CSPM's events: "Security Hub Findings - Imported" and "… - Custom Action".

Source: Security Hub User Guide, "EventBridge event formats", "Required top-level ASFF
attributes", "Samples of control findings", and the service model's ``AwsSecurityFinding``.
Required: ``Id``, ``ProductArn``, ``AwsAccountId``, one of the times, and a Region (``Region``, or
that of the product ARN). The envelope's account and Region are the administrator's and the home
Region's; they are not read.

A copy of a GuardDuty, Macie or Config finding gets the id and type of the native event. A
control's id is ``Compliance.SecurityControlId``, else the one in the consolidated
``security-control/S3.2``; a number of an older standard (CIS 2.1.5) is never taken for one.

State: WARNING and NOT_AVAILABLE are undecided, also where the reason is
CONFIG_RETURNS_NOT_APPLICABLE: that a rule was deleted reads the same as that a resource was.
"""

import re

from cordon.finding import Finding, HubReference, Place, Resource, State
from cordon.sources import (
    asff_resources,
    config,
    finding_types,
    places,
    severity,
    shapes,
    text,
    times,
)
from cordon.sources.field import Field
from cordon.sources.guardduty import SAMPLE, is_sample
from cordon.sources.macie import SAMPLE_BUCKET
from cordon.sources.products import Product, product

OURS = "cordon/"
_GUARDDUTY_ID = re.compile(
    r"arn:aws[a-z-]*:guardduty:[a-z0-9-]+:[0-9]{12}:detector/[A-Za-z0-9-]+/finding/([A-Za-z0-9-]+)"
)
_CONTROL = re.compile(r"(?:.*:)?security-control/([A-Za-z][A-Za-z0-9]{0,63}\.[0-9]{1,4})(?:/.*)?")
_COMPLIANCE = {
    "PASSED": State.PASSED,
    "FAILED": State.ACTIVE,
    "WARNING": State.NOT_EVALUATED,
    "NOT_AVAILABLE": State.NOT_EVALUATED,
}


def read(finding: Field, digest: str, *, via: str, hand: str) -> Finding:
    """One finding of ``detail.findings``; ``hand`` is the custom action's name, or ""."""
    by = product(finding["ProductArn"], "product")
    place = _place(finding, by)
    id = finding["Id"].identifier() or finding["Id"].malformed("is missing")
    first, last = times.first_and_last(
        (finding["FirstObservedAt"], finding["CreatedAt"]),
        (finding["UpdatedAt"], finding["LastObservedAt"]),
    )
    title = finding["Title"].text(text.TITLE)
    found, who = asff_resources.read(finding, place)
    return Finding(
        id=native_id(by.source, id, finding, place, found),
        source=by.source,
        channel=via,
        type=_type(by.source, id, finding),
        severity=severity.asff(finding),
        place=place,
        first_seen=first,
        last_seen=last,
        state=_state(finding),
        sample=_is_sample(finding, by.source, title, found),
        authored_by_aws=by.trusted,
        resources=found,
        principal=who,
        title=title,
        description=finding["Description"].text(text.DESCRIPTION),
        detail_sha256=digest,
        hub=HubReference(id, by.arn),
        workflow=finding["Workflow"]["Status"].choice("NEW", "NOTIFIED", "RESOLVED", "SUPPRESSED"),
        custom_action=hand,
        is_cordon_finding=by.is_default_product_of(place.account) and _is_ours(finding, id),
    )


def native_id(
    source: str, id: str, finding: Field, place: Place, found: tuple[Resource, ...]
) -> str:
    """The id that the native event carries."""
    if source == "guardduty" and (told := _GUARDDUTY_ID.fullmatch(id)):
        return told[1]
    rule = finding["ProductFields"]["aws/config/ConfigRuleName"].optional(shapes.RULE_NAME)
    if source == "config" and rule and len(found) == 1:
        return config.native_id(place, rule, found[0].type, found[0].name)
    return id


def control(id: str, finding: Field) -> str:
    """The security control's id; "" when the finding numbers controls in an older way."""
    stated = finding["Compliance"]["SecurityControlId"].optional(shapes.CONTROL_ID)
    generator = finding["GeneratorId"].identifier()
    told = _CONTROL.fullmatch(generator) or _CONTROL.fullmatch(id)
    return stated or (told[1] if told else "")


def _type(source: str, id: str, finding: Field) -> str:
    if source in ("guardduty", "macie"):
        return finding_types.native(finding["Types"].items()) or finding["Types"].malformed(
            "is missing"
        )
    if source == "config":
        rule = finding["ProductFields"]["aws/config/ConfigRuleName"].optional(shapes.RULE_NAME)
        return rule or finding["Title"].optional(shapes.RULE_NAME) or "unknown"
    if source == "securityhub" and (known := control(id, finding)):
        return known
    kinds = [each.text(text.TITLE) for each in finding["Types"].items()][:1]
    told = [finding["GeneratorId"].text(text.TITLE)]
    # Of other AWS products OCSF carries the types only; elsewhere the generator is the rule.
    given = told + kinds if source == "securityhub" or "/" in source else kinds + told
    return next(filter(None, given), "unknown")


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


def _is_sample(finding: Field, source: str, title: str, found: tuple[Resource, ...]) -> bool:
    fields = finding["ProductFields"]
    info = {
        "sample": fields["aws/guardduty/service/additionalInfo/sample"].value,
        "value": fields["aws/guardduty/service/additionalInfo/value"].value,
    }
    if finding["Sample"].boolean():
        return True
    if source == "guardduty":
        return is_sample(Field(fields.path, info)) or title.startswith(SAMPLE)
    return source == "macie" and any(r.name == SAMPLE_BUCKET for r in found)


def _is_ours(finding: Field, id: str) -> bool:
    return finding["GeneratorId"].text(text.TITLE).startswith(OURS) or id.startswith(OURS)
