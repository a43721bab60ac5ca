"""Tag a bucket, and what lineage says was made of its data.

A plan is pure, so it names the bucket; ``capture`` reads the lineage, and what it found then is
tagged and untagged. All of it is one hold, under a tag key that is the bucket's own: what two
buckets lead to has two tags, and no other playbook writes either. Each resource is tagged by its
service's own tag action (``cordon.actions.tag_action_for``).

captured  ``{"nodes": [node], "unread": [text], "truncated": [text]}``; a *node* is ``{"arn",
          "via"}`` with ``before``, its tag before (None: it had none), or ``left``, why it gets
          none. The first is the bucket; ``via`` is the place in ``nodes`` by which it was reached
written   ``{"value": text, "base": {arn: text | None}, "said": text}``: the tag of all; those
          without ours where they are not as captured; and a sentence for people
left      ``{"tags": {arn: text | None}}``
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar, Self

from botocore.exceptions import ClientError

from cordon import clock
from cordon.actions.action import (
    Action,
    Json,
    NotVerified,
    NotYet,
    Refused,
    ResourceDeleted,
    Undone,
    UndoResult,
)
from cordon.actions.bedrock import TagBedrock
from cordon.actions.grants import Grant, Statement
from cordon.actions.s3.tag import TagBucket
from cordon.actions.sagemaker import TagSageMaker
from cordon.actions.tag import MAX_SHOWN, Tag, is_made_of, tag_value
from cordon.actions.tag_action_for import tag_action_for
from cordon.clients import AwsClients, error_code
from cordon.concurrency import gather
from cordon.lineage import IN_FUNCTION, AwsReader, Lineage, descendants, start_of, within
from cordon.lineage.calls import UNREADABLE

MOST_WRITES = 48  # tags that one attempt writes: more of them are a next attempt's
NEXT_ROUND = timedelta(seconds=5)
TAINTED = "cordon:tainted:"  # and the bucket's name
MOST_KEY = 128  # characters of a tag's key
MOST_SAID = 1_500  # characters of what people read of it in the case
NO_TIME = "there was no time left to read its tags"
READING_TAGS = 8.0  # seconds, after those of the lineage: an attempt has 45
AT_ONCE = 16  # readings between two looks at the clock
Node = Mapping[str, Any]

_LISTS = Statement("ListLineage", "*", "what was made of a bucket's data: lists name no resource")
_ENTITIES = Statement(
    "ReadLineage",
    "arn:${AWS::Partition}:sagemaker:*:${AWS::AccountId}:*",
    "which job, model or endpoint an entity of the lineage stands for",
    wide="lineage leads to any entity of the account",
)
_MODELS = Statement(
    "ReadModelsAndAgents",
    "arn:${AWS::Partition}:bedrock:*:${AWS::AccountId}:*",
    "which data Bedrock's jobs and knowledge bases have read, and who uses what was made of it",
    wide="lineage leads to any model, knowledge base or agent of the account",
)


@dataclass(frozen=True)
class TagDescendants(Action):
    """Tag a bucket and its descendants with the cases that say that its data is sensitive."""

    bucket: str
    cases: tuple[str, ...]

    family: ClassVar[str] = "lineage"
    contains: ClassVar[bool] = False
    recognisable_by_value: ClassVar[bool] = False
    grants: ClassVar[tuple[Grant, ...]] = (
        *TagBucket.grants,
        *TagSageMaker.grants,
        *TagBedrock.grants,
        _LISTS.allows(
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
        _MODELS.allows(
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

    def __post_init__(self) -> None:
        if not self.cases:
            raise ValueError("cases: expected at least one")
        object.__setattr__(self, "cases", tuple(sorted(set(self.cases))))

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
    def shuts_out(self) -> str:
        return "whoever a policy of yours denies access by this tag"

    @property
    def key(self) -> str:
        """The tag's key: no other bucket's lineage writes it."""
        return f"{TAINTED}{self.bucket}"

    @property
    def _value(self) -> str:
        return tag_value(self.cases)

    def combine(self, other: Self) -> Self:
        return replace(self, cases=(*self.cases, *other.cases))

    def capture(self, aws: AwsClients) -> Json:
        """The lineage, and each resource's tag of this key. Raises Refused without room for it."""
        if len(self.key) > MOST_KEY:
            raise Refused(f"{self.resource} has a name too long for a tag's key: tag it manually")
        expired = within(IN_FUNCTION)
        start = start_of(self.resource)
        found = descendants(start, AwsReader(aws, self.place, expired), expired)
        late = within(READING_TAGS)
        resources = list(self._resources(found))
        nodes: list[Node] = []
        for begin in range(0, len(resources), AT_ONCE):
            some = resources[begin : begin + AT_ONCE]
            if late():
                nodes += [{"arn": arn, "via": via, "left": NO_TIME} for arn, via in some]
            else:
                nodes += gather(*(partial(self._node, aws, *one) for one in some))
        if not any("before" in node for node in nodes):
            raise ResourceDeleted(f"{self.resource} no longer exists, nor is anything made of it")
        unread = [f"{one.what}: {one.why}" for one in found.unread]
        return {"nodes": nodes, "unread": unread, "truncated": list(found.truncated)}

    def is_as_captured(self, aws: AwsClients, captured: Json) -> bool:
        """The resources that were found then, as far as they still exist."""
        taggable = list(_taggable(captured))
        shown = gather(*(partial(self._shown, aws, node["arn"]) for node in taggable))
        return all(
            one in (None, (node["before"],)) for node, one in zip(taggable, shown, strict=True)
        )

    def apply(
        self, aws: AwsClients, captured: Json, written: Json | None, current: Json | None = None
    ) -> Json:
        """Tag what was captured, at most 48 at once. Raises NotYet while more of it is left.

        Of more than 48 it is read first what has its tag; what a person changes between two of such
        rounds is written over, and the release puts back what was captured.
        """
        nodes = list(_taggable(captured))
        more = len(nodes) > MOST_WRITES
        if more:
            nodes = self._that_are(aws, nodes, lambda _, shown: shown != self._value)
        read = {node["arn"]: node["before"] for node in _taggable(current or {"nodes": []})}
        base: dict[str, str | None] = dict((written or {}).get("base", {}))
        deleted = 0
        for node in nodes[:MOST_WRITES]:
            arn = node["arn"]
            shown = {"tags": {self.key: read[arn]}} if arn in read else None
            before = self._written(node, written) if written is not None else None
            try:
                now = self._tag(arn).apply(aws, self._captured(node), before, shown)
            except ResourceDeleted:
                deleted += 1
                continue
            base.pop(arn, None)
            if now["base"][self.key] != node["before"]:
                base[arn] = now["base"][self.key]
        if more and len(nodes) > MOST_WRITES:
            raise NotYet(clock.now() + NEXT_ROUND, f"{self.key} is set {MOST_WRITES} at a time")
        if nodes and deleted == len(nodes) and not more:
            raise ResourceDeleted(f"{self.resource} no longer exists, nor what was made of it")
        return {"value": self._value, "base": base, "said": self._said(captured)}

    def verify(self, aws: AwsClients, captured: Json, written: Json) -> None:
        nodes = list(_taggable(captured))
        self._require({node["arn"]: self._value for node in nodes}, aws)

    def undo(self, aws: AwsClients, captured: Json, written: Json) -> UndoResult:
        """Untag what was captured, at most 48 at once. Raises NotYet while more of it is left."""
        nodes = list(_taggable(captured))
        left = {node["arn"]: written["base"].get(node["arn"], node["before"]) for node in nodes}
        if len(nodes) > MOST_WRITES:
            values = (written["value"], self._value)
            ours = self._that_are(aws, nodes, lambda _, shown: is_made_of(shown, *values))
            if len(ours) > MOST_WRITES:
                for node in ours[:MOST_WRITES]:
                    self._undo(aws, node, written)
                raise NotYet(clock.now() + NEXT_ROUND, f"{self.key} goes {MOST_WRITES} at a time")
            nodes = self._that_are(aws, nodes, lambda node, shown: shown != left[node["arn"]])
        results = {node["arn"]: self._undo(aws, node, written) for node in nodes}
        deleted = [arn for arn, one in results.items() if one.state is Undone.RESOURCE_DELETED]
        if deleted and len(deleted) == len(left):
            return UndoResult(Undone.RESOURCE_DELETED, f"{self.resource} no longer exists")
        for arn, one in results.items():
            if one.left is not None:
                left[arn] = one.left["tags"][self.key]
        stays = {arn: value for arn, value in left.items() if arn not in deleted}
        drifted = [f"{arn}: {r.reason}" for arn, r in results.items() if r.state is Undone.DRIFTED]
        if drifted:
            return UndoResult(Undone.DRIFTED, _bounded(drifted, "; "), {"tags": stays})
        return UndoResult(Undone.RESTORED, left={"tags": stays})

    def verify_undone(self, aws: AwsClients, left: Json) -> None:
        self._require(left["tags"], aws)

    def note(self, written: Json) -> str:
        return str(written["said"])

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

    def _node(self, aws: AwsClients, arn: str, via: int) -> Node:
        node = {"arn": arn, "via": via}
        try:
            return {**node, "before": self._tag(arn).capture(aws)["tags"].get(self.key)}
        except (Refused, ResourceDeleted, ValueError) as why:
            return {**node, "left": str(why)}
        except ClientError as error:
            if (said := UNREADABLE.get(error_code(error))) is None:
                raise
            return {**node, "left": f"{error.operation_name}: {said}"}

    def _tag(self, arn: str) -> Tag:
        """The tag action of one resource. Raises Refused or ValueError where it can have none."""
        tags = {self.key: self.cases}
        if arn == self.resource:
            return TagBucket(self.place, self.bucket, tags)
        return tag_action_for(self.place, arn, tags)

    def _captured(self, node: Node) -> Json:
        before = node["before"]
        return {"tags": {} if before is None else {self.key: before}}

    def _written(self, node: Node, written: Json) -> Json:
        """As a tag action has it."""
        base = written["base"].get(node["arn"], node["before"])
        return {"tags": {self.key: written["value"]}, "base": {self.key: base}}

    def _undo(self, aws: AwsClients, node: Node, written: Json) -> UndoResult:
        return self._tag(node["arn"]).undo(aws, self._captured(node), self._written(node, written))

    def _shown(self, aws: AwsClients, arn: str) -> tuple[str | None] | None:
        """The resource's tag of this key; None where it is deleted."""
        try:
            return (self._tag(arn).capture(aws)["tags"].get(self.key),)
        except ResourceDeleted:
            return None

    def _that_are(
        self, aws: AwsClients, nodes: Sequence[Node], wanted: Callable[[Node, str | None], bool]
    ) -> list[Node]:
        """The first of these whose tag is so, one more than an attempt writes at most."""
        found: list[Node] = []
        for begin in range(0, len(nodes), AT_ONCE):
            some = nodes[begin : begin + AT_ONCE]
            shown = gather(*(partial(self._shown, aws, node["arn"]) for node in some))
            found += [n for n, one in zip(some, shown, strict=True) if one and wanted(n, one[0])]
            if len(found) > MOST_WRITES:
                break
        return found

    def _require(self, expected: Mapping[str, str | None], aws: AwsClients) -> None:
        """Raises NotVerified unless all that still exist have it, ResourceDeleted if none does."""
        shown = gather(*(partial(self._shown, aws, arn) for arn in expected))
        pairs = [(arn, one) for arn, one in zip(expected, shown, strict=True) if one is not None]
        if not pairs:
            raise ResourceDeleted(f"{self.resource} no longer exists, nor what was made of it")
        wrong = [f"{arn}: {one[0]!r}" for arn, one in pairs if one[0] != expected[arn]]
        if wrong:
            raise NotVerified(f"the tag {self.key} is not as written: {_bounded(wrong, '; ')}")

    def _said(self, captured: Json) -> str:
        """What was found and by which way, and all that is not known."""
        nodes = captured["nodes"]
        between = {node["via"] for node in nodes[1:]}
        paths = [_path(nodes, at) for at in range(1, len(nodes)) if at not in between]
        left = [f"{_short(node['arn'])} ({node['left']})" for node in nodes if "left" in node]
        texts = [
            f"found downstream: {len(nodes) - 1}; {_bounded(paths, '; ')}" if paths else "",
            f"not tagged: {_bounded(left, '; ')}" if left else "",
            f"not read: {_bounded(captured['unread'], '; ')}" if captured["unread"] else "",
            *(f"incomplete: {why}" for why in captured["truncated"]),
        ]
        said = ". ".join(text for text in texts if text)
        return _cut(said or "nothing downstream was found in SageMaker and Bedrock here")


def _taggable(captured: Json) -> Iterator[Node]:
    return (node for node in captured["nodes"] if "before" in node)


def _path(nodes: Sequence[Node], at: int) -> str:
    """``acme-data → training-job/t1 → model/m1``."""
    steps = [nodes[at]["arn"]]
    while at:
        at = nodes[at]["via"]
        steps.append(nodes[at]["arn"])
    return " → ".join(_short(arn) for arn in reversed(steps))


def _short(arn: str) -> str:
    return arn.split(":", 5)[-1]


def _bounded(texts: Sequence[str], between: str) -> str:
    more = [f"and {len(texts) - MAX_SHOWN} more"] if len(texts) > MAX_SHOWN else []
    return between.join([*texts[:MAX_SHOWN], *more])


def _cut(said: str) -> str:
    """Whole sentences, and where the rest is."""
    if len(said) <= MOST_SAID:
        return said
    kept = said[:MOST_SAID]
    return f"{kept[: max(kept.rfind('; '), kept.rfind('. '))]}; all of it is in the evidence"
