"""How a table grows: whether its builds add to it or replace it, and by how much it grew from build to build."""

from collections.abc import Collection
from datetime import datetime
from itertools import pairwise
from statistics import median

from incident_ops.core.anomaly.judgement import Series

LEAST_GAINS = 5
"""Six numbers in no particular order rise at each step once in 720 times."""
MOST_LOSSES = 0.1
"""Share of the builds by which a growing table may lose rows: one that lost some once is still growing."""
RECENT = 60
"""Builds by which it is decided: a table that was replaced last year may be appended to now."""


def gains(totals: Series) -> Series:
    """The difference of each total to the one before."""
    return [(at, value - before) for (_, before), (at, value) in pairwise(totals)]


def is_cumulative(totals: Series) -> bool:
    """Whether the builds of a table add to it: of its last gains (at least five) no more than a tenth are losses,
    and the usual one (their median) is above zero. A table that is replaced loses rows about every other time."""
    recent = [gain for _, gain in gains(totals)][-RECENT:]
    if len(recent) < LEAST_GAINS:
        return False
    losses = sum(gain < 0 for gain in recent)
    return losses <= MOST_LOSSES * len(recent) and median(recent) > 0


def gains_to(total: float, totals: Series, *, wrong: Collection[datetime]) -> list[float]:
    """How the gain of a new build can be read: since the build before, and, where that one was wrong, per build
    since the last that was not. A build after one that lost rows, or brought none, often makes good what was
    missing: it is as usual when it is by one of the two.

    Args:
        totals: of the builds before, oldest first; empty gives no gains.
        wrong: times of the builds that were found wrong and not accepted since.
    """
    if not totals:
        return []
    found = [total - totals[-1][1]]
    builds = next((n for n, (at, _) in enumerate(reversed(totals), start=1) if at not in wrong), 1)
    if builds > 1:
        found.append((total - totals[-builds][1]) / builds)
    return found
