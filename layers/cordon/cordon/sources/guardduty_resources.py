"""The resources in a GuardDuty finding's ``resource``, from whichever members are present.

Source: the service model's ``Resource`` and its members; for ``modelDetails`` also GuardDuty User
Guide, "GuardDuty AI Protection finding types": its ids are those of Bedrock models or names of
SageMaker endpoints, and only the call says which.
"""

import re
from collections.abc import Callable
from functools import partial

from cordon.finding import Place, Resource, ResourceRole
from cordon.sources import shapes
from cordon.sources.field import Field
from cordon.sources.resources import bucket, from_arn, is_subject, readable, resource, s3_object

_CALL = 128
TRAIL = "AWS::CloudTrail::Trail"
# Bedrock User Guide, "Supported foundation models": provider.model, behind a geography or not
_BEDROCK_ID = re.compile(r"([a-z-]+\.)?[a-z0-9]+\.[a-z0-9][a-z0-9.:-]*")
# member of ``resource``, member with the ARN, member with the name, type, role
_DETAILS = (
    ("lambdaDetails", "functionArn", "functionName", "AWS::Lambda::Function", ResourceRole.TARGET),
    ("eksClusterDetails", "arn", "name", "AWS::EKS::Cluster", ResourceRole.TARGET),
    ("ecsClusterDetails", "arn", "name", "AWS::ECS::Cluster", ResourceRole.TARGET),
    (
        "rdsDbInstanceDetails",
        "dbInstanceArn",
        "dbInstanceIdentifier",
        "AWS::RDS::DBInstance",
        ResourceRole.TARGET,
    ),
    (
        "rdsLimitlessDbDetails",
        "dbShardGroupArn",
        "dbShardGroupIdentifier",
        "AWS::RDS::DBShardGroup",
        ResourceRole.TARGET,
    ),
    ("ebsSnapshotDetails", "snapshotArn", "", "AWS::EC2::Snapshot", ResourceRole.TARGET),
    ("ec2ImageDetails", "imageArn", "", "AWS::EC2::Image", ResourceRole.TARGET),
    (
        "recoveryPointDetails",
        "recoveryPointArn",
        "",
        "AWS::Backup::RecoveryPoint",
        ResourceRole.TARGET,
    ),
    (
        "bedrockGuardrailDetails",
        "guardrailArn",
        "",
        "AWS::Bedrock::Guardrail",
        ResourceRole.RELATED,
    ),
)


def read(detail: Field, place: Place, type: str) -> list[Resource]:
    """The targets, and resources related to them. Actors are read in ``guardduty``.

    Only the buckets of a finding on S3 must be readable: it is about them alone.
    """
    within, must = detail["resource"], is_subject(shapes.BUCKET, "guardduty", type)
    resources = readable(lambda: _buckets(within["s3BucketDetails"], place), required=must)
    readers: list[Callable[[], list[Resource]]] = [
        lambda: _instance(within["instanceDetails"], place),
        lambda: _profile(within["instanceDetails"], place),
        *(partial(_member, within, *details, place) for details in _DETAILS),
        lambda: _task(within["ecsClusterDetails"]["taskDetails"], place),
        lambda: _guardrails(within["bedrockGuardrailDetails"]["guardrails"], place),
        lambda: _models(within["modelDetails"], detail["service"]["action"], place),
        lambda: affected_trail(
            detail["service"]["action"]["awsApiCallAction"]["affectedResources"][TRAIL], place
        ),
    ]
    return resources + [r for reader in readers for r in readable(reader, required=False)]


def affected_trail(named: Field, place: Place) -> list[Resource]:
    """The trail that the call changed, in ``affectedResources``: its ARN or its name."""
    if named.if_any(shapes.ARN):
        trail = from_arn(named, place)
        return [trail] if trail.type == TRAIL else []
    name = named.optional(shapes.TRAIL_NAME)
    return [Resource(TRAIL, name, place, place.arn("cloudtrail", f"trail/{name}"))] if name else []


def _buckets(details: Field, place: Place) -> list[Resource]:
    """Each bucket with its objects."""
    resources: list[Resource] = []
    for one in details.items():
        named = bucket(one["name"], one["arn"], place)
        resources += [named, *readable(partial(_objects, one, named), required=False)]
    return resources


def _objects(details: Field, within: Resource) -> list[Resource]:
    return [s3_object(item["key"], within) for item in details["s3ObjectDetails"].items()]


def _member(
    within: Field, member: str, arn: str, name: str, kind: str, role: ResourceRole, place: Place
) -> list[Resource]:
    return _named(within[member], arn, name, kind, role, place)


def _task(task: Field, place: Place) -> list[Resource]:
    return _named(task, "arn", "", "AWS::ECS::Task", ResourceRole.RELATED, place)


def _guardrails(guardrails: Field, place: Place) -> list[Resource]:
    kind, role = "AWS::Bedrock::Guardrail", ResourceRole.RELATED
    each = (partial(_named, one, "arn", "", kind, role, place) for one in guardrails.items())
    return [r for one in each for r in readable(one, required=False)]


def _named(
    within: Field, arn: str, name: str, kind: str, role: ResourceRole, place: Place
) -> list[Resource]:
    """The resource by its ARN if there is one, else by its name."""
    if within[arn].present:
        return [from_arn(within[arn], place, kind=kind, role=role)]
    value = within[name].identifier() if name else ""
    return [resource(within[name], kind, value, place, role=role)] if value else []


def _instance(within: Field, place: Place) -> list[Resource]:
    id = within["instanceId"].identifier()
    arn = place.arn("ec2", f"instance/{id}")
    return [Resource("AWS::EC2::Instance", id, place, arn)] if id else []


def _profile(within: Field, place: Place) -> list[Resource]:
    profile = within["iamInstanceProfile"]["arn"]
    return [from_arn(profile, place, role=ResourceRole.RELATED)] if profile.present else []


def _models(models: Field, action: Field, place: Place) -> list[Resource]:
    call = action["awsApiCallAction"]
    each = (partial(_model, one, call, place) for one in models.items())
    return [r for one in each for r in readable(one, required=False)]


def _model(details: Field, call: Field, place: Place) -> list[Resource]:
    """An ARN (inference profile, custom model), a SageMaker endpoint, or a Bedrock model."""
    model = details["modelId"]
    if not model.present:
        return []
    if model.identifier().startswith("arn:"):
        return [from_arn(model, place, role=ResourceRole.RELATED)]
    id = model.required(shapes.AI_RESOURCE)
    kind = _kind_of_model(id, call)
    endpoint = kind == "AWS::SageMaker::Endpoint"
    arn = place.arn("sagemaker", f"endpoint/{id.lower()}") if endpoint else ""
    return [Resource(kind, id, place, arn, ResourceRole.RELATED)]


def _kind_of_model(id: str, call: Field) -> str:
    """By the call that invoked it; without one a name in Bedrock's form is a Bedrock model."""
    called = " ".join(call[name].text(_CALL) for name in ("serviceName", "api")).lower()
    if "sagemaker" in called or "invokeendpoint" in called:
        return "AWS::SageMaker::Endpoint"
    if "bedrock" in called or _BEDROCK_ID.fullmatch(id):
        return "AWS::Bedrock::FoundationModel"
    return shapes.OTHER
