"""Builds a resolved stack in moto, through the same APIs that CloudFormation uses."""

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from embedded import event_patterns
from embedded.custom_resources import is_custom
from embedded.functions import DEFAULT_TIMEOUT, Function
from embedded.http_api import LOG_STREAM
from embedded.http_routes import log_group_of
from embedded.place import Place
from embedded.stack import Resource, Stack, Unresolved
from embedded.state_machines import definition_of

Clients = Callable[[str], Any]  # service name -> unguarded client in the stack's Region
EMPTY_ZIP = base64.b64decode("UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==")
ORDER = (
    "AWS::KMS::Key",
    "AWS::KMS::Alias",
    "AWS::S3::Bucket",
    "AWS::DynamoDB::Table",
    "AWS::SQS::Queue",
    "AWS::SNS::Topic",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Role",
    "AWS::IAM::Policy",
    "AWS::IAM::User",
    "AWS::SSM::Parameter",
    "AWS::S3::BucketPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::SNS::Subscription",
    "AWS::Lambda::Function",
    "AWS::StepFunctions::StateMachine",
    "AWS::Events::EventBus",
    "AWS::Events::Rule",
    "AWS::ApiGatewayV2::Stage",
)
READ_ONLY = (  # EventDelivery and HttpApis read these; nothing is built for them
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Permission",
    "AWS::SNS::TopicPolicy",
)


PROPERTIES = {  # what a builder builds; after the bar, what has no visible effect here
    "AWS::KMS::Key": "Description EnableKeyRotation KeyPolicy Tags | PendingWindowInDays",
    "AWS::KMS::Alias": "AliasName TargetKeyId",
    "AWS::S3::Bucket": "BucketEncryption BucketName LifecycleConfiguration ObjectLockConfiguration"
    " ObjectLockEnabled OwnershipControls PublicAccessBlockConfiguration Tags"
    " VersioningConfiguration",
    "AWS::S3::BucketPolicy": "Bucket PolicyDocument",
    "AWS::DynamoDB::Table": "AttributeDefinitions BillingMode DeletionProtectionEnabled"
    " GlobalSecondaryIndexes KeySchema LocalSecondaryIndexes PointInTimeRecoverySpecification"
    " ProvisionedThroughput SSESpecification StreamSpecification TableName Tags"
    " TimeToLiveSpecification",
    "AWS::SQS::Queue": "ContentBasedDeduplication DelaySeconds FifoQueue KmsMasterKeyId"
    " KmsDataKeyReusePeriodSeconds MaximumMessageSize MessageRetentionPeriod QueueName"
    " ReceiveMessageWaitTimeSeconds RedriveAllowPolicy RedrivePolicy SqsManagedSseEnabled Tags"
    " VisibilityTimeout",
    "AWS::SQS::QueuePolicy": "PolicyDocument Queues",
    "AWS::SNS::Topic": "DisplayName KmsMasterKeyId Subscription Tags TopicName",
    "AWS::SNS::Subscription": "Endpoint Protocol TopicArn",
    "AWS::IAM::ManagedPolicy": "Description ManagedPolicyName Path PolicyDocument Roles",
    "AWS::IAM::Role": "AssumeRolePolicyDocument Description ManagedPolicyArns MaxSessionDuration"
    " Path PermissionsBoundary Policies RoleName Tags",
    "AWS::IAM::Policy": "PolicyDocument PolicyName Roles",
    "AWS::IAM::User": "Path Tags UserName",
    "AWS::SSM::Parameter": "AllowedPattern Description Name Tags Type Value | Tier",
    "AWS::Lambda::Function": "Architectures Description Environment FunctionName Handler MemorySize"
    " ReservedConcurrentExecutions Role Runtime Tags Timeout"
    # EventDelivery reads the queue; the handler's file is run as it is, without layers.
    " | Code DeadLetterConfig Layers LoggingConfig",
    "AWS::Lambda::EventSourceMapping": "BatchSize BisectBatchOnFunctionError DestinationConfig"
    " Enabled EventSourceArn FilterCriteria FunctionName FunctionResponseTypes"
    " MaximumBatchingWindowInSeconds MaximumRecordAgeInSeconds MaximumRetryAttempts"
    # A table has one shard, no record is older than the mapping, and one batch runs at a time.
    " ParallelizationFactor | MetricsConfig ScalingConfig StartingPosition Tags",
    "AWS::StepFunctions::StateMachine": "Definition DefinitionString LoggingConfiguration RoleArn"
    " StateMachineName StateMachineType Tags TracingConfiguration | DefinitionSubstitutions",
    "AWS::ApiGatewayV2::Api": "Name ProtocolType | Description Tags",
    "AWS::ApiGatewayV2::Integration": "ApiId IntegrationType IntegrationUri PayloadFormatVersion"
    " TimeoutInMillis | Description IntegrationMethod",
    "AWS::ApiGatewayV2::Route": "ApiId AuthorizationType RouteKey Target | OperationName",
    # Nothing is throttled here.
    "AWS::ApiGatewayV2::Stage": "AccessLogSettings ApiId AutoDeploy StageName"
    " | DefaultRouteSettings Description RouteSettings Tags",
    "AWS::Events::EventBus": "Name",
    "AWS::Events::Rule": "Description EventBusName EventPattern Name ScheduleExpression State"
    " Targets",
}


def build(stack: Stack, client: Clients) -> None:
    """Make every resource. A type or property that nothing here shows is Unresolved.

    Custom resources come later: their functions make them.
    """
    kinds = {r.type for r in stack.resources.values() if not is_custom(r.type)}
    unknown = kinds - {*ORDER, *READ_ONLY}
    if unknown:
        raise Unresolved(f"the embedded account cannot build: {', '.join(sorted(unknown))}")
    for resource in stack.resources.values():
        _refuse_what_would_be_dropped(resource)
    for kind in ORDER:
        for resource in _in_order(stack.of(kind)):
            _BUILDERS[kind](resource, stack, client)


def _refuse_what_would_be_dropped(resource: Resource) -> None:
    """A property without effect here would let a test pass that fails on AWS."""
    if resource.type not in PROPERTIES:
        return
    dropped = resource.properties.keys() - set(PROPERTIES[resource.type].split())
    if dropped:
        names = ", ".join(sorted(dropped))
        raise Unresolved(f"the embedded account does not build {names} of {resource.logical}")


def _in_order(resources: list[Resource]) -> list[Resource]:
    """Queues that others redrive to come first."""
    return sorted(resources, key=lambda r: "RedrivePolicy" in r.properties)


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


def _bucket(resource: Resource, stack: Stack, client: Clients) -> None:
    s3, name, properties = client("s3"), resource.physical, resource.properties
    location = (
        {}
        if stack.place.region == "us-east-1"
        else {"CreateBucketConfiguration": {"LocationConstraint": stack.place.region}}
    )
    locked = bool(properties.get("ObjectLockEnabled", False))
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=locked, **location)
    for key, configure in _BUCKET_SETTINGS.items():
        if key in properties:
            configure(s3, name, properties[key])


def _encryption(s3: Any, name: str, value: Mapping[str, Any]) -> None:
    ours = value["ServerSideEncryptionConfiguration"]
    rules_ = [
        {
            "ApplyServerSideEncryptionByDefault": r["ServerSideEncryptionByDefault"],
            "BucketKeyEnabled": r.get("BucketKeyEnabled", False),
        }
        for r in ours
    ]
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": rules_})


def _lock(s3: Any, name: str, value: Mapping[str, Any]) -> None:
    retention = dict(value["Rule"]["DefaultRetention"])
    for unit in retention.keys() & {"Days", "Years"}:
        retention[unit] = int(retention[unit])
    configuration = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}}
    s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=configuration)


_LIFECYCLE: dict[str, Callable[[Any], dict[str, Any]]] = {  # CloudFormation's members as the API's
    "Id": lambda value: {"ID": value},
    "Status": lambda value: {"Status": value},
    "Prefix": lambda value: {"Filter": {"Prefix": value}},
    "ExpirationInDays": lambda value: {"Expiration": {"Days": int(value)}},
    "ExpiredObjectDeleteMarker": lambda value: {
        "Expiration": {"ExpiredObjectDeleteMarker": value in (True, "true")}
    },
    "NoncurrentVersionExpiration": lambda value: {
        "NoncurrentVersionExpiration": {k: int(v) for k, v in value.items()}
    },
    "AbortIncompleteMultipartUpload": lambda value: {
        "AbortIncompleteMultipartUpload": {k: int(v) for k, v in value.items()}
    },
}


def _lifecycle_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    dropped = rule.keys() - _LIFECYCLE.keys()
    if dropped:
        raise Unresolved(f"the embedded account does not build lifecycle rules with {dropped}")
    built: dict[str, Any] = {"Filter": {"Prefix": ""}}
    for member, value in rule.items():
        built |= _LIFECYCLE[member](value)
    return built


_BUCKET_SETTINGS: dict[str, Callable[[Any, str, Any], Any]] = {
    "VersioningConfiguration": lambda s3, name, value: s3.put_bucket_versioning(
        Bucket=name, VersioningConfiguration={"Status": value["Status"]}
    ),
    "ObjectLockConfiguration": _lock,
    "BucketEncryption": _encryption,
    "PublicAccessBlockConfiguration": lambda s3, name, value: s3.put_public_access_block(
        Bucket=name, PublicAccessBlockConfiguration=dict(value)
    ),
    "OwnershipControls": lambda s3, name, value: s3.put_bucket_ownership_controls(
        Bucket=name, OwnershipControls=value
    ),
    "LifecycleConfiguration": lambda s3, name, value: s3.put_bucket_lifecycle_configuration(
        Bucket=name,
        LifecycleConfiguration={"Rules": [_lifecycle_rule(rule) for rule in value["Rules"]]},
    ),
    "Tags": lambda s3, name, value: s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": value}),
}


def _bucket_policy(resource: Resource, _stack: Stack, client: Clients) -> None:
    properties = resource.properties
    policy = json.dumps(properties["PolicyDocument"])
    client("s3").put_bucket_policy(Bucket=properties["Bucket"], Policy=policy)


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
        Environment={"Variables": _environment(properties)},
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


def _environment(properties: Mapping[str, Any]) -> dict[str, str]:
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


_BUILDERS: dict[str, Callable[[Resource, Stack, Clients], None]] = {
    "AWS::KMS::Key": _key,
    "AWS::KMS::Alias": _alias,
    "AWS::S3::Bucket": _bucket,
    "AWS::S3::BucketPolicy": _bucket_policy,
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


def functions_of(stack: Stack) -> dict[str, Function]:
    """The functions of a stack, with retries and destinations of asynchronous invocations."""
    return {r.logical: _function_of(r, stack) for r in stack.of("AWS::Lambda::Function")}


def _function_of(resource: Resource, stack: Stack) -> Function:
    properties, later = resource.properties, _asynchronous(resource, stack)
    destinations = later.get("DestinationConfig", {})
    if resource.logical not in stack.code:
        raise Unresolved(f"{resource.logical}: no local CodeUri")
    return Function(
        logical=resource.logical,
        name=resource.physical,
        arn=resource.arn,
        role=properties["Role"],
        environment=_environment(properties),
        timeout=int(properties.get("Timeout", DEFAULT_TIMEOUT)),
        memory=int(properties.get("MemorySize", 128)),
        region=stack.place.region,
        code=stack.code[resource.logical],
        dead_letters=properties.get("DeadLetterConfig", {}).get("TargetArn", ""),
        retries=int(later.get("MaximumRetryAttempts", 2)),
        max_age=int(later.get("MaximumEventAgeInSeconds", 21600)),
        on_failure=destinations.get("OnFailure", {}).get("Destination", ""),
        on_success=destinations.get("OnSuccess", {}).get("Destination", ""),
    )


def _asynchronous(resource: Resource, stack: Stack) -> Mapping[str, Any]:
    """The EventInvokeConfig of a function."""
    configs: Iterable[Resource] = stack.of("AWS::Lambda::EventInvokeConfig")
    names = (resource.physical, resource.arn)
    found = (c.properties for c in configs if c.properties["FunctionName"] in names)
    return next(found, {})
