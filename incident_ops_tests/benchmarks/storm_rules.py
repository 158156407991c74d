"""The simple rules that teams use against storms: what fails, and when, goes in; groups with a root come out."""

from collections import Counter, defaultdict
from collections.abc import Callable

from incident_ops_tests.benchmarks.storm_draws import MINUTE, Lineage, Seen

SESSION_GAP = 5 * MINUTE

Groups = list[tuple[str, set[str]]]  # (root named, members)
Rule = Callable[[Lineage, Seen], Groups]


def each_alone(lineage: Lineage, seen: Seen) -> Groups:
    return [(asset, {asset}) for asset in seen]


def session_window(lineage: Lineage, seen: Seen) -> Groups:
    groups: Groups = []
    last = float("-inf")
    for asset in sorted(seen, key=seen.__getitem__):
        if seen[asset] - last > SESSION_GAP:
            groups.append((asset, set()))
        groups[-1][1].add(asset)
        last = seen[asset]
    return groups


def connected_subgraph(lineage: Lineage, seen: Seen) -> Groups:
    left, groups = set(seen), Groups()
    for first in sorted(seen, key=seen.__getitem__):
        members, front = set[str](), {first} & left
        while front:
            members |= front
            left -= front
            front = {near for a in front for near in (*lineage.parents[a], *lineage.children[a])} & left
        if members:
            groups.append((first, members))
    return groups


def most_upstream_ancestor(lineage: Lineage, seen: Seen) -> Groups:
    """Every alert goes up through failing assets to one with no failing parent; of several to the one with most
    below it."""
    above = {asset: _failing_above(lineage, asset, seen) for asset in seen}
    below = Counter(ancestor for ancestors in above.values() for ancestor in ancestors)
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for asset in seen:
        tops = [ancestor for ancestor in above[asset] if not above[ancestor]]
        groups[max(tops, key=lambda top: (below[top], top), default=asset)].add(asset)
    return list(groups.items())


def _failing_above(lineage: Lineage, asset: str, seen: Seen) -> set[str]:
    met, front = set[str](), {asset}
    while front:
        front = {parent for a in front for parent in lineage.parents[a] if parent in seen} - met
        met |= front
    return met - {asset}


def merging_siblings(lineage: Lineage, seen: Seen) -> Groups:
    """The same, and roots with a common quiet parent become one group. It still names a failing asset: the root
    that was seen first."""
    groups = dict(most_upstream_ancestor(lineage, seen))
    roots_of: defaultdict[str, set[str]] = defaultdict(set)
    for root in groups:
        for parent in lineage.parents[root] - seen.keys():
            roots_of[parent].add(root)
    for parent in sorted(roots_of, key=lambda key: (-len(roots_of[key]), key)):
        siblings = roots_of[parent] & groups.keys()
        if len(siblings) > 1:
            first = min(siblings, key=lambda root: (seen[root], root))
            groups[first] = set[str]().union(*(groups.pop(root) for root in siblings))
    return list(groups.items())


SIMPLE_RULES: dict[str, Rule] = {
    "each alone": each_alone,
    "session window": session_window,
    "connected subgraph": connected_subgraph,
    "most upstream ancestor": most_upstream_ancestor,
    "merging siblings": merging_siblings,
}
