"""The end of a series as days of equal slots, newest first, whatever gaps and doubles it has.

What is usual is in `intraday`; here only times are looked at, and few of them: where a day has as many points as
it should, they are taken in their order.
"""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from incident_ops.core.anomaly.judgement import Series

Values = npt.NDArray[np.float64]

DAY = timedelta(days=1)
DAYS, POINTS = 14, 4032
"""The window: two weeks; for series slower than every five minutes as many days as have so many points."""
LATEST = 65
"""Points whose distances tell the interval."""
LARGEST = 1e100
"""A value of a greater size is a fault, not a number."""
FEWEST_SLOTS, MOST_SLOTS = 24, 1440
"""Of a day. Series slower than every hour or faster than every minute are cut into stretches of so many points."""
ROUND = (24, 48, 72, 96, 120, 144, 180, 240, 288, 360, 480, 720, 1440)
"""Slots a day of round intervals; an interval within 5 % of one means it."""
TIME, VALUE = itemgetter(0), itemgetter(1)

ValuesOf = Callable[[int, int], Values]
"""The values of the points from the first number up to the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """Slots of `step`, so many to a stretch: a day, unless points are too rare or too many for that."""

    step: timedelta
    slots: int
    is_daily: bool

    @property
    def stretches(self) -> int:
        return max(DAYS, -(-POINTS // self.slots))

    @classmethod
    def of(cls, interval: timedelta) -> "Rhythm":
        exact = DAY / interval
        nearest = min(ROUND, key=lambda slots: abs(slots - exact))
        slots = nearest if abs(exact / nearest - 1) < 0.05 else round(exact)
        if FEWEST_SLOTS <= slots <= MOST_SLOTS:
            return cls(step=DAY / slots, slots=slots, is_daily=True)
        return cls(step=interval, slots=min(max(slots, FEWEST_SLOTS), MOST_SLOTS), is_daily=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """The last days before a moment.

    Attributes:
        grid: shape (days, slots), newest first: `grid[d, s]` is the value d days and s + 1 slots before; NaN where
            there is none. The value at the same time of the day before is `grid[0, -1]`.
        known: points with a value in it.
        since: how long before the moment the first of them was.
    """

    grid: Values
    rhythm: Rhythm
    known: int
    since: timedelta


def usual_interval(history: Series) -> timedelta:
    """The median distance of the last 64 points; a day where there are not two different times."""
    times = [point[0] for point in history[-LATEST:]]
    gaps = sorted(later - earlier for earlier, later in pairwise(times) if later > earlier)
    return gaps[len(gaps) // 2] if gaps else DAY


def numbers_of(history: Series) -> Values:
    """The values; NaN for what is none."""
    values = np.fromiter(map(VALUE, history), float, len(history))
    values[~(np.abs(values) < LARGEST)] = np.nan
    return values


def last_days(history: Series, values: ValuesOf, at: datetime, end: int) -> Days:
    """Cut the points before number `end`, which are before `at` and in order."""
    rhythm = Rhythm.of(usual_interval(history[max(end - LATEST, 0) : end]))
    starts = _starts(history, at, end, rhythm)
    first = starts[-1]
    known = values(first, end)
    grid = np.full((rhythm.stretches, rhythm.slots), np.nan)
    for day, (start, stop) in enumerate(zip(starts, [end, *starts], strict=False)):
        of_day = known[start - first : stop - first]
        if stop - start == rhythm.slots:
            grid[day] = of_day[::-1]
        else:
            times = np.fromiter(map(datetime.timestamp, map(TIME, history[start:stop])), float, stop - start)
            slots_before = np.rint((at.timestamp() - times) / rhythm.step.total_seconds())
            places = np.clip(slots_before - 1 - day * rhythm.slots, 0, rhythm.slots - 1)
            grid[day, places.astype(int)] = of_day
    since = at - history[first][0] if first < end else timedelta(0)
    return Days(grid=grid, rhythm=rhythm, known=int(np.isfinite(known).sum()), since=since)


def _starts(history: Series, at: datetime, end: int, rhythm: Rhythm) -> list[int]:
    """The number of the first point of each day, newest day first, until there are no more."""
    starts: list[int] = []
    stop, edge = end, at - rhythm.step / 2
    while len(starts) < rhythm.stretches and (stop or not starts):
        edge -= rhythm.slots * rhythm.step
        start = stop - rhythm.slots
        is_start = start >= 0 and history[start][0] >= edge and (not start or history[start - 1][0] < edge)
        stop = start if is_start else bisect_left(history, edge, hi=stop, key=TIME)
        starts.append(stop)
    return starts
