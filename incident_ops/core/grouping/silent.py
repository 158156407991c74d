"""Quiet assets that explain more than their failing children do by themselves.

Only direct children accuse, and only those that nothing else explains: two failures that share no more than a
distant ancestor stay two.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from math import log

from incident_ops.core.alert import AssetRef, Nature
from incident_ops.core.grouping.causes import Cause, Causes
from incident_ops.core.grouping.episodes import Episode
from incident_ops.core.grouping.kin import Kin
from incident_ops.core.grouping.known import Known
from incident_ops.core.grouping.odds import ACCUSES_AT, Odds, watched


def accuse_silent_parents(causes: Causes, kin: Kin, odds: Odds, *, window: timedelta, known: Known) -> None:
    """Adds silent episodes to `causes`, in place, the most convincing first, as long as one convinces.

    A child that has been explained by one silent parent no longer accuses another.
    """
    failing = {episode.asset.key for episode in causes if episode.in_lineage}
    children = _children_of_quiet(causes, kin, failing)
    orphans = {episode for episode in causes if episode.in_lineage and not causes[episode]}
    open_cases = {
        parent: case
        for parent, of_parent in children.items()
        if (case := _case(of_parent, orphans, window)) is not None
    }
    weights = {parent: _weight(parent, case, kin, failing, odds, known) for parent, case in open_cases.items()}
    while weights:
        parent = min(weights, key=lambda key: (-weights[key], key))
        if weights[parent] <= log(ACCUSES_AT):
            return
        case = open_cases[parent]
        if known.is_healthy(AssetRef(key=parent), case[0].at):
            del weights[parent]
            continue
        _convict(parent, case, children[parent], causes, window)
        orphans.difference_update(case)
        for other in {key for child in case for key in kin.parents(child.asset.key)} & weights.keys():
            again = _case(children[other], orphans, window) if other != parent else None
            if again is None:
                del weights[other]
            else:
                open_cases[other], weights[other] = again, _weight(other, again, kin, failing, odds, known)


def _children_of_quiet(causes: Causes, kin: Kin, failing: set[str]) -> dict[str, list[Episode]]:
    children: defaultdict[str, list[Episode]] = defaultdict(list)
    for episode in sorted(causes, key=lambda e: e.order):
        if episode.in_lineage:
            for parent in kin.parents(episode.asset.key) - failing:
                children[parent].append(episode)
    return children


def _case(children: Iterable[Episode], orphans: set[Episode], window: timedelta) -> list[Episode] | None:
    """The most orphans on different assets that lie in one window and share a nature, if there are two.

    A silent cause has no nature of its own, so it is accused of one kind of trouble only."""
    best: list[Episode] = []
    of_parent = [child for child in children if child in orphans]
    if len(of_parent) < 2:
        return None
    for nature in Nature:
        same = [child for child in of_parent if any(alert.nature is nature for alert in child.alerts)]
        start = 0
        for end, child in enumerate(same):
            while child.at - same[start].at > window:
                start += 1
            if end + 1 - start > len(best):
                best = same[start : end + 1]
    return best if len({child.asset for child in best}) > 1 else None


def _weight(parent: str, case: list[Episode], kin: Kin, failing: set[str], odds: Odds, known: Known) -> float:
    quiet = len(watched(kin.children(parent) - failing, failing, known))
    return odds.for_silent_parent(failing=len({child.asset for child in case}), quiet=quiet)


def _convict(
    parent: str, case: list[Episode], children: Iterable[Episode], causes: Causes, window: timedelta
) -> None:
    """The silent parent becomes the cause of its case, and one more possible cause of its other children."""
    at, until = case[0].at, max(child.until for child in case)
    silent = Episode(asset=AssetRef(key=parent), alerts=(), at=at, until=until)
    causes[silent] = []
    for child in children:
        has_a_seen_cause = any(not cause.upstream.is_silent for cause in causes[child])
        if child in case or (has_a_seen_cause and child.gap(silent) <= window):
            causes[child] = [*causes[child], Cause(upstream=silent, hops=1)]
