"""How far the order in time can be trusted, learnt from the storm itself.

Where failures are detected as they arrive, a cause is seen before its effects, and what fails before everything
above it has failed by itself. Where checks run when they run, order says nothing. Nobody configures which it is.
"""

from collections import defaultdict

from incident_ops.core.grouping.causes import Causes
from incident_ops.core.grouping.episodes import Episode

# Before anything is seen order says nothing: so many causes, half of them too late, are added to those counted.
DOUBTED = 3
# The share of causes seen after their effects up to which order is a rule and the exceptions want another cause.
# With the doubted ones it takes ten without an exception and 18 with one, so a small storm is never parted by
# its times.
TOO_LATE = 0.12


def is_in_order(causes: Causes) -> bool:
    """Are causes seen before their effects here, but for a few?

    Asked are effects with one possible cause, on another asset and not at the same moment: of several causes one
    is early by mere chance. A cause has one vote, the share of its effects that were seen before it: all are
    compared with the same time, so a hub that happens to be checked first is one piece of luck and not a hundred.
    """
    before_it: defaultdict[Episode, list[bool]] = defaultdict(list)
    for effect, its_causes in causes.items():
        if len(its_causes) == 1 and its_causes[0].hops and its_causes[0].upstream.at != effect.at:
            cause = its_causes[0].upstream
            before_it[cause].append(effect.at < cause.at)
    too_late = sum(sum(effects) / len(effects) for effects in before_it.values())
    return (too_late + DOUBTED / 2) / (len(before_it) + DOUBTED) <= TOO_LATE
