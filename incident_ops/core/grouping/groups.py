"""Alerts in, groups out: every alert with the one cause that explains it best."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import exp
from types import MappingProxyType

from incident_ops.core.alert import Alert, AssetRef
from incident_ops.core.grouping.causes import Causes, Terms, causes_above, from_the_top
from incident_ops.core.grouping.episodes import Episode, episodes_of
from incident_ops.core.grouping.kin import Kin
from incident_ops.core.grouping.known import Known
from incident_ops.core.grouping.odds import odds_of
from incident_ops.core.grouping.order import is_in_order
from incident_ops.core.grouping.parts import parts_of
from incident_ops.core.grouping.silent import accuse_silent_parents
from incident_ops.core.lineage import AssetGraph

# A cause that was seen later than its effect speaks this quietly. Checks run when they run, so it can be one; it
# only loses against another that was seen before, unless the storm shows that order is kept (see `order`).
SEEN_TOO_LATE = 0.05

_NOTHING_MORE = Known()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Alerts with one cause.

    Attributes:
        root: where it began; the asset itself or an ancestor of every member's asset. For an alert without an
            asset, what its sender calls the thing.
        silent_root: the root has no alert of its own; it is accused because that explains more.
        members: the root's own alerts included, in order of time.
        reason: why these are together, fit for the timeline.
        hops: event id → edges from the root, along the way that was followed.
        proved: event ids of members whose last link upward is proved by provenance; the links of the others
            are inferred from time and lineage.
    """

    root: AssetRef
    silent_root: bool
    members: tuple[Alert, ...]
    reason: str = ""
    hops: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    proved: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where an episode stands: below which root, how far, and whether that is proved."""

    root: Episode
    hops: int
    is_proved: bool


def correlate(
    alerts: Iterable[Alert], graph: AssetGraph, *, window: timedelta, known: Known = _NOTHING_MORE
) -> tuple[Group, ...]:
    """Groups of alerts by cause, by the time of their first alert; the same for any order of `alerts`.

    Args:
        window: longest time between a failure and the nearest failing asset above it, whichever was seen first.
            It is a bound on each link and not on the group, as failures walk down slowly; it is also the
            longest pause between alerts on one asset that are one trouble, and the time within which children
            must fail together to accuse a silent parent.
        known: further knowledge, asked about candidates only.

    Raises:
        ValueError: `window` is negative.
    """
    if window < timedelta(0):
        raise ValueError(f"the window must not be negative, and is {window}")
    kin = Kin(graph)
    parts = parts_of(episodes_of(alerts, window=window), kin)
    groups = (group for part in parts for group in _groups_of(part, kin, window=window, known=known))
    return tuple(sorted(groups, key=_order))


def _groups_of(episodes: Sequence[Episode], kin: Kin, *, window: timedelta, known: Known) -> Iterable[Group]:
    failing = {episode.asset.key for episode in episodes if episode.in_lineage}
    odds = odds_of(failing, kin, known)
    terms = Terms(window=window, known=known, quiet_hops=odds.quiet_hops)
    causes = causes_above(episodes, kin, terms)
    if is_in_order(causes):
        causes = causes_above(episodes, kin, replace(terms, in_order=True))
    accuse_silent_parents(causes, kin, odds, window=window, known=known)
    below: defaultdict[Episode, dict[Episode, _Place]] = defaultdict(dict)
    for episode, place in _places(causes, window).items():
        below[place.root][episode] = place
    return (_group(root, places, kin) for root, places in below.items())


def _places(causes: Causes, window: timedelta) -> dict[Episode, _Place]:
    """Every episode goes to the root for which most of its causes speak."""
    places: dict[Episode, _Place] = {}
    for episode in from_the_top(causes):
        speak_for: defaultdict[Episode, float] = defaultdict(float)
        nearest: dict[Episode, _Place] = {}
        for cause in causes[episode]:
            above = places[cause.upstream]
            speak_for[above.root] += _voice(cause.upstream, episode, window)
            way = _Place(root=above.root, hops=above.hops + cause.hops, is_proved=cause.is_proved)
            if above.root not in nearest or way.hops < nearest[above.root].hops:
                nearest[above.root] = way
        if nearest:
            best = min(nearest, key=lambda root: (-round(speak_for[root], 6), nearest[root].hops, root.order))
            places[episode] = nearest[best]
        else:
            places[episode] = _Place(root=episode, hops=0, is_proved=False)
    return places


def _voice(cause: Episode, effect: Episode, window: timedelta) -> float:
    """How loud a cause speaks: the sooner the effect followed, the louder."""
    lead = (effect.at - cause.at) / window if window else 0.0
    return exp(-lead) if lead >= 0 else SEEN_TOO_LATE * exp(lead)


def _group(root: Episode, places: Mapping[Episode, _Place], kin: Kin) -> Group:
    members = [(alert, place) for episode, place in places.items() for alert in episode.alerts]
    members.sort(key=lambda member: (member[0].occurred_at, str(member[0].subject), member[0].event_id))
    return Group(
        root=root.asset,
        silent_root=root.is_silent,
        members=tuple(alert for alert, _ in members),
        reason=_reason(root, places, kin),
        hops=MappingProxyType({alert.event_id: place.hops for alert, place in members}),
        proved=frozenset(alert.event_id for alert, place in members if place.is_proved),
    )


def _reason(root: Episode, places: Mapping[Episode, _Place], kin: Kin) -> str:
    others = {episode.asset for episode in places} - {root.asset}
    if root.is_silent:
        near = len({episode.asset for episode, place in places.items() if place.hops == 1})
        all_children = len(kin.children(root.asset.key))
        return (
            f"{near} of {all_children} assets built from {root.asset} fail together; {root.asset} itself is quiet"
        )
    if not others:
        return f"nothing that fails upstream explains {root.asset}"
    if len(others) == 1:
        return f"{root.asset} is upstream of {others.pop()}"
    return f"{root.asset} is upstream of all {len(others)} others"


def _order(group: Group) -> tuple[datetime, str, str]:
    first = group.members[0]
    return first.occurred_at, group.root.key, first.event_id
