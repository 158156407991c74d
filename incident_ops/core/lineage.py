"""The lineage graph: which asset is built from which.

Answers about shape only: what lies up and down, how far, by which way. What flowed along an edge is in
`provenance`.
"""

from collections.abc import Iterable

import rustworkx as rx


class AssetGraph:
    """Assets (keys written `a/b`) and the edges between them, upstream → downstream.

    A key that is not in the graph has no relatives; asking for it is not an error, since alerts come from assets
    that the catalog has not met yet. Cycles are borne: no asset is its own ancestor or descendant.
    """

    def __init__(self, graph: "rx.PyDiGraph[str, None]", index: dict[str, int]) -> None:
        self._graph = graph
        self._index = index

    @classmethod
    def from_edges(cls, pairs: Iterable[tuple[str, str]], *, nodes: Iterable[str] = ()) -> "AssetGraph":
        """From (upstream, downstream) pairs; an edge from an asset to itself is left out.

        Args:
            nodes: further assets, with or without edges.
        """
        edges = [(up, down) for up, down in pairs if up != down]
        names = dict.fromkeys(name for edge in edges for name in edge)
        names.update(dict.fromkeys(nodes))
        index = {name: at for at, name in enumerate(names)}
        graph: rx.PyDiGraph[str, None] = rx.PyDiGraph(multigraph=False)
        graph.add_nodes_from(list(names))
        graph.add_edges_from_no_data([(index[up], index[down]) for up, down in edges])
        return cls(graph, index)

    def __contains__(self, key: object) -> bool:
        return key in self._index

    def __len__(self) -> int:
        return len(self._index)

    def parents(self, key: str) -> set[str]:
        """The assets that `key` is built from directly."""
        at = self._index.get(key)
        return set() if at is None else set(self._graph.predecessors(at))

    def children(self, key: str) -> set[str]:
        """The assets built directly from `key`."""
        at = self._index.get(key)
        return set() if at is None else set(self._graph.successors(at))

    def ancestors(self, key: str) -> set[str]:
        """Every asset that `key` is built from, however far."""
        at = self._index.get(key)
        return set() if at is None else {self._graph[i] for i in rx.ancestors(self._graph, at) if i != at}

    def descendants(self, key: str) -> set[str]:
        """Every asset that is built from `key`, however far."""
        at = self._index.get(key)
        return set() if at is None else {self._graph[i] for i in rx.descendants(self._graph, at) if i != at}

    def distance(self, upstream: str, downstream: str) -> int | None:
        """Edges on the shortest way down from one to the other; 0 for an asset and itself, None without a way."""
        path = self.path(upstream, downstream)
        return None if path is None else len(path) - 1

    def path(self, upstream: str, downstream: str) -> tuple[str, ...] | None:
        """A shortest way down, both ends included, or None."""
        start, end = self._index.get(upstream), self._index.get(downstream)
        if start is None or end is None:
            return None
        if start == end:
            return (upstream,)
        found = rx.dijkstra_shortest_paths(self._graph, start, target=end)
        return tuple(self._graph[i] for i in found[end]) if end in found else None
