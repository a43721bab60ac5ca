"""What a GuardDuty finding's ``resource`` names, whichever of its members are there.

Source: the service model's ``Resource`` and its members.
"""

from cordon.finding import Place, Resource, ResourceRole
from cordon.sources import shapes
from cordon.sources.field import Field
from cordon.sources.resources import bucket, from_arn, resource, s3_object

# member of ``resource``, its ARN's member, its name's member, kind, part
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
    """Targets, and what is related to them; the actors are read elsewhere."""
    found = []
    for details in within["s3BucketDetails"].items():
        holder = bucket(details["name"], details["arn"], place)
        keys = [item["key"] for item in details["s3ObjectDetails"].items()]
        found += [holder, *(s3_object(key, holder) for key in keys)]
    found += _instance(within["instanceDetails"], place)
    for member, arn, name, kind, part in _DETAILS:
        found += _named(within[member], arn, name, kind, part, place)
    task = within["ecsClusterDetails"]["taskDetails"]
    found += _named(task, "arn", "", "AWS::ECS::Task", ResourceRole.RELATED, place)
    for guardrail in within["bedrockGuardrailDetails"]["guardrails"].items():
        found += _named(
            guardrail, "arn", "", "AWS::Bedrock::Guardrail", ResourceRole.RELATED, place
        )
    for model in within["modelDetails"].items():
        found += _model(model["modelId"], place)
    return found


def _named(
    within: Field, arn: str, name: str, kind: str, part: ResourceRole, place: Place
) -> list[Resource]:
    """By ARN where there is one, else by name."""
    if within[arn].present:
        return [from_arn(within[arn], place, kind=kind, part=part)]
    named = within[name].identifier() if name else ""
    return [resource(within[name], kind, named, place, part=part)] if named else []


def _instance(within: Field, place: Place) -> list[Resource]:
    found, profile = [], within["iamInstanceProfile"]["arn"]
    if id := within["instanceId"].identifier():
        arn = place.arn("ec2", f"instance/{id}")
        found.append(Resource("AWS::EC2::Instance", id, place, arn))
    if profile.present:
        found.append(from_arn(profile, place, part=ResourceRole.RELATED))
    return found


def _model(model: Field, place: Place) -> list[Resource]:
    """A model id, or the ARN of an inference profile or custom model."""
    if not model.present:
        return []
    if model.identifier().startswith("arn:"):
        return [from_arn(model, place, part=ResourceRole.RELATED)]
    id = model.optional(shapes.AI_RESOURCE)
    return [Resource("AWS::Bedrock::FoundationModel", id, place, "", ResourceRole.RELATED)]
