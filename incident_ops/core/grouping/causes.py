"""For every failing asset the nearest failing assets above that can have caused it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import rustworkx as rx

from incident_ops.core.alert import AssetRef
from incident_ops.core.grouping.episodes import Episode
from incident_ops.core.grouping.kin import Kin
from incident_ops.core.grouping.known import Known, Link
from incident_ops.core.grouping.natures import explains, explains_on_itself
from incident_ops.core.grouping.odds import MOST_QUIET_HOPS


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """An episode that explains another; `hops` edges lie between them, none for two troubles of one asset."""

    upstream: Episode
    hops: int
    is_proved: bool = False


Causes = dict[Episode, list[Cause]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What decides whether one episode can have caused another.

    Attributes:
        window: longest time between the two.
        known: what provenance says; it stands above all the rest.
        quiet_hops: through so many quiet assets a failure may have come; those that nothing looks at do not count.
        in_order: a cause is seen before its effect (see `order`).
        asked: the links that have been asked about, whatever their order; provenance is asked once a pair.
    """

    window: timedelta
    known: Known
    quiet_hops: int
    in_order: bool = False
    asked: dict[tuple[Episode, Episode], Link] = field(default_factory=dict[tuple[Episode, Episode], Link])

    def link(self, upstream: Episode, downstream: Episode) -> Link:
        """PROVED or REFUTED by provenance, REFUTED also by time or natures, else UNKNOWN: possible."""
        pair = upstream, downstream
        if pair not in self.asked:
            self.asked[pair] = self._ask(upstream, downstream)
        link = self.asked[pair]
        is_too_late = self.in_order and downstream.at < upstream.at
        return Link.REFUTED if link is Link.UNKNOWN and is_too_late else link

    def _ask(self, upstream: Episode, downstream: Episode) -> Link:
        in_time = upstream.gap(downstream) <= self.window
        answer = Link.REFUTED
        for above in upstream.kinds:
            for below in downstream.kinds:
                link = self.known.link(above, below)
                if link is Link.PROVED:
                    return link
                if link is Link.UNKNOWN and in_time and explains(above.nature, below.nature):
                    answer = Link.UNKNOWN
        return answer

    def is_unwatched(self, key: str) -> bool:
        return self.known.is_unwatched(AssetRef(key=key))

    def explains_on_itself(self, one: Episode, other: Episode) -> bool:
        """Whichever was seen first: one asset's checks and deadlines keep no order among themselves."""
        return one.gap(other) <= self.window and any(
            explains_on_itself(above.nature, below.nature) for above in one.kinds for below in other.kinds
        )


def causes_above(episodes: Sequence[Episode], kin: Kin, terms: Terms) -> Causes:
    """Each episode with its nearest causes, none for one that seems to have failed by itself.

    The search goes up through quiet assets, of which those that nothing looks at do not count, and through failing
    ones that explain nothing here (another nature, another time, refuted), and ends at the first distance at which
    there is a cause; another trouble of the asset itself counts with its parents. Where one is proved, the others
    are not causes. Circles are cut at their earliest episode.
    """
    by_asset: defaultdict[str, list[Episode]] = defaultdict(list)
    for episode in episodes:
        if episode.in_lineage:
            by_asset[episode.asset.key].append(episode)
    causes: Causes = {episode: [] for episode in episodes}
    for of_asset in by_asset.values():
        for episode in of_asset:
            causes[episode] = _nearest(episode, by_asset, kin, terms)
    _cut_circles(causes)
    return causes


def _nearest(episode: Episode, by_asset: dict[str, list[Episode]], kin: Kin, terms: Terms) -> list[Cause]:
    its_own = by_asset[episode.asset.key]
    found = [Cause(upstream=own, hops=0) for own in its_own if terms.explains_on_itself(own, episode)]
    met, front = {episode.asset.key}, {episode.asset.key: 0}  # of those in between, how many would have said so
    for hops in range(1, MOST_QUIET_HOPS + 2):
        reached: dict[str, int] = {}
        for key, passed in front.items():
            # A failing parent that was seen too late has not made the way longer.
            if passed <= terms.quiet_hops or (terms.in_order and key in by_asset):
                for parent in kin.parents(key) - met:
                    also = passed + (parent in by_asset or not terms.is_unwatched(parent))
                    reached[parent] = min(reached.get(parent, also), also)
        front = reached
        met |= front.keys()
        for key in front:
            for upstream in by_asset.get(key, ()):
                link = terms.link(upstream, episode)
                if link is not Link.REFUTED:
                    found.append(Cause(upstream=upstream, hops=hops, is_proved=link is Link.PROVED))
        if found:
            proved = [cause for cause in found if cause.is_proved]
            return sorted(proved or found, key=lambda cause: cause.upstream.order)
    return []


def _cut_circles(causes: Causes) -> None:
    """Makes the causes free of circles, in place: the head of a circle keeps only causes outside it.

    The head is the earliest episode among those with a cause outside, if any has one."""
    while circles := _circles(causes):
        for circle in circles:
            entered = [e for e in circle if any(cause.upstream not in circle for cause in causes[e])]
            head = min(entered or circle, key=lambda episode: episode.order)
            causes[head] = [cause for cause in causes[head] if cause.upstream not in circle]


def _circles(causes: Causes) -> list[set[Episode]]:
    graph, number = _as_graph(causes)
    names = list(number)
    return [{names[i] for i in part} for part in rx.strongly_connected_components(graph) if len(part) > 1]


def from_the_top(causes: Causes) -> Iterable[Episode]:
    """The episodes, every one after its causes."""
    graph, number = _as_graph(causes)
    names = list(number)
    return (names[i] for i in rx.topological_sort(graph))


def _as_graph(causes: Causes) -> "tuple[rx.PyDiGraph[None, None], dict[Episode, int]]":
    number = {episode: i for i, episode in enumerate(causes)}
    graph: rx.PyDiGraph[None, None] = rx.PyDiGraph()
    graph.add_nodes_from([None] * len(number))
    edges = [(number[cause.upstream], number[e]) for e, of_e in causes.items() for cause in of_e]
    graph.add_edges_from_no_data(edges)
    return graph, number
