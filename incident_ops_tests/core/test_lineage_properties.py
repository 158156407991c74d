"""The lineage graph beside brute force, on random graphs with cycles, edges to itself and repeated edges."""

from collections import deque
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_ops.core.lineage import AssetGraph

KEYS = "abcdefgh"
edge_lists = st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(KEYS)), max_size=24)


class Slow:
    """All ways, by trying them."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self.children = {key: sorted({b for a, b in pairs if a == key and b != key}) for key in KEYS}

    def ways(self, here: str, there: str, so_far: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
        way = (*so_far, here)
        if here == there:
            yield way
            return
        for child in self.children[here]:
            if child not in way:
                yield from self.ways(child, there, way)

    def below(self, key: str) -> set[str]:
        return {other for other in KEYS if other != key and next(self.ways(key, other), None)}


def graph_of(pairs: list[tuple[str, str]]) -> AssetGraph:
    return AssetGraph.from_edges(pairs, nodes=KEYS)


@given(edge_lists)
def test_relatives_are_those_that_a_way_leads_to(pairs: list[tuple[str, str]]) -> None:
    graph, slow = graph_of(pairs), Slow(pairs)
    below = {key: slow.below(key) for key in KEYS}
    assert {key: graph.descendants(key) for key in KEYS} == below
    assert {key: graph.ancestors(key) for key in KEYS} == {
        key: {other for other in KEYS if key in below[other]} for key in KEYS
    }
    assert graph.descendant_counts() == {key: len(below[key]) for key in KEYS}


@given(edge_lists, st.sampled_from(KEYS), st.sampled_from(KEYS))
def test_ways_are_the_shortest_and_cuts_are_on_all_of_them(
    pairs: list[tuple[str, str]], top: str, bottom: str
) -> None:
    graph = graph_of(pairs)
    ways = sorted(Slow(pairs).ways(top, bottom), key=lambda way: (len(way), way))
    assert list(graph.paths(top, bottom, limit=4)) == ways[:4]
    if not ways:
        assert graph.distance(top, bottom) is graph.path(top, bottom) is graph.cut(top, bottom) is None
        return
    assert graph.distance(top, bottom) == len(ways[0]) - 1
    assert graph.path(top, bottom) in [way for way in ways if len(way) == len(ways[0])]
    unavoidable = set.intersection(*map(set, ways)) - {top, bottom}
    assert graph.cut(top, bottom) == tuple(key for key in ways[0] if key in unavoidable)


@given(edge_lists)
def test_order_has_upstream_first_unless_they_are_in_one_cycle(pairs: list[tuple[str, str]]) -> None:
    graph, slow = graph_of(pairs), Slow(pairs)
    order = graph.topological(KEYS)
    together = {key: {other for other in slow.below(key) if key in slow.below(other)} for key in KEYS}
    assert sorted(order) == sorted(KEYS)
    for key in KEYS:
        for other in slow.below(key) - together[key]:
            assert order.index(key) < order.index(other)
    assert {frozenset(cycle) for cycle in graph.cycles()} == {
        frozenset({key} | together[key]) for key in KEYS if together[key]
    }


@given(edge_lists, st.randoms(use_true_random=False))
def test_every_order_of_the_edges_gives_the_same_answers(pairs: list[tuple[str, str]], random: Random) -> None:
    shuffled = random.sample(pairs, k=len(pairs))
    graph, other = AssetGraph.from_edges(pairs), AssetGraph.from_edges(shuffled)
    for top in KEYS:
        for bottom in KEYS:
            assert graph.path(top, bottom) == other.path(top, bottom)
    assert graph.topological(KEYS) == other.topological(KEYS)
    assert graph.cycles() == other.cycles()


@pytest.fixture(scope="module")
def wide() -> AssetGraph:
    """600 assets, wide enough for the walk by arrays and for ten windows of 64 bits, with cycles across them."""
    random = Random(8)
    edges = [(f"{a:03}", f"{min(599, a + random.randrange(1, 150)):03}") for a in range(600) for _ in range(3)]
    ring = [(f"{n:03}", f"{n + 1:03}") for n in range(100, 250)]
    return AssetGraph.from_edges([*edges, *ring, ("250", "100"), ("599", "560")])


def test_a_wide_graph_is_walked_as_a_narrow_one(wide: AssetGraph) -> None:
    for key in map("{:03}".format, range(0, 600, 7)):
        below, waiting = {key: 0}, deque([key])
        while waiting:
            here = waiting.popleft()
            for child in wide.children(here) - below.keys():
                below[child] = below[here] + 1
                waiting.append(child)
        assert wide.descendants(key) == below.keys() - {key}
        assert all(wide.distance(key, other) == steps for other, steps in below.items())


@pytest.mark.parametrize("workspace", [1, 20_000, 1 << 20])
def test_counts_are_the_same_however_little_room_there_is(wide: AssetGraph, workspace: int) -> None:
    assert len(wide.cycles()) == 2
    counts = wide.descendant_counts(workspace=workspace)
    assert counts == {key: len(wide.descendants(key)) for key in map("{:03}".format, range(600))}
