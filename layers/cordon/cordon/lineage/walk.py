"""Breadth-first over what a reader finds, each thing once, with caps that are said. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

MOST_DEPTH = 10  # edges from the start; also what QueryLineage follows at most
MOST_NODES = 2_000
AT_ONCE = 16  # nodes between two looks at the clock
DEPTH = f"what is more than {MOST_DEPTH} steps away was not looked for"
NODES = f"more than {MOST_NODES:,} were found: the others are left out"
TIME = "the time was over before everything was read"


@dataclass(frozen=True)
class Found:
    """One thing that a reader found: an ARN, or what has none, as ``s3://bucket/key``."""

    id: str
    type: str  # the service's own word: "DataSet", "TrainingJob", "custom-model"
    source: str = ""  # what a SageMaker lineage entity stands for: an ARN or a URI; "" if unknown

    @property
    def resource(self) -> str:
        """The ARN of what a person knows it by; the entity's own where it stands for no ARN."""
        return self.source if self.source.startswith("arn:") else self.id


@dataclass(frozen=True)
class Unread:
    """What could not be read, and why: below it there may be more."""

    what: str
    why: str


@dataclass(frozen=True)
class Read:
    """What a reader found one step from a node, in any order."""

    found: Sequence[Found] = ()
    unread: Sequence[Unread] = ()


class Reader(Protocol):
    """Reads what was made of things. What it cannot read it says, and does not raise."""

    def read(self, these: Sequence[Found]) -> Sequence[Read]:
        """For each of these, in their order."""
        ...


@dataclass(frozen=True)
class Node:
    """One thing downstream, and by which other it was reached first, on a shortest path."""

    found: Found
    parent: int  # its index in ``Lineage.nodes``; START is the start
    depth: int  # steps from the start: 1 and more


START = -1


@dataclass(frozen=True)
class Lineage:
    """What lies downstream of a start, nearest first, and all that is not known of it."""

    start: Found
    nodes: tuple[Node, ...]
    unread: tuple[Unread, ...]
    truncated: tuple[str, ...]  # which caps were met, in words

    def path(self, node: Node) -> tuple[Found, ...]:
        """From the start to this node, both included."""
        steps = [node.found]
        while node.parent != START:
            node = self.nodes[node.parent]
            steps.append(node.found)
        return (self.start, *reversed(steps))


def descendants(start: Found, reader: Reader, expired: Callable[[], bool]) -> Lineage:
    """What lies downstream of ``start``. What a reader finds twice, or in a circle, is one node.

    The same findings give the same lineage, whatever order they come in. ``expired`` is called
    before each few nodes.
    """
    nodes: list[Node] = []
    unread: dict[Unread, None] = {}
    seen = {start.id}
    level: list[tuple[int, Found]] = [(START, start)]
    for depth in range(1, MOST_DEPTH + 1):
        following: list[tuple[int, Found]] = []
        for begin in range(0, len(level), AT_ONCE):
            if expired():
                return Lineage(start, tuple(nodes), tuple(unread), (TIME,))
            some = level[begin : begin + AT_ONCE]
            for (parent, _), read in zip(some, reader.read([one for _, one in some]), strict=True):
                unread.update(
                    dict.fromkeys(sorted(read.unread, key=lambda one: (one.what, one.why)))
                )
                for found in sorted(read.found, key=lambda one: (one.id, one.type, one.source)):
                    if found.id in seen:
                        continue
                    if len(nodes) == MOST_NODES:
                        return Lineage(start, tuple(nodes), tuple(unread), (NODES,))
                    seen.add(found.id)
                    following.append((len(nodes), found))
                    nodes.append(Node(found, parent, depth))
        level = following
    return Lineage(start, tuple(nodes), tuple(unread), (DEPTH,) if level else ())
