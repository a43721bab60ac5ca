"""The resources of a Security Hub CSPM finding (ASFF ``Resources``), with CloudFormation types.

Source: Security Hub User Guide, "Resources ASFF object". The ARN decides the type if the stated
type is ``Other``, is not listed here, or contradicts the ARN.
"""

from cordon.finding import Place, Principal, Resource, ResourceRole
from cordon.sources import attack_sequence, shapes
from cordon.sources.field import Field
from cordon.sources.resources import (
    actor_resources,
    bucket,
    from_arn,
    principal,
    resource,
    s3_object_by_arn,
    unique,
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
_ACCOUNT = "AWS::::Account:"
_KEY = "AWS::IAM::AccessKey:"
_TYPE = 256


def read(finding: Field, place: Place) -> tuple[tuple[Resource, ...], Principal | None]:
    """All resources, and the first principal whose credentials were used."""
    resources: list[Resource] = []
    principals: list[Principal] = []
    for item in finding["Resources"].items():
        where = _place(item, place)
        if kind_of(item["Type"]) == shapes.ACCESS_KEY:
            user = _principal(item)
            principals += [user] if user else []
            resources += actor_resources(user, where)
        else:
            resources += _resources(item, where)
    attack = finding["Detection"]["Sequence"]
    principals += attack_sequence.principals(attack["Actors"], hub=True)
    resources += [actor for user in principals for actor in actor_resources(user, place)]
    return unique(resources), next(iter(principals), None)


def kind_of(type: Field) -> str:
    """The CloudFormation type for ``AwsS3Bucket``; "Other" if it is not known."""
    stated_type = type.identifier(_TYPE)
    if stated_type in ("AwsIamAccessKey", shapes.ACCESS_KEY):
        return shapes.ACCESS_KEY
    if stated_type in ("AwsS3Object", shapes.OBJECT):
        return shapes.OBJECT
    return (
        stated_type
        if shapes.CLOUDFORMATION_TYPE.matches(stated_type)
        else KINDS.get(stated_type, shapes.OTHER)
    )


def _resources(item: Field, place: Place) -> list[Resource]:
    id, kind = item["Id"], kind_of(item["Type"])
    if kind == shapes.OBJECT:
        return list(s3_object_by_arn(id, place))
    identifier = id.identifier()
    if identifier.startswith("arn:"):
        return [from_arn(id, place, kind=kind), *_profile(item, place)]
    if identifier.startswith(_ACCOUNT):
        return [resource(id, "AWS::::Account", identifier[len(_ACCOUNT) :], place)]
    if kind == shapes.BUCKET:
        return [bucket(id, Field(id.path, None), place)]
    return [resource(id, kind, identifier, place)]


def _profile(item: Field, place: Place) -> list[Resource]:
    profile = item["Details"]["AwsEc2Instance"]["IamInstanceProfileArn"]
    return [from_arn(profile, place, role=ResourceRole.RELATED)] if profile.present else []


def _principal(item: Field) -> Principal | None:
    """The principal in the details of ``AWS::IAM::AccessKey:ASIA…``."""
    key = item["Details"]["AwsIamAccessKey"]
    session = key["SessionContext"]["SessionIssuer"]
    issuer = session["Arn"].optional(shapes.ARN)
    names = (key["PrincipalName"], key["UserName"], session["UserName"])
    id = item["Id"].identifier()
    key_id = Field(item["Id"].path, id.removeprefix(_KEY))
    return principal(
        key["PrincipalType"],
        next((name for name in names if name.present), names[0]),
        id=key["PrincipalId"],
        key=key["AccessKeyId"] if key["AccessKeyId"].present else key_id,
        account=key["AccountId"].optional(shapes.ACCOUNT_ID),
        issuer=issuer if shapes.ROLE_ARN.matches(issuer) else "",
    )


def _place(item: Field, default: Place) -> Place:
    """Where the resource is. A bucket's ARN has no account, but its details may have one."""
    stated = item["Details"]["AwsS3Bucket"]["OwnerAccountId"].optional(shapes.ACCOUNT_ID)
    owner_id = item["Owner"]["Account"]["Id"].identifier(64)
    owner = stated or (owner_id if shapes.ACCOUNT_ID.matches(owner_id) else "")
    region = item["Region"].identifier(64)
    return Place(
        default.partition,
        owner or default.account,
        region if shapes.REGION.matches(region) else default.region,
    )
