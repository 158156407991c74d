"""What can have anything to do with each other: episodes in parts that are grouped by themselves."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from incident_ops.core.grouping.episodes import Episode
from incident_ops.core.grouping.kin import Kin
from incident_ops.core.grouping.odds import MOST_QUIET_HOPS


def parts_of(episodes: Sequence[Episode], kin: Kin) -> list[list[Episode]]:
    """The episodes in their order, those together that lineage connects closely enough for one to explain another,
    or for a quiet asset to explain both: over `MOST_QUIET_HOPS` assets, or with a parent in common.

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
        for other in _near(key, failing, kin):
            joined[head(other)] = head(key)
    parts: defaultdict[str | Episode, list[Episode]] = defaultdict(list)
    for episode in episodes:
        parts[head(episode.asset.key) if episode.in_lineage else episode].append(episode)
    return list(parts.values())


def _near(key: str, failing: set[str], kin: Kin) -> Iterable[str]:
    """All parents, and the failing ones among the ancestors that could explain it."""
    front = kin.parents(key)
    yield from front
    met = {key, *front}
    for _ in range(MOST_QUIET_HOPS):
        front = frozenset(above for one in front for above in kin.parents(one)) - met
        met |= front
        yield from front & failing
