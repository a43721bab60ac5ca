"""The resources in a GuardDuty finding's ``resource``, from whichever members are present.

Source: the service model's ``Resource`` and its members.
"""

from cordon.finding import Place, Resource, ResourceRole
from cordon.sources import shapes
from cordon.sources.field import Field
from cordon.sources.resources import bucket, from_arn, resource, s3_object

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


def read(within: Field, place: Place) -> list[Resource]:
    """The targets, and resources related to them. Actors are read in ``guardduty``."""
    resources = []
    for details in within["s3BucketDetails"].items():
        bucket_resource = bucket(details["name"], details["arn"], place)
        keys = [item["key"] for item in details["s3ObjectDetails"].items()]
        resources += [bucket_resource, *(s3_object(key, bucket_resource) for key in keys)]
    resources += _instance(within["instanceDetails"], place)
    for member, arn, name, kind, role in _DETAILS:
        resources += _named(within[member], arn, name, kind, role, place)
    task = within["ecsClusterDetails"]["taskDetails"]
    resources += _named(task, "arn", "", "AWS::ECS::Task", ResourceRole.RELATED, place)
    for guardrail in within["bedrockGuardrailDetails"]["guardrails"].items():
        resources += _named(
            guardrail, "arn", "", "AWS::Bedrock::Guardrail", ResourceRole.RELATED, place
        )
    for model in within["modelDetails"].items():
        resources += _model(model["modelId"], place)
    return resources


def _named(
    within: Field, arn: str, name: str, kind: str, role: ResourceRole, place: Place
) -> list[Resource]:
    """The resource by its ARN if there is one, else by its name."""
    if within[arn].present:
        return [from_arn(within[arn], place, kind=kind, role=role)]
    value = within[name].identifier() if name else ""
    return [resource(within[name], kind, value, place, role=role)] if value else []


def _instance(within: Field, place: Place) -> list[Resource]:
    resources, profile = [], within["iamInstanceProfile"]["arn"]
    if id := within["instanceId"].identifier():
        arn = place.arn("ec2", f"instance/{id}")
        resources.append(Resource("AWS::EC2::Instance", id, place, arn))
    if profile.present:
        resources.append(from_arn(profile, place, role=ResourceRole.RELATED))
    return resources


def _model(model: Field, place: Place) -> list[Resource]:
    """A model id, or the ARN of an inference profile or custom model."""
    if not model.present:
        return []
    if model.identifier().startswith("arn:"):
        return [from_arn(model, place, role=ResourceRole.RELATED)]
    id = model.optional(shapes.AI_RESOURCE)
    return [Resource("AWS::Bedrock::FoundationModel", id, place, "", ResourceRole.RELATED)]
