"""Security Hub's OCSF event: ``aws.securityhub``, "Findings Imported V2".

Source: Security Hub User Guide, "OCSF findings in Security Hub"; OCSF schema 1.6, classes
Vulnerability (2002), Compliance (2003), Detection (2004) and Data Security Finding (2006).
Required: ``class_uid``, ``finding_info.uid``, ``metadata.product.uid``, ``cloud.account.uid``,
``cloud.region`` and one of the times.

The copy of a GuardDuty or Macie finding gets the native id and type. ``hub`` is the same finding
in Security Hub CSPM, where notes and workflow status are written.
"""

from datetime import datetime
from functools import partial

from cordon.finding import Finding, HubReference, State
from cordon.sources import (
    facts,
    finding_types,
    ocsf_resources,
    places,
    severity,
    shapes,
    text,
    times,
)
from cordon.sources.asff import names_sample_bucket, native_id
from cordon.sources.field import Field
from cordon.sources.guardduty import SAMPLE
from cordon.sources.products import Product, product
from cordon.sources.resources import each_once, leads_nowhere, readable, several, unique

_COMPLIANCE, _CLASSES = 2003, (2002, 2003, 2004, 2006)
_CLOSE = 3  # activity_id: the finding is closed
_WORKFLOW = {1: "NEW", 2: "IN_PROGRESS", 3: "SUPPRESSED", 4: "RESOLVED", 5: "ARCHIVED"}
_PASS, _FAIL = 1, 3  # compliance.status_id


def read(finding: Field, digest: str) -> Finding:
    """One finding of ``detail.findings``."""
    if finding["class_uid"].number() not in _CLASSES:
        finding["class_uid"].malformed(f"is not one of {', '.join(map(str, _CLASSES))}")
    cloud, info = finding["cloud"], finding["finding_info"]
    by = product(finding["metadata"]["product"]["uid"], "product", "productv2")
    place = places.place(cloud["account"]["uid"], cloud["region"], by.partition)
    id = info["uid"].identifier() or info["uid"].malformed("is missing")
    first, last = times.first_and_last(
        (
            info["first_seen_time_dt"],
            info["first_seen_time"],
            info["created_time_dt"],
            info["created_time"],
        ),
        (
            info["modified_time_dt"],
            info["modified_time"],
            info["last_seen_time_dt"],
            info["last_seen_time"],
        ),
    )
    title = info["title"].text(text.TITLE)
    type, state = _type(by, finding), _state(finding)
    sample = title.startswith(SAMPLE) or finding["unmapped"]["Sample"].boolean()
    nowhere = leads_nowhere(by.source, state, sample=sample)
    read_resources = partial(ocsf_resources.read, finding, place, by.source, type)
    resources = unique(readable(read_resources, required=not nowhere))
    principals = each_once(ocsf_resources.principals(finding))
    return Finding(
        id=native_id(by.source, id, Field("", None), place, resources),
        source=by.source,
        channel="securityhub_v2",
        type=type,
        severity=severity.ocsf(finding),
        place=place,
        first_seen=first,
        last_seen=last,
        state=state,
        sample=sample or names_sample_bucket(by.source, resources),
        authored_by_aws=by.trusted,
        resources=resources,
        principal=next(iter(principals), None),
        title=title,
        description=info["desc"].text(text.DESCRIPTION),
        detail_sha256=digest,
        actors=several(principals),
        hub=HubReference(id, by.arn.replace(":productv2/", ":product/")),
        workflow=_workflow(finding),
        activity=times.readable(partial(_activity, by.source, info)),
        facts=facts.ocsf(finding) if by.source == "guardduty" else (),
    )


def _activity(source: str, info: Field) -> datetime | None:
    """Only GuardDuty observes somebody; ``modified_time`` is when the finding was published."""
    if source != "guardduty":
        return None
    return times.activity(info["last_seen_time_dt"], info["last_seen_time"])


def _type(by: Product, finding: Field) -> str:
    types = finding["finding_info"]["types"].items()
    if by.source in ("guardduty", "macie"):
        return finding_types.native_type(types) or finding["finding_info"]["types"].malformed(
            "is missing"
        )
    control = finding["compliance"]["control"].optional(shapes.CONTROL_ID)
    if by.source == "securityhub" and control:
        return control
    return next((type.text(text.TITLE) for type in types), "unknown")


def _workflow(finding: Field) -> str:
    status = finding["status_id"].number()
    return "" if status is None else _WORKFLOW.get(int(status), "")


def _state(finding: Field) -> State:
    workflow, compliance = _workflow(finding), finding["compliance"]["status_id"].number()
    if workflow == "ARCHIVED" or finding["activity_id"].number() == _CLOSE:
        return State.ARCHIVED
    if compliance == _PASS:
        return State.PASSED
    if workflow == "SUPPRESSED":
        return State.SUPPRESSED
    evaluated = finding["class_uid"].value != _COMPLIANCE or compliance in (None, _FAIL)
    return State.ACTIVE if evaluated else State.NOT_EVALUATED
