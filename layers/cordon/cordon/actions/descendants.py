"""Tag a bucket, and what lineage says was made of its data.

A plan is pure, so it names the bucket; ``capture`` reads the lineage. In its nodes the first is the
bucket, and ``via`` is the place in ``nodes`` by which a node was reached. All else is
``cordon.actions.tag_found``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from cordon.actions.action import Json
from cordon.actions.bedrock import TagBedrock
from cordon.actions.grants import Grant, Statement
from cordon.actions.s3.tag import TagBucket
from cordon.actions.sagemaker import TagSageMaker
from cordon.actions.tag_found import Look, Node, TagFound, bounded, cut, not_known, short
from cordon.clients import AwsClients
from cordon.lineage import IN_FUNCTION, AwsReader, Lineage, descendants, start_of, within

TAINTED = "cordon:tainted:"  # and the bucket's name

LISTS = Statement("ListLineage", "*", "what was made of a bucket's data: lists name no resource")
_ENTITIES = Statement(
    "ReadLineage",
    "arn:${AWS::Partition}:sagemaker:*:${AWS::AccountId}:*",
    "which job, model or endpoint an entity of the lineage stands for",
    wide="lineage leads to any entity of the account",
)
MODELS = Statement(
    "ReadModelsAndAgents",
    "arn:${AWS::Partition}:bedrock:*:${AWS::AccountId}:*",
    "which data Bedrock's jobs and knowledge bases have read, and who uses what was made of it",
    wide="lineage leads to any model, knowledge base or agent of the account",
)


@dataclass(frozen=True)
class TagDescendants(TagFound):
    """Tag a bucket and its descendants with the cases that say that its data is sensitive."""

    bucket: str
    cases: tuple[str, ...]

    family: ClassVar[str] = "lineage"
    grants: ClassVar[tuple[Grant, ...]] = (
        *TagBucket.grants,
        *TagSageMaker.grants,
        *TagBedrock.grants,
        LISTS.allows(
            "bedrock:ListAgents",
            "bedrock:ListCustomModelDeployments",
            "bedrock:ListImportedModels",
            "bedrock:ListKnowledgeBases",
            "bedrock:ListModelCustomizationJobs",
            "bedrock:ListProvisionedModelThroughputs",
            "sagemaker:ListArtifacts",
            "sagemaker:QueryLineage",
        ),
        _ENTITIES.allows(
            "sagemaker:DescribeAction",
            "sagemaker:DescribeArtifact",
            "sagemaker:DescribeContext",
            "sagemaker:DescribeTrialComponent",
        ),
        MODELS.allows(
            "bedrock:GetAgent",
            "bedrock:GetDataSource",
            "bedrock:GetImportedModel",
            "bedrock:GetModelCustomizationJob",
            "bedrock:ListAgentAliases",
            "bedrock:ListAgentKnowledgeBases",
            "bedrock:ListDataSources",
        ),
    )
    looked_up: ClassVar[tuple[Grant, ...]] = TagBucket.looked_up

    @property
    def target(self) -> str:
        return f"lineage:{self.resource}"

    @property
    def resource(self) -> str:
        return f"arn:{self.place.partition}:s3:::{self.bucket}"

    @property
    def in_words(self) -> str:
        return (
            f"sets the tag {self.key} of the bucket, and of what SageMaker and Bedrock have made "
            f"of its data in {self.place.region}: jobs, models, endpoints, knowledge bases, agents"
        )

    @property
    def caution(self) -> str:
        return (
            f"what it tags beside the bucket is read when it is carried out; cordon lineage "
            f"{self.resource} --region {self.place.region} shows it now"
        )

    @property
    def key(self) -> str:
        """The tag's key: no other bucket's lineage writes it."""
        return f"{TAINTED}{self.bucket}"

    def _look(self, aws: AwsClients) -> Look:
        expired = within(IN_FUNCTION)
        found = descendants(start_of(self.resource), AwsReader(aws, self.place, expired), expired)
        nodes = [{"arn": arn, "via": via} for arn, via in self._resources(found)]
        unread = [f"{one.what}: {one.why}" for one in found.unread]
        return Look(nodes, unread, found.truncated)

    def _resources(self, found: Lineage) -> Iterator[tuple[str, int]]:
        """Each resource once, the bucket first, and the place of the one it was reached by.

        Several entities may stand for one resource, as for an endpoint.
        """
        yield self.resource, 0
        places = {self.resource: 0}
        of_node: list[int] = []
        for node in found.nodes:
            arn = node.found.resource
            if arn not in places:
                places[arn] = len(places)
                yield arn, of_node[node.parent] if node.parent >= 0 else 0
            of_node.append(places[arn])

    def _said(self, captured: Json) -> str:
        """What was found and by which way, and all that is not known."""
        nodes = captured["nodes"]
        between = {node["via"] for node in nodes[1:]}
        paths = [_path(nodes, at) for at in range(1, len(nodes)) if at not in between]
        found = [f"found downstream: {len(nodes) - 1}; {bounded(paths)}"] if paths else []
        said = ". ".join([*found, *not_known(captured)])
        return cut(said or "nothing downstream was found in SageMaker and Bedrock here")


def _path(nodes: Sequence[Node], at: int) -> str:
    """``acme-data → training-job/t1 → model/m1``."""
    steps = [nodes[at]["arn"]]
    while at:
        at = nodes[at]["via"]
        steps.append(nodes[at]["arn"])
    return " → ".join(short(arn) for arn in reversed(steps))
