"""The visible state of an account, to show that an undo restores everything.

Only what can be contained or opened is read: buckets, tags of objects, principals, tags of AI
resources and Glue jobs, jobs that run, policies of AgentCore and of
knowledge bases, aliases of agents, notebooks, models, OpsItems, findings.
Times and ids that change by themselves are left out.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from embedded.backends import (
    agent_aliases,
    agentcore,
    glue,
    guardrails,
    invocation_logging,
    jobs,
    knowledge_bases,
    model_packages,
    notebooks,
    tags,
)
from embedded.backends import iam as iam_backend
from embedded.place import Place
from embedded.saved_state import services_in_use

Clients = Callable[[str], Any]
Reader = Callable[[Any, str], Any]  # the tags of what has an ARN
Listing = tuple[str, str, str]  # operation, member of the response, member that holds the ARN
ABSENT = {
    "NoSuchBucketPolicy",
    "NoSuchLifecycleConfiguration",
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchTagSet",
    "ReplicationConfigurationNotFoundError",
}


def snapshot(
    client: Clients, own: set[str], place: Place, roles: Iterable[str] | None = None
) -> dict[str, Any]:
    """The state as JSON; resources whose name is in ``own`` are left out.

    ``roles``: the names of all roles, where the caller knows them. To list them costs most, since
    each function of the stack has one.
    """

    def tags_of(service: str, listings: Iterable[Listing], read: Reader) -> dict[str, Any]:
        touched = holds_something(service, place)
        return _tags_of(client(service), listings, read) if touched else {}

    return {
        "s3": _buckets(client, own),
        "iam": {"roles": _roles(client("iam"), own, roles), "users": _users(client, own)},
        "sagemaker": tags_of("sagemaker", _SAGEMAKER, _sagemaker_tags),
        "bedrock": tags_of("bedrock", _BEDROCK, _bedrock_tags),
        "bedrock-agent": tags_of("bedrock-agent", _AGENTS, _agent_tags),
        "bedrock-agentcore": tags_of("bedrock-agentcore-control", _AGENTCORE, _agent_tags),
        "tags": tags.everything(),
        "detection": detection(client, own, [s for s in _SWITCHED if holds_something(s, place)]),
        "guardrails": guardrails.enforced(),
        "agentcore-policies": agentcore.all_policies(),
        "agent-aliases": agent_aliases.all_aliases(),
        "service-credentials": iam_backend.all_credentials(),
        "notebooks": notebooks.every(),
        "glue": glue.every(),
        "model-packages": model_packages.every(),
        "jobs": {arn: how for arn, how in jobs.every().items() if how != "Completed"},
        "knowledge-base-policies": knowledge_bases.all_policies(),
        "ssm": _ops_items(client("ssm")),
        "securityhub": _findings(client("securityhub")),
    }


def holds_something(service: str, place: Place) -> bool:
    """Whether moto has any state of the service here. If not, every list is empty."""
    module = f"moto.{service.replace('-', '')}.models"
    found = [one for one in services_in_use() if one.backend.__module__ == module]
    return any(place.region in dict(one.get(place.account, {})) for one in found)


def detection(client: Clients, own: set[str], services: Iterable[str]) -> dict[str, Any]:
    """What is on of detection, of these services; nothing of one that has nothing."""
    found = {name: _SWITCHED[name](client(name), own) for name in services}
    found["bedrock"] = invocation_logging.configured()
    return {name: state for name, state in found.items() if state}


def _trails(trails: Any, _own: set[str]) -> dict[str, bool]:
    listed = trails.describe_trails()["trailList"]
    names = [trail["TrailARN"] for trail in listed]
    return {name: trails.get_trail_status(Name=name)["IsLogging"] for name in names}


def _recorders(config: Any, _own: set[str]) -> dict[str, bool]:
    listed = config.describe_configuration_recorder_status()["ConfigurationRecordersStatus"]
    return {one["name"]: one["recording"] for one in listed}


def _detectors(guardduty: Any, _own: set[str]) -> dict[str, Any]:
    ids = [str(id) for id in guardduty.list_detectors()["DetectorIds"]]
    found = {id: guardduty.get_detector(DetectorId=id) for id in ids}
    return {
        id: {
            "status": one["Status"],
            "features": {each["Name"]: each["Status"] for each in one.get("Features", [])},
        }
        for id, one in found.items()
    }


def _macie(macie: Any, _own: set[str]) -> str:
    return str(macie.get_macie_session()["status"])


def _keys(kms: Any, own: set[str]) -> dict[str, str]:
    ids = [key["KeyId"] for key in kms.list_keys()["Keys"] if key["KeyId"] not in own]
    found = [kms.describe_key(KeyId=id)["KeyMetadata"] for id in ids]
    return {one["KeyId"]: one["KeyState"] for one in found if not _is_of_aws(one)}


def _is_of_aws(key: Mapping[str, Any]) -> bool:
    """moto says of a service's own key that it is the customer's."""
    return str(key.get("Description", "")).startswith("Default master key")


_SWITCHED: Mapping[str, Callable[[Any, set[str]], Any]] = {
    "cloudtrail": _trails,
    "config": _recorders,
    "guardduty": _detectors,
    "kms": _keys,
    "macie2": _macie,
}


def _present(read: Callable[[], Any]) -> Any:
    """The result of a read. None if the configuration is absent."""
    try:
        return read()
    except ClientError as error:
        if error.response["Error"]["Code"] in ABSENT:
            return None
        raise


def _buckets(client: Clients, own: set[str]) -> dict[str, Any]:
    s3 = client("s3")
    names = [b["Name"] for b in s3.list_buckets()["Buckets"]]
    return {name: _bucket(s3, name) for name in sorted(names) if name not in own}


def _bucket(s3: Any, name: str) -> dict[str, Any]:
    def read(operation: str, member: str) -> Any:
        response = _present(lambda: getattr(s3, operation)(Bucket=name))
        return response.get(member) if response else None

    return {
        "policy": read("get_bucket_policy", "Policy"),
        "public_access_block": read("get_public_access_block", "PublicAccessBlockConfiguration"),
        "tags": _sorted(read("get_bucket_tagging", "TagSet")),
        "lifecycle": read("get_bucket_lifecycle_configuration", "Rules"),
        "replication": read("get_bucket_replication", "ReplicationConfiguration"),
        "versioning": read("get_bucket_versioning", "Status"),
        "acl": read("get_bucket_acl", "Grants"),
        "object_tags": _object_tags(s3, name),
    }


def _object_tags(s3: Any, bucket: str) -> dict[str, Any]:
    """Of each version: ``null@key`` where the bucket keeps none."""
    found: dict[str, Any] = {}
    for version in s3.list_object_versions(Bucket=bucket).get("Versions", ()):
        named = {"Bucket": bucket, "Key": version["Key"]}
        if version["VersionId"] != "null":
            named["VersionId"] = version["VersionId"]
        tags = s3.get_object_tagging(**named)["TagSet"]
        found[f"{version['VersionId']}@{version['Key']}"] = _sorted(tags)
    return found


def _sorted(tags: Iterable[Mapping[str, str]] | None) -> dict[str, str] | None:
    if tags is None:
        return None
    return dict(sorted((t.get("Key", ""), t.get("Value", "")) for t in tags))


def _roles(iam: Any, own: set[str], known: Iterable[str] | None) -> dict[str, Any]:
    there = (r["RoleName"] for r in _all(iam, "list_roles", "Roles")) if known is None else known
    found = {name: _role(iam, name) for name in there if name not in own}
    return dict(sorted(found.items()))


def _role(iam: Any, name: str) -> dict[str, Any]:
    role = iam.get_role(RoleName=name)["Role"]
    inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    return {
        "path": role["Path"],
        "trust": role["AssumeRolePolicyDocument"],
        "inline": {
            p: iam.get_role_policy(RoleName=name, PolicyName=p)["PolicyDocument"]
            for p in sorted(inline)
        },
        "attached": sorted(p["PolicyArn"] for p in attached),
        "boundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        "tags": _sorted(iam.list_role_tags(RoleName=name)["Tags"]),
    }


def _users(client: Clients, own: set[str]) -> dict[str, Any]:
    iam = client("iam")
    users = [u for u in _all(iam, "list_users", "Users") if u["UserName"] not in own]
    return {u["UserName"]: _user(iam, u["UserName"]) for u in users}


def _user(iam: Any, name: str) -> dict[str, Any]:
    inline = iam.list_user_policies(UserName=name)["PolicyNames"]
    attached = iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]
    keys = iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
    return {
        "inline": {
            p: iam.get_user_policy(UserName=name, PolicyName=p)["PolicyDocument"]
            for p in sorted(inline)
        },
        "attached": sorted(p["PolicyArn"] for p in attached),
        "keys": {k["AccessKeyId"]: k["Status"] for k in keys},
        "tags": _sorted(iam.list_user_tags(UserName=name)["Tags"]),
    }


def _all(client: Any, operation: str, member: str) -> list[dict[str, Any]]:
    pages = client.get_paginator(operation).paginate()
    return [item for page in pages for item in page[member]]


_SAGEMAKER: tuple[Listing, ...] = (
    ("list_notebook_instances", "NotebookInstances", "NotebookInstanceArn"),
    ("list_endpoints", "Endpoints", "EndpointArn"),
    ("list_endpoint_configs", "EndpointConfigs", "EndpointConfigArn"),
    ("list_models", "Models", "ModelArn"),
    ("list_training_jobs", "TrainingJobSummaries", "TrainingJobArn"),
    ("list_domains", "Domains", "DomainArn"),
)
_BEDROCK: tuple[Listing, ...] = (
    ("list_custom_models", "modelSummaries", "modelArn"),
    ("list_model_customization_jobs", "modelCustomizationJobSummaries", "jobArn"),
)
_AGENTS: tuple[Listing, ...] = (
    ("list_agents", "agentSummaries", "agentId"),
    ("list_knowledge_bases", "knowledgeBaseSummaries", "knowledgeBaseId"),
)
_AGENTCORE: tuple[Listing, ...] = (
    ("list_agent_runtimes", "agentRuntimes", "agentRuntimeArn"),
    ("list_gateways", "items", "gatewayId"),
    ("list_memories", "memories", "arn"),
)


def _tags_of(client: Any, listings: Iterable[Listing], read: Reader) -> dict[str, Any]:
    """Of moto's own resources: what a stand-in lists is in ``tags.everything``."""
    found, ours = {}, tags.everything()
    for operation, member, key in listings:
        for item in _listed(client, operation, member):
            arn = _arn(client, operation, item[key])
            if arn not in ours:
                found[arn] = read(client, arn)
    return dict(sorted(found.items()))


def _listed(client: Any, operation: str, member: str) -> list[Any]:
    """The result of a listing. Empty if moto does not have the service in the Region."""
    try:
        items: list[Any] = getattr(client, operation)()[member]
    except KeyError as missing:
        if missing.args != (client.meta.region_name,):
            raise
        return []
    return items


def _arn(client: Any, operation: str, key: str) -> str:
    """Bedrock lists some kinds by id only."""
    if key.startswith("arn:"):
        return key
    reads: dict[str, Callable[[], str]] = {
        "list_agents": lambda: client.get_agent(agentId=key)["agent"]["agentArn"],
        "list_knowledge_bases": lambda: client.get_knowledge_base(knowledgeBaseId=key)[
            "knowledgeBase"
        ]["knowledgeBaseArn"],
        "list_gateways": lambda: client.get_gateway(gatewayIdentifier=key)["gatewayArn"],
    }
    return reads[operation]()


def _sagemaker_tags(client: Any, arn: str) -> dict[str, str] | None:
    return _sorted(client.list_tags(ResourceArn=arn)["Tags"])


def _bedrock_tags(client: Any, arn: str) -> dict[str, str]:
    tags = client.list_tags_for_resource(resourceARN=arn)["tags"]
    return dict(sorted((t["key"], t["value"]) for t in tags))


def _agent_tags(client: Any, arn: str) -> dict[str, str]:
    return dict(sorted(client.list_tags_for_resource(resourceArn=arn)["tags"].items()))


def _ops_items(ssm: Any) -> dict[str, Any]:
    every = {"Key": "Status", "Values": ["Open", "InProgress", "Resolved"], "Operator": "Equal"}
    pages = ssm.get_paginator("describe_ops_items").paginate(OpsItemFilters=[every])
    items = [item for page in pages for item in page.get("OpsItemSummaries", [])]
    return {
        i["OpsItemId"]: {k: i.get(k) for k in ("Title", "Status", "Severity", "Source")}
        for i in items
    }


def _findings(hub: Any) -> dict[str, Any]:
    """By finding id: what people see of the finding."""
    try:
        findings = _all(hub, "get_findings", "Findings")
    except ClientError as error:
        if error.response["Error"]["Code"] == "InvalidAccessException":  # not enabled
            return {}
        raise
    return {
        f["Id"]: {
            "workflow": f.get("Workflow", {}).get("Status"),
            "record": f.get("RecordState"),
            "compliance": f.get("Compliance", {}).get("Status"),
            "severity": f.get("Severity", {}).get("Label"),
            "note": f.get("Note", {}).get("Text"),
        }
        for f in findings
    }
