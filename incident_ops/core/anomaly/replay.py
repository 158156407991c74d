"""A whole series judged, each value by what was before it: for benchmarks, back-tests and suggestions.

A daily series in good order is done in one pass over all its slots; any other point by point.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, partial
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from incident_ops.core.anomaly.course import Company, Course
from incident_ops.core.anomaly.history import (
    DAILY,
    DAY,
    RECENT,
    TIME,
    VALUE,
    Array,
    cadence_of,
    seconds_of,
    workable,
)
from incident_ops.core.anomaly.intraday import INTRADAY_BELOW, replay_intraday
from incident_ops.core.anomaly.judgement import Judgement, Series
from incident_ops.core.anomaly.judging import judge
from incident_ops.core.anomaly.measure import COUNTS, Measure, are_counts, measure_of
from incident_ops.core.anomaly.outlook import LEAST, judged, learning, not_a_number
from incident_ops.core.anomaly.seasonal import medians, windows
from incident_ops.core.anomaly.slots import straddles
from incident_ops.core.anomaly.special_days import SpecialDays, days_until


def replay(
    series: Series,
    *,
    peers: Sequence[Series] = (),
    sensitivity: float = 1.0,
    widen: float = 1.0,
    holidays: Collection[date] = (),
    unit: str = "",
) -> list[Judgement]:
    """Judge each point of a series by those before it: exactly what `judge` says with the same arguments.

    Returns one judgement per point, in the order of the series. Two years of days take some eight milliseconds,
    with ten peers twelve.
    """
    points = _Points.of(series)
    others = [_Points.of(peer, like=points) for peer in peers]
    if points.are_daily and all(other.fit_into_days and other.are_counts for other in others):
        return _daily(points, others, holidays, sensitivity=sensitivity, widen=widen, unit=unit)
    one_by_one = partial(
        judge, series, peers=peers, sensitivity=sensitivity, widen=widen, holidays=holidays, unit=unit
    )
    if points.are_intraday:
        told = replay_intraday(series, sensitivity=sensitivity, widen=widen, unit=unit)
        start = sum(judgement.learning for judgement in told[2:]) + 2  # two points have a distance
        return [one_by_one(value, at=at) for at, value in series[:start]] + told[start:]
    return [one_by_one(value, at=at) for at, value in series]


@dataclass(frozen=True, slots=True)
class _Points:
    times: list[datetime]
    seconds: Array
    values: Array

    @classmethod
    def of(cls, series: Series, *, like: "_Points | None" = None) -> "_Points":
        """`like`: a series that may have the same times, as tables of one job have: reckoned with once."""
        times, values = list(map(TIME, series)), np.fromiter(map(VALUE, series), float, len(series))
        seconds = like.seconds if like and like.times == times else seconds_of(series)
        return cls(times=times, seconds=seconds, values=workable(values))

    @property
    def days(self) -> NDArray[np.int64]:
        """The daily slot of each point, as `Grid` numbers them."""
        return (self.seconds // DAY).astype(np.int64)

    @property
    def are_increasing(self) -> bool:
        return bool(self.seconds.size and (np.diff(self.seconds) > 0).all())

    @property
    def are_intraday(self) -> bool:
        return self.are_increasing and self._gaps.size > 0 and self._gaps.max() < INTRADAY_BELOW.total_seconds()

    @property
    def are_daily(self) -> bool:
        """Whether `judge` would cut the series into the same days at each of its points, one point to a day."""
        if not self.fit_into_days or straddles(self.seconds, DAY):
            return False
        dates = np.fromiter(map(datetime.toordinal, self.times), int, len(self.times)) - self.days
        gaps = set(self._gaps.tolist())
        return bool((dates == dates[0]).all()) and all(cadence_of(gap) is DAILY for gap in gaps)

    @property
    def fit_into_days(self) -> bool:
        return self.are_increasing and bool((np.diff(self.days) > 0).all())

    @property
    def are_counts(self) -> bool:
        return are_counts(self.values[np.isfinite(self.values)])

    def filled(self, first: int, length: int) -> Array:
        """The values in these daily slots, NaN for none."""
        slots = np.full(length, np.nan)
        place = self.days - first
        inside = (place >= 0) & (place < length) & np.isfinite(self.values)
        slots[place[inside]] = self.values[inside]
        return slots

    @property
    def _gaps(self) -> Array:
        """The usual distance before each point but the first two."""
        steps = np.append(np.diff(self.seconds), np.nan)
        return medians(windows(steps, RECENT - 1), least=1)[1:]


def _daily(
    points: _Points,
    peers: Sequence[_Points],
    holidays: Collection[date],
    *,
    sensitivity: float,
    widen: float,
    unit: str,
) -> list[Judgement]:
    finite = np.isfinite(points.values)
    known, count = points.values[finite], [0, *np.cumsum(finite).tolist()]
    first = int(points.days[0])
    length = int(points.days[-1]) - first + 1
    slots = points.filled(first, length)
    company = _company(peers, first, length)
    special = SpecialDays.of(days_until(points.times[-1].date(), length), holidays)
    alone = Company.none(length, asked=length)

    @cache
    def course_on(measure: Measure) -> Course:
        return Course.of(measure.of(slots), measure, DAILY, company if measure.start else alone, special)

    all_counts, told, reach = are_counts(known), list[Judgement](), DAILY.reach
    days, values = (points.days - first).tolist(), points.values.tolist()
    course = course_on(COUNTS) if all_counts else None
    for place, (at, day, value) in enumerate(zip(points.times, days, values, strict=True)):
        start, end = count[max(place - reach, 0)], count[place]
        if not isfinite(value):
            told.append(not_a_number(value))
        elif end - start < LEAST:
            told.append(learning(end - start))
        else:
            before = known[start:end]
            outlook = (course or course_on(measure_of(before, value))).outlook(day, before, at=at)
            told.append(judged(value, outlook, sensitivity=sensitivity, widen=widen, unit=unit))
    return told


def _company(peers: Sequence[_Points], first: int, length: int) -> Company:
    if not peers:
        return Company.none(length, asked=length)
    places = np.array([COUNTS.of(peer.filled(first, length)) for peer in peers])
    return Company.of(places, DAILY, asked=length)
