"""The attack sequence inside a GuardDuty finding: who took part, and what was touched.

Source: service models, ``guardduty.Sequence`` (camelCase, in ``service.detection.sequence``) and
``securityhub.Sequence`` (PascalCase, in ``Detection.Sequence``).
"""

from cordon.finding import Place, Principal, Resource, ResourceRole
from cordon.sources import shapes
from cordon.sources.field import Field
from cordon.sources.resources import actors, from_arn, principal, resource, s3_object_by_arn

_KINDS = {
    "S3_BUCKET": shapes.BUCKET,
    "EC2_INSTANCE": "AWS::EC2::Instance",
    "EC2_NETWORK_INTERFACE": "AWS::EC2::NetworkInterface",
    "EC2_LAUNCH_TEMPLATE": "AWS::EC2::LaunchTemplate",
    "EC2_VPC": "AWS::EC2::VPC",
    "EC2_IMAGE": "AWS::EC2::Image",
    "EKS_CLUSTER": "AWS::EKS::Cluster",
    "ECS_CLUSTER": "AWS::ECS::Cluster",
    "ECS_TASK": "AWS::ECS::Task",
    "AUTOSCALING_AUTO_SCALING_GROUP": "AWS::AutoScaling::AutoScalingGroup",
    "IAM_INSTANCE_PROFILE": "AWS::IAM::InstanceProfile",
    "CLOUDFORMATION_STACK": "AWS::CloudFormation::Stack",
    "BEDROCK_CUSTOM_MODEL": "AWS::Bedrock::CustomModel",
    "BEDROCK_IMPORTED_MODEL": "AWS::Bedrock::ImportedModel",
    "BEDROCK_PROVISIONED_MODEL": "AWS::Bedrock::ProvisionedModel",
    "BEDROCK_CUSTOM_MODEL_DEPLOYMENT": "AWS::Bedrock::CustomModelDeployment",
    "BEDROCK_INFERENCE_PROFILE": "AWS::Bedrock::InferenceProfile",
    "BEDROCK_APPLICATION_INFERENCE_PROFILE": "AWS::Bedrock::ApplicationInferenceProfile",
    "BEDROCK_PROMPT": "AWS::Bedrock::Prompt",
    "BEDROCK_PROMPT_ROUTER": "AWS::Bedrock::IntelligentPromptRouter",
    "BEDROCK_GUARDRAIL": "AWS::Bedrock::Guardrail",
    "SAGEMAKER_ENDPOINT": "AWS::SageMaker::Endpoint",
}
_ID = 512


def principals(people: Field, *, hub: bool = False) -> list[Principal]:
    """Whose credentials took part, in the finding's order. ``hub`` for ASFF's spelling."""
    say = _pascal if hub else _camel
    found = []
    for person in people.items():
        user, session = person[say("user")], person[say("session")]
        account = user[say("account")][say("uid")].optional(shapes.ACCOUNT_ID)
        who = principal(
            user[say("type")],
            user[say("name")],
            id=user[say("uid")],
            key=user[say("credentialUid")],
            account=account,
            issuer=_issuer(session[say("issuer")]),
        )
        found += [who] if who else []
    return found


def resources(touched: Field, place: Place) -> list[Resource]:
    """What was touched, each where the sequence says it is."""
    found: list[Resource] = []
    for item in touched.items():
        found += _resource(item, _place(item, place))
    return found


def _resource(item: Field, place: Place) -> list[Resource]:
    kind = item["resourceType"].identifier(_ID)
    if kind == "ACCESS_KEY":
        key = item["data"]["accessKey"]
        who = principal(key["userType"], key["userName"], id=key["principalId"], key=item["uid"])
        return list(actors(who, place))
    if kind == "S3_OBJECT":
        return list(s3_object_by_arn(item["uid"], place))
    if item["uid"].identifier(_ID).startswith("arn:"):
        return [from_arn(item["uid"], place, kind=_KINDS.get(kind, shapes.OTHER))]
    named = item["name"] if item["name"].present else item["uid"]
    known = _KINDS.get(kind, shapes.OTHER)
    arn = f"arn:{place.partition}:s3:::{named.identifier(_ID)}" if known == shapes.BUCKET else ""
    return [resource(named, known, named.identifier(_ID), place, arn=arn, part=ResourceRole.TARGET)]


def _place(item: Field, default: Place) -> Place:
    return Place(
        item["cloudPartition"].optional(shapes.PARTITION) or default.partition,
        item["accountId"].optional(shapes.ACCOUNT_ID) or default.account,
        item["region"].optional(shapes.REGION) or default.region,
    )


def _issuer(issuer: Field) -> str:
    """The ARN of the role behind a session; an identity provider is none."""
    told = issuer.identifier(_ID)
    return told if shapes.ROLE_ARN.matches(told) else ""


def _camel(word: str) -> str:
    return word


def _pascal(word: str) -> str:
    return word[0].upper() + word[1:]
