"""A whole series judged, each value by what was before it: for benchmarks, back-tests and suggestions.

A daily series in good order is done in one pass over all its slots; any other point by point.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

import numpy as np
from numpy.typing import NDArray

from incident_ops.core.anomaly.course import Company, Course
from incident_ops.core.anomaly.days import TIME, VALUE
from incident_ops.core.anomaly.history import DAILY, DAY, RECENT, Array, cadence_of, workable
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

    Returns one judgement per point, in the order of the series. Two years of days take some ten milliseconds, with
    ten peers fifteen.
    """
    points, others = _Points.of(series), [_Points.of(peer) for peer in peers]
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
    def of(cls, series: Series) -> "_Points":
        times, values = list(map(TIME, series)), map(VALUE, series)
        return cls(
            times=times,
            seconds=np.fromiter(map(datetime.timestamp, times), float, len(series)),
            values=workable(np.fromiter(values, float, len(series))),
        )

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
        dates = np.array([when.toordinal() for when in self.times]) - self.days
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
    known, count = points.values[finite], np.append(0, np.cumsum(finite))
    first = int(points.days[0]) - DAILY.long_reach
    length = int(points.days[-1]) - first + 1
    slots = points.filled(first, length)
    company = _company(peers, first, length)
    special = SpecialDays.of(days_until(points.times[-1].date(), length), holidays)
    alone = Company.none(length, asked=length - DAILY.long_reach)
    courses: dict[Measure, Course] = {}
    numbers = (points.days - first).tolist()
    all_counts, told = are_counts(known), list[Judgement]()
    for place, (at, value) in enumerate(zip(points.times, points.values.tolist(), strict=True)):
        before = known[count[max(place - DAILY.reach, 0)] : count[place]]
        if not finite[place]:
            told.append(not_a_number(value))
        elif before.size < LEAST:
            told.append(learning(before.size))
        else:
            measure = COUNTS if all_counts else measure_of(before, value)
            if measure not in courses:
                courses[measure] = Course.of(
                    measure.of(slots), measure, DAILY, company if measure.start else alone, special
                )
            outlook = courses[measure].outlook(numbers[place], before, at=at)
            told.append(judged(value, outlook, sensitivity=sensitivity, widen=widen, unit=unit))
    return told


def _company(peers: Sequence[_Points], first: int, length: int) -> Company:
    if not peers:
        return Company.none(length, asked=length - DAILY.long_reach)
    places = np.array([COUNTS.of(peer.filled(first, length)) for peer in peers])
    return Company.of(places, DAILY, asked=length - DAILY.long_reach)
