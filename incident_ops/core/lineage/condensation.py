"""Edges between numbered nodes with every cycle drawn together into one component: order, and counts of relatives.

What can be said of all nodes at once. Walks from one node are `adjacency`'s.
"""

from bisect import bisect_right

import numpy as np
import rustworkx as rx

from incident_ops.core.lineage.adjacency import Adjacency, Numbers

WORKSPACE = 128 << 20  # bytes, whatever the number of nodes


class Condensation:
    """The strongly connected components of a graph, and the edges between them.

    Attributes:
        members: by component, its nodes. Components are numbered downstream first, as rustworkx finds them
            (Kosaraju's algorithm): that keeps what is downstream of one together, and so the bit sets short.
        component: by node, its component.
        children: by component, the components directly downstream.
        depth: by component, the edges on the longest way down to it: smaller for what is upstream.
    """

    def __init__(self, graph: "rx.PyDiGraph[int, None]", edges: Adjacency) -> None:
        self.members = [list(found) for found in rx.strongly_connected_components(graph)]
        self.component: Numbers = np.empty(edges.size, dtype=np.int64)
        sizes = [len(found) for found in self.members]
        nodes = np.fromiter((node for found in self.members for node in found), np.int64, count=edges.size)
        self.component[nodes] = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
        tails, heads = self.component[edges.tails()], self.component[edges.heads]
        between = tails != heads
        rows = Adjacency(tails[between], heads[between], size=len(sizes))
        self.children = rows.rows()
        self.depth = [0] * len(sizes)
        for component in reversed(range(len(sizes))):
            below = self.depth[component] + 1
            for child in self.children[component]:
                self.depth[child] = max(self.depth[child], below)

    def depth_of(self, node: int) -> int:
        return self.depth[int(self.component[node])]

    def descendant_counts(self, *, workspace: int = WORKSPACE) -> list[int]:
        """By component, how many nodes each of its members has downstream; no node is its own descendant.

        Exact: a set of bits for every component, one bit per node, filled from the most downstream component up.
        As many nodes at a time are counted as fit into the workspace. Python's integers are the bit sets: numpy
        would have to go level by level, and in a deep graph there are as many levels as nodes.

        Args:
            workspace: bytes for the bits; each component takes some 40 more.
        """
        width = max(64, 8 * workspace // max(len(self.members), 1))
        ends: list[int] = np.cumsum([len(found) for found in self.members]).tolist()
        counts = [0] * len(self.members)
        for low in range(0, len(self.component), width):
            self._count_those_in(range(low, low + width), ends, counts)
        return [count - 1 for count in counts]

    def _count_those_in(self, window: range, ends: list[int], counts: list[int]) -> None:
        """Add to `counts` the nodes whose place, in the order of components, is in the window; `ends` are the
        places at which the components end."""
        bits = [0] * len(self.members)
        for component in range(bisect_right(ends, window.start), len(self.members)):
            end = ends[component] - window.start
            reached = _bits(end - len(self.members[component]), end, len(window))
            for child in self.children[component]:
                reached |= bits[child]
            if reached:
                bits[component] = reached
                counts[component] += reached.bit_count()


def _bits(first: int, end: int, width: int) -> int:
    """The bits from `first` up to `end`, of `width` bits."""
    first, end = max(first, 0), min(end, width)
    return (1 << end) - (1 << first) if first < end else 0
