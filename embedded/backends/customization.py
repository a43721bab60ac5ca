"""What Bedrock makes of data and serves: jobs, custom and imported models, knowledge bases, agents.

moto lacks most of these lists, and the ARNs of its jobs and models are none that Bedrock has.
Nothing is made by the API here: ``job``, ``imported``, ``deployed``, ``bought``, ``base`` and
``uses`` say that it exists. Where none does, moto responds for the lists that it has. Sources: the
service models of ``bedrock`` and ``bedrock-agent``.
"""

from typing import Any

from embedded.backends import agent_aliases, tags
from embedded.backends.pages import page
from embedded.backends.registry import (
    NotOurs,
    Params,
    Refusal,
    Response,
    Where,
    implements,
    tables,
)
from embedded.backends.times import now

JOBS, IMPORTED, DEPLOYED, BOUGHT, BASES, USED = (
    f"bedrock-{name}" for name in ("jobs", "imported", "deployed", "bought", "bases", "used-bases")
)
BASE_MODEL = "foundation-model/amazon.nova-lite-v1:0"
AGENT, TYPES = "bedrock-agent", "bedrock-base-types"


def job(id: str, where: Where, *, reads: str, model: bool = True) -> tuple[str, str]:
    """A customization job of twelve characters that reads a URI; its ARN and its model's."""
    arn = where.arn("bedrock", f"model-customization-job/amazon.nova-lite-v1:0/{id}")
    made = where.arn("bedrock", f"custom-model/amazon.nova-lite-v1:0/{id}")
    where.table(JOBS)[arn] = {
        "name": f"job-{id}",
        "model": made if model else "",
        "reads": reads,
        "status": "Completed" if model else "InProgress",
    }
    for one in (arn, *([made] if model else [])):
        tags.exists(one, where)
    return arn, made


def imported(id: str, where: Where, *, reads: str) -> str:
    """A model that was imported from a URI; its ARN."""
    arn = where.arn("bedrock", f"imported-model/{id}")
    where.table(IMPORTED)[arn] = reads
    tags.exists(arn, where)
    return arn


def deployed(id: str, model: str, where: Where) -> str:
    """A deployment of a custom model; its ARN."""
    return _served(DEPLOYED, f"custom-model-deployment/{id}", model, where)


def bought(id: str, model: str, where: Where) -> str:
    """A provisioned throughput of a custom model; its ARN."""
    return _served(BOUGHT, f"provisioned-model/{id}", model, where)


def _served(table: str, name: str, model: str, where: Where) -> str:
    arn = where.arn("bedrock", name)
    where.table(table)[arn] = model
    tags.exists(arn, where)
    return arn


def base(id: str, where: Where, *, bucket: str, type: str = "VECTOR") -> str:
    """A knowledge base with one data source, a bucket by its ARN; its ARN."""
    arn = where.arn("bedrock", f"knowledge-base/{id}")
    where.table(BASES)[id] = bucket
    where.table(TYPES)[id] = type
    tags.exists(arn, where)
    return arn


def uses(
    agent: str, where: Where, *, base: str = "", version: str = "DRAFT", model: str = ""
) -> None:
    """An agent that ``agent_aliases`` made uses a model, or a knowledge base in one version."""
    if model:
        where.table(agent_aliases.MADE)[agent]["model"] = model
    if base:
        where.table(USED).setdefault((agent, version), []).append(base)


@implements("bedrock", "ListModelCustomizationJobs")
def list_model_customization_jobs(params: Params, where: Where) -> Response:
    """All of them, or those with a status."""
    wanted = params.get("statusEquals")
    found = [
        {
            "jobArn": arn,
            "jobName": one["name"],
            "baseModelArn": _base_model(where),
            "status": one["status"],
            "creationTime": now(),
            **({"customModelArn": one["model"]} if one["model"] else {}),
        }
        for arn, one in _ours(JOBS, where).items()
        if wanted in (None, one["status"])
    ]
    listed, more = page(found, params, "nextToken")
    return {"modelCustomizationJobSummaries": listed, **more}


@implements("bedrock", "GetModelCustomizationJob")
def get_model_customization_job(params: Params, where: Where) -> Response:
    """By its ARN."""
    arn = params["jobIdentifier"]
    one = _ours(JOBS, where).get(arn)
    if one is None:
        raise _not_found(arn)
    return {
        "jobArn": arn,
        "jobName": one["name"],
        "outputModelName": one["name"],
        "status": one["status"],
        "roleArn": where.arn("iam", "role/customization", region=""),
        "creationTime": now(),
        "baseModelArn": _base_model(where),
        "trainingDataConfig": {"s3Uri": one["reads"]},
        "validationDataConfig": {"validators": []},
        "outputDataConfig": {"s3Uri": "s3://customization-results/"},
    }


@implements("bedrock", "StopModelCustomizationJob")
def stop_model_customization_job(params: Params, where: Where) -> Response:
    """Stopped at once. That one which has ended is refused is our guess."""
    arn = params["jobIdentifier"]
    one = _ours(JOBS, where).get(arn)
    if one is None:
        raise _not_found(arn)
    if one["status"] != "InProgress":
        raise Refusal("ConflictException", f"{arn} is {one['status']}")
    one["status"] = "Stopped"
    return {}


def statuses() -> dict[str, str]:
    """The status of each job, in every account and Region, as a snapshot has it."""
    return {arn: one["status"] for table in tables(JOBS) for arn, one in sorted(table.items())}


@implements("bedrock", "ListImportedModels")
def list_imported_models(params: Params, where: Where) -> Response:
    """All of them."""
    found = [
        {"modelArn": arn, "modelName": f"m-{arn[-12:]}", "creationTime": now()}
        for arn in where.table(IMPORTED)
    ]
    listed, more = page(found, params, "nextToken")
    return {"modelSummaries": listed, **more}


@implements("bedrock", "GetImportedModel")
def get_imported_model(params: Params, where: Where) -> Response:
    """By its ARN."""
    arn = params["modelIdentifier"]
    if arn not in where.table(IMPORTED):
        raise _not_found(arn)
    reads = where.table(IMPORTED)[arn]
    return {"modelArn": arn, "modelDataSource": {"s3DataSource": {"s3Uri": reads}}}


@implements("bedrock", "ListCustomModelDeployments")
def list_custom_model_deployments(params: Params, where: Where) -> Response:
    """Of one model, or all of them."""
    found = [
        {
            "customModelDeploymentArn": arn,
            "customModelDeploymentName": f"d-{arn[-12:]}",
            "modelArn": model,
            "createdAt": now(),
            "status": "Active",
        }
        for arn, model in _of_model(DEPLOYED, params, where)
    ]
    listed, more = page(found, params, "nextToken")
    return {"modelDeploymentSummaries": listed, **more}


@implements("bedrock", "ListProvisionedModelThroughputs")
def list_provisioned_model_throughputs(params: Params, where: Where) -> Response:
    """Of one model, or all of them."""
    found = [
        {
            "provisionedModelName": f"p-{arn[-12:]}",
            "provisionedModelArn": arn,
            "modelArn": model,
            "desiredModelArn": model,
            "foundationModelArn": _base_model(where),
            "modelUnits": 1,
            "desiredModelUnits": 1,
            "status": "InService",
            "creationTime": now(),
            "lastModifiedTime": now(),
        }
        for arn, model in _of_model(BOUGHT, params, where)
    ]
    listed, more = page(found, params, "nextToken")
    return {"provisionedModelSummaries": listed, **more}


@implements(AGENT, "ListKnowledgeBases")
def list_knowledge_bases(params: Params, where: Where) -> Response:
    """All of them."""
    found = [
        {"knowledgeBaseId": id, "name": f"kb-{id}", "status": "ACTIVE", "updatedAt": now()}
        for id in _ours(BASES, where)
    ]
    listed, more = page(found, params, "nextToken")
    return {"knowledgeBaseSummaries": listed, **more}


@implements(AGENT, "GetKnowledgeBase")
def get_knowledge_base(params: Params, where: Where) -> Response:
    """One of ours; moto responds for its own."""
    id = params["knowledgeBaseId"]
    if id not in where.table(BASES):
        raise NotOurs
    return {
        "knowledgeBase": {
            "knowledgeBaseId": id,
            "name": f"kb-{id}",
            "knowledgeBaseArn": where.arn("bedrock", f"knowledge-base/{id}"),
            "roleArn": where.arn("iam", "role/knowledge", region=""),
            "knowledgeBaseConfiguration": {"type": where.table(TYPES)[id]},
            "status": "ACTIVE",
            "createdAt": now(),
            "updatedAt": now(),
        }
    }


@implements(AGENT, "ListDataSources")
def list_data_sources(params: Params, where: Where) -> Response:
    """The one of a knowledge base."""
    source = _source(params, where)
    return {"dataSourceSummaries": [source | {"updatedAt": now()}]}


@implements(AGENT, "GetDataSource")
def get_data_source(params: Params, where: Where) -> Response:
    """The one of a knowledge base."""
    bucket = {"bucketArn": where.table(BASES).get(params["knowledgeBaseId"], "")}
    config = {"type": "S3", "s3Configuration": bucket}
    made = {"createdAt": now(), "updatedAt": now()}
    return {"dataSource": {**_source(params, where), **made, "dataSourceConfiguration": config}}


def _source(params: Params, where: Where) -> dict[str, Any]:
    id = params["knowledgeBaseId"]
    if id not in where.table(BASES):
        raise _not_found(f"knowledge base {id}")
    return {
        "knowledgeBaseId": id,
        "dataSourceId": id[::-1],
        "name": f"source-{id}",
        "status": "AVAILABLE",
    }


@implements(AGENT, "ListAgents")
def list_agents(params: Params, where: Where) -> Response:
    """Those of ``agent_aliases``."""
    found = [
        {"agentId": id, "agentName": f"agent-{id}", "agentStatus": "PREPARED", "updatedAt": now()}
        for id in _ours(agent_aliases.MADE, where)
    ]
    listed, more = page(found, params, "nextToken")
    return {"agentSummaries": listed, **more}


@implements(AGENT, "ListAgentKnowledgeBases")
def list_agent_knowledge_bases(params: Params, where: Where) -> Response:
    """Of one version of an agent."""
    used = where.table(USED).get((params["agentId"], params["agentVersion"]), [])
    found = [
        {"knowledgeBaseId": id, "knowledgeBaseState": "ENABLED", "updatedAt": now()} for id in used
    ]
    listed, more = page(found, params, "nextToken")
    return {"agentKnowledgeBaseSummaries": listed, **more}


def _ours(table: str, where: Where) -> dict[Any, Any]:
    if not where.table(table):
        raise NotOurs
    return where.table(table)


def _of_model(table: str, params: Params, where: Where) -> list[tuple[str, str]]:
    wanted = params.get("modelArnEquals")
    return [(a, model) for a, model in where.table(table).items() if wanted in (None, model)]


def _base_model(where: Where) -> str:
    return f"arn:{where.partition}:bedrock:{where.region}::{BASE_MODEL}"


def _not_found(what: str) -> Refusal:
    return Refusal("ResourceNotFoundException", f"{what} does not exist")
