"""A recent change broke it: which one? Changes ranked by lineage and time, where nothing else is known."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt

from incident_ops.core.durations import format_duration
from incident_ops.core.lineage import AssetGraph

SETTLING = timedelta(hours=6)
"""Below this the age of a change says little: a daily job shows all changes of the morning at once."""

RISK = 0.25
"""The prior grows with this power of the assets touched: large changes break more (Kamei et al., 2013, "A
large-scale empirical study of just-in-time quality assurance")."""

NEAR, PER_HOP = 0.3, 0.5
"""How likely a symptom shows near below the change. Between a third and three times these values and that of
`SETTLING`, the share of culprits named first moves by one in a hundred (`benchmarks/changes.py` of the tests)."""

MOST_TOUCHED = 200  # of a commit that touches more, the rest hardly reaches anything new


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One asset changed; a commit that touches several is several changes with one `id`."""

    asset: str
    at: datetime
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedChange:
    """All changes of one `id`: `change` is the one nearest to the symptom, `hops` edges above it."""

    id: str
    change: Change
    hops: int
    score: float
    reason: str


def rank_changes(
    symptom_asset: str, symptom_at: datetime, changes: Sequence[Change], graph: AssetGraph
) -> list[RankedChange]:
    """The changes that can have broken the asset, likeliest first. One after the symptom cannot, and neither can
    one of which nothing lies upstream of it.

    Bayes' rule with a prior touched ^ .25 / (age + 6 h): errors are found soon, and the tail is long. The
    likelihood that a change shows itself at this very asset is a sum over three readings of where people see one:
    where it was made (1 / assets touched, if the symptom is one of them), anywhere that it reaches (1 / √assets
    reached: less than in proportion, since what reaches much is also looked at more), near below it (.3 × .5 ^
    hops). So a narrow change just above beats a wide one far above, and some hours more are forgiven to the
    better fit.
    """
    levels = _levels_above(symptom_asset, graph)
    commits: defaultdict[str, list[Change]] = defaultdict(list)
    for change in changes:
        if change.at <= symptom_at:
            commits[change.id].append(change)
    ranked = [
        _ranked(symptom_asset, symptom_at, commit, levels, graph)
        for commit in commits.values()
        if any(change.asset in levels for change in commit)
    ]
    return sorted(ranked, key=lambda r: (-r.score, -r.change.at.timestamp(), r.hops, r.id))


def _ranked(
    symptom_asset: str,
    symptom_at: datetime,
    commit: Sequence[Change],
    levels: Mapping[str, int],
    graph: AssetGraph,
) -> RankedChange:
    touched = sorted({change.asset for change in commit})
    nearest = min(
        (change for change in commit if change.asset in levels),
        key=lambda change: (levels[change.asset], -change.at.timestamp(), change.asset),
    )
    hops, age = levels[nearest.asset], symptom_at - nearest.at
    reached = _reach(touched, graph)
    fit = 1 / sqrt(reached) + NEAR * PER_HOP**hops
    if symptom_asset in touched:
        fit += 1 / len(touched)
    where = "on the asset itself" if hops == 0 else f"{hops} hop{'s' if hops > 1 else ''} upstream"
    return RankedChange(
        id=commit[0].id,
        change=nearest,
        hops=hops,
        score=fit * len(touched) ** RISK / ((age + SETTLING) / timedelta(hours=1)),
        reason=f"{where}, {format_duration(age)} before, reaches {reached:,} asset{'s' if reached > 1 else ''}",
    )


def _reach(touched: Iterable[str], graph: AssetGraph) -> int:
    reached = set(touched)
    for asset in list(touched)[:MOST_TOUCHED]:
        reached |= graph.descendants(asset)
    return len(reached)


def _levels_above(asset: str, graph: AssetGraph) -> dict[str, int]:
    """The asset and everything upstream of it → edges on the shortest way."""
    levels, frontier = {asset: 0}, [asset]
    while frontier:
        further = {parent for key in frontier for parent in graph.parents(key)} - levels.keys()
        levels |= dict.fromkeys(further, levels[frontier[0]] + 1)
        frontier = list(further)
    return levels
