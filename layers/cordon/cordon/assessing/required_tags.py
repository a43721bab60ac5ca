"""What serves or feeds AI has the tags that the operator requires, as of its owner and scope.

Looked at: SageMaker's endpoints, notebook instances and domains, Bedrock's agents and knowledge
bases, AgentCore's runtimes, gateways and memories (but for one that another resource manages).
Their tags are read from the services themselves: AWS Config does not record all of these
types, and has no page that says where it keeps the tags of the others. A tag without a value is
none.

Sources: Amazon SageMaker AI API Reference, "ListEndpoints", "ListNotebookInstances", "ListDomains",
"ListTags"; Agents for Amazon Bedrock API Reference, "ListAgents", "ListKnowledgeBases",
"ListTagsForResource"; Amazon Bedrock AgentCore Control Plane API Reference, "ListAgentRuntimes",
"ListGateways", "ListMemories", "ListTagsForResource"; Service Authorization Reference, "Amazon
Bedrock", "Amazon Bedrock Agentcore" (forms of ARNs).
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError

from cordon.actions.sagemaker import is_deleted
from cordon.actions.tag import tags_by_key
from cordon.assessing.evaluation import Compliance, Evaluation, Found, Unlisted, Unread
from cordon.assessing.request import Request
from cordon.clients import AwsClients, error_code
from cordon.finding import Place

RULE = "cordon-ai-resource-has-required-tags"
REFUSED = ("AccessDenied", "AccessDeniedException")
NOT_FOUND = "ResourceNotFoundException"  # in Bedrock's words
AGENTCORE = "AWS::BedrockAgentCore::"
NOT_REACHED = "AgentCore cannot be reached"
Tags = Mapping[str, str]


def assess(aws: AwsClients, request: Request) -> Found:
    """Each of these resources, and which required tags it lacks."""
    required = request.listed("tags")
    sagemaker = aws.client("sagemaker")
    read: Callable[[str], Tags] = partial(_tags_of_sagemaker, sagemaker)
    for kind, arn in _of_sagemaker(sagemaker):
        yield from _judged(kind, arn, read, required)
    if not aws.has_service("bedrock"):
        return
    agents = aws.client("bedrock-agent")
    place = Place(request.partition, request.account, aws.region)
    for kind, arn in _of_bedrock(agents, place):
        yield from _judged(kind, arn, partial(_tags_of_bedrock, agents), required)
    agentcore = aws.client("bedrock-agentcore-control")
    try:
        for kind, arn in _of_agentcore(agentcore, place):
            yield from _judged(kind, arn, partial(_tags_of_bedrock, agentcore), required)
    except EndpointConnectionError:  # botocore lists no Regions of AgentCore
        yield Unlisted(AGENTCORE, NOT_REACHED)


def _judged(kind: str, arn: str, read: Callable[[str], Tags], required: tuple[str, ...]) -> Found:
    try:
        tags = read(arn)
    except ClientError as error:
        if is_deleted(error) or error_code(error) == NOT_FOUND:
            return  # since it was listed
        if error_code(error) not in REFUSED:
            raise
        yield Unread(kind, arn, "access to its tags is denied")
        return
    missing = [key for key in required if not tags.get(key, "").strip()]
    if missing:
        said = f"Without the tag {', '.join(missing)}"
        yield Evaluation(kind, arn, Compliance.NON_COMPLIANT, said)
    else:
        yield Evaluation(kind, arn, Compliance.COMPLIANT)


def _of_sagemaker(sagemaker: Any) -> Iterator[tuple[str, str]]:
    for page in sagemaker.get_paginator("list_endpoints").paginate():
        for one in page["Endpoints"]:
            yield "AWS::SageMaker::Endpoint", one["EndpointArn"]
    for page in sagemaker.get_paginator("list_notebook_instances").paginate():
        for one in page["NotebookInstances"]:
            yield "AWS::SageMaker::NotebookInstance", one["NotebookInstanceArn"]
    for page in sagemaker.get_paginator("list_domains").paginate():
        for one in page["Domains"]:
            yield "AWS::SageMaker::Domain", one["DomainArn"]


def _of_bedrock(agents: Any, place: Place) -> Iterator[tuple[str, str]]:
    for page in agents.get_paginator("list_agents").paginate():
        for one in page["agentSummaries"]:
            yield "AWS::Bedrock::Agent", place.arn("bedrock", f"agent/{one['agentId']}")
    for page in agents.get_paginator("list_knowledge_bases").paginate():
        for one in page["knowledgeBaseSummaries"]:
            arn = place.arn("bedrock", f"knowledge-base/{one['knowledgeBaseId']}")
            yield "AWS::Bedrock::KnowledgeBase", arn


def _of_agentcore(agentcore: Any, place: Place) -> Iterator[tuple[str, str]]:
    for page in agentcore.get_paginator("list_agent_runtimes").paginate():
        for one in page["agentRuntimes"]:
            yield f"{AGENTCORE}Runtime", one["agentRuntimeArn"]
    for page in agentcore.get_paginator("list_gateways").paginate():
        for one in page["items"]:
            arn = place.arn("bedrock-agentcore", f"gateway/{one['gatewayId']}")
            yield f"{AGENTCORE}Gateway", arn
    for page in agentcore.get_paginator("list_memories").paginate():
        for one in page["memories"]:
            if not one.get("managedByResourceArn"):
                yield f"{AGENTCORE}Memory", one["arn"]


def _tags_of_sagemaker(sagemaker: Any, arn: str) -> Tags:
    pages = sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
    return tags_by_key([tag for page in pages for tag in page["Tags"]])


def _tags_of_bedrock(client: Any, arn: str) -> Tags:
    tags: Tags = client.list_tags_for_resource(resourceArn=arn).get("tags", {})
    return tags
