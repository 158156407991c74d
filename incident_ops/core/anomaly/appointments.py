"""Assets that go by the clock: so many times a day, on these weekdays, about these hours.

Hours are those of one clock; which clock that is, and what people are told, is `arrivals`' business. What follows
no clock is `intervals`'.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from incident_ops.core.anomaly.habit import habit_of
from incident_ops.core.anomaly.occasions import Hours

Day: TypeAlias = int
"""Days since the start of 1970, a Thursday."""

DAY = 24.0
NAMES = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")

RECENT = 28
"""Days with arrivals that say how many times a day they are, and about when."""
WEEKS = 8
"""Weeks that say on which weekdays they are."""
HORIZON = 10 * 7
"""Days. An asset with a weekday of its own comes within a week, holidays or not within ten."""
YEAR = 366
MOST_A_DAY = 48
"""More arrivals a day are not told apart by their hour; the gap between them says enough."""
KEPT = 0.7
"""The share of its own appointments that an asset must keep to be one that goes by the clock."""
EARLY, EARLIEST = 0.25, 24.0
"""An arrival in the last quarter before an appointment, at most 24 hours before it, keeps that appointment: a
build by hand that morning, a schedule that was moved forward."""
MOST_OF_THE_GAP = 0.75
"""An hour that needs a margin of more than this share of the gap to the next appointment is none."""
GRACE, LEAST_GRACE, MOST_GRACE = 1 / 24, 1 / 6, 3.0
"""Nobody wants to be called for less, however steady the asset is: a 24th of the gap (an hour for a daily asset),
at least ten minutes and at most three hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """When the next arrival is usual and when it is too late, in hours of the clock.

    Attributes:
        early, late: where four in five lie.
        deadline: from when on it is late.
        every: in words: "every day", "on Fridays", "3 times a day".
    """

    middle: float
    early: float
    late: float
    deadline: float
    every: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ByTheClock:
    """Shapes: k times a day, n days.

    Attributes:
        centres: (k,), ascending hours from midnight, the first in 0 … 24 and all within 24 of it.
        first_day: of the rows of `seen`.
        seen: (n, k), hours from the day's midnight; NaN where it did not come.
        open: (7, k), whether it usually comes on that weekday, Monday first.
        closed: holidays.
    """

    centres: Hours
    first_day: Day
    seen: npt.NDArray[np.float64]
    open: npt.NDArray[np.bool_]
    closed: Collection[Day]

    @property
    def unsteadiness(self) -> float:
        """Mean distance in hours from the medians of the whole year: on the wrong clock half of them are an hour
        beside it."""
        return float(np.nanmean(np.abs(self.seen - np.nanmedian(self.seen, axis=0))))

    def after(self, last: float, *, slack: float = 1.0) -> Appointment | None:
        """The next appointment that an arrival at `last` does not keep; None where the hours vary too much.

        Args:
            slack: factor for the margin.
        """
        ahead = [(day * DAY + float(self.centres[place]), day, place) for day, place in self._ahead(last)]
        for (before, _, _), (usual, day, place), (following, _, _) in zip(
            ahead, ahead[1:], ahead[2:], strict=False
        ):
            if last < usual - min(EARLY * (usual - before), EARLIEST):
                found = self._appointment(day, place, room=min(usual - before, following - usual), slack=slack)
                if found is None or found.deadline > last:  # where the hour has moved, `last` may have kept it
                    return found
        return None

    def _ahead(self, last: float) -> Iterator[tuple[Day, int]]:
        today = int(last // DAY)
        places = [[int(place) for place in np.flatnonzero(row)] for row in self.open]
        for day in range(today - 8, today + HORIZON):
            if day not in self.closed:
                yield from ((day, place) for place in places[_weekday(day)])

    def _appointment(self, day: Day, place: int, *, room: float, slack: float) -> Appointment | None:
        came = ~np.isnan(self.seen)
        habit = habit_of(
            self.seen[came[:, place], place],
            weekdays=_weekdays(np.flatnonzero(came[:, place]) + self.first_day),
            weekday=_weekday(day),
            others=[self.seen[came[:, other], other] for other in range(len(self.centres)) if other != place],
        )
        margin = habit.margin(grace(room))
        if margin > MOST_OF_THE_GAP * room:
            return None
        middle, early, late = (day * DAY + hour for hour in (habit.middle, habit.early, habit.late))
        deadline = middle + slack * margin
        return Appointment(middle=middle, early=early, late=late, deadline=deadline, every=self._every)

    @property
    def _every(self) -> str:
        days = [NAMES[weekday] for weekday in np.flatnonzero(self.open.any(axis=1))]
        often = f"{len(self.centres)} times " if len(self.centres) > 1 else ""
        if len(days) == len(NAMES):
            return f"{often}a day" if often else "every day"
        if days == list(NAMES[:5]):
            return f"{often}on working days"
        return f"{often}on {', '.join(days[:-1])} and {days[-1]}" if days[1:] else f"{often}on {days[0]}"


def by_the_clock(hours: Hours, *, closed: Collection[Day] = ()) -> ByTheClock | None:
    """The clock that the arrivals go by; None where they go by none.

    Args:
        hours: occasions, not bursts; one at least.
        closed: days on which nothing is expected, and from which nothing is learnt.
    """
    hours = hours[hours >= hours[-1] - YEAR * DAY]
    centres = _centres(hours)
    if centres is None:
        return None
    cuts = centres - EARLY * np.diff(centres, prepend=centres[-1] - DAY)
    days = ((hours - cuts[0]) // DAY).astype(np.int64)
    from_midnight = hours - days * DAY
    places = np.array(np.searchsorted(cuts, from_midnight, side="right"), dtype=np.int64) - 1
    first = int(days[0])
    seen = np.full((int(days[-1]) - first + 1, len(centres)), np.nan)
    # of several in one place the last one written stays: the first
    seen[days[::-1] - first, places[::-1]] = from_midnight[::-1]
    seen[[day - first for day in closed if first <= day <= days[-1]]] = np.nan
    is_open = _open(~np.isnan(seen), first, closed)
    if not is_open.any():
        return None
    return ByTheClock(centres=centres, first_day=first, seen=seen, open=is_open, closed=closed)


def grace(gap: float) -> float:
    return min(max(GRACE * gap, LEAST_GRACE), MOST_GRACE)


def _centres(hours: Hours) -> Hours | None:
    """The median hours of the days that have as many arrivals as most days have: days of reruns and days with a
    gap do not count."""
    of_day = np.sort(hours % DAY)
    gaps = np.diff(of_day, append=of_day[0] + DAY)
    night = of_day[np.argmax(gaps)] + np.max(gaps) / 2  # where a day is cut in two least often
    days, starts, counts = np.unique((hours - night) // DAY, return_index=True, return_counts=True)
    days, starts, counts = days[-RECENT:], starts[-RECENT:], counts[-RECENT:]
    times = int(np.sort(counts)[len(counts) // 2])
    usual = counts == times
    if times > MOST_A_DAY or 2 * usual.sum() < len(counts):
        return None
    each = hours[starts[usual][:, None] + np.arange(times)] - days[usual][:, None] * DAY
    centres = np.median(each, axis=0)
    return centres - DAY * (centres[0] // DAY)


def _open(came: npt.NDArray[np.bool_], first: Day, closed: Collection[Day]) -> npt.NDArray[np.bool_]:
    """Shape (7, k): came on more than half of the last weekdays of that name. The last day, which may not be over,
    says nothing; a weekday that nothing is known of is taken to be one. All closed where the asset keeps too few
    of the appointments that this makes."""
    days = np.arange(first, first + len(came) - 1)
    counted = np.array([day not in closed for day in days], dtype=np.bool_)
    is_open = np.ones((7, came.shape[1]), dtype=np.bool_)
    kept: list[npt.NDArray[np.bool_]] = []
    for weekday in range(7):
        those = came[:-1][counted & (_weekdays(days) == weekday)][-WEEKS:]
        if len(those):
            is_open[weekday] = those.mean(axis=0) > 0.5
            kept.append(those[:, is_open[weekday]].ravel())
    share = np.concatenate(kept) if kept else np.ones(1)
    return is_open if len(share) and share.mean() >= KEPT else np.zeros_like(is_open)


def _weekday(day: Day) -> int:
    """0 for Monday, as Python has it."""
    return (day + 3) % 7


def _weekdays(days: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return (days + 3) % 7
