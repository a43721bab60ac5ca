"""What an ARN identifies: the CloudFormation type, and the name that the service's API expects.

Sources: Service Authorization Reference, "Resource types defined by" Amazon S3, S3 Express,
S3 Tables, S3 Vectors, IAM, SageMaker AI, Bedrock, Bedrock AgentCore. An AI resource that has no
CloudFormation type gets the name that such a type would have: ``AWS::SageMaker::TrainingJob``.
"""

import re

from cordon.finding import ARN, Place
from cordon.sources import shapes

_KINDS = {
    ("iam", "role"): shapes.ROLE,
    ("iam", "user"): shapes.USER,
    ("iam", "group"): "AWS::IAM::Group",
    ("iam", "policy"): "AWS::IAM::ManagedPolicy",
    ("iam", "instance-profile"): "AWS::IAM::InstanceProfile",
    ("sts", "assumed-role"): shapes.ROLE,
    ("s3", "accesspoint"): "AWS::S3::AccessPoint",
    ("s3express", "bucket"): shapes.DIRECTORY_BUCKET,
    ("s3tables", "bucket"): shapes.TABLE_BUCKET,
    ("s3vectors", "bucket"): shapes.VECTOR_BUCKET,
    ("ec2", "instance"): "AWS::EC2::Instance",
    ("ec2", "image"): "AWS::EC2::Image",
    ("ec2", "snapshot"): "AWS::EC2::Snapshot",
    ("ec2", "vpc"): "AWS::EC2::VPC",
    ("ec2", "network-interface"): "AWS::EC2::NetworkInterface",
    ("ec2", "security-group"): "AWS::EC2::SecurityGroup",
    ("ec2", "launch-template"): "AWS::EC2::LaunchTemplate",
    ("lambda", "function"): "AWS::Lambda::Function",
    ("eks", "cluster"): "AWS::EKS::Cluster",
    ("ecs", "cluster"): "AWS::ECS::Cluster",
    ("ecs", "task"): "AWS::ECS::Task",
    ("ecs", "service"): "AWS::ECS::Service",
    ("ecr", "repository"): "AWS::ECR::Repository",
    ("kms", "key"): "AWS::KMS::Key",
    ("rds", "db"): "AWS::RDS::DBInstance",
    ("rds", "cluster"): "AWS::RDS::DBCluster",
    ("rds", "shard-group"): "AWS::RDS::DBShardGroup",
    ("backup", "recovery-point"): "AWS::Backup::RecoveryPoint",
    ("cloudtrail", "trail"): "AWS::CloudTrail::Trail",
    ("guardduty", "detector"): "AWS::GuardDuty::Detector",
    ("secretsmanager", "secret"): "AWS::SecretsManager::Secret",
    ("dynamodb", "table"): "AWS::DynamoDB::Table",
    ("autoscaling", "autoScalingGroup"): "AWS::AutoScaling::AutoScalingGroup",
    ("cloudformation", "stack"): "AWS::CloudFormation::Stack",
}
_WITH_PATH = ("role", "user", "group", "policy", "instance-profile")  # IAM: path, then name
_AI = {
    "sagemaker": "AWS::SageMaker::",
    "bedrock": "AWS::Bedrock::",
    "bedrock-agentcore": "AWS::BedrockAgentCore::",
}
_IRREGULAR = {
    "apikeycredentialprovider": "ApiKeyCredentialProvider",
    "oauth2credentialprovider": "OAuth2CredentialProvider",
    "prompt-router": "IntelligentPromptRouter",
}
_PARENTS = {"data-source": "knowledge-base", "runtime-endpoint": "runtime"}
_SEGMENT = re.compile(r"[a-z][a-z0-9-]*")


def type_and_name(arn: str) -> tuple[str, str]:
    """Type and name; ``("Other", <the ARN>)`` if this module does not know the service.

    >>> type_and_name("arn:aws:sagemaker:eu-west-1:111122223333:notebook-instance/nb")
    ('AWS::SageMaker::NotebookInstance', 'nb')
    """
    parts = ARN.fullmatch(arn)
    if parts is None:
        return shapes.OTHER, arn
    service, resource = parts["service"], parts["resource"]
    if service == "s3" and not parts["account"]:
        bucket, _, key = resource.partition("/")
        return (shapes.OBJECT, key) if key else (shapes.BUCKET, bucket)
    if service in _AI:
        return _ai(service, resource) or (shapes.OTHER, arn)
    segment, rest = _split(resource)
    kind = _KINDS.get((service, segment), shapes.OTHER)
    if kind == shapes.OTHER or not rest:
        return shapes.OTHER, arn
    return kind, _name(segment, rest)


def ai_arn(kind: str, name: str, place: Place) -> str:
    """The ARN of an AI resource from Config's type and name; "" for other resources.

    Config joins the parts of a nested identifier with "|". SageMaker writes names in its ARNs in
    lower case.

    >>> ai_arn("AWS::Bedrock::DataSource", "KB|DS", Place("aws", "111122223333", "us-east-1"))
    'arn:aws:bedrock:us-east-1:111122223333:knowledge-base/KB/data-source/DS'
    """
    for service, prefix in _AI.items():
        if kind.startswith(prefix):
            words = re.findall(r"[A-Z][a-z0-9]*", kind.removeprefix(prefix))
            segment = "-".join(word.lower() for word in words)
            ids = name.lower() if service == "sagemaker" else name
            return place.arn(service, _nested(segment, ids.split("|")))
    return ""


def _nested(segment: str, ids: list[str]) -> str:
    parent = _PARENTS.get(segment)
    if parent is not None and len(ids) > 1:
        return f"{parent}/{ids[0]}/{segment}/{ids[1]}"
    return f"{segment}/{'/'.join(ids)}"


def _split(resource: str) -> tuple[str, str]:
    """The type segment and the rest, of ``role/a/b`` or ``function:f:1``."""
    segment = re.split(r"[:/]", resource, maxsplit=1)[0]
    return segment, resource[len(segment) + 1 :]


def _name(segment: str, rest: str) -> str:
    if segment in _WITH_PATH:
        return rest.rpartition("/")[2]
    if segment == "assumed-role":  # role/session
        return rest.partition("/")[0]
    if segment == "function":  # name:qualifier
        return rest.partition(":")[0]
    if segment == "bucket":  # without the table or index inside it
        return rest.partition("/")[0]
    return rest


def _ai(service: str, resource: str) -> tuple[str, str] | None:
    """Type and name: ``runtime/R/runtime-endpoint/E`` → ``R/E``; ``agent-alias/A/B`` → ``A/B``."""
    segments = resource.split("/")
    types, ids = segments[::2], segments[1::2]
    nested = len(types) == len(ids) and all(_SEGMENT.fullmatch(t) for t in types)
    if service == "sagemaker" or not nested:
        types, ids = segments[:1], segments[1:]
    if not _SEGMENT.fullmatch(types[-1]) or not all(ids) or not ids:
        return None
    camel = "".join(word.capitalize() for word in types[-1].split("-"))
    return _AI[service] + _IRREGULAR.get(types[-1], camel), "/".join(ids)
