"""How a resource of each type is built in moto, by the API calls that CloudFormation makes."""

import base64
import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from embedded import event_patterns
from embedded.bucket_builder import build_bucket, build_bucket_policy
from embedded.clients import Clients
from embedded.functions import DEFAULT_TIMEOUT
from embedded.http_api import LOG_STREAM
from embedded.http_routes import log_group_of
from embedded.place import Place
from embedded.stack import Resource, Stack, Unresolved
from embedded.state_machines import definition_of

EMPTY_ZIP = base64.b64decode("UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==")


def _tags(properties: Mapping[str, Any]) -> list[dict[str, str]]:
    tags = properties.get("Tags", [])
    if isinstance(tags, Mapping):
        return [{"Key": k, "Value": str(v)} for k, v in tags.items()]
    return list(tags)


def _key(resource: Resource, stack: Stack, client: Clients) -> None:
    """KMS generates ids; the key must have the id that the stack was resolved with."""
    from moto.kms.models import kms_backends

    properties = resource.properties
    tags = [{"TagKey": t["Key"], "TagValue": t["Value"]} for t in _tags(properties)]
    described = {"Description": properties.get("Description", "")}
    made = client("kms").create_key(Tags=tags, **described)["KeyMetadata"]["KeyId"]
    keys = kms_backends[stack.place.account][stack.place.region].keys
    keys[resource.physical] = key = keys.pop(made)
    key.id, key.arn = resource.physical, resource.arn
    policy = json.dumps(properties["KeyPolicy"])
    client("kms").put_key_policy(KeyId=resource.physical, PolicyName="default", Policy=policy)
    if properties.get("EnableKeyRotation"):
        client("kms").enable_key_rotation(KeyId=resource.physical)


def _alias(resource: Resource, _stack: Stack, client: Clients) -> None:
    target = resource.properties["TargetKeyId"]
    client("kms").create_alias(AliasName=resource.properties["AliasName"], TargetKeyId=target)


_TABLE_SETTINGS = (  # that CreateTable takes as CloudFormation has them
    "AttributeDefinitions",
    "BillingMode",
    "DeletionProtectionEnabled",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "LocalSecondaryIndexes",
    "ProvisionedThroughput",
)


def _table(resource: Resource, _stack: Stack, client: Clients) -> None:
    dynamodb, name, properties = client("dynamodb"), resource.physical, resource.properties
    given = {k: properties[k] for k in _TABLE_SETTINGS if k in properties}
    if encrypted := properties.get("SSESpecification"):
        renamed = {"Enabled" if k == "SSEEnabled" else k: v for k, v in encrypted.items()}
        given["SSESpecification"] = renamed
    if streamed := properties.get("StreamSpecification"):
        given["StreamSpecification"] = {"StreamEnabled": True, **streamed}
    dynamodb.create_table(TableName=name, Tags=_tags(properties), **given)
    if kept := properties.get("PointInTimeRecoverySpecification"):
        dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=kept)
    if lives := properties.get("TimeToLiveSpecification"):
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=lives)


_QUEUE_SETTINGS = {
    "ContentBasedDeduplication",
    "DelaySeconds",
    "FifoQueue",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
}


def _queue(resource: Resource, _stack: Stack, client: Clients) -> None:
    given = {k: v for k, v in resource.properties.items() if k in _QUEUE_SETTINGS}
    attributes = {k: json.dumps(v) if isinstance(v, dict) else _plain(v) for k, v in given.items()}
    client("sqs").create_queue(
        QueueName=resource.physical.rsplit("/", 1)[-1],
        Attributes=attributes,
        tags={tag["Key"]: tag["Value"] for tag in _tags(resource.properties)},
    )


def _queue_policy(resource: Resource, _stack: Stack, client: Clients) -> None:
    attributes = {"Policy": json.dumps(resource.properties["PolicyDocument"])}
    for url in resource.properties["Queues"]:
        client("sqs").set_queue_attributes(QueueUrl=url, Attributes=attributes)


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _topic(resource: Resource, _stack: Stack, client: Clients) -> None:
    sns, properties = client("sns"), resource.properties
    attributes = {k: properties[k] for k in ("DisplayName", "KmsMasterKeyId") if k in properties}
    sns.create_topic(
        Name=resource.physical.rsplit(":", 1)[-1], Attributes=attributes, Tags=_tags(properties)
    )
    for subscription in resource.properties.get("Subscription", []):
        sns.subscribe(TopicArn=resource.physical, **subscription)


def _subscription(resource: Resource, _stack: Stack, client: Clients) -> None:
    given = resource.properties
    client("sns").subscribe(
        TopicArn=given["TopicArn"], Protocol=given["Protocol"], Endpoint=given["Endpoint"]
    )


def _managed_policy(resource: Resource, _stack: Stack, client: Clients) -> None:
    client("iam").create_policy(
        PolicyName=resource.physical.rsplit("/", 1)[-1],
        Path=resource.properties.get("Path", "/"),
        Description=resource.properties.get("Description", ""),
        PolicyDocument=json.dumps(resource.properties["PolicyDocument"]),
    )


def _role(resource: Resource, stack: Stack, client: Clients) -> None:
    iam, properties = client("iam"), resource.properties
    boundary = properties.get("PermissionsBoundary")
    iam.create_role(
        RoleName=resource.physical,
        Path=properties.get("Path", "/"),
        AssumeRolePolicyDocument=json.dumps(properties["AssumeRolePolicyDocument"]),
        Description=properties.get("Description", ""),
        MaxSessionDuration=int(properties.get("MaxSessionDuration", 3600)),
        Tags=_tags(properties),
        **({"PermissionsBoundary": boundary} if boundary else {}),
    )
    for policy in properties.get("Policies", []):
        _put_inline(iam, resource.physical, policy)
    for arn in properties.get("ManagedPolicyArns", []):
        provide_managed_policy(arn, stack.place)
        iam.attach_role_policy(RoleName=resource.physical, PolicyArn=arn)
    for policy in stack.of("AWS::IAM::ManagedPolicy"):  # one that names its roles
        if resource.physical in policy.properties.get("Roles", ()):
            iam.attach_role_policy(RoleName=resource.physical, PolicyArn=policy.physical)


def _put_inline(iam: Any, role: str, policy: Mapping[str, Any]) -> None:
    iam.put_role_policy(
        RoleName=role,
        PolicyName=policy["PolicyName"],
        PolicyDocument=json.dumps(policy["PolicyDocument"]),
    )


def provide_managed_policy(arn: str, place: Place) -> None:
    """Put one of AWS's own managed policies into moto, which can only load all of them."""
    if ":iam::aws:policy/" not in arn:
        return
    from moto.iam.models import AWSManagedPolicy, iam_backends

    backend = iam_backends[place.account][place.partition]
    if arn in backend.managed_policies:
        return
    name = arn.rsplit("/", 1)[-1]
    if name not in _aws_policies():
        raise Unresolved(f"no such AWS managed policy: {arn}")
    backend.managed_policies[arn] = AWSManagedPolicy.from_data(
        name, place.account, place.region, _aws_policies()[name]
    )


@cache
def _aws_policies() -> dict[str, Any]:
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    return dict(json.loads(aws_managed_policies_data))


def _inline_policy(resource: Resource, _stack: Stack, client: Clients) -> None:
    for role in resource.properties.get("Roles", []):
        _put_inline(client("iam"), role, resource.properties)


def _user(resource: Resource, _stack: Stack, client: Clients) -> None:
    path, tags = resource.properties.get("Path", "/"), _tags(resource.properties)
    client("iam").create_user(UserName=resource.physical, Path=path, Tags=tags)


def _parameter(resource: Resource, _stack: Stack, client: Clients) -> None:
    given = {
        k: resource.properties[k]
        for k in ("Type", "Value", "AllowedPattern", "Description")
        if k in resource.properties
    }
    given["Value"] = _plain(given["Value"])
    client("ssm").put_parameter(Name=resource.physical, Tags=_tags(resource.properties), **given)


def _function(resource: Resource, _stack: Stack, client: Clients) -> None:
    properties = resource.properties
    client("lambda").create_function(
        FunctionName=resource.physical,
        Role=properties["Role"],
        Runtime=properties["Runtime"],
        Handler=properties["Handler"],
        Timeout=int(properties.get("Timeout", DEFAULT_TIMEOUT)),
        MemorySize=int(properties.get("MemorySize", 128)),
        Environment={"Variables": environment_of(properties)},
        Description=properties.get("Description", ""),
        Architectures=properties.get("Architectures", ["x86_64"]),
        Tags={tag["Key"]: tag["Value"] for tag in _tags(properties)},
        Code={"ZipFile": EMPTY_ZIP},
    )
    if "ReservedConcurrentExecutions" in properties:
        kept = int(properties["ReservedConcurrentExecutions"])
        client("lambda").put_function_concurrency(
            FunctionName=resource.physical, ReservedConcurrentExecutions=kept
        )


def environment_of(properties: Mapping[str, Any]) -> dict[str, str]:
    """A function's own environment variables."""
    variables = properties.get("Environment", {}).get("Variables", {})
    return {k: _plain(v) for k, v in variables.items()}


def _machine(resource: Resource, _stack: Stack, client: Clients) -> None:
    configured = {
        "loggingConfiguration": _lower(resource.properties.get("LoggingConfiguration")),
        "tracingConfiguration": _lower(resource.properties.get("TracingConfiguration")),
    }
    client("stepfunctions").create_state_machine(
        name=resource.physical.rsplit(":", 1)[-1],
        definition=definition_of(resource.properties),
        roleArn=resource.properties["RoleArn"],
        type=resource.properties.get("StateMachineType", "STANDARD"),
        tags=[{"key": t["Key"], "value": t["Value"]} for t in _tags(resource.properties)],
        **{k: v for k, v in configured.items() if v},
    )


def _lower(value: Any) -> Any:
    """CloudFormation's members as Step Functions' API spells them: ``logGroupArn``."""
    if isinstance(value, Mapping):
        return {name[0].lower() + name[1:]: _lower(one) for name, one in value.items()}
    return [_lower(one) for one in value] if isinstance(value, list) else value


def _bus(resource: Resource, _stack: Stack, client: Clients) -> None:
    client("events").create_event_bus(Name=resource.physical)


def _rule(resource: Resource, _stack: Stack, client: Clients) -> None:
    """For callers that list rules. EventDelivery matches and delivers by itself."""
    properties = resource.properties
    given = (
        {"ScheduleExpression": properties["ScheduleExpression"]}
        if ("ScheduleExpression" in properties)
        else {"EventPattern": json.dumps(properties["EventPattern"])}
    )
    if "EventPattern" in properties:
        _checked(resource)
    client("events").put_rule(
        Name=resource.physical,
        State=properties.get("State", "ENABLED"),
        Description=properties.get("Description", ""),
        EventBusName=properties.get("EventBusName", "default"),
        **given,
    )


def _stage(resource: Resource, _stack: Stack, client: Clients) -> None:
    """Its access log needs its log group; other log groups are not built."""
    if group := log_group_of(resource):
        client("logs").create_log_group(logGroupName=group)
        client("logs").create_log_stream(logGroupName=group, logStreamName=LOG_STREAM)


def _checked(resource: Resource) -> None:
    try:
        event_patterns.check(resource.properties["EventPattern"])
    except event_patterns.BadPattern as error:
        raise event_patterns.BadPattern(f"{resource.logical}: {error}") from None


BUILDERS: dict[str, Callable[[Resource, Stack, Clients], None]] = {
    "AWS::KMS::Key": _key,
    "AWS::KMS::Alias": _alias,
    "AWS::S3::Bucket": build_bucket,
    "AWS::S3::BucketPolicy": build_bucket_policy,
    "AWS::DynamoDB::Table": _table,
    "AWS::SQS::Queue": _queue,
    "AWS::SQS::QueuePolicy": _queue_policy,
    "AWS::SNS::Topic": _topic,
    "AWS::SNS::Subscription": _subscription,
    "AWS::IAM::ManagedPolicy": _managed_policy,
    "AWS::IAM::Role": _role,
    "AWS::IAM::Policy": _inline_policy,
    "AWS::IAM::User": _user,
    "AWS::SSM::Parameter": _parameter,
    "AWS::Lambda::Function": _function,
    "AWS::StepFunctions::StateMachine": _machine,
    "AWS::Events::EventBus": _bus,
    "AWS::Events::Rule": _rule,
    "AWS::ApiGatewayV2::Stage": _stage,
}
