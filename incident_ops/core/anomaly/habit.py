"""What is usual of a number that repeats, and how far beyond it is still no reason to be told: for arrival hours
and for the gaps between arrivals.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Numbers: TypeAlias = npt.NDArray[np.float64]
Weekdays: TypeAlias = npt.NDArray[np.int64]

LEVEL = 7
"""Values in the running median: a week of a daily asset, so that each weekday has one vote, and a schedule that
was moved is followed in four days."""
RECENT = 28
"""Values that are told as the usual range."""
REMEMBERED = 180
"""Values from which the spread is learnt; the weekdays are learnt from as many."""
SHRINK = 8
"""A weekday's own hour counts by n / (n + 8) (shrinkage in the manner of James and Stein, 1961, its weight set by
hand): two odd Sundays are no habit."""
FEW = 30
"""Deviations from which a quantile is learnt alone."""
FAR = 0.8
"""The quantile of the deviations: a fifth of the past may have been incidents without moving the deadline much."""
BEYOND_A_GRACE = 1.8
BEYOND = 4.0
"""The margin is the larger of 1.8 q + grace and 4 q, q the quantile `FAR`. The first was chosen on three years of
one daily table (see the benchmark `arrivals`), the second is 3.4 standard deviations of a normal distribution, for
assets whose hours vary so much that the grace is nothing beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """In the unit of the numbers.

    Attributes:
        middle: the running median now, with the weekday's own deviation.
        early, late: where four in five of the newest values lie.
        far: the upper deviation that the margin is made of, never negative.
    """

    middle: float
    early: float
    late: float
    far: float

    def margin(self, grace: float) -> float:
        """How far beyond the middle is too late."""
        return max(BEYOND_A_GRACE * self.far + grace, BEYOND * self.far)


def habit_of(
    values: Numbers, *, weekdays: Weekdays | None = None, weekday: int = 0, others: Sequence[Numbers] = ()
) -> Habit:
    """The habit of a series, newest value last; deviations are from the running median *before* each value, so a
    level that drifts widens the margin by as much as it runs ahead.

    Args:
        values: one at least.
        weekdays: of each value; None where they do not matter.
        weekday: of the value to come.
        others: series of the same kind, such as the asset's other hours: how far they go counts too while the
            series itself is short.
    """
    values = values[-(REMEMBERED + LEVEL) :]
    middle, deviations = float(np.median(values[-LEVEL:])), _deviations(values)
    if weekdays is not None:
        weekdays = weekdays[len(weekdays) - len(deviations) :]
        own = _own(deviations, weekdays)
        deviations = deviations - own[weekdays]
        middle += float(own[weekday])
    if len(deviations) < FEW:
        deviations = np.concatenate([deviations, *map(_deviations, others)])
    early, late = np.quantile(values[-RECENT:], (0.1, 0.9)).tolist()
    far = max(0.0, float(np.quantile(deviations, FAR))) if len(deviations) else 0.0
    return Habit(middle=middle, early=early, late=late, far=far)


def _deviations(values: Numbers) -> Numbers:
    """Of the later values from the median of up to a week's before each."""
    window = max(1, min(LEVEL, len(values) // 2))
    if len(values) <= window:
        return np.empty(0)
    level = np.median(np.lib.stride_tricks.sliding_window_view(values, window), axis=1)
    return values[window:] - level[:-1]


def _own(deviations: Numbers, weekdays: Weekdays) -> Numbers:
    """Shape (7,): each weekday's median deviation, shrunk towards none."""
    own = np.zeros(7)
    for day in range(7):
        found = deviations[weekdays == day]
        if len(found):
            own[day] = np.median(found) * len(found) / (len(found) + SHRINK)
    return own
