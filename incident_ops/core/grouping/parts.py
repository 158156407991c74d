"""What can have anything to do with each other: episodes in parts that are grouped by themselves."""

from collections import defaultdict
from collections.abc import Sequence

from incident_ops.core.grouping.episodes import Episode
from incident_ops.core.grouping.kin import Kin
from incident_ops.core.grouping.odds import MOST_QUIET_HOPS


def parts_of(episodes: Sequence[Episode], kin: Kin) -> list[list[Episode]]:
    """The episodes in their order, those together of which one could explain the other, or that have an ancestor
    as near as that in common: `MOST_QUIET_HOPS` assets in between at most.

    What is learnt from a storm (how much goes unseen, whether order is kept) is learnt from its part alone, so
    that news of one pipeline never takes apart the incident of another.
    """
    failing = {episode.asset.key for episode in episodes if episode.in_lineage}
    joined: dict[str, str] = {}

    def head(key: str) -> str:
        while (above := joined.setdefault(key, key)) != key:
            joined[key] = key = joined[above]
        return key

    for key in failing:
        for other in _near(key, kin):
            joined[head(other)] = head(key)
    parts: defaultdict[str | Episode, list[Episode]] = defaultdict(list)
    for episode in episodes:
        parts[head(episode.asset.key) if episode.in_lineage else episode].append(episode)
    return list(parts.values())


def _near(key: str, kin: Kin) -> set[str]:
    met, front = {key}, {key}
    for _ in range(MOST_QUIET_HOPS + 1):
        front = {parent for one in front for parent in kin.parents(one)} - met
        met |= front
    return met
