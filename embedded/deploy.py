"""What of a stack is built in moto, in which order, and what is refused.

``builders`` has the calls. A type or a property that would have no effect here is an error, unless
it is listed: a test could else pass that fails on AWS.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from embedded.builders import BUILDERS, environment_of
from embedded.clients import Clients
from embedded.custom_resources import is_custom
from embedded.functions import DEFAULT_TIMEOUT, Function
from embedded.stack import Resource, Stack, Unresolved

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
    "AWS::Config::ConfigRule",  # ConfigRules reads it
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
    "AWS::Config::ConfigRule": "ConfigRuleName InputParameters Source | Description",
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
            BUILDERS[kind](resource, stack, client)


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
        environment=environment_of(properties),
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
