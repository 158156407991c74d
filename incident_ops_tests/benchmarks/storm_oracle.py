"""How many roots anybody could name: the likeliest root of a fault that is told alone and whole.

The oracle knows the probabilities of the draw, which no rule does, and never has to ask whose an alert is. It does
not look at times, which tell a silent root from its child hardly ever.
"""

import random
from collections import Counter
from collections.abc import Set as AbstractSet
from math import isclose, log
from statistics import fmean

from incident_ops_tests.benchmarks.storm_draws import PASSES_ON, SILENT, Lineage, Reading, draw

FAULTS = 2_000  # on each graph


def named_by_oracle(lineage: Lineage, reading: Reading, rng: random.Random) -> float:
    """Share of single faults whose root is the likeliest; roots that are equally likely share the point.

    `reading` has neither strangers nor silent assets but the root, or the oracle's model is wrong.
    """
    trials = [draw(lineage, reading, 1, rng) for _ in range(FAULTS)]
    points: list[float] = []
    for trial in trials:
        if trial.roots:
            likeliest = likeliest_roots(lineage, trial.seen.keys())
            points.append((trial.roots[0] in likeliest) / len(likeliest))
    return fmean(points)


def likeliest_roots(lineage: Lineage, failing: AbstractSet[str]) -> set[str]:
    """The assets from which one fault most likely reached all of `failing` and nothing else."""
    tops = [asset for asset in failing if not lineage.parents[asset] & failing]
    candidates = set[str].intersection(*(lineage.parents[top] for top in tops))
    if len(tops) == 1:
        candidates.add(tops[0])
    chances = {root: _log_chance(lineage, failing, root) for root in candidates}
    best = max(chances.values())
    return {root for root, chance in chances.items() if isclose(chance, best)}


def _log_chance(lineage: Lineage, failing: AbstractSet[str], root: str) -> float:
    reached = failing | {root}
    spared = Counter(child for asset in reached for child in lineage.children[asset] if child not in reached)
    taken = [len(lineage.parents[asset] & reached) for asset in failing if asset != root]
    own = log(1 - SILENT if root in failing else SILENT)
    return own + sum(log(1 - (1 - PASSES_ON) ** n) for n in taken) + spared.total() * log(1 - PASSES_ON)
