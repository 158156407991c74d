"""Days that are not like others of their weekday: holidays as given, the first and the last day of a month.

Such a day may be like its weekday or like its kind (a holiday like a Sunday, a month's end like the earlier ones):
both are as usual, and what lies between. It tells nothing about the spread of ordinary days.
"""

from calendar import monthrange
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from incident_ops.core.anomaly.history import DAILY, Array
from incident_ops.core.anomaly.seasonal import LEAST_SEASON

MONTHS = 4
LEAST_MONTHS = 3
NO, FIRST, LAST = 0, 1, 2  # day of its month
SHORTEST_MONTH = 28
WEEK = 7
EPOCH = date(1970, 1, 1).toordinal()
THURSDAY = 3  # 1 January 1970, from which numpy counts days


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecialDays:
    """What is special about each slot of a series: `edges` of the month (0, 1 first, 2 last), `holidays`."""

    edges: NDArray[np.int8]
    holidays: NDArray[np.bool_]
    weekdays: NDArray[np.int64]

    @classmethod
    def of(cls, days: NDArray[np.int64], holidays: Collection[date]) -> "SpecialDays":
        """Of slots on these days, as numbers of days since 1970."""
        dates = days.astype("datetime64[D]")
        is_first = dates.astype("datetime64[M]").astype("datetime64[D]") == dates
        is_last = np.append(is_first[1:] & (np.diff(days) == 1), False)
        next_day = (days[-1:] + 1).astype("datetime64[D]")
        is_last[-1:] = next_day.astype("datetime64[M]").astype("datetime64[D]") == next_day
        given = np.array(sorted(holidays), dtype="datetime64[D]")
        return cls(
            edges=np.where(is_first, FIRST, np.where(is_last, LAST, NO)).astype(np.int8),
            holidays=np.isin(dates, given) if given.size else np.zeros(days.size, bool),
            weekdays=(days + THURSDAY) % WEEK,
        )

    @classmethod
    @lru_cache(maxsize=8)
    def until(cls, today: date, count: int, holidays: frozenset[date]) -> "SpecialDays":
        """Of the last `count` days up to today; remembered, since all series of a pass are judged on few days."""
        return cls.of(days_until(today, count), holidays)

    def ordinary(self, errors: Array) -> Array:
        """The errors with NaN in the place of special days."""
        return np.where((self.edges != NO) | self.holidays, np.nan, errors)

    def offsets(self, slot: int, surplus: Array, errors: Array, spread: float, season: float) -> list[float]:
        """How far from its forecast the slot may also lie, as days of its kind did: none, one or two distances.

        Args:
            surplus: value minus the level before it, per slot; of `season` the forecast takes the median.
            errors: forecast errors per slot.
            spread: their usual size.
        """
        if self.edges.item(slot) == NO and not self.holidays.item(slot):
            return []  # as most are
        found = (self._like_a_sunday(slot, surplus, season), self._like_other_months(slot, errors, spread))
        return [offset for offset in found if offset is not None]

    def _like_a_sunday(self, slot: int, surplus: Array, season: float) -> float | None:
        if not self.holidays[slot]:
            return None
        since = (int(self.weekdays[slot]) + 1) % WEEK
        if not since:
            return None
        sundays = surplus[max(slot - since - WEEK * (DAILY.seasons - 1), (slot - since) % WEEK) : slot : WEEK]
        known = sundays[~np.isnan(sundays)]
        return float(np.median(known)) - season if known.size >= LEAST_SEASON else None

    def _like_other_months(self, slot: int, errors: Array, spread: float) -> float | None:
        if self.edges[slot] == NO:
            return None
        start = max(slot - DAILY.months, 0)
        earlier = errors[start:slot][self.edges[start:slot] == self.edges[slot]]
        known = earlier[~np.isnan(earlier)][-MONTHS:]
        if known.size < LEAST_MONTHS or abs(np.sign(known).sum()) < known.size:
            return None
        return float(np.median(known)) if np.abs(known).min() > spread else None


def is_month_edge(day: date) -> bool:
    """Whether a month begins or ends on the day."""
    return day.day == 1 or (day.day >= SHORTEST_MONTH and monthrange(day.year, day.month)[1] == day.day)


def days_until(today: date, count: int) -> NDArray[np.int64]:
    """The last `count` days up to today, as numbers of days since 1970."""
    return np.arange(1 - count, 1) + (today.toordinal() - EPOCH)
