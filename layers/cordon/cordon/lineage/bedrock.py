"""Bedrock's half: no lineage is kept there, so that every job, model and agent is read.

::

    S3 → customization job → custom model ┬→ deployment, provisioned throughput ─┐
    S3 → imported model ──────────────────┴──────────────────────────────────────┴→ agent
    bucket → knowledge base → agent

Each list is read once, when it is first needed. Sources: the service models of ``bedrock`` and
``bedrock-agent``: GetModelCustomizationJob, GetImportedModel, ListCustomModelDeployments,
ListProvisionedModelThroughputs, GetDataSource, ListAgentKnowledgeBases (of one version),
ListAgentAliases (which versions are used), GetAgent (``foundationModel``: any model's ARN). What
model an older version of an agent uses is not read.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from cordon.clients import AwsClients
from cordon.concurrency import gather
from cordon.finding import Place
from cordon.lineage.calls import Expired, below, once, overlap, pages
from cordon.lineage.walk import TIME, Found, Read, Unread

DRAFT = "DRAFT"
TOKEN = "nextToken"
AT_ONCE = 32  # calls between two looks at the clock
MODELS = ("custom-model/", "imported-model/")
SERVED = ("custom-model-deployment/", "provisioned-model/")


class Bedrock:
    """Its resources in one account and Region, as far as they were read."""

    def __init__(self, aws: AwsClients, place: Place, expired: Expired) -> None:
        self._aws = aws
        self._place = place
        self._expired = expired
        self._known: dict[str, tuple[Any, list[Unread]]] = {}

    def of_bucket(self, bucket: str) -> Read:
        """What was made of what lies in a bucket."""
        made, unread = self._made_of_s3()
        bases, more = self._bases()
        found = [one for uris, one in made if any(below(uri, bucket) for uri in uris)]
        found += [base for named, base in bases if named == bucket]
        return Read(found, [*unread, *more])

    def of_uri(self, uri: str) -> Read:
        """What was made of what lies at one S3 URI, as of the output of a training job."""
        made, unread = self._made_of_s3()
        return Read([one for uris, one in made if any(overlap(uri, u) for u in uris)], unread)

    def next(self, resource: Found) -> Read:
        """What was made of a resource of Bedrock, or uses it."""
        name = resource.id.split(":", 5)[5]
        if name.startswith("model-customization-job/"):
            models, unread = self._models_of_jobs()
            return Read(
                [Found(models[resource.id], "custom-model")] if resource.id in models else [],
                unread,
            )
        users = self._agents_using(resource.id)
        if name.startswith(MODELS):
            served = self._serving(resource.id) if name.startswith("custom-model/") else Read()
            return Read([*served.found, *users.found], [*served.unread, *users.unread])
        return users if name.startswith((*SERVED, "knowledge-base/")) else Read()

    def _serving(self, model: str) -> Read:
        """By what a custom model is called."""
        bedrock, named = self._aws.client("bedrock"), {"modelArnEquals": model}
        deployed, unread = self._pages(
            bedrock.list_custom_model_deployments, "modelDeploymentSummaries", **named
        )
        bought, more = self._pages(
            bedrock.list_provisioned_model_throughputs, "provisionedModelSummaries", **named
        )
        found = [
            Found(one["customModelDeploymentArn"], "custom-model-deployment") for one in deployed
        ]
        found += [Found(one["provisionedModelArn"], "provisioned-model") for one in bought]
        return Read(found, [*unread, *more])

    def _made_of_s3(self) -> tuple[list[tuple[list[str], Found]], list[Unread]]:
        """Jobs and imported models, each with the URIs that it has read."""
        return self._once("s3", self._read_made_of_s3)

    def _read_made_of_s3(self) -> tuple[list[tuple[list[str], Found]], list[Unread]]:
        bedrock = self._aws.client("bedrock")
        jobs, unread = self._jobs()
        read, more = self._each(
            bedrock.get_model_customization_job, [{"jobIdentifier": one["jobArn"]} for one in jobs]
        )
        models, unlisted = self._pages(bedrock.list_imported_models, "modelSummaries")
        imported, unsaid = self._each(
            bedrock.get_imported_model, [{"modelIdentifier": one["modelArn"]} for one in models]
        )
        made = [
            (list(inputs_of_job(one)), Found(one["jobArn"], "model-customization-job"))
            for one in read
        ]
        for one in imported:
            source = one.get("modelDataSource", {}).get("s3DataSource", {})
            made.append(([source.get("s3Uri", "")], Found(one["modelArn"], "imported-model")))
        return made, [*unread, *more, *unlisted, *unsaid]

    def _jobs(self) -> tuple[list[Any], list[Unread]]:
        listed = self._aws.client("bedrock").list_model_customization_jobs
        return self._once("jobs", partial(self._pages, listed, "modelCustomizationJobSummaries"))

    def _models_of_jobs(self) -> tuple[dict[str, str], list[Unread]]:
        jobs, unread = self._jobs()
        return {
            one["jobArn"]: one["customModelArn"] for one in jobs if "customModelArn" in one
        }, unread

    def _bases(self) -> tuple[list[tuple[str, Found]], list[Unread]]:
        """Knowledge bases, each with a bucket that it has read."""
        return self._once("bases", self._read_bases)

    def _read_bases(self) -> tuple[list[tuple[str, Found]], list[Unread]]:
        agents = self._aws.client("bedrock-agent")
        bases, unread = self._pages(agents.list_knowledge_bases, "knowledgeBaseSummaries")
        listed = [{"knowledgeBaseId": one["knowledgeBaseId"]} for one in bases]
        sources, more = self._lists(agents.list_data_sources, "dataSourceSummaries", listed)
        named = [
            {"knowledgeBaseId": one["knowledgeBaseId"], "dataSourceId": one["dataSourceId"]}
            for one in sources
        ]
        read, unsaid = self._each(agents.get_data_source, named)
        return [*_buckets_of_bases(read, self._place)], [*unread, *more, *unsaid]

    def _agents_using(self, arn: str) -> Read:
        using, unread = self._once("agents", self._read_agents)
        agents = [agent for agent, uses in using.items() if arn in uses]
        return Read([Found(agent, "agent") for agent in agents], unread)

    def _read_agents(self) -> tuple[dict[str, set[str]], list[Unread]]:
        """The agents, each with the models and knowledge bases that it uses."""
        agents = self._aws.client("bedrock-agent")
        listed, unread = self._pages(agents.list_agents, "agentSummaries")
        named = [{"agentId": one["agentId"]} for one in listed]
        read, more = self._each(agents.get_agent, named)
        aliases, unlisted = self._lists(
            agents.list_agent_aliases, "agentAliasSummaries", named, named=True
        )
        using: dict[str, set[str]] = {}
        versions = {(one["agentId"], DRAFT) for one in named}
        for said in read:
            agent = said["agent"]
            using.setdefault(self._agent(agent["agentId"]), set()).add(
                agent.get("foundationModel", "")
            )
        for alias in aliases:
            routed = alias.get("routingConfiguration", [])
            versions |= {
                (alias["of"]["agentId"], r["agentVersion"]) for r in routed if "agentVersion" in r
            }
        wanted = [
            {"agentId": agent, "agentVersion": version} for agent, version in sorted(versions)
        ]
        bases, unsaid = self._lists(
            agents.list_agent_knowledge_bases, "agentKnowledgeBaseSummaries", wanted, named=True
        )
        for base in bases:
            arn = self._place.arn("bedrock", f"knowledge-base/{base['knowledgeBaseId']}")
            using.setdefault(self._agent(base["of"]["agentId"]), set()).add(arn)
        return using, [*unread, *more, *unlisted, *unsaid]

    def _agent(self, id: str) -> str:
        return self._place.arn("bedrock", f"agent/{id}")

    def _once(
        self, what: str, read: Callable[[], tuple[Any, list[Unread]]]
    ) -> tuple[Any, list[Unread]]:
        if what not in self._known:
            self._known[what] = read()
        return self._known[what]

    def _pages(self, call: Any, items: str, **named: Any) -> tuple[list[Any], list[Unread]]:
        return pages(call, items, TOKEN, self._expired, **named)

    def _lists(
        self, call: Any, items: str, wanted: list[dict[str, str]], *, named: bool = False
    ) -> tuple[list[Any], list[Unread]]:
        """The items of one list for each of these; with ``named`` each says by which parameters."""
        listed: list[Any] = []
        unread: list[Unread] = []
        for some in self._in_time(wanted, unread, items):
            read = gather(*(partial(self._pages, call, items, **by) for by in some))
            for by, (found, left) in zip(some, read, strict=True):
                listed += [{**one, "of": by} if named else one for one in found]
                unread += left
        return listed, unread

    def _each(self, call: Any, wanted: list[dict[str, str]]) -> tuple[list[Any], list[Unread]]:
        """What the call says of each of these, as far as it still exists."""
        said: list[Any] = []
        unread: list[Unread] = []
        for some in self._in_time(wanted, unread, getattr(call, "__name__", "resources")):
            for one in gather(*(partial(once, call, **by) for by in some)):
                if isinstance(one, Unread):
                    unread.append(one)
                elif one is not None:
                    said.append(one)
        return said, unread

    def _in_time(
        self, wanted: list[dict[str, str]], unread: list[Unread], what: str
    ) -> Iterator[list[dict[str, str]]]:
        """A few at a time; what there was no time for is said once."""
        for begin in range(0, len(wanted), AT_ONCE):
            if self._expired():
                unread.append(Unread(f"{what} of {len(wanted) - begin}", TIME))
                return
            yield wanted[begin : begin + AT_ONCE]


def inputs_of_job(job: Mapping[str, Any]) -> Iterator[str]:
    """The URIs of what a customization job has read."""
    training = job.get("trainingDataConfig", {})
    logs = training.get("invocationLogsConfig", {}).get("invocationLogSource", {})
    validators = job.get("validationDataConfig", {}).get("validators", [])
    yield from (one["s3Uri"] for one in (training, logs, *validators) if one.get("s3Uri"))


def _buckets_of_bases(
    read: Iterable[Mapping[str, Any]], place: Place
) -> Iterator[tuple[str, Found]]:
    for said in read:
        source = said["dataSource"]
        arn = (
            source.get("dataSourceConfiguration", {})
            .get("s3Configuration", {})
            .get("bucketArn", "")
        )
        base = place.arn("bedrock", f"knowledge-base/{source['knowledgeBaseId']}")
        yield arn.rpartition(":::")[2], Found(base, "knowledge-base")
