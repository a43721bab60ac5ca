"""Results of Ref and GetAtt by resource type (CloudFormation template reference, Return values).

Every name the embedded account gives a resource comes from here, so ARNs are known before
anything is built.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from embedded.place import Place

Properties = Mapping[str, Any]

# The property that names a resource, where the template may set one.
NAMES = {
    "AWS::ApiGatewayV2::Stage": "StageName",
    "AWS::Config::ConfigRule": "ConfigRuleName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Events::EventBus": "Name",
    "AWS::Events::Rule": "Name",
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Policy": "PolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
    "AWS::KMS::Alias": "AliasName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SSM::Parameter": "Name",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
}
_LOWER = {"AWS::S3::Bucket"}  # names CloudFormation makes up in lower case
_WITHOUT_STACK = {"AWS::StepFunctions::StateMachine"}  # its name is the logical id and the letters
# The longest name of each type: the services' API references, at the call that makes one.
LONGEST = {
    "AWS::DynamoDB::Table": 255,
    "AWS::Events::Rule": 64,
    "AWS::IAM::ManagedPolicy": 128,
    "AWS::IAM::Role": 64,
    "AWS::IAM::User": 64,
    "AWS::Lambda::Function": 64,
    "AWS::Lambda::LayerVersion": 140,
    "AWS::Logs::LogGroup": 512,
    "AWS::S3::Bucket": 63,
    "AWS::SNS::Topic": 256,
    "AWS::SQS::Queue": 80,
    "AWS::StepFunctions::StateMachine": 80,
}


def generated(kind: str, stack: str, logical: str, place: Place) -> str:
    """A name like those that CloudFormation makes up: stack, logical id, twelve characters.

    It shortens the first two where the type's longest name demands it: the logical id first, and
    where both are long each to a half. No page says so; public names of roles are like that, as
    ``amplify-amplifyvitereactt-amplifyAuthauthenticatedU-`` and twelve characters.
    """
    seed = f"{stack}/{logical}/{place.account}/{place.region}"
    unique = hashlib.sha256(seed.encode()).hexdigest()[:12].upper()
    room = LONGEST.get(kind, 255) - len(unique) - 1
    if kind in _WITHOUT_STACK:
        return f"{logical[:room]}-{unique}"
    half = (room - 1) // 2
    first = stack[: max(half, room - 1 - len(logical))]
    return f"{first}-{logical[: room - 1 - len(first)]}-{unique}"


def reference(kind: str, properties: Properties, place: Place, generated: str) -> str:
    """The result of Ref: the name, ARN or URL of the resource."""
    given = properties.get(NAMES.get(kind, ""))
    name = str(given) if given else generated
    if not given and kind in _LOWER:
        name = name.lower()
    return _REFS.get(kind, _by_name)(name, properties, place)


def _by_name(name: str, _properties: Properties, _place: Place) -> str:
    return name


def _uuid(name: str) -> str:
    return str(UUID(hashlib.sha256(name.encode()).hexdigest()[:32]))


def _path(properties: Properties) -> str:
    return str(properties.get("Path", "/")).lstrip("/")


def _id(name: str, length: int) -> str:
    """Like the ids of API Gateway: small letters and digits."""
    number = int(hashlib.sha256(name.encode()).hexdigest(), 16)
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    return "".join(letters[number // 36**place % 36] for place in range(length))


_REFS: dict[str, Callable[[str, Properties, Place], str]] = {
    "AWS::ApiGatewayV2::Api": lambda n, _p, _at: _id(n, 10),
    "AWS::ApiGatewayV2::Integration": lambda n, _p, _at: _id(n, 7),
    "AWS::ApiGatewayV2::Route": lambda n, _p, _at: _id(n, 7),
    "AWS::KMS::Key": lambda n, _p, _at: _uuid(n),
    "AWS::SNS::Topic": lambda n, _, at: at.arn("sns", n),
    "AWS::SQS::Queue": lambda n, _, at: f"https://sqs.{at.region}.{at.suffix}/{at.account}/{n}",
    "AWS::StepFunctions::StateMachine": lambda n, _, at: at.arn("states", f"stateMachine:{n}"),
    "AWS::IAM::ManagedPolicy": lambda n, p, at: at.arn("iam", f"policy/{_path(p)}{n}", region=""),
    "AWS::Lambda::EventSourceMapping": lambda n, _p, _at: _uuid(n),
    "AWS::Lambda::LayerVersion": lambda n, _, at: at.arn("lambda", f"layer:{n}:1"),
    "AWS::Lambda::Version": lambda n, _, at: at.arn("lambda", f"function:{n}:1"),
}


def _last(physical: str) -> str:
    return physical.rsplit("/", 1)[-1].rsplit(":", 1)[-1]


def _config_rule(name: str) -> str:
    """Like the ids that Config gives to rules."""
    return f"config-rule-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def _rule(name: str, properties: Properties, place: Place) -> str:
    bus = properties.get("EventBusName")
    return place.arn("events", f"rule/{bus}/{name}" if bus else f"rule/{name}")


_ARNS: dict[str, Callable[[str, Properties, Place], str]] = {
    "AWS::Config::ConfigRule": lambda n, _, at: at.arn("config", f"config-rule/{_config_rule(n)}"),
    "AWS::DynamoDB::Table": lambda n, _, at: at.arn("dynamodb", f"table/{n}"),
    "AWS::Events::EventBus": lambda n, _, at: at.arn("events", f"event-bus/{n}"),
    "AWS::Events::Rule": _rule,
    "AWS::IAM::ManagedPolicy": lambda n, _p, _at: n,
    "AWS::IAM::Role": lambda n, p, at: at.arn("iam", f"role/{_path(p)}{n}", region=""),
    "AWS::IAM::User": lambda n, p, at: at.arn("iam", f"user/{_path(p)}{n}", region=""),
    "AWS::KMS::Key": lambda n, _, at: at.arn("kms", f"key/{n}"),
    "AWS::Lambda::Function": lambda n, _, at: at.arn("lambda", f"function:{n}"),
    "AWS::Lambda::LayerVersion": lambda n, _p, _at: n,
    "AWS::Logs::LogGroup": lambda n, _, at: at.arn("logs", f"log-group:{n}:*"),
    "AWS::S3::Bucket": lambda n, _, at: f"arn:{at.partition}:s3:::{n}",
    "AWS::SNS::Topic": lambda n, _p, _at: n,
    "AWS::SQS::Queue": lambda n, _, at: at.arn("sqs", _last(n)),
    "AWS::SSM::Parameter": lambda n, _, at: at.arn("ssm", f"parameter/{n.lstrip('/')}"),
    "AWS::StepFunctions::StateMachine": lambda n, _p, _at: n,
    "AWS::CloudWatch::Alarm": lambda n, _, at: at.arn("cloudwatch", f"alarm:{n}"),
}

_OTHER: dict[tuple[str, str], Callable[[str, Properties, Place], str]] = {
    ("AWS::ApiGatewayV2::Api", "ApiEndpoint"): lambda n, _, at: (
        f"https://{n}.execute-api.{at.region}.{at.suffix}"
    ),
    ("AWS::ApiGatewayV2::Api", "ApiId"): lambda n, _p, _at: n,
    ("AWS::ApiGatewayV2::Integration", "IntegrationId"): lambda n, _p, _at: n,
    ("AWS::ApiGatewayV2::Route", "RouteId"): lambda n, _p, _at: n,
    ("AWS::DynamoDB::Table", "StreamArn"): lambda n, _, at: at.arn(
        "dynamodb", f"table/{n}/stream/embedded"
    ),
    ("AWS::IAM::Role", "RoleId"): lambda n, _p, _at: (
        "AROA" + hashlib.sha256(n.encode()).hexdigest()[:17].upper()
    ),
    ("AWS::KMS::Key", "KeyId"): lambda n, _p, _at: n,
    ("AWS::Lambda::EventSourceMapping", "Id"): lambda n, _p, _at: n,
    ("AWS::S3::Bucket", "DomainName"): lambda n, _, at: f"{n}.s3.{at.suffix}",
    ("AWS::S3::Bucket", "RegionalDomainName"): lambda n, _, at: f"{n}.s3.{at.region}.{at.suffix}",
    ("AWS::SNS::Topic", "TopicArn"): lambda n, _p, _at: n,
    ("AWS::SNS::Topic", "TopicName"): lambda n, _p, _at: _last(n),
    ("AWS::SQS::Queue", "QueueName"): lambda n, _p, _at: _last(n),
    ("AWS::SQS::Queue", "QueueUrl"): lambda n, _p, _at: n,
    ("AWS::StepFunctions::StateMachine", "Name"): lambda n, _p, _at: _last(n),
}


def attribute(
    kind: str, name: str, physical: str, properties: Properties, place: Place
) -> str | None:
    """The result of GetAtt. None for an attribute that is not known here."""
    if name == "Arn":
        arn = _ARNS.get(kind)
        return arn(physical, properties, place) if arn else None
    if kind == "AWS::SSM::Parameter" and name in ("Type", "Value"):
        return str(properties[name])
    other = _OTHER.get((kind, name))
    return other(physical, properties, place) if other else None
