"""Base of the tag actions that find their resources themselves, and hold all of them at once.

A plan is pure, so it names what the finding names; ``capture`` looks in the account, and what it
found then is tagged and untagged. All of it is one hold, under a tag key that no other hold writes:
so that what two of them lead to has two tags. Each resource is tagged by its service's own tag
action (``cordon.actions.tag_action_for``).

captured  ``{"nodes": [node], "unread": [text], "truncated": [text]}``; a *node* is ``{"arn"}`` and
          what the subclass says of it, with ``before``, its tag before (None: it had none), or
          ``left``, why it gets none
written   ``{"value": text, "base": {arn: text | None}, "said": text}``: the tag of all; those
          without ours where they are not as captured; and a sentence for people
left      ``{"tags": {arn: text | None}}``: also of what an undo did not find, as that may be there
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
from cordon.actions.s3.tag import TagBucket
from cordon.actions.tag import MAX_SHOWN, Tag, is_made_of, tag_value
from cordon.actions.tag_action_for import tag_action_for
from cordon.clients import AwsClients, error_code
from cordon.concurrency import gather
from cordon.lineage import within
from cordon.lineage.calls import UNREADABLE, Expired

MOST_WRITES = 48  # tags that one attempt writes: more of them are a next attempt's
NEXT_ROUND = timedelta(seconds=5)
MOST_KEY = 128  # characters of a tag's key
MOST_SAID = 1_500  # characters of what people read of it in the case
NO_TIME = "there was no time left to read its tags"
READING_TAGS = 8.0  # seconds, after those of the look: an attempt has 45
LOOK_AGAIN = 1.0  # seconds after which what was not there is looked for again
AT_ONCE = 16  # readings between two looks at the clock
BUCKET = ":s3:::"
Node = Mapping[str, Any]


@dataclass(frozen=True)
class Look:
    """What was found, each with its ``arn``; and all that is not known of it."""

    nodes: Sequence[Node]
    unread: Sequence[str] = ()
    truncated: Sequence[str] = ()


class TagFound(Action):
    """Tag what is found with the cases. A subclass looks, names the key and says what it found."""

    cases: tuple[str, ...]  # the subclass has the field

    contains: ClassVar[bool] = False
    says_contained: ClassVar[bool] = False
    recognisable_by_value: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.cases:
            raise ValueError("cases: expected at least one")
        object.__setattr__(self, "cases", tuple(sorted(set(self.cases))))

    @property
    def key(self) -> str:
        """The tag's key: no other hold writes it."""
        raise NotImplementedError

    def _look(self, aws: AwsClients) -> Look:
        """What is to be tagged. Raises Refused, ResourceDeleted or NothingToChange."""
        raise NotImplementedError

    def _said(self, captured: Json) -> str:
        """What was found, for people, and all that is not known."""
        raise NotImplementedError

    @property
    def shuts_out(self) -> str:
        return "whoever a policy of yours denies access by this tag"

    @property
    def _value(self) -> str:
        return tag_value(self.cases)

    def combine(self, other: Self) -> Self:
        cases = (*self.cases, *other.cases)
        return replace(self, cases=cases)  # type: ignore[call-arg]  # a field of every subclass

    def capture(self, aws: AwsClients) -> Json:
        """The look, and each resource's tag of this key. Raises Refused without room for it."""
        found = self._look(aws)
        if len(self.key) > MOST_KEY:
            raise Refused(f"{self.resource} has a name too long for a tag's key: tag it manually")
        late = within(READING_TAGS)
        first = self._with_tags(aws, found.nodes, late)
        nodes = self._looked_for_again(aws, found.nodes, first, late)
        if not any("before" in node for node in nodes):
            raise self._none_taggable(nodes)
        return {"nodes": nodes, "unread": list(found.unread), "truncated": list(found.truncated)}

    def is_as_captured(self, aws: AwsClients, captured: Json) -> bool:
        """The resources that were found then, as far as they still exist."""
        nodes = list(taggable(captured))
        shown = gather(*(partial(self._shown, aws, node["arn"]) for node in nodes))
        return all(one in (None, (node["before"],)) for node, one in zip(nodes, shown, strict=True))

    def apply(
        self, aws: AwsClients, captured: Json, written: Json | None, current: Json | None = None
    ) -> Json:
        """Tag what was captured, at most 48 at once. Raises NotYet while more of it is left.

        Of more than 48 it is read first what has its tag; what a person changes between two of such
        rounds is written over, and the release puts back what was captured.
        """
        nodes = list(taggable(captured))
        more = len(nodes) > MOST_WRITES
        if more:
            nodes = self._that_are(aws, nodes, lambda _, shown: shown != self._value)
        read = {node["arn"]: node["before"] for node in taggable(current or {"nodes": []})}
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
            raise ResourceDeleted(self._all_deleted)
        return {"value": self._value, "base": base, "said": self._said(captured)}

    def verify(self, aws: AwsClients, captured: Json, written: Json) -> None:
        self._require({node["arn"]: self._value for node in taggable(captured)}, aws)

    def undo(self, aws: AwsClients, captured: Json, written: Json) -> UndoResult:
        """Untag what was captured, at most 48 at once. Raises NotYet while more of it is left."""
        nodes = list(taggable(captured))
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
            return UndoResult(Undone.RESOURCE_DELETED, self._all_deleted)
        for arn, one in results.items():
            if one.left is not None:
                left[arn] = one.left["tags"][self.key]
        drifted = [f"{arn}: {r.reason}" for arn, r in results.items() if r.state is Undone.DRIFTED]
        if drifted:
            return UndoResult(Undone.DRIFTED, bounded(drifted), {"tags": left})
        return UndoResult(Undone.RESTORED, left={"tags": left})

    def verify_undone(self, aws: AwsClients, left: Json) -> None:
        self._require(left["tags"], aws)

    def note(self, written: Json) -> str:
        return str(written["said"])

    @property
    def _all_deleted(self) -> str:
        return f"what was found of {self.resource} and could be tagged no longer exists"

    def _none_taggable(self, nodes: Sequence[Node]) -> Exception:
        """Only what is known to be deleted is called so."""
        if all(node.get("deleted") for node in nodes):
            return ResourceDeleted(f"{self.resource} no longer exists, nor what was found of it")
        left = bounded([f"{short(node['arn'])} ({node['left']})" for node in nodes])
        return Refused(f"nothing found of {self.resource} can be tagged: {left}")

    def _with_tags(self, aws: AwsClients, nodes: Sequence[Node], late: Expired) -> list[Node]:
        """Each with its tag before, or why it gets none."""
        read: list[Node] = []
        for begin in range(0, len(nodes), AT_ONCE):
            some = nodes[begin : begin + AT_ONCE]
            if late():
                read += [{**node, "left": NO_TIME} for node in some]
            else:
                read += gather(*(partial(self._with_tag, aws, node) for node in some))
        return read

    def _looked_for_again(
        self, aws: AwsClients, nodes: Sequence[Node], first: Sequence[Node], late: Expired
    ) -> list[Node]:
        """What was not there is looked for twice, all of it together: a reading may be an old one.

        Of what data led to much may be deleted: a pause for each would take the time of the rest.
        """
        missing = [n for n, read in zip(nodes, first, strict=True) if read.get("deleted")]
        if missing and not late():
            clock.sleep(LOOK_AGAIN)
        again = {node["arn"]: node for node in self._with_tags(aws, missing, late)}
        return [again.get(node["arn"], node) for node in first]

    def _with_tag(self, aws: AwsClients, node: Node) -> Node:
        try:
            tags = self._tag(node["arn"]).capture(aws)["tags"]
            return {**node, "before": tags.get(self.key)}
        except ResourceDeleted as why:
            return {**node, "left": str(why), "deleted": True}
        except (Refused, ValueError) as why:
            return {**node, "left": str(why)}
        except ClientError as error:
            if (said := UNREADABLE.get(error_code(error))) is None:
                raise
            return {**node, "left": f"{error.operation_name}: {said}"}

    def _tag(self, arn: str) -> Tag:
        """The tag action of one resource. Raises Refused or ValueError where it can have none."""
        tags = {self.key: self.cases}
        if BUCKET in arn:
            return TagBucket(self.place, arn.partition(BUCKET)[2], tags)
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
            raise ResourceDeleted(self._all_deleted)
        wrong = [f"{arn}: {one[0]!r}" for arn, one in pairs if one[0] != expected[arn]]
        if wrong:
            raise NotVerified(f"the tag {self.key} is not as written: {bounded(wrong)}")


def taggable(captured: Json) -> Iterator[Node]:
    """Those of a capture that can have the tag."""
    return (node for node in captured["nodes"] if "before" in node)


def not_known(captured: Json) -> list[str]:
    """What of a capture was not tagged, not read or not looked for, each as a sentence."""
    left = [
        f"{short(node['arn'])} ({node['left']})" for node in captured["nodes"] if "left" in node
    ]
    return [
        *([f"not tagged: {bounded(left)}"] if left else []),
        *([f"not read: {bounded(captured['unread'])}"] if captured["unread"] else []),
        *(f"incomplete: {why}" for why in captured["truncated"]),
    ]


def short(arn: str) -> str:
    """``arn:aws:sagemaker:us-east-1:123456789012:model/m1`` → ``model/m1``."""
    return arn.split(":", 5)[-1]


def bounded(texts: Sequence[str]) -> str:
    """The first of these, and how many more there are."""
    more = [f"and {len(texts) - MAX_SHOWN} more"] if len(texts) > MAX_SHOWN else []
    return "; ".join([*texts[:MAX_SHOWN], *more])


def cut(said: str) -> str:
    """Whole sentences, and where the rest is."""
    if len(said) <= MOST_SAID:
        return said
    kept = said[:MOST_SAID]
    return f"{kept[: max(kept.rfind('; '), kept.rfind('. '))]}; all of it is in the evidence"
