"""Edges between numbered nodes, as compressed sparse rows, and the breadth-first walk over them.

Numbers only; which asset a number stands for is known to `lineage`. rustworkx's own breadth-first search hands
every node over as a Python object, which costs three times what the walk does when half of the assets are reached.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
FEW = 12  # below so many nodes a plain loop beats the fixed cost of the array operations


class Adjacency:
    """The neighbours of each of `size` nodes, ascending and each once."""

    def __init__(self, tails: Numbers, heads: Numbers, *, size: int) -> None:
        """From the edges `tails[i]` → `heads[i]`; repeated ones count once."""
        codes = np.sort(tails * size + heads)
        codes = codes[np.concatenate(([True], codes[1:] != codes[:-1]))] if codes.size else codes
        self.size = size
        self.heads: Numbers = codes % max(size, 1)
        self.offsets: Numbers = np.searchsorted(codes, np.arange(size + 1) * size)

    def of(self, node: int) -> list[int]:
        return self.heads[self.offsets[node] : self.offsets[node + 1]].tolist()

    def of_each(self, nodes: Numbers) -> Numbers:
        """The neighbours of several nodes; a common neighbour comes as often as it is common."""
        starts = self.offsets[nodes]
        counts = self.offsets[nodes + 1] - starts
        ends = np.cumsum(counts)
        places = np.repeat(starts - ends + counts, counts)
        places += np.arange(places.size)
        return self.heads[places]

    def rows(self) -> list[list[int]]:
        """The neighbours of every node."""
        heads, offsets = self.heads.tolist(), self.offsets.tolist()
        return [heads[start:end] for start, end in pairwise(offsets)]

    def tails(self) -> Numbers:
        """The other end of each edge in `heads`."""
        return np.repeat(np.arange(self.size), np.diff(self.offsets))


class Walk:
    """A breadth-first walk that goes one level at a time.

    Attributes:
        level: by node, 1 for the starts, 2 for their neighbours and so on, 0 for what is not reached (yet).
        frontier: the nodes of the last level.
        steps: edges from the nearest start to the frontier.
    """

    def __init__(self, edges: Adjacency, *starts: int) -> None:
        self._edges = edges
        self._latest = np.empty(edges.size, dtype=np.int64)
        self.level: Numbers = np.zeros(edges.size, dtype=np.int64)
        self.level[list(starts)] = 1
        self.frontier: Sequence[int] | Numbers = list(starts)
        self.steps = 0

    def advance(self) -> bool:
        """Go one level on; False when there was nothing more to reach."""
        self.steps += 1
        few = len(self.frontier) < FEW
        self.frontier = self._next_by_loop() if few else self._next_by_array(np.asarray(self.frontier))
        return len(self.frontier) > 0

    def _next_by_loop(self) -> list[int]:
        reached: list[int] = []
        level, mark = self.level, self.steps + 1
        for node in self.frontier:
            for neighbour in self._edges.of(node):
                if not level[neighbour]:
                    level[neighbour] = mark
                    reached.append(neighbour)
        return reached

    def _next_by_array(self, frontier: Numbers) -> Numbers | list[int]:
        found = self._edges.of_each(frontier)
        found = found[self.level[found] == 0]
        self.level[found] = self.steps + 1
        order = np.arange(found.size)
        self._latest[found] = order
        return found[self._latest[found] == order]

    def finish(self) -> None:
        while self.advance():
            pass

    def reached(self) -> NDArray[np.bool_]:
        """By node, whether it was reached so far; the starts are not."""
        return self.level > 1


def meeting(down: Walk, up: Walk) -> list[int]:
    """Let two walks go towards each other until they meet; empty if they never do.

    Level by level the smaller frontier goes on, so near nodes are found without looking far. When the walks
    meet, `down.steps + up.steps` is the length of a shortest way between their starts, and the nodes returned
    are those in the middle of such ways.
    """
    if up.level[down.frontier[0]]:
        return [int(down.frontier[0])]
    while True:
        here, there = (down, up) if len(down.frontier) <= len(up.frontier) else (up, down)
        if not here.advance():
            return []
        frontier = np.asarray(here.frontier)
        met = frontier[there.level[frontier] > 0]
        if met.size:
            return met.tolist()
