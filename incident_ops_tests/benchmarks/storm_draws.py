"""Drawn storms: where faults begin, how they spread and when their alerts come. Nothing is grouped here."""

import csv
import heapq
import random
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from incident_ops.core.lineage import AssetGraph

PASSES_ON = 0.8
SILENT = 0.3
MINUTE = 60.0

Seen = dict[str, float]  # failing asset → second at which its alert came


@dataclass(frozen=True, kw_only=True)
class Lineage:
    name: str
    graph: AssetGraph
    assets: list[str]

    @cached_property
    def parents(self) -> dict[str, set[str]]:
        return {asset: self.graph.parents(asset) for asset in self.assets}

    @cached_property
    def children(self) -> dict[str, list[str]]:
        return {asset: sorted(self.graph.children(asset)) for asset in self.assets}

    @cached_property
    def reach(self) -> dict[str, int]:
        """How many assets lie below each."""
        return self.graph.descendant_counts()

    def beside_itself(self, times: int) -> "Lineage":
        """So many copies side by side: as large as a large estate, and shaped as this one."""
        copies = [
            (f"{n}/{asset}", f"{n}/{child}")
            for n in range(times)
            for asset in self.assets
            for child in self.children[asset]
        ]
        assets = sorted(f"{n}/{asset}" for n in range(times) for asset in self.assets)
        graph = AssetGraph.from_edges(copies, nodes=assets)
        return Lineage(name=f"{times} × {self.name}", graph=graph, assets=assets)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One way to read the protocol.

    Attributes:
        delay: mean seconds that a failure takes along an edge, exponential.
        any_order: if set, checks see a fault at any time of so many seconds, whatever its way.
        late: checks run up to so many seconds after the failure.
        spread: faults begin within so many seconds.
        strangers: unrelated alerts in a trial.
        all_may_be_silent: each asset that is reached is silent with the same probability, not only the first.
        below: faults begin at assets with so many others below them, the least and the most.
        strangers_count: an unrelated alert is a fault of its own; else its incident is not counted.
    """

    name: str
    delay: float = 3 * MINUTE
    any_order: float = 0
    late: float = 0
    spread: float = 30 * MINUTE
    strangers: int = 1
    below: tuple[int, int] = (0, 10**9)
    all_may_be_silent: bool = False
    strangers_count: bool = False


# Found by fitting what the published protocol leaves open to the published figures of the five simple rules.
AS_PUBLISHED = Reading(name="as published", below=(2, 100), delay=2 * MINUTE, late=8 * MINUTE, spread=45 * MINUTE)
READINGS = (
    Reading(name="checked at once"),
    Reading(name="checked in any order", any_order=30 * MINUTE),
    Reading(name="checked late", late=20 * MINUTE, delay=5 * MINUTE, spread=60 * MINUTE, strangers=3),
    Reading(name="all in one minute", delay=MINUTE / 4, spread=MINUTE),
    Reading(name="hours apart", spread=120 * MINUTE, delay=10 * MINUTE),
    Reading(name="strangers count", strangers=3, strangers_count=True, any_order=30 * MINUTE),
    Reading(name="any asset silent", all_may_be_silent=True),
    Reading(name="two minutes late", late=2 * MINUTE),
)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """`owner`: failing asset → number of its fault, negative for strangers. `roots`: of the faults that show."""

    seen: Seen
    owner: dict[str, int]
    roots: dict[int, str]


def draw(lineage: Lineage, reading: Reading, faults: int, rng: random.Random) -> Trial:
    least, most = reading.below
    can_begin = [asset for asset in lineage.assets if least <= lineage.reach[asset] <= most]
    roots = rng.sample(can_begin, min(faults, len(can_begin)))
    seen: Seen = {}
    owner: dict[str, int] = {}
    for fault, root in enumerate(roots):
        start = rng.uniform(0, reading.spread)
        for asset, reached in _spread(lineage, root, start, reading, rng).items():
            if (reading.all_may_be_silent or asset == root) and rng.random() < SILENT:
                continue
            at = start + rng.uniform(0, reading.any_order) if reading.any_order else reached
            at += rng.uniform(0, reading.late)
            if at < seen.get(asset, float("inf")):
                seen[asset], owner[asset] = at, fault
    free = [asset for asset in lineage.assets if asset not in seen]
    for n, stranger in enumerate(rng.sample(free, min(reading.strangers, len(free)))):
        seen[stranger], owner[stranger] = rng.uniform(0, reading.spread + reading.any_order), -1 - n
    told = set(owner.values())
    return Trial(seen=seen, owner=owner, roots={n: root for n, root in enumerate(roots) if n in told})


def _spread(lineage: Lineage, root: str, start: float, reading: Reading, rng: random.Random) -> dict[str, float]:
    reached: dict[str, float] = {}
    front = [(start, root)]
    while front:
        at, asset = heapq.heappop(front)
        if asset in reached:
            continue
        reached[asset] = at
        for child in lineage.children[asset]:
            if rng.random() < PASSES_ON:
                heapq.heappush(front, (at + rng.expovariate(1 / reading.delay), child))
    return reached


def load(folder: Path) -> list[Lineage]:
    return [_lineage(path, folder) for path in sorted(folder.glob("*.edges.csv"))]


def _lineage(path: Path, folder: Path) -> Lineage:
    name = path.name.removesuffix(".edges.csv")
    with path.open(encoding="utf-8") as edges, (folder / f"{name}.nodes.csv").open(encoding="utf-8") as nodes:
        pairs = [(row["upstream"], row["downstream"]) for row in csv.DictReader(edges)]
        listed = [row["node"] for row in csv.DictReader(nodes)]
    assets = sorted({*listed, *(asset for pair in pairs for asset in pair)})
    return Lineage(name=name, graph=AssetGraph.from_edges(pairs, nodes=assets), assets=assets)
