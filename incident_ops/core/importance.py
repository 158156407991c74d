"""How much depends on an asset: a number between 0 and 1, and why."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log

from incident_ops.core.alert import AssetRef
from incident_ops.core.catalog import TIER_TAG, Catalog
from incident_ops.core.lineage import AssetGraph
from incident_ops.core.provenance import View

REACH, CONSUMERS, TIER, VIEWERS = 0.35, 0.3, 0.2, 0.15
"""The shares of the four parts: they add up to 1."""

TIERS: Mapping[str, float] = {"gold": 1.0, "silver": 0.6, "bronze": 0.2}  # best first
FEEDING = 0.8  # what feeds a gold asset is nearly as important as one
HALF_CONSUMERS, HALF_VIEWERS = 2, 5  # so many are worth half of the share, for the first ones count most


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    """`value` between 0 (nothing depends on it) and 1; `reasons`, the weightiest kind first."""

    value: float
    reasons: tuple[str, ...]


def importance(asset: str, graph: AssetGraph, catalog: Catalog, views: Iterable[View] = ()) -> Importance:
    """The importance of one asset: .35 for the assets downstream (the logarithm of their number, against that of
    all assets), .3 for the distinct consumers of it and of those (c / (c + 2)), .2 for its tier or, a little less,
    the best one downstream, .15 for the distinct people who looked (v / (v + 5)).

    Args:
        views: of the time that should count.
    """
    below = graph.descendants(asset)
    reached = {asset, *below}
    nodes = [node for key in reached if (node := catalog.get(AssetRef(key=key))) is not None]
    return _importance(
        below=len(below),
        of=len(graph),
        consumers=len({consumer for node in nodes for consumer in node.consumers}),
        own_tier=_tier(catalog, asset),
        best_tier=next((tier for tier in TIERS if any(node.tags.get(TIER_TAG) == tier for node in nodes)), ""),
        viewers=len({view.viewer for view in views if view.asset in reached}),
    )


def importances(graph: AssetGraph, catalog: Catalog, views: Iterable[View] = ()) -> dict[str, Importance]:
    """The same of every asset of the graph at once.

    People are counted as descendants: each is a leaf below the assets that it consumes or looks at, so that the
    exact counting of descendants counts the distinct ones too.
    """
    keys = graph.descendant_counts()
    edges = [(key, child) for key in keys for child in graph.children(key)]
    consumers = [(node.key, consumer) for node in catalog.nodes for consumer in node.consumers]
    viewers = [(view.asset, view.viewer) for view in views]
    consumer_counts, viewer_counts = (_people(edges, keys, people) for people in (consumers, viewers))
    feeding = {tier: _upstream_of_tier(tier, graph, catalog) for tier in TIERS}
    return {
        key: _importance(
            below=below,
            of=len(graph),
            consumers=consumer_counts[key],
            own_tier=_tier(catalog, key),
            best_tier=next((tier for tier in TIERS if key in feeding[tier]), ""),
            viewers=viewer_counts[key],
        )
        for key, below in keys.items()
    }


def _importance(*, below: int, of: int, consumers: int, own_tier: str, best_tier: str, viewers: int) -> Importance:
    by_tier = max(TIERS.get(own_tier, 0.0), FEEDING * TIERS.get(best_tier, 0.0))
    is_own = by_tier == TIERS.get(own_tier, 0.0)
    parts = [
        (REACH * log(1 + below) / log(max(of, 2)), f"{below:,} asset{_s(below)} downstream"),
        (CONSUMERS * consumers / (consumers + HALF_CONSUMERS), f"{consumers:,} consumer{_s(consumers)}"),
        (TIER * by_tier, f"tier {own_tier}" if is_own else f"feeds tier {best_tier}"),
        (
            VIEWERS * viewers / (viewers + HALF_VIEWERS),
            f"seen by {viewers:,} {'people' if viewers > 1 else 'person'}",
        ),
    ]
    return Importance(
        value=min(round(sum(share for share, _ in parts), 4), 1.0),
        reasons=tuple(text for share, text in sorted(parts, key=lambda part: -part[0]) if share > 0),
    )


def _people(
    edges: list[tuple[str, str]], keys: Mapping[str, int], people: list[tuple[str, str]]
) -> dict[str, int]:
    """By asset, the distinct people below it."""
    leaves = [(asset, f"\0{person}") for asset, person in people if asset in keys]
    if not leaves:
        return dict.fromkeys(keys, 0)
    counts = AssetGraph.from_edges([*edges, *leaves], nodes=keys).descendant_counts()
    return {key: counts[key] - below for key, below in keys.items()}


def _upstream_of_tier(tier: str, graph: AssetGraph, catalog: Catalog) -> set[str]:
    """The assets of a tier and all that they are built from."""
    found, waiting = set[str](), [node.key for node in catalog.nodes if node.tags.get(TIER_TAG) == tier]
    while waiting:
        key = waiting.pop()
        if key not in found:
            found.add(key)
            waiting.extend(graph.parents(key))
    return found


def _tier(catalog: Catalog, asset: str) -> str:
    node = catalog.get(AssetRef(key=asset))
    return node.tags.get(TIER_TAG, "") if node else ""


def _s(n: int) -> str:
    return "" if n == 1 else "s"
