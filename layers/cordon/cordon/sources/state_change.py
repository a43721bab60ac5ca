"""A resource of SageMaker or Bedrock changed its state: ``aws.sagemaker``, ``aws.bedrock``.

Source: SageMaker AI Developer Guide, "Events that Amazon SageMaker AI sends to Amazon EventBridge";
EventBridge Events Reference, "Amazon SageMaker AI events" (best effort); Bedrock User Guide, "How
EventBridge for Amazon Bedrock works". Of the two events on notebooks that page has the names alone;
their members are those of AWS's own event schemas, in which each of them may be missing.

The kind is ``source:Resource/State``, both as AWS writes them: ``sagemaker:TrainingJob/Completed``.
The state of a model package is its approval (``sagemaker:ModelPackage/Approved``). A lifecycle
configuration has no state: ``sagemaker:NotebookLifecycleConfig`` says that it was made or changed.
These events name nobody, and have no severity.

Required: the resource's ARN, in the detail or in the envelope's ``resources``, and the envelope's
account, Region and time.
"""

from dataclasses import dataclass
from datetime import datetime

from cordon.finding import Fact, Finding, Malformed, Place, Resource, ResourceRole, State
from cordon.sources import facts, places, severity, shapes, text, times
from cordon.sources.field import Field
from cordon.sources.resources import from_arn, readable, unique
from cordon.sources.written_times import readable_time

_MOST_FIELDS = 16  # that are named as changed
_WORD = 64


@dataclass(frozen=True)
class StateChange:
    """One detail-type: what it is about, and which members say so."""

    resource: str  # in ``Finding.kind``
    type: str  # CloudFormation's
    arn: str  # the member with the ARN
    state: str = ""  # the member with the state; "" where it has none
    by_somebody: bool = False  # only an API call makes such an event


_SAGEMAKER, _BEDROCK = "AWS::SageMaker::", "AWS::Bedrock::"
STATE_CHANGES = {
    ("aws.sagemaker", "SageMaker Notebook Instance State Change"): StateChange(
        "NotebookInstance",
        f"{_SAGEMAKER}NotebookInstance",
        "NotebookInstanceArn",
        "NotebookInstanceStatus",
    ),
    ("aws.sagemaker", "SageMaker Notebook Lifecycle Config State Change"): StateChange(
        "NotebookLifecycleConfig",
        f"{_SAGEMAKER}NotebookInstanceLifecycleConfig",
        "NotebookInstanceLifecycleConfigArn",
        by_somebody=True,
    ),
    ("aws.sagemaker", "SageMaker Model Package State Change"): StateChange(
        "ModelPackage", f"{_SAGEMAKER}ModelPackage", "ModelPackageArn", "ModelApprovalStatus"
    ),
    ("aws.sagemaker", "SageMaker Model Card State Change"): StateChange(
        "ModelCard", f"{_SAGEMAKER}ModelCard", "ModelCardArn", "ModelCardStatus", by_somebody=True
    ),
    ("aws.sagemaker", "SageMaker Training Job State Change"): StateChange(
        "TrainingJob", f"{_SAGEMAKER}TrainingJob", "TrainingJobArn", "TrainingJobStatus"
    ),
    ("aws.sagemaker", "SageMaker Endpoint State Change"): StateChange(
        "Endpoint", f"{_SAGEMAKER}Endpoint", "EndpointArn", "EndpointStatus"
    ),
    ("aws.bedrock", "Model Customization Job State Change"): StateChange(
        "ModelCustomizationJob", f"{_BEDROCK}ModelCustomizationJob", "jobArn", "jobStatus"
    ),
}


def read(envelope: Field, digest: str) -> Finding:
    """The finding in an event: one change of one resource."""
    detail, source = envelope["detail"], envelope["source"].identifier()
    change = STATE_CHANGES[source, envelope["detail-type"].identifier()]
    place = places.place(envelope["account"], envelope["region"])
    about = _about(envelope, change, place)
    state = detail[change.state].if_any(shapes.STATE) if change.state else ""
    made, last = _times(detail)
    first, latest = times.first_and_last((made,), (last, envelope["time"]))
    updated = _updated(detail)
    return Finding(
        id=about.arn,
        source=source.removeprefix("aws."),
        channel=source.removeprefix("aws."),
        type=f"{change.resource}/{state}" if state else change.resource,
        severity=severity.medium(),
        place=place,
        first_seen=first,
        last_seen=latest,
        state=State.ACTIVE,
        sample=False,
        authored_by_aws=True,
        resources=unique([about, *readable(lambda: _role(detail, place), required=False)]),
        principal=None,
        title=text.one_line(
            f"{change.resource} {about.name} {f'is {state}' if state else 'was changed'}",
            text.TITLE,
        ),
        description=text.one_line(_description(detail, updated), text.DESCRIPTION),
        detail_sha256=digest,
        activity=_moment(last, envelope) if change.by_somebody or updated else None,
        facts=facts.stated(
            {
                Fact.STATUS: lambda: facts.said(detail["ModelPackageStatus"]) or state,
                Fact.APPROVAL: lambda: facts.said(detail["ModelApprovalStatus"]),
                Fact.CHANGED: lambda: ",".join(updated),
            }
        ),
    )


def _about(envelope: Field, change: StateChange, place: Place) -> Resource:
    """By the ARN in the detail; without one by the envelope's, as of a model card."""
    named = [envelope["detail"][change.arn], *envelope["resources"].items()]
    arns = [field for field in named if field.if_any(shapes.ARN)]
    for field in arns[:1]:
        found = from_arn(field, place, kind=change.type)
        if found.type != change.type:
            field.malformed(f"is not the ARN of an {change.type}")
        return found
    return envelope["detail"][change.arn].malformed("is missing, and resources has no ARN")


def _role(detail: Field, place: Place) -> list[Resource]:
    """The role that the resource runs with."""
    roles = [detail[name] for name in ("RoleArn", "roleArn") if detail[name].present]
    return [from_arn(role, place, kind=shapes.ROLE, role=ResourceRole.RELATED) for role in roles]


def _times(detail: Field) -> tuple[Field, Field]:
    """When it was made and when it was changed, by SageMaker's names or by Bedrock's."""
    small = detail["jobArn"].present
    names = ("creationTime", "lastModifiedTime") if small else ("CreationTime", "LastModifiedTime")
    made, last = (readable_time(detail[name]) for name in names)
    return made, last


def _moment(last: Field, envelope: Field) -> datetime | None:
    return times.activity(last) or times.activity(envelope["time"])


def _updated(detail: Field) -> tuple[str, ...]:
    """The members of a model package that somebody changed."""
    named = readable(detail["UpdatedModelPackageFields"].items, required=False)[:_MOST_FIELDS]
    return tuple(filter(None, (field.if_any(shapes.EVENT_NAME)[:_WORD] for field in named)))


def _description(detail: Field, updated: tuple[str, ...]) -> str:
    if updated:
        return f"Somebody changed {', '.join(updated)}"
    try:
        reasons = [
            detail[name].text(text.DESCRIPTION) for name in ("FailureReason", "failureMessage")
        ]
    except Malformed:
        return ""
    return next(filter(None, reasons), "")
