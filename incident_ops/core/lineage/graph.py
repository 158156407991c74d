"""The lineage graph: which asset is built from which.

Answers about shape only: what lies up and down, how far, by which ways. What flowed along an edge is in
`provenance`, which column comes from which in `columns`.
"""

import heapq
from collections import defaultdict
from collections.abc import Collection, Iterable
from functools import cached_property
from itertools import count

import numpy as np
import rustworkx as rx

from incident_ops.core.lineage.adjacency import Adjacency, Walk, meeting
from incident_ops.core.lineage.condensation import WORKSPACE, Condensation

MOST_STEPS = 10_000


class AssetGraph:
    """Assets (keys written `a/b`) and the edges between them, upstream → downstream.

    A key that is not in the graph has no relatives; asking for it is not an error, since alerts come from assets
    that the catalog has not met yet. Cycles are borne: no asset is its own ancestor or descendant. One key is one
    asset, whichever code locations name it: its edges are those that any of them gives. Answers do not depend
    on the order in which the edges came.
    """

    def __init__(self, index: dict[str, int], down: Adjacency, up: Adjacency) -> None:
        self._index, self._down, self._up = index, down, up
        self._names = np.array([*index, None], dtype=object)[:-1]  # None: else numpy makes an array of characters

    @classmethod
    def from_edges(cls, pairs: Iterable[tuple[str, str]], *, nodes: Iterable[str] = ()) -> "AssetGraph":
        """From (upstream, downstream) pairs; an edge from an asset to itself is left out, the asset is not.

        Args:
            nodes: further assets, with or without edges.
        """
        number: defaultdict[str, int] = defaultdict(count().__next__)
        flat = np.fromiter((n for up, down in pairs for n in (number[up], number[down])), dtype=np.int64)
        for node in nodes:
            number[node]
        tails, heads = flat[0::2], flat[1::2]
        other = tails != heads
        tails, heads, size = tails[other], heads[other], len(number)
        return cls(dict(number), Adjacency(tails, heads, size=size), Adjacency(heads, tails, size=size))

    def __contains__(self, key: object) -> bool:
        return key in self._index

    def __len__(self) -> int:
        return len(self._index)

    @property
    def keys(self) -> Collection[str]:
        """All assets."""
        return self._index.keys()

    def parents(self, key: str) -> set[str]:
        """The assets that `key` is built from directly."""
        at = self._index.get(key)
        return set() if at is None else self._keys(self._up.of(at))

    def children(self, key: str) -> set[str]:
        """The assets built directly from `key`."""
        at = self._index.get(key)
        return set() if at is None else self._keys(self._down.of(at))

    def ancestors(self, *keys: str) -> set[str]:
        """Every asset that one of the keys is built from, however far; without the keys themselves."""
        return self._reached(self._up, keys)

    def descendants(self, *keys: str) -> set[str]:
        """Every asset that is built from one of the keys, however far; without the keys themselves."""
        return self._reached(self._down, keys)

    def hops_up(self, key: str) -> dict[str, int]:
        """Every ancestor and the edges on the shortest way to it, nearest first."""
        return self._hops(self._up, key)

    def hops_down(self, key: str) -> dict[str, int]:
        """Every descendant and the edges on the shortest way to it, nearest first."""
        return self._hops(self._down, key)

    def descendant_counts(self, *, workspace: int = WORKSPACE) -> dict[str, int]:
        """How many descendants each asset has, exactly.

        150,000 assets with 450,000 edges take seconds and less than 300 MB.

        Args:
            workspace: bytes that the counting may use besides what it takes to hold the graph; less is slower.
        """
        counts = np.array(self._condensation.descendant_counts(workspace=workspace), dtype=np.int64)
        return dict(zip(self._index, counts[self._condensation.component].tolist(), strict=True))

    def distance(self, upstream: str, downstream: str) -> int | None:
        """Edges on the shortest way down from one to the other; 0 for an asset and itself, None without a way."""
        walks = self._walks(upstream, downstream)
        return walks[0].steps + walks[1].steps if walks and meeting(*walks) else None

    def path(self, upstream: str, downstream: str) -> tuple[str, ...] | None:
        """A shortest way down, both ends included, or None."""
        walks = self._walks(upstream, downstream)
        met = meeting(*walks) if walks else []
        if walks is None or not met:
            return None
        middle = self._first(met)
        above = self._way_back(walks[0], self._up, middle)
        below = self._way_back(walks[1], self._down, middle)
        return tuple(self._names[[*reversed(above), middle, *below]].tolist())

    def paths(self, upstream: str, downstream: str, *, limit: int) -> tuple[tuple[str, ...], ...]:
        """Up to `limit` ways down that visit no asset twice, shortest first, then by their keys.

        Each is grown from the top towards the bottom, whose distance from everywhere is known, so that without
        cycles no step is in vain. Among cycles the search ends after 10,000 steps with what it has found.
        """
        walks = self._walks(upstream, downstream)
        if walks is None:
            return ()
        walks[1].finish()
        left = walks[1].level
        found: list[tuple[str, ...]] = []
        growing: list[tuple[int, int, tuple[str, ...]]] = []
        if left[self._index[upstream]]:
            growing.append((int(left[self._index[upstream]]), 0, (upstream,)))
        for _ in range(MOST_STEPS):
            if not growing or len(found) == limit:
                break
            _, _, way = heapq.heappop(growing)
            if way[-1] == downstream:
                found.append(way)
                continue
            for child in self._down.of(self._index[way[-1]]):
                name = self._names[child]
                if left[child] and name not in way:
                    heapq.heappush(growing, (len(way) + int(left[child]), -len(way), (*way, name)))
        return tuple(found)

    def cut(self, upstream: str, downstream: str) -> tuple[str, ...] | None:
        """The assets in between through which every way leads, upstream first; None without a way.

        They are the dominators of the one as seen from the other (Cooper, Harvey and Kennedy, 2001, as
        rustworkx computes them).
        """
        start, end = self._index.get(upstream), self._index.get(downstream)
        if start is None or end is None:
            return None
        above = rx.immediate_dominators(self._graph, start)
        if end not in above:
            return None
        through: list[int] = []
        while end != start:
            end = above[end]
            through.append(end)
        return tuple(self._names[through[-2::-1]].tolist())

    def subgraph(self, keys: Iterable[str]) -> "AssetGraph":
        """These assets and the edges between them; keys that are not in the graph are left out."""
        kept = {key for key in keys if key in self}
        return AssetGraph.from_edges(
            ((key, child) for key in kept for child in self.children(key) & kept), nodes=sorted(kept)
        )

    def topological(self, keys: Iterable[str]) -> tuple[str, ...]:
        """The keys, each once, upstream first, also where the way from one to another leads over further assets.

        Assets at the same depth, among them those of one cycle, stand in the order of their keys; assets that
        are not in the graph come first.
        """
        return tuple(sorted(set(keys), key=lambda key: (self._depth(key), key)))

    def cycles(self) -> tuple[tuple[str, ...], ...]:
        """The sets of assets that are built from each other, in the order of their keys."""
        return tuple(
            sorted(tuple(sorted(self._keys(found))) for found in self._condensation.members if len(found) > 1)
        )

    @cached_property
    def _graph(self) -> "rx.PyDiGraph[int, None]":
        graph: rx.PyDiGraph[int, None] = rx.PyDiGraph(
            node_count_hint=len(self), edge_count_hint=len(self._down.heads)
        )
        graph.add_nodes_from(range(len(self)))
        edges = zip(self._down.tails().tolist(), self._down.heads.tolist(), strict=True)
        graph.add_edges_from_no_data(list(edges))
        return graph

    @cached_property
    def _all(self) -> set[str]:
        return set(self._index)

    @cached_property
    def _condensation(self) -> Condensation:
        return Condensation(self._graph, self._down)

    def _depth(self, key: str) -> int:
        at = self._index.get(key)
        return -1 if at is None else self._condensation.depth_of(at)

    def _keys(self, numbers: list[int]) -> set[str]:
        return {self._names[number] for number in numbers}

    def _first(self, numbers: list[int]) -> int:
        """Of several nodes the one whose key comes first: a choice that no order of edges can change."""
        return min(numbers, key=lambda number: self._names[number])

    def _reached(self, edges: Adjacency, keys: Iterable[str]) -> set[str]:
        starts = {at for key in keys if (at := self._index.get(key)) is not None}
        if not starts:
            return set()
        walk = Walk(edges, *starts)
        walk.finish()
        reached = walk.reached()
        if 2 * int(np.count_nonzero(reached)) < len(self):
            return set(self._names[reached].tolist())
        keys = self._all.copy()  # twice as quick as hashing more than half of the keys again
        keys.difference_update(self._names[~reached].tolist())
        return keys

    def _hops(self, edges: Adjacency, key: str) -> dict[str, int]:
        at = self._index.get(key)
        if at is None:
            return {}
        walk = Walk(edges, at)
        walk.finish()
        hops = zip(self._names[walk.reached()].tolist(), walk.level[walk.reached()].tolist(), strict=True)
        return {name: level - 1 for name, level in sorted(hops, key=lambda pair: (pair[1], pair[0]))}

    def _walks(self, upstream: str, downstream: str) -> tuple[Walk, Walk] | None:
        start, end = self._index.get(upstream), self._index.get(downstream)
        return None if start is None or end is None else (Walk(self._down, start), Walk(self._up, end))

    def _way_back(self, walk: Walk, backwards: Adjacency, node: int) -> list[int]:
        """From a node that the walk reached to the walk's start, without the node."""
        way: list[int] = []
        for level in range(int(walk.level[node]) - 1, 0, -1):
            node = self._first([other for other in backwards.of(node) if walk.level[other] == level])
            way.append(node)
        return way
