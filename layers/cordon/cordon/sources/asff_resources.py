"""The resources of a Security Hub CSPM finding (ASFF ``Resources``), with CloudFormation types.

Source: Security Hub User Guide, "Resources ASFF object". The ARN decides the type if the stated
type is ``Other``, is not listed here, or contradicts the ARN.
"""

import re
from functools import partial

from cordon.finding import Place, Principal, Resource, ResourceRole
from cordon.sources import attack_sequence, shapes
from cordon.sources.arns import ai_arn, type_and_name
from cordon.sources.field import Field
from cordon.sources.guardduty_resources import TRAIL, affected_trail
from cordon.sources.resources import (
    actor_resources,
    bucket,
    from_arn,
    is_key,
    principal,
    read_each,
    readable,
    readable_principal,
    resource,
    s3_object_by_arn,
)

KINDS = {
    "AwsAccount": "AWS::::Account",
    "AwsS3Bucket": shapes.BUCKET,
    "AwsS3AccountPublicAccessBlock": "AWS::S3::AccountPublicAccessBlock",
    "AwsS3AccessPoint": "AWS::S3::AccessPoint",
    "AwsIamRole": shapes.ROLE,
    "AwsIamUser": shapes.USER,
    "AwsIamGroup": "AWS::IAM::Group",
    "AwsIamPolicy": "AWS::IAM::ManagedPolicy",
    "AwsEc2Instance": "AWS::EC2::Instance",
    "AwsEc2SecurityGroup": "AWS::EC2::SecurityGroup",
    "AwsEc2Vpc": "AWS::EC2::VPC",
    "AwsLambdaFunction": "AWS::Lambda::Function",
    "AwsEksCluster": "AWS::EKS::Cluster",
    "AwsEcsCluster": "AWS::ECS::Cluster",
    "AwsEcsTask": "AWS::ECS::Task",
    "AwsEcrRepository": "AWS::ECR::Repository",
    "AwsRdsDbInstance": "AWS::RDS::DBInstance",
    "AwsRdsDbCluster": "AWS::RDS::DBCluster",
    "AwsKmsKey": "AWS::KMS::Key",
    "AwsCloudTrailTrail": "AWS::CloudTrail::Trail",
    "AwsSecretsManagerSecret": "AWS::SecretsManager::Secret",
    "AwsDynamoDbTable": "AWS::DynamoDB::Table",
    "AwsBackupRecoveryPoint": "AWS::Backup::RecoveryPoint",
    "AwsSageMakerNotebookInstance": "AWS::SageMaker::NotebookInstance",
}
# Their types are not listed: they follow the rule Aws, service, type.
_AI_TYPE = re.compile(r"Aws(BedrockAgentCore|Bedrock|SageMaker)([A-Z][A-Za-z0-9]{0,63})")
_ACCOUNT = "AWS::::Account:"
_KEY = "AWS::IAM::AccessKey:"
_TRAIL = f"aws/guardduty/service/action/awsApiCallAction/affectedResources/{TRAIL}"


def read(finding: Field, place: Place, source: str, type: str) -> list[Resource]:
    """All resources. Malformed if one is unreadable that the finding is about."""
    items = finding["Resources"].items()
    resources = read_each(
        ((_kind(item), partial(_resources, item, place)) for item in items), source, type
    )
    actors = _actors(finding)
    trail = partial(affected_trail, finding["ProductFields"][_TRAIL], place)
    resources += readable(trail, required=False) if source == "guardduty" else []
    return resources + [r for user in actors for r in actor_resources(user, place)]


def principals(finding: Field) -> list[Principal]:
    """Whose credentials were used: those of the access keys first, then a sequence's actors."""
    keys = readable(lambda: [i for i in finding["Resources"].items() if _is_key(i)], required=False)
    callers = (readable_principal(partial(_principal, key)) for key in keys)
    return [*filter(None, callers), *_actors(finding)]


def _actors(finding: Field) -> list[Principal]:
    return readable(
        lambda: attack_sequence.principals(finding["Detection"]["Sequence"]["Actors"], hub=True),
        required=False,
    )


def _kind(item: Field) -> str:
    kind, id = kind_of(item), item["Id"].value if isinstance(item.value, dict) else None
    return type_and_name(id)[0] if kind == shapes.OTHER and isinstance(id, str) else kind


def _is_key(item: Field) -> bool:
    return kind_of(item) == shapes.ACCESS_KEY


def kind_of(item: Field, member: str = "Type") -> str:
    """The CloudFormation type for ``AwsS3Bucket``; "Other" if it is not known."""
    stated = item.value.get(member) if isinstance(item.value, dict) else None
    stated_type = stated if isinstance(stated, str) else ""
    if stated_type in ("AwsIamAccessKey", "AWSIAMAccessKey", shapes.ACCESS_KEY):
        return shapes.ACCESS_KEY
    if stated_type in ("AwsS3Object", shapes.OBJECT):
        return shapes.OBJECT
    return (
        stated_type
        if shapes.CLOUDFORMATION_TYPE.matches(stated_type)
        else KINDS.get(stated_type, shapes.OTHER)
    )


def _resources(item: Field, default: Place) -> list[Resource]:
    id, kind, place = item["Id"], kind_of(item), _place(item, default)
    if kind == shapes.ACCESS_KEY:
        return list(actor_resources(_principal(item), place))
    if kind == shapes.OBJECT:
        return list(s3_object_by_arn(id, place))
    identifier = id.identifier()
    if identifier.startswith("arn:"):
        profile = readable(partial(_profile, item, place), required=False)
        return [from_arn(id, place, kind=kind), *profile]
    if identifier.startswith(_ACCOUNT):
        return [resource(id, "AWS::::Account", identifier[len(_ACCOUNT) :], place)]
    if kind == shapes.BUCKET:
        return [bucket(id, Field(id.path, None), place)]
    return [by_name(id, item["Type"], kind, place)]


def by_name(id: Field, stated: Field, kind: str, place: Place) -> Resource:
    """What is named without an ARN. One of AI gets the ARN that its type and name make.

    The name stays as it is written: AWS Config's event has the same.
    """
    name, parts = id.identifier(), _AI_TYPE.fullmatch(str(stated.value))
    of = f"AWS::{parts[1]}::{parts[2]}" if parts and kind == shapes.OTHER else kind
    if not shapes.AI_RESOURCE.matches(name):
        return resource(id, kind, name, place)
    return resource(id, of, name, place, arn=ai_arn(of, name, place))


def _profile(item: Field, place: Place) -> list[Resource]:
    profile = item["Details"]["AwsEc2Instance"]["IamInstanceProfileArn"]
    return [from_arn(profile, place, role=ResourceRole.RELATED)] if profile.present else []


def _principal(item: Field) -> Principal | None:
    """The principal in the details of ``AWS::IAM::AccessKey:ASIA…``."""
    key = item["Details"]["AwsIamAccessKey"]
    session = key["SessionContext"]["SessionIssuer"]
    names = (key["PrincipalName"], key["UserName"], session["UserName"])
    id = item["Id"].value
    key_id = Field(item["Id"].path, id.removeprefix(_KEY) if isinstance(id, str) else None)
    return principal(
        key["PrincipalType"],
        next((name for name in names if name.present), names[0]),
        id=key["PrincipalId"],
        key=key["AccessKeyId"] if is_key(key["AccessKeyId"]) else key_id,
        account=key["AccountId"].optional(shapes.ACCOUNT_ID),
        issuer=session["Arn"].if_any(shapes.ROLE_ARN),
    )


def _place(item: Field, default: Place) -> Place:
    """Where the resource is. A bucket's ARN has no account, but its details may have one."""
    stated = item["Details"]["AwsS3Bucket"]["OwnerAccountId"].optional(shapes.ACCOUNT_ID)
    owner = stated or item["Owner"]["Account"]["Id"].if_any(shapes.ACCOUNT_ID)
    region = item["Region"].if_any(shapes.REGION)
    return Place(default.partition, owner or default.account, region or default.region)
