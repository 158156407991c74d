"""The points of a history in order, and how often a series comes.

Cutting it into slots is in `slots`; nothing here looks at the size of a value but for whether it is a number.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import inf, isfinite
from operator import itemgetter
from statistics import median
from typing import NamedTuple, SupportsFloat

import numpy as np
from numpy.typing import NDArray

from incident_ops.core.anomaly.judgement import Series

Array = NDArray[np.float64]

DAY = 86_400.0
RECENT = 30  # points whose distances tell how often the series comes
FURTHEST, SMALLEST = 1e100, 1e-100  # beyond, squares and ratios are no numbers any more
TIME, VALUE = itemgetter(0), itemgetter(1)
NEAR = 0.2  # a distance within 20 % of a day, of half a day … is meant as one


class Points(NamedTuple):
    """Times in seconds since 1970, ascending, one to a time, and finite values."""

    seconds: Array
    values: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """How a series is cut into slots, and how many of them are looked at.

    Attributes:
        step: seconds of a slot; 0 where each point is a slot (weekly, monthly, irregular series).
        season: slots after which the pattern repeats: a week; 1 for none.
        level: slots whose median is the local level, each part of the day or week equally often.
        seasons: how many earlier slots of the same season are looked at.
        errors: recent forecast errors that tell the spread.
        months: slots that reach back to the special days of four months.
    """

    step: float
    season: int
    level: int
    seasons: int
    errors: int
    months: int = 0

    @property
    def reach(self) -> int:
        """Slots that have a say in the judgement of the next one."""
        return 3 * self.level + self.season * self.seasons + self.errors

    @property
    def long_reach(self) -> int:
        """Slots that have a say on the first and last day of a month."""
        return self.reach - self.errors + max(self.errors, self.months)


DAILY = Cadence(step=DAY, season=7, level=7, seasons=8, errors=28, months=124)
SEQUENCE = Cadence(step=0.0, season=1, level=5, seasons=8, errors=20)
_WITHIN_A_DAY = {
    times: Cadence(step=DAY / times, season=7 * times, level=times, seasons=4, errors=7 * times)
    for times in (2, 3, 4, 6, 8, 12, 24)
}
"""Twice a day to every hour: the season is the slot of the week, the level that of the last 24 hours."""


def cadence_of(gap: float) -> Cadence:
    """How to cut a series with this usual distance of two points, in seconds."""
    if abs(gap / DAY - 1) <= NEAR:
        return DAILY
    return next((found for found in _WITHIN_A_DAY.values() if abs(gap / found.step - 1) <= NEAR), SEQUENCE)


def usual_gap(seconds: Sequence[float]) -> float:
    """The median distance of the latest points in seconds; a day for fewer than two."""
    gaps = [later - earlier for earlier, later in pairwise(seconds[-RECENT:]) if later > earlier]
    return median(gaps) if gaps else DAY


def in_order(history: Series, before: datetime) -> Series:
    """The points before a time, oldest first; of several of one time the last that was given stays last."""
    ordered = sorted(history, key=TIME)
    return ordered[: bisect_left(ordered, before, key=TIME)]


def known(points: Series) -> Points:
    """What is finite of ordered points; of several of one time the last."""
    seconds = seconds_of(points)
    values = workable(np.fromiter(map(VALUE, points), float, len(points)))
    kept = np.isfinite(values)
    kept[:-1] &= seconds[1:] != seconds[:-1]
    return Points(seconds, values) if kept.all() else Points(seconds[kept], values[kept])


def seconds_of(points: Series) -> Array:
    """The times in seconds since 1970."""
    return np.fromiter(map(datetime.timestamp, map(TIME, points)), float, len(points))


def workable(values: Array) -> Array:
    """Values that can be reckoned with: what is finite at most 1e100, and nought below 1e-100. A column's greatest
    value may be 1.8e308, where somebody writes that for "none"."""
    sizes = np.abs(values)
    if not sizes.size or (sizes.min() >= SMALLEST and sizes.max() <= FURTHEST):
        return values
    values = np.where(np.isfinite(values), np.clip(values, -FURTHEST, FURTHEST), values)
    return np.where(sizes < SMALLEST, 0.0, values)


def workable_number(value: SupportsFloat) -> float:
    """The same of one value; an integer beyond what a float can be is as infinite."""
    try:
        number = float(value)
    except OverflowError:
        return inf
    if abs(number) < SMALLEST:
        return 0.0
    return min(max(number, -FURTHEST), FURTHEST) if isfinite(number) else number
