"""How far the order in time can be trusted, learnt from the storm itself.

Where failures are detected as they arrive, a cause is always seen before its effect, and what failed first has
failed by itself. Where checks run when they run, order says nothing. Which of the two it is nobody configures.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Protocol

from incident_ops.core.grouping.episodes import Episode

# Before anything is seen, order says nothing: so many causes, half of them seen too late.
DOUBTERS = 3
# Order is trusted where at most one cause in ten is expected to be seen after its effects. With the doubters it
# takes sixteen that are in order without exception, so a small storm is never parted by its times.
TRUSTED_UP_TO = 0.1


class HasUpstream(Protocol):
    @property
    def upstream(self) -> Episode: ...


def order_is_trusted(causes: Mapping[Episode, Sequence[HasUpstream]]) -> bool:
    """Do causes come before their effects here, but for a few?

    Looked at are effects with one possible cause. A cause has one vote, the share of its effects seen before it:
    they are all compared with the same time, so a hub seen early is one piece of luck and not a hundred.
    """
    too_late: defaultdict[Episode, list[bool]] = defaultdict(list)
    for effect, its_causes in causes.items():
        if len(its_causes) == 1 and its_causes[0].upstream.at != effect.at:
            cause = its_causes[0].upstream
            too_late[cause].append(effect.at < cause.at)
    votes = sum(sum(of_cause) / len(of_cause) for of_cause in too_late.values())
    return (votes + DOUBTERS / 2) / (len(too_late) + DOUBTERS) <= TRUSTED_UP_TO
