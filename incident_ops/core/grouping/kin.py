"""Parents and children of the assets at hand, each asked of the graph once."""

from incident_ops.core.lineage import AssetGraph


class Kin:
    """A small notebook over a large graph: nothing is read but the surroundings of what fails."""

    def __init__(self, graph: AssetGraph) -> None:
        self._graph = graph
        self._parents: dict[str, frozenset[str]] = {}
        self._children: dict[str, frozenset[str]] = {}

    @property
    def size(self) -> int:
        return len(self._graph)

    def parents(self, key: str) -> frozenset[str]:
        if key not in self._parents:
            self._parents[key] = frozenset(self._graph.parents(key))
        return self._parents[key]

    def children(self, key: str) -> frozenset[str]:
        if key not in self._children:
            self._children[key] = frozenset(self._graph.children(key))
        return self._children[key]
