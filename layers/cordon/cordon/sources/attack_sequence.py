"""The attack sequence inside a GuardDuty finding: its principals and its resources.

Source: service models, ``guardduty.Sequence`` (camelCase, in ``service.detection.sequence``) and
``securityhub.Sequence`` (PascalCase, in ``Detection.Sequence``).
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from cordon.finding import Place, Principal, Resource, ResourceRole
from cordon.sources import shapes, times
from cordon.sources.field import Field
from cordon.sources.resources import (
    actor_resources,
    each_once,
    from_arn,
    principal,
    readable,
    readable_principal,
    resource,
    s3_object_by_arn,
)

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


def read(service: Field, place: Place) -> tuple[list[Principal], list[Resource]]:
    """The principals and the resources of GuardDuty's own event; none if it is no sequence.

    What is unreadable is left out: no playbook changes what a sequence names.
    """

    def sequence(member: str) -> Field:
        return service["detection"]["sequence"][member]

    actors = readable(lambda: principals(sequence("actors")), required=False)
    affected = readable(lambda: _resources(sequence("resources"), place), required=False)
    found = affected + [r for actor in actors for r in actor_resources(actor, place)]
    owners = readable(lambda: _owners(sequence("resources")), required=False)
    return each_once([*actors, *owners]), found


def _owners(resources: Field) -> list[Principal]:
    """Whose access keys are among the resources: somebody else uses them."""
    keys = (r["data"]["accessKey"] for r in resources.items() if _is_key(r))
    each = (readable_principal(partial(_owner, key)) for key in keys)
    return [owner for owner in each if owner]


def _is_key(resource: Field) -> bool:
    return bool(resource["resourceType"].value == "ACCESS_KEY")


def _owner(key: Field) -> Principal | None:
    return principal(
        key["userType"], key["userName"], id=key["principalId"], key=Field(key.path, None)
    )


def principals(actors: Field, *, hub: bool = False) -> list[Principal]:
    """The principals of the sequence, in the finding's order. ``hub`` selects ASFF's spelling."""
    spell = _pascal if hub else _camel
    found = (readable_principal(partial(_principal, actor, spell)) for actor in actors.items())
    return [caller for caller in found if caller]


def _principal(actor: Field, spell: Callable[[str], str]) -> Principal | None:
    user, session = actor[spell("user")], actor[spell("session")]
    return principal(
        user[spell("type")],
        user[spell("name")],
        id=user[spell("uid")],
        key=user[spell("credentialUid")],
        account=user[spell("account")][spell("uid")].optional(shapes.ACCOUNT_ID),
        issuer=_issuer(session[spell("issuer")]),
    )


def activity(service: Field) -> datetime | None:
    """When the last of the sequence's signals was last seen (``lastSeenAt``)."""
    signals = service["detection"]["sequence"]["signals"].items()
    return times.activity(*(signal["lastSeenAt"] for signal in signals))


def _resources(items: Field, place: Place) -> list[Resource]:
    each = (partial(_resource, item, place) for item in items.items())
    return [resource for one in each for resource in readable(one, required=False)]


def _resource(item: Field, default: Place) -> list[Resource]:
    """An affected resource, in the place that the sequence gives."""
    place = _place(item, default)
    kind = item["resourceType"].identifier(_ID)
    if kind == "ACCESS_KEY":
        key = item["data"]["accessKey"]
        user = principal(key["userType"], key["userName"], id=key["principalId"], key=item["uid"])
        return list(actor_resources(user, place))
    if kind == "S3_OBJECT":
        return list(s3_object_by_arn(item["uid"], place))
    if item["uid"].identifier(_ID).startswith("arn:"):
        return [from_arn(item["uid"], place, kind=_KINDS.get(kind, shapes.OTHER))]
    name = item["name"] if item["name"].present else item["uid"]
    type = _KINDS.get(kind, shapes.OTHER)
    arn = f"arn:{place.partition}:s3:::{name.identifier(_ID)}" if type == shapes.BUCKET else ""
    return [resource(name, type, name.identifier(_ID), place, arn=arn, role=ResourceRole.TARGET)]


def _place(item: Field, default: Place) -> Place:
    return Place(
        item["cloudPartition"].optional(shapes.PARTITION) or default.partition,
        item["accountId"].optional(shapes.ACCOUNT_ID) or default.account,
        item["region"].optional(shapes.REGION) or default.region,
    )


def _issuer(issuer: Field) -> str:
    """The ARN of the role behind a session; "" for an identity provider."""
    arn = issuer.identifier(_ID)
    return arn if shapes.ROLE_ARN.matches(arn) else ""


def _camel(word: str) -> str:
    return word


def _pascal(word: str) -> str:
    return word[0].upper() + word[1:]
