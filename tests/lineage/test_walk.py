"""The walk: each thing once, on a shortest path, whatever the reader says and in which order."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cordon.lineage import Found, Lineage, Unread, descendants
from cordon.lineage.walk import DEPTH, MOST_DEPTH, MOST_NODES, NODES, TIME, Read

START = Found("0", "bucket")


@dataclass
class Graph:
    """Edges by name; what has a fault says so, and what it found nevertheless."""

    edges: dict[str, list[str]]
    faulty: frozenset[str] = frozenset()
    shuffled: random.Random | None = None
    read_ids: list[str] = field(default_factory=list)

    def read(self, these: Sequence[Found]) -> Sequence[Read]:
        self.read_ids += [one.id for one in these]
        return [self._read(one.id) for one in these]

    def _read(self, id: str) -> Read:
        found = [Found(one, "job") for one in self.edges.get(id, [])]
        if self.shuffled:
            self.shuffled.shuffle(found)
        return Read(found, [Unread(id, "denied")] if id in self.faulty else [])


def walked(graph: Graph) -> Lineage:
    return descendants(START, graph, lambda: False)


def distances(edges: dict[str, list[str]]) -> dict[str, int]:
    """How far each is from the start, by relaxing every edge until nothing changes."""
    far = {START.id: 0}
    for _ in range(len(edges) + 1):
        for one, following in edges.items():
            for other in following:
                if one in far and far[one] + 1 < far.get(other, MOST_DEPTH + 1):
                    far[other] = far[one] + 1
    return far


NAMES = st.integers(0, 14).map(str)
GRAPHS = st.dictionaries(NAMES, st.lists(NAMES, max_size=4), max_size=15)


@given(GRAPHS, st.frozensets(NAMES), st.randoms(use_true_random=False))
def test_each_is_found_once_on_a_shortest_path_with_circles_and_faults(
    edges: dict[str, list[str]], faulty: frozenset[str], shuffled: random.Random
) -> None:
    graph = Graph(edges, faulty)
    lineage = walked(graph)
    far = distances(edges)
    assert {n.found.id: n.depth for n in lineage.nodes} == {k: v for k, v in far.items() if v}
    assert len(graph.read_ids) == len(set(graph.read_ids))
    for node in lineage.nodes:
        path = [one.id for one in lineage.path(node)]
        assert path[0] == START.id and path[-1] == node.found.id and len(path) == node.depth + 1
        assert all(b in edges[a] for a, b in pairwise(path))
    read_ids = {id for id, depth in far.items() if depth < MOST_DEPTH}
    assert {one.what for one in lineage.unread} == read_ids & faulty
    assert lineage.truncated == ((DEPTH,) if MOST_DEPTH in far.values() else ())
    assert walked(Graph(edges, faulty, shuffled)) == lineage


@pytest.mark.parametrize(
    ("edges", "nodes", "said"),
    [
        ({"0": [str(n) for n in range(1, MOST_NODES + 2)]}, MOST_NODES, (NODES,)),
        ({"0": [str(n) for n in range(1, MOST_NODES + 1)]}, MOST_NODES, ()),
        ({str(n): [str(n + 1)] for n in range(50)}, MOST_DEPTH, (DEPTH,)),
    ],
)
def test_a_cap_is_said(edges: dict[str, list[str]], nodes: int, said: tuple[str, ...]) -> None:
    lineage = walked(Graph(edges))
    assert (len(lineage.nodes), lineage.truncated) == (nodes, said)


def test_what_was_found_before_the_time_was_over_stays() -> None:
    moments = iter([False, False, True])
    graph = Graph({"0": ["1"], "1": ["2"], "2": ["3"]})
    lineage = descendants(START, graph, lambda: next(moments))
    assert [node.found.id for node in lineage.nodes] == ["1", "2"]
    assert lineage.truncated == (TIME,)
