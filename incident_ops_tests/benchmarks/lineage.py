"""The lineage graph at 150,000 assets and 450,000 edges, and at a million edges, beside networkx.

The graph is made up in the manner of dbt projects, always the same: layers, a few parents for each asset, most of
them one layer up and from the same domain. Each side is measured in a process of its own that only reads the
edges, so that the rise of its peak memory is its own, not what making up the graph left behind. Run with
`python -m incident_ops_tests.benchmarks.lineage`.
"""

import json
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from time import process_time
from typing import Any

import networkx as nx

from incident_ops.core.lineage import AssetGraph
from incident_ops_tests.benchmarks.table import Row, print_table

ASSETS, EDGES = 150_000, 450_000
LAYERS, DOMAINS = 24, 40
QUERIES = 400
COUNTED = 40  # assets that networkx counts; the rest is extrapolated
Figures = dict[str, float]


def catalog(assets: int, edges: int, *, seed: int = 20_240_229) -> list[tuple[str, str]]:
    """(upstream, downstream) pairs without cycles, shuffled."""
    random = Random(seed)
    per_layer = assets // LAYERS
    keys = [f"domain_{n % DOMAINS}/layer_{n // per_layer:02}/model_{n:07}" for n in range(assets)]
    pairs: set[tuple[int, int]] = set()
    while len(pairs) < edges:
        child = random.randrange(per_layer, assets)
        layers_up = 1 if random.random() < 0.8 else random.randint(1, child // per_layer)
        near = child - layers_up * per_layer
        parent = near + DOMAINS * random.randint(-20, 20) if random.random() < 0.9 else random.randrange(child)
        if 0 <= parent < child:
            pairs.add((parent, child))
    shuffled = sorted(pairs)
    random.shuffle(shuffled)
    return [(keys[parent], keys[child]) for parent, child in shuffled]


def ours(pairs: list[tuple[str, str]]) -> Figures:
    before = _peak()
    graph, build = _timed(lambda: AssetGraph.from_edges(pairs))
    figures = {"build": build, "graph_mb": _peak() - before}
    keys = _sample(pairs)
    figures |= _quantiles("descendants", [_timed(lambda key=key: graph.descendants(key))[1] for key in keys])
    figures |= _quantiles("ancestors", [_timed(lambda key=key: graph.ancestors(key))[1] for key in keys])
    figures |= _quantiles("size", [float(len(graph.descendants(key))) for key in keys])
    near = [(key, _some_way_down(graph, key, steps=3)) for key in keys]
    connected = [(key, _some_way_down(graph, key, steps=LAYERS)) for key in keys[:60]]
    figures |= _quantiles("distance_near", [_timed(lambda way=way: graph.distance(*way))[1] for way in near])
    figures |= _quantiles("path_far", [_timed(lambda way=way: graph.path(*way))[1] for way in connected])
    figures |= _quantiles("paths", [_timed(lambda way=way: graph.paths(*way, limit=5))[1] for way in connected])
    figures["first_order"] = _timed(lambda: graph.topological(keys))[1]
    figures |= _quantiles("cut", [_timed(lambda way=way: graph.cut(*way))[1] for way in connected])
    counts, figures["counts"] = _timed(graph.descendant_counts)
    figures["all_mb"] = _peak() - before
    figures["wrong"] = float(sum(counts[key] != len(graph.descendants(key)) for key in keys))
    return figures


def networkx(pairs: list[tuple[str, str]]) -> Figures:
    before = _peak()
    graph, build = _timed(lambda: nx.DiGraph(pairs))
    figures = {"build": build, "graph_mb": _peak() - before}
    spent = [_timed(lambda key=key: nx.descendants(graph, key))[1] for key in _sample(pairs)]
    figures |= _quantiles("descendants", spent)
    figures["counts"] = sum(spent[:COUNTED]) / COUNTED * len(graph)
    return figures


SIDES: dict[str, Callable[[list[tuple[str, str]]], Figures]] = {"ours": ours, "networkx": networkx}


def measured(side: str, pairs: list[tuple[str, str]]) -> Figures:
    """Seconds and MiB of one side, from a process of its own."""
    command = [sys.executable, "-m", "incident_ops_tests.benchmarks.lineage", side]
    edges = "\n".join("\t".join(pair) for pair in pairs)
    return json.loads(subprocess.run(command, check=True, input=edges, stdout=subprocess.PIPE, text=True).stdout)


def results() -> list[Row]:
    """The rows of the table; takes a minute or two."""
    pairs = catalog(ASSETS, EDGES)
    here, there = measured("ours", pairs), measured("networkx", pairs)
    million = measured("ours", catalog(300_000, 1_000_000))
    median_size, p95_size = here["size_p50"], here["size_p95"]
    return [
        _row("build, 150,000 assets / 450,000 edges", here["build"], 0.5, _s(there["build"])),
        Row("  its memory", _mb(here["graph_mb"]), "", _mb(there["graph_mb"]), None),
        _row(
            f"all descendants, p95 (median {median_size:,.0f}, p95 {p95_size:,.0f} assets)",
            here["descendants_p95"],
            0.010,
            _s(there["descendants_p95"]),
        ),
        Row("  median", _s(here["descendants_p50"]), "", _s(there["descendants_p50"]), None),
        _row("all ancestors, p95", here["ancestors_p95"], 0.010, ""),
        _row(
            f"exact counts of all ({here['wrong']:.0f} of {QUERIES} wrong)",
            here["counts"],
            5.0,
            f"{there['counts'] / 3600:.1f} h, extrapolated from {COUNTED} assets",
            also=here["wrong"] == 0,
        ),
        Row("  memory, graph included", _mb(here["all_mb"]), "< 300 MB", "", here["all_mb"] < 300),
        Row("distance, three steps, p95", _s(here["distance_near_p95"]), "", "", None),
        Row("a shortest path, far, p95", _s(here["path_far_p95"]), "", "", None),
        Row("five paths, far, p95", _s(here["paths_p95"]), "", "", None),
        Row("cut, far, p95", _s(here["cut_p95"]), "", "", None),
        Row("first topological order", _s(here["first_order"]), "", "", None),
        Row("build, 300,000 assets / 1,000,000 edges", _s(million["build"]), "", "", None),
        Row("  all descendants, p95", _s(million["descendants_p95"]), "", "", None),
        Row("  exact counts of all", _s(million["counts"]), "", "", None),
        Row("  memory, counts included", _mb(million["all_mb"]), "", "", None),
    ]


def _row(name: str, seconds: float, most: float, baseline: str, *, also: bool = True) -> Row:
    return Row(name, _s(seconds), f"< {_s(most)}", baseline, seconds < most and also)


def _s(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 0.1 else f"{1000 * seconds:.2f} ms"


def _mb(amount: float) -> str:
    return f"{amount:,.0f} MB"


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """The answer and the processor time: all of it is one thread's work, and others may use the machine."""
    start = process_time()
    answer = call()
    return answer, process_time() - start


def _peak() -> float:
    """MiB. Linux's own figure, since what `getrusage` tells there begins with the peak of the parent process."""
    if (status := Path("/proc/self/status")).exists():
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) / (1 << 10)  # type: ignore[index]
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)


def _quantiles(name: str, values: Sequence[float]) -> Figures:
    ordered = sorted(values)
    return {f"{name}_p50": ordered[len(ordered) // 2], f"{name}_p95": ordered[int(0.95 * len(ordered))]}


def _sample(pairs: list[tuple[str, str]]) -> list[str]:
    return Random(1).sample(sorted({key for pair in pairs for key in pair}), QUERIES)


def _some_way_down(graph: AssetGraph, key: str, *, steps: int) -> str:
    for _ in range(steps):
        key = min(graph.children(key), default=key)
    return key


def _edges_read() -> list[tuple[str, str]]:
    """As a catalog has them: each key is one string, however often it is named."""
    pairs: list[tuple[str, str]] = []
    for line in sys.stdin:
        upstream, downstream = map(sys.intern, line.split())
        pairs.append((upstream, downstream))
    return pairs


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(SIDES[sys.argv[1]](_edges_read())))
    else:
        print_table(results())
