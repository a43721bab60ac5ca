"""SageMaker AI's half: its own lineage, which it keeps of jobs, models, packages and endpoints.

Data is known by the S3 URI that a job was given: the data sets below a bucket are found by looking
through all of them, since ListArtifacts takes only whole URIs. An entity stands for a job, model or
endpoint, which its Describe call names.

Sources: Amazon SageMaker AI Developer Guide, "Amazon SageMaker AI-Created Tracking Entities" and
"Querying Lineage Entities"; the service model of QueryLineage (one start, 10 steps, 50 a page),
ListArtifacts (100 a page), DescribeArtifact, DescribeAction, DescribeContext,
DescribeTrialComponent, whose names may be ARNs.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from cordon.clients import AwsClients
from cordon.concurrency import gather
from cordon.lineage.calls import Expired, below, once, pages
from cordon.lineage.walk import MOST_DEPTH, MOST_NODES, NODES, Found, Read, Unread

ENTITIES = ("artifact", "action", "context", "experiment-trial-component")


def kind(arn: str) -> str:
    """``…:artifact/a1`` → ``artifact``."""
    return arn.split(":", 5)[5].partition("/")[0] if arn.count(":") > 4 else ""


class SageMaker:
    """Its lineage in one account and Region, as far as it was read."""

    def __init__(self, aws: AwsClients, expired: Expired) -> None:
        self._aws = aws
        self._expired = expired
        self._below: dict[str, frozenset[str]] = {}  # one step further, by ARN
        self._types: dict[str, str] = {}
        self._sources: dict[str, str] = {}

    def data_sets(self, bucket: str) -> Read:
        """The data sets in the bucket that jobs have read or written."""
        artifacts, unread = self._artifacts(ArtifactType="DataSet", MaxResults=100)
        found = [
            self._artifact(one) for one in artifacts if below(one["Source"]["SourceUri"], bucket)
        ]
        if len(found) > MOST_NODES:
            unread.append(Unread(f"data sets of {bucket}", NODES))
        return Read(found[: MOST_NODES + 1], unread)

    def entities_of(self, resource: Found) -> Read:
        """What SageMaker knows a model, package or image by."""
        artifacts, unread = self._artifacts(SourceUri=resource.id)
        if not artifacts and not unread:
            unread = [Unread(resource.id, "SageMaker's lineage has no artifact of it")]
        return Read([self._artifact(one) for one in artifacts], unread)

    def next(self, entity: Found) -> Read:
        """What was made of a lineage entity, one step on, each with what it stands for."""
        unread = self._query(entity.id) if entity.id not in self._below else []
        following = sorted(self._below.get(entity.id, ()))
        unknown = [arn for arn in following if arn not in self._sources]
        for arn, source in zip(
            unknown, gather(*(partial(self._source, a) for a in unknown)), strict=True
        ):
            if isinstance(source, Unread):
                unread.append(source)
                source = ""
            self._sources[arn] = source
        found = [
            Found(arn, self._types.get(arn) or kind(arn), self._sources[arn]) for arn in following
        ]
        return Read(found, unread)

    def _artifact(self, one: Mapping[str, Any]) -> Found:
        arn = one["ArtifactArn"]
        self._sources[arn] = one["Source"]["SourceUri"]
        return Found(arn, one.get("ArtifactType", "artifact"), self._sources[arn])

    def _artifacts(self, **named: Any) -> tuple[list[Any], list[Unread]]:
        list_artifacts = self._aws.client("sagemaker").list_artifacts
        return pages(list_artifacts, "ArtifactSummaries", "NextToken", self._expired, **named)

    def _query(self, arn: str) -> list[Unread]:
        """Ten steps from here at once. Of what is ten steps away it does not say what follows."""
        query = self._aws.client("sagemaker").query_lineage
        edges: list[Mapping[str, str]] = []
        named = {
            "StartArns": [arn],
            "Direction": "Descendants",
            "IncludeEdges": True,
            "MaxDepth": MOST_DEPTH,
            "MaxResults": 50,
        }
        said, unread = pages(
            lambda **more: _as_one(query(**more)), "all", "NextToken", self._expired, **named
        )
        for one in said:
            edges += one["Edges"]
            self._types.update({v["Arn"]: v.get("Type", "") for v in one["Vertices"]})
        below: dict[str, set[str]] = {}
        for edge in edges:
            below.setdefault(edge["SourceArn"], set()).add(edge["DestinationArn"])
        for near in _within(arn, below, MOST_DEPTH):  # sets of their own: others read them now
            self._below[near] = self._below.get(near, frozenset()) | below.get(near, set())
        return [Unread(arn, one.why) for one in unread]

    def _source(self, arn: str) -> str | Unread:
        sagemaker = self._aws.client("sagemaker")
        describe = {
            "artifact": (sagemaker.describe_artifact, "ArtifactArn"),
            "action": (sagemaker.describe_action, "ActionName"),
            "context": (sagemaker.describe_context, "ContextName"),
            "experiment-trial-component": (
                sagemaker.describe_trial_component,
                "TrialComponentName",
            ),
        }
        if kind(arn) not in describe:
            return ""
        call, name = describe[kind(arn)]
        said = once(call, **{name: arn})
        if isinstance(said, Unread):
            return said
        source = (said or {}).get("Source", {})
        return str(source.get("SourceUri") or source.get("SourceArn", ""))


def _as_one(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """A page's two lists as one item, so that they are read like every list."""
    one = {"Edges": said.get("Edges", []), "Vertices": said.get("Vertices", [])}
    return {"all": [one], "NextToken": said.get("NextToken")}


def _within(start: str, below: Mapping[str, Iterable[str]], steps: int) -> set[str]:
    """What is fewer than so many steps away, the start too."""
    reached, level = {start}, {start}
    for _ in range(steps - 1):
        level = {far for near in level for far in below.get(near, ())} - reached
        reached |= level
    return reached
